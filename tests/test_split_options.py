"""Keys that change the split: checked early, refused where they do nothing, recorded by studies."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import TINY_SEARCH, RunCommand

from ecomcat.config import DataConfig
from ecomcat.data.dataset import load_dataset, refuse_split_keys
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
    run_command: RunCommand, tmp_path: Path
) -> None:
    path = marks(tmp_path / "marks.csv", 3)
    arguments = [
        *TINY_SEARCH,
        "search.max_trials=1",
        "search.name=marked",
        f"data.exclude={path.name}",
        "data.group_near_duplicates=false",
        "final.use_all_rows=true",
    ]
    done = run_command("search", arguments, tmp_path)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((tmp_path / "model" / "metrics.json").read_text(encoding="utf-8"))
    split, test = metrics["data"]["split"], metrics["test"]
    assert test["rows"] == split["test"]
    assert metrics["test_without_excluded"]["rows"] == split["test"] - 3
    assert metrics["data"]["excluded"]["train"] == 3
    assert metrics["final"]["trained_texts"] == metrics["data"]["distinct_texts"] - 9
    assert "test without" in done.stdout
    assert "Left out by a person" in (tmp_path / "model" / "README.md").read_text("utf-8")
    study = json.loads((tmp_path / "outputs/search/marked/study.json").read_text("utf-8"))
    assert study["config"]["data"]["exclude"] == str(path)
    assert study["identity"]["excluded"]
    # Another mark is another study; without any file its trial cannot be trained again either.
    path.write_text(path.read_text("utf-8").rpartition("\n")[0], encoding="utf-8")
    refused = run_command("search", arguments, tmp_path)
    assert refused.returncode == 2
    assert "excluded" in refused.stderr
    again = run_command("train", ["search.from_trial=marked/0000"], tmp_path)
    assert again.returncode == 2
    assert "data by data.exclude" in again.stderr
