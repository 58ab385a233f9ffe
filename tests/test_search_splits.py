"""Splits of the user's own, marks and no test set: from the keys to what a search shows of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import TINY_MODEL, TINY_SEARCH, RunMain

import ecomcat
from ecomcat import evaluate, search, train
from ecomcat.config import DataConfig
from ecomcat.data.dataset import load_dataset, refuse_split_keys
from ecomcat.data.sample import generate_sample
from ecomcat.data.sources import SAMPLE_SOURCE
from ecomcat.errors import UserError

SAMPLE = DataConfig(name="sample", source=SAMPLE_SOURCE, sample_rows=400)


def marks(path: Path, per_part: int) -> Path:
    """Mark some texts of each part of the sample."""
    dataset = load_dataset(SAMPLE, 1)
    lines = [
        f"{dataset.digests[row].hex()},x"
        for rows in vars(dataset.split).values()
        for row in rows[:per_part]
    ]
    path.write_text("\n".join(["key,exclude", *lines]), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"exclude": "marks.csv"}, "Expected data.exclude in"),
        ({"group_near_duplicates": True}, "Expected data.group_near_duplicates in"),
        ({"test_path": "a.csv"}, "Expected data.test_path in"),
        ({"split_column": 0, "group_column": 1}, "data.split_column and data.group_column in"),
        ({"near_duplicate_similarity": 0.5}, "Expected data.near_duplicate_similarity in"),
        (
            {"exclude": "a.csv", "group_near_duplicates": True},
            "data.exclude and data.group_near_duplicates",
        ),
    ],
)
def test_a_command_without_a_split_refuses_them(options: dict[str, Any], named: str) -> None:
    with pytest.raises(UserError, match=named):
        refuse_split_keys(replace(SAMPLE, **options), "evaluate")
    refuse_split_keys(SAMPLE, "evaluate")
    looked_at = {"near_duplicate_similarity": 0.5, "split_column": 0, "group_column": 1}
    refuse_split_keys(replace(SAMPLE, **looked_at), "audit", compares=True)


@pytest.mark.slow
def test_a_search_trains_without_marked_rows_and_scores_test_with_and_without_them(
    run_main: RunMain, tmp_path: Path
) -> None:
    path = marks(tmp_path / "marks.csv", 3)
    arguments = [
        *TINY_SEARCH,
        "search.max_trials=1",
        "search.max_epochs=1",
        "search.name=marked",
        f"data.exclude={path.name}",
        "data.group_near_duplicates=false",
        "final.use_all_rows=true",
    ]
    done = run_main(search.main, *arguments)
    assert done.code == 0, done.errors
    metrics = json.loads((tmp_path / "model" / "metrics.json").read_text(encoding="utf-8"))
    split, test = metrics["data"]["split"], metrics["test"]
    assert test["rows"] == split["test"]
    assert metrics["test_without_excluded"]["rows"] == split["test"] - 3
    assert metrics["data"]["excluded"]["train"] == 3
    assert metrics["final"]["trained_texts"] == metrics["data"]["distinct_texts"] - 9
    assert "test without" in done.output
    assert "Left out by a person" in (tmp_path / "model" / "README.md").read_text("utf-8")
    study = json.loads((tmp_path / "outputs/search/marked/study.json").read_text("utf-8"))
    assert study["config"]["data"]["exclude"] == str(path)
    assert study["identity"]["excluded"]
    # Another mark is another study; without any file its trial cannot be trained again either.
    path.write_text(path.read_text("utf-8").rpartition("\n")[0], encoding="utf-8")
    refused = run_main(search.main, *arguments)
    assert refused.code == 2
    assert "excluded" in refused.errors
    again = run_main(train.main, "search.from_trial=marked/0000")
    assert again.code == 2
    assert "data by data.exclude" in again.errors


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
