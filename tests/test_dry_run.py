"""A dry run says what would be searched, and neither trains nor writes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ecomcat import pipeline, search, train
from ecomcat.tuning.records import TrialRecord
from ecomcat.tuning.study import open_study
from tests.command_line import Ended
from tests.conftest import RunMain

DryRun = Callable[..., Ended]


@pytest.fixture
def dry_run(run_main: RunMain, tmp_path: Path) -> DryRun:
    """Return a function that makes a dry run, which must leave its folder as it was."""

    def run(*arguments: str, main: object = search.main) -> Ended:
        before = contents_of(tmp_path)
        dry = ("search.dry_run=true", "data=sample", "data.sample_rows=400")
        ended: Ended = run_main(main, *dry, *arguments)
        assert contents_of(tmp_path) == before
        return ended

    return run


def contents_of(folder: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def sentences_of(ended: Ended) -> dict[str, str]:
    """Return what follows on each of the sentences' beginnings, on one line."""
    assert ended.code == 0, ended.errors
    text = " ".join(ended.output.split())
    found = re.split(r" ?(Configurations|Would run|Split|Study|Model): ", text)
    return dict(zip(found[1::2], found[2::2], strict=True))


def test_each_domain_is_shown_with_its_number_of_values(dry_run: DryRun) -> None:
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


@pytest.mark.parametrize(
    ("arguments", "name", "expected"),
    [
        (["model=lstm", "model.dropout=[0.2,0.4]"], "Configurations", "24"),
        (["model=bilstm_64", "model.vocabulary_size=1000..2999"], "Configurations", "2,000"),
        (["model=bilstm_64"], "Configurations", "1"),
        (
            ["search.pruner=median", "search.workers=1"],
            "Would run",
            "tpe, median pruning, at most 15 trials of at most 7 epochs over 254 texts, within "
            "38 minutes, 1 worker on this machine",
        ),
        (
            ["search=random", "search.pruner=none", "search.max_minutes=2.5", "search.workers=4"],
            "Would run",
            "random, at most 15 trials of at most 7 epochs over 254 texts, within 2.5 minutes, 4 "
            "workers on this machine",
        ),
        (
            ["search=hyperband", "search.cluster=auto", "model=lstm", "model.dropout=0.2"],
            "Would run",
            "hyperband, at most 12 trials of at most 7 epochs over 254 texts, within 38 minutes, "
            "auto workers on the Ray cluster auto",
        ),
        (
            ["data.group_near_duplicates=true", "data.near_duplicate_similarity=0.5"],
            "Split",
            "near-duplicates (similarity from 0.5) stay on one side",
        ),
        ([], "Model", "the best configuration, trained on train and validation"),
        (["final.retrain=false"], "Model", "trained on train alone, as the search trained it"),
        (["final.use_all_rows=true"], "Model", "trained on all rows, once test was scored"),
        (["model_dir=my model (1)"], "Model", "my model (1) ("),
    ],
)
def test_what_would_be_tried_run_and_exported_is_printed(
    dry_run: DryRun, arguments: list[str], name: str, expected: str
) -> None:
    limits = ("search.max_trials=15", "search.max_epochs=7", "search.max_minutes=38")
    found = sentences_of(dry_run(*limits, *arguments))[name]
    assert expected in found if name == "Model" else expected == found


def test_the_study_has_the_name_that_it_would_get(dry_run: DryRun) -> None:
    named = [sentences_of(dry_run(*change))["Study"] for change in ([], [], ["seed=2"])]
    assert named[0] == named[1] != named[2]
    assert named[0].startswith("outputs/search/bilstm-sample-") and named[0].endswith(" (new)")
    assert sentences_of(dry_run(main=train.main))["Configurations"] == "1"


@pytest.mark.parametrize(
    ("begun_with", "trials", "arguments", "state"),
    [
        ("abc", 2, [], "continues from 2 trials"),
        ("abc", 0, [], "new"),
        ("abc", 2, ["search.overwrite=true"], "begins again, without the 2 trials that are there"),
        ("other", 2, [], "would be refused: it was begun with other data or settings"),
    ],
)
def test_what_a_run_would_make_of_the_trials_of_an_earlier_one(
    dry_run: DryRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    begun_with: str,
    trials: int,
    arguments: list[str],
    state: str,
) -> None:
    monkeypatch.setattr(pipeline, "study_identity", lambda *_: {"data": "abc"})
    folder, identity = tmp_path / "outputs" / "search", {"data": begun_with}
    with open_study(folder, "mine", identity, overwrite=False, config={}) as study:
        for number in range(trials):
            study.trials.save(TrialRecord(f"{number:04}", {}))
    ended = dry_run("search.name=mine", *arguments)
    assert sentences_of(ended)["Study"] == f"outputs/search/mine ({state})"
