"""A dry run says what would be searched, and neither trains nor writes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from ecomcat import search, train
from tests.command_line import Ended, command_line

DRY = ("search.dry_run=true", "data=sample", "data.sample_rows=400")
DryRun = Callable[..., Ended]


@pytest.fixture
def dry_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path):  # type: ignore[no-untyped-def]
    """Return a function that makes a dry run in an empty folder."""
    monkeypatch.chdir(tmp_path)
    with command_line(monkeypatch, capsys) as run:
        yield lambda *arguments, main=search.main: run(main, *DRY, *arguments)


def sentences_of(ended: Ended) -> dict[str, str]:
    """Return what follows on each of the sentences' beginnings, on one line."""
    assert ended.code == 0, ended.errors
    text = " ".join(ended.output.split())
    found = re.split(r" ?(Configurations|Would run|Study|Model): ", text)
    return dict(zip(found[1::2], found[2::2], strict=True))


def contents_of(folder: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def test_each_domain_is_shown_with_its_number_of_values(dry_run: DryRun, tmp_path: Path) -> None:
    shown = {
        "vocabulary_size=1000..20000": "19,001",
        "embedding_dim=[32, 64, 128]": "3",
        "lstm_units=16..256 step 16": "16",
        "batch_size=16..256 log": "241",
        "dropout=0.0..0.6": "continuous",
        "word_dropout=0.0..0.6 step 0.1": "7",
        "extra.kind=[[red], :smile:]": "2",
    }
    arguments = [f"model.{argument}" for argument in shown]
    arguments[-1] = "model.extra.kind=['[red]',':smile:']"
    ended = dry_run(*arguments)
    for argument, values in shown.items():
        name, _, domain = argument.partition("=")
        row = rf"\b{re.escape(name)}\W+{re.escape(domain)}\W+{values}\W*$"
        assert re.search(row, ended.output, re.MULTILINE), argument
    assert sentences_of(ended)["Configurations"] == "continuous"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "size"),
    [
        (["model=lstm", "model.dropout=[0.2,0.4]"], "24"),
        (["model=bilstm_64", "model.vocabulary_size=1000..2999"], "2,000"),
        (["model=bilstm_64"], "1"),
    ],
)
def test_the_size_of_the_space_is_shown(dry_run: DryRun, arguments: list[str], size: str) -> None:
    assert sentences_of(dry_run(*arguments))["Configurations"] == size
    assert sentences_of(dry_run(main=train.main))["Configurations"] == "1"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["search.pruner=median", "search.max_minutes=38", "search.workers=1"],
            "tpe, median pruning, at most 15 trials of at most 7 epochs over 254 texts, within "
            "38 minutes, 1 worker on this machine",
        ),
        (
            ["search=random", "search.pruner=none", "search.max_minutes=2.5", "search.workers=4"],
            "random, at most 15 trials of at most 7 epochs over 254 texts, within "
            "2.5 minutes, 4 workers on this machine",
        ),
        (
            ["search=grid", "search.max_minutes=600", "search.workers=2", "search.cluster=auto"],
            "grid, halving pruning, at most 15 trials of at most 7 epochs over 254 texts, within "
            "600 minutes, 2 workers on the Ray cluster auto",
        ),
        (
            ["search=hyperband", "search.max_minutes=38", "model=lstm", "model.dropout=0.2"],
            "hyperband, at most 12 trials of at most 7 epochs over 254 texts, within "
            "38 minutes, auto workers on this machine",
        ),
    ],
    ids=["one worker", "several workers", "a cluster", "fewer configurations than trials"],
)
def test_what_would_run_is_printed(dry_run: DryRun, arguments: list[str], expected: str) -> None:
    ended = dry_run("search.max_trials=15", "search.max_epochs=7", *arguments)
    assert sentences_of(ended)["Would run"] == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "the best configuration, trained on train and validation"),
        (["final=ensemble"], "an ensemble of at most 8 trials, trained on train and validation"),
        (["final.retrain=false"], "trained on train alone, as the search trained it"),
        (["final.use_all_rows=true"], "trained on all rows, once test was scored"),
    ],
)
def test_what_would_be_exported_is_printed(
    dry_run: DryRun, arguments: list[str], expected: str
) -> None:
    found = sentences_of(dry_run("model_dir=my model (1)", *arguments))["Model"]
    assert found.startswith("my model (1) (") and expected in found


def test_the_study_has_the_name_that_it_would_get(dry_run: DryRun) -> None:
    named = [sentences_of(dry_run(*change))["Study"] for change in ([], [], ["seed=2"])]
    assert named[0] == named[1] != named[2]
    assert named[0].startswith("outputs/search/bilstm-sample-") and named[0].endswith(" (new)")


@pytest.mark.parametrize(
    ("same", "trials", "arguments", "state"),
    [
        (True, 2, [], "goes on from 2 trials"),
        (True, 0, [], "new"),
        (True, 2, ["search.overwrite=true"], "begins afresh, without the 2 trials that are there"),
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

    monkeypatch.setattr(pipeline, "study_identity", lambda *_: {"data": "abc"})
    study = tmp_path / "outputs" / "search" / "mine"
    for number in range(trials):
        trial = study / "trials" / f"{number:04}"
        trial.mkdir(parents=True)
        (trial / "record.json").write_text(json.dumps(asdict(TrialRecord(trial.name, {}))))
    study.mkdir(parents=True, exist_ok=True)
    begun_with = {"format": 3, "identity": {"data": "abc" if same else "other"}}
    (study / "study.json").write_text(json.dumps(begun_with))
    before = contents_of(tmp_path)
    ended = dry_run("search.name=mine", *arguments)
    assert sentences_of(ended)["Study"] == f"outputs/search/mine ({state})"
    assert contents_of(tmp_path) == before


@pytest.mark.parametrize("argument", ["search.name=../up", "model.dropout=2", "model_dir=taken"])
def test_what_a_search_would_refuse_is_refused(
    dry_run: DryRun, tmp_path: Path, argument: str
) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.txt").write_text("years of work")
    before = contents_of(tmp_path)
    ended = dry_run(argument)
    assert (ended.code, ended.output) == (2, "")
    assert argument.partition("=")[0] in ended.errors
    assert contents_of(tmp_path) == before
