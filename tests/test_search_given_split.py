"""A search with a split of the user's own, or without a test set, from files to what is shown."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import ecomcat
from ecomcat import evaluate, search, train
from ecomcat.data.sample import generate_sample
from tests.conftest import TINY_MODEL, RunMain

ONCE = (
    *("search.max_trials=1", "search.max_epochs=1", "search.workers=1", "final.onnx=false"),
    *TINY_MODEL,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a file of products, and one of a test."""
    path = tmp_path_factory.mktemp("split")
    lines = [json.dumps({"label": row.label, "text": row.text}) for row in generate_sample(400)]
    (path / "train.jsonl").write_text("\n".join(lines[:300]), encoding="utf-8")
    (path / "test.jsonl").write_text("\n".join(lines[250:]), encoding="utf-8")
    return path


@pytest.mark.slow
def test_a_test_file_is_what_is_tested_and_a_study_notices_when_it_changes(
    run_main: RunMain, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    command = ["data.path=train.jsonl", "data.test_path=test.jsonl", "search.name=own", *ONCE]
    done = run_main(search.main, *command)
    assert done.code == 0, done.errors
    metrics = json.loads((folder / "model" / "metrics.json").read_text("utf-8"))
    split = metrics["data"]["split"]
    assert metrics["test"]["rows"] == split["test"] > 100
    assert split["shared_texts"]["train"] >= 50
    assert metrics["data"]["source"] == "train.jsonl; test: test.jsonl"
    card = (folder / "model" / "README.md").read_text("utf-8")
    assert f"Left out of train: {split['shared_texts']['train']} texts whose text" in card
    again = run_main(train.main, "search.from_trial=own/0000", "final.onnx=false")
    assert again.code == 0, again.errors
    rows = (folder / "test.jsonl").read_text("utf-8").splitlines()
    (folder / "test.jsonl").write_text("\n".join(rows[:-20]), encoding="utf-8")
    refused = run_main(search.main, *command)
    assert refused.code == 2
    assert "The study own was begun with other data or settings" in refused.errors


@pytest.mark.slow
def test_without_a_test_set_no_test_figure_is_shown_anywhere(
    run_main: RunMain,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(folder)
    command = ["data.path=train.jsonl", "data.test_fraction=0", "final.use_all_rows=true"]
    done = run_main(search.main, *command, "search.name=untested", *ONCE)
    assert done.code == 0, done.errors
    assert "There is no test set" in caplog.text
    assert "Result: validation accuracy" in caplog.text
    assert "Validation set, by category" in done.output
    metrics = json.loads((folder / "model" / "metrics.json").read_text("utf-8"))
    assert metrics["test"] is None and "test" not in metrics["baseline"]
    assert metrics["final"]["use_all_rows"] is False
    report = folder / "outputs" / "search" / "untested" / "report.html"
    assert "There is no test set" in report.read_text("utf-8")
    labelled = run_main(evaluate.main, "data.path=test.jsonl")
    assert labelled.code == 0, labelled.errors


@pytest.mark.slow
def test_frames_for_validation_and_test_are_scored_as_they_are(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    frame = pd.read_json(folder / "train.jsonl", lines=True).drop_duplicates("text")
    rest, validation, test = frame[:150], frame[150:200], frame[200:]
    given = {"validation": validation, "test": test, "model_dir": "of_frames"}
    result = ecomcat.search(rest, *ONCE, "final.baseline=false", **given)
    assert result.metrics["test"]["rows"] == len(test)
    assert 40 < result.metrics["validation"]["rows"] <= len(validation), "without repeats"
    assert not result.model.was_trained_on(list(test["text"])).any()
