"""A dry run says what would be searched, and neither trains nor writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from ecomcat import search, train
from ecomcat.config import ModelConfig
from tests.command_line import Ended, command_line

DRY = ("search.dry_run=true", "data=sample", "data.sample_rows=400")
OTHERS = {"name", "build"}  # no hyperparameters
DryRun = Callable[..., Ended]


@pytest.fixture
def run_main(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Callable[..., Ended]]:
    monkeypatch.chdir(tmp_path)
    with command_line(monkeypatch, capsys) as run:
        yield run


@pytest.fixture
def dry_run(run_main: Callable[..., Ended]) -> DryRun:
    """Return a function that makes a dry run which must succeed."""

    def run(*arguments: str, main: Callable[..., Any] = search.main) -> Ended:
        ended = run_main(main, *DRY, *arguments)
        assert ended.code == 0, ended.errors
        return ended

    return run


def hyperparameters_of(ended: Ended) -> dict[str, tuple[str, str]]:
    """Return each hyperparameter's domain and number of values, as the table shows them."""
    cells = [line.strip("│ ").split("│") for line in ended.output.splitlines() if "│" in line]
    return {name.strip(): (domain.strip(), values.strip()) for name, domain, values in cells}


def sentence_of(ended: Ended, beginning: str) -> str:
    """Return what follows on a beginning, on one line, up to the next of the sentences."""
    (_, _, rest) = " ".join(ended.output.split()).partition(f"{beginning}: ")
    for other in ("Configurations", "Would run", "Study", "Model"):
        rest = rest.partition(f" {other}: ")[0]
    return rest


def contents_of(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


# The space


def test_every_hyperparameter_is_listed_in_the_schemas_order(dry_run: DryRun) -> None:
    found = hyperparameters_of(dry_run("model.extra.heads=[1,2]"))
    schema = [name for name in ModelConfig.__dataclass_fields__ if name not in OTHERS]
    assert list(found) == [*(name for name in schema if name != "extra"), "extra.heads"]


def test_each_domain_is_shown_with_its_number_of_values(dry_run: DryRun) -> None:
    shown = {
        "vocabulary_size=1000..20000": ("1000..20000", "19,001"),
        "max_tokens=64": ("64", "1"),
        "embedding_dim=[32,64,128]": ("[32, 64, 128]", "3"),
        "lstm_units=16..256 step 16": ("16..256 step 16", "16"),
        "batch_size=16..256 log": ("16..256 log", "241"),
        "pooling=[max,max+mean]": ("[max, max+mean]", "2"),
        "bidirectional=[true,false]": ("[True, False]", "2"),
        "dropout=0.0..0.6": ("0.0..0.6", "continuous"),
        "word_dropout=0.0..0.6 step 0.1": ("0.0..0.6 step 0.1", "7"),
        "learning_rate=3e-4..1e-2 log": ("0.0003..0.01 log", "continuous"),
        "extra.kind=['[red]',':smile:']": ("[[red], :smile:]", "2"),
    }
    found = hyperparameters_of(dry_run(*(f"model.{argument}" for argument in shown)))
    for argument, row in shown.items():
        assert found[argument.partition("=")[0]] == row


def test_what_the_data_decides_is_decided(dry_run: DryRun) -> None:
    assert hyperparameters_of(dry_run())["batch_size"] == ("8", "1")


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        (["model=lstm", "model.dropout=0.2", "model.batch_size=32"], "4"),
        (["model=lstm", "model.dropout=[0.2,0.4]"], "24"),
        (["model=bilstm_64", "model.vocabulary_size=1000..2999"], "2,000"),
        (["model=bilstm_64"], "1"),
        (["model=bilstm_64", "model.dropout=0.2..0.4"], "continuous"),
    ],
)
def test_the_size_of_the_space_is_shown(dry_run: DryRun, arguments: list[str], size: str) -> None:
    assert sentence_of(dry_run(*arguments), "Configurations") == size


# What would run


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(
            ["search.pruner=median", "search.max_minutes=38", "search.workers=1"],
            "tpe, median pruning, at most 15 trials of at most 7 epochs over 254 texts, within "
            "38 minutes, 1 worker on this machine",
            id="one worker",
        ),
        pytest.param(
            ["search=random", "search.pruner=none", "search.max_minutes=2.5", "search.workers=4"],
            "random, at most 15 trials of at most 7 epochs over 254 texts, within "
            "2.5 minutes, 4 workers on this machine",
            id="several workers",
        ),
        pytest.param(
            [
                *("search=grid", "search.pruner=halving", "search.max_minutes=600"),
                *("search.workers=2", "search.cluster=auto"),
            ],
            "grid, halving pruning, at most 15 trials of at most 7 epochs over 254 texts, within "
            "600 minutes, 2 workers on the Ray cluster auto",
            id="a cluster",
        ),
        pytest.param(
            ["search=hyperband", "search.max_minutes=38", "model=lstm", "model.dropout=0.2"],
            "hyperband, at most 12 trials of at most 7 epochs over 254 texts, within "
            "38 minutes, auto workers on this machine",
            id="a space with fewer configurations than trials",
        ),
    ],
)
def test_what_would_run_is_told(dry_run: DryRun, arguments: list[str], says: str) -> None:
    ended = dry_run("search.max_trials=15", "search.max_epochs=7", *arguments)
    assert sentence_of(ended, "Would run") == says


