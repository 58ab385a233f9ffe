"""Rows that a person marked leave train and validation, and nothing else changes."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecomcat.config import DataConfig
from ecomcat.data.cleaning import key_digest, normalized_key
from ecomcat.data.dataset import Dataset, load_dataset
from ecomcat.data.exclude import read_marks
from ecomcat.data.sources import SAMPLE_SOURCE
from ecomcat.errors import UserError
from tests.data.table_material import write_table


def load(exclude: Path | None = None, **options: Any) -> Dataset:
    chosen = {"source": SAMPLE_SOURCE, "sample_rows": 400, **options}
    return load_dataset(DataConfig(exclude=None if exclude is None else str(exclude), **chosen), 1)


@pytest.fixture(scope="module")
def before() -> Dataset:
    """Load the sample without marks."""
    return load()


def marks_of(dataset: Dataset, rows: Any, mark: str = "x") -> list[dict[str, str]]:
    return [
        {"rank": "1", "key": dataset.digests[row].hex(), "exclude": mark, "text": "of no use"}
        for row in rows
    ]


def test_marked_rows_leave_train_and_validation_and_stay_in_test(
    tmp_path: Path, before: Dataset
) -> None:
    split = before.split
    marked = np.concatenate([split.train[:5], split.validation[:3], split.test[:2]])
    after = load(write_table(tmp_path / "marks.csv", marks_of(before, marked)))
    assert np.array_equal(after.split.train, split.train[5:])
    assert np.array_equal(after.split.validation, split.validation[3:])
    assert np.array_equal(after.split.test, split.test)
    assert (after.texts, after.content_hash) == (before.texts, before.content_hash)
    assert after.excluded.tolist() == sorted(marked.tolist())
    counts = {"unknown": 0, "train": 5, "validation": 3, "test": 2}
    assert after.description["excluded"] == {"source": str(tmp_path / "marks.csv"), **counts}
    assert "excluded" not in before.description
    assert before.excluded.tolist() == []


@pytest.mark.parametrize(
    ("mark", "excluded"),
    [*((mark, 2) for mark in ("x", "X", "yes", "True", "1", "  x ")), ("", 0), ("   ", 0)],
)
def test_these_are_marks(tmp_path: Path, before: Dataset, mark: str, excluded: int) -> None:
    path = write_table(tmp_path / "marks.csv", marks_of(before, before.split.train[:2], mark))
    assert len(load(path).excluded) == excluded


@pytest.mark.parametrize(
    ("row", "message"),
    [
        *(
            ({"key": "1" * 16, "exclude": mark}, rf"marks\.csv, .*found '{mark}'")
            for mark in ("no", "false", "0", "keep")
        ),
        ({"key": "1" * 16}, "one column 'exclude' in the first row, found 'key', 'note'"),
        ({"exclude": "x"}, "expected one column 'key'"),
        ({"key": "1.23E+15", "exclude": "x"}, r"expected 16 hexadecimal digits.*'1\.23E\+15'"),
    ],
)
def test_marks_that_mean_nothing_are_refused(
    tmp_path: Path, row: dict[str, str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        read_marks(write_table(tmp_path / "marks.csv", [{**row, "note": "a"}]))


def test_a_key_that_a_spreadsheet_took_for_a_number_is_found_by_its_text(
    tmp_path: Path, before: Dataset
) -> None:
    row = before.split.train[0]
    damaged = {"key": "1.23457E+15", "exclude": "x", "text": before.texts[row].upper()}
    rounded = {"key": "1234567890123450", "exclude": "x", "text": before.texts[row + 1]}
    after = load(write_table(tmp_path / "marks.csv", [damaged, rounded], delimiter=";"))
    assert after.excluded.tolist() == [row, row + 1]


def test_unknown_keys_are_counted_and_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = key_digest(normalized_key("A text of another shop")).hex()
    with caplog.at_level(logging.WARNING, "ecomcat"):
        dataset = load(write_table(tmp_path / "marks.csv", [{"key": key, "exclude": "x"}]))
    assert dataset.description["excluded"]["unknown"] == 1
    assert "1 marked rows" in caplog.text and "other data" in caplog.text


@pytest.mark.parametrize("part", ["train", "validation"])
def test_a_class_without_rows_in_a_part_is_refused(
    tmp_path: Path, before: Dataset, part: str
) -> None:
    rows = getattr(before.split, part)
    path = write_table(tmp_path / "marks.csv", marks_of(before, rows[before.label_ids[rows] == 0]))
    with pytest.raises(UserError, match=rf"in {part}, found all {part} texts of"):
        load(path)