def test_texts_are_counted_and_the_epochs_follow_from_them(
    dry_run: DryRun, caplog: pytest.LogCaptureFixture
) -> None:
    ended = dry_run("data.sample_rows=4000", "search.max_batches=1600")
    assert "2548 train" in caplog.text
    assert "of at most 12 epochs over 2,548 texts" in sentence_of(ended, "Would run")


def test_a_configuration_to_train_is_told_of_in_the_same_way(dry_run: DryRun) -> None:
    ended = dry_run(main=train.main)
    assert sentence_of(ended, "Configurations") == "1"
    assert {values for _, values in hyperparameters_of(ended).values()} == {"1"}


# Where


def test_the_study_and_the_model_are_named(dry_run: DryRun) -> None:
    ended = dry_run("search.name=mine", "outputs_dir=out puts", "model_dir=my model (1)")
    assert sentence_of(ended, "Study") == "out puts/search/mine (new)"
    assert sentence_of(ended, "Model").startswith("my model (1) (the best configuration")


def test_the_study_has_the_name_that_it_would_get(dry_run: DryRun) -> None:
    named = [sentence_of(dry_run(*change), "Study") for change in ([], [], ["seed=2"])]
    assert named[0] == named[1] != named[2]
    assert named[0].startswith("outputs/search/bilstm-sample-") and named[0].endswith(" (new)")


@pytest.mark.parametrize(
    ("same", "trials", "arguments", "state"),
    [
        (True, 2, [], "goes on from 2 trials"),
        (True, 1, [], "goes on from 1 trial"),
        (True, 0, [], "new"),
        (True, 2, ["search.overwrite=true"], "begins afresh, without the 2 trials that are there"),
        (False, 2, ["search.overwrite=true"], "begins afresh, without the 2 trials that are there"),
        (False, 2, [], "would be refused: it was begun with something else"),
    ],
)
def test_what_a_run_would_make_of_the_trials_of_an_earlier_one(
    dry_run: DryRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    same: bool,
    trials: int,
    arguments: list[str],
    state: str,
) -> None:
    from ecomcat import pipeline
    from ecomcat.tuning.records import TrialRecord

    identity = {"data": "abc"}
    monkeypatch.setattr(pipeline, "study_identity", lambda *_: identity)
    study = tmp_path / "outputs" / "search" / "mine"
    for number in range(trials):
        trial = study / "trials" / f"{number:04}"
        trial.mkdir(parents=True)
        (trial / "record.json").write_text(json.dumps(asdict(TrialRecord(trial.name, {}))))
    study.mkdir(parents=True, exist_ok=True)
    begun_with = identity if same else {"data": "other"}
    (study / "study.json").write_text(json.dumps({"format": 2, "identity": begun_with}))
    before = contents_of(tmp_path)
    ended = dry_run("search.name=mine", *arguments)
    assert sentence_of(ended, "Study") == f"outputs/search/mine ({state})"
    assert contents_of(tmp_path) == before


# Nothing else


@pytest.mark.parametrize("arguments", [[], ["search.overwrite=true"], ["search.workers=3"]])
def test_nothing_is_written(dry_run: DryRun, tmp_path: Path, arguments: list[str]) -> None:
    dry_run(*arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_stands_there_stays(run_main: Callable[..., Ended], tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "thesis.txt").write_text("years of work")
    before = contents_of(tmp_path)
    ended = run_main(search.main, *DRY)
    assert (ended.code, ended.output) == (2, ""), "the search itself would refuse to replace it"
    assert contents_of(tmp_path) == before


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("search.name=../up", "search.name"),
        ("model.dropout=2", "model.dropout"),
        ("search.max_trials=0", "search.max_trials"),
        ("model.build=no_such_module.f", "model.build"),
    ],
)
def test_what_a_search_would_refuse_is_refused(
    run_main: Callable[..., Ended], tmp_path: Path, argument: str, message: str
) -> None:
    ended = run_main(search.main, *DRY, argument)
    assert (ended.code, ended.output) == (2, "")
    assert message in ended.errors
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ([], "the best configuration, trained on train and validation"),
        (["final=ensemble"], "an ensemble of at most 8 trials, trained on train and validation"),
        (
            ["final.retrain=false"],
            "configuration, trained on train alone, as the search trained it",
        ),
        (
            ["final.use_all_rows=true"],
            "configuration, trained on all rows, once test was scored",
        ),
    ],
)
def test_says_what_would_be_exported(dry_run: DryRun, overrides: list[str], said: str) -> None:
    assert said in sentence_of(dry_run(*overrides), "Model")
