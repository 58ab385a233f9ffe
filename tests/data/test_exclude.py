"""Rows that a person marked leave train and validation, and nothing else changes."""

from __future__ import annotations

import csv
import io
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecomcat.config import DataConfig
from ecomcat.data.cleaning import key_digest, normalized_key
from ecomcat.data.dataset import Dataset, load_dataset
from ecomcat.data.sources import SAMPLE_SOURCE
from ecomcat.data.splitting import read_marks
from ecomcat.errors import UserError

OPTIONS = {"name": "sample", "source": SAMPLE_SOURCE, "sample_rows": 400}


def load(exclude: Path | None = None, **options: Any) -> Dataset:
    chosen = {**OPTIONS, **options, "exclude": None if exclude is None else str(exclude)}
    return load_dataset(DataConfig(**chosen), seed=1)


def write(path: Path, rows: list[dict[str, str]], delimiter: str = ",") -> Path:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(out.getvalue(), encoding="utf-8")
    return path


def marks_of(dataset: Dataset, rows: np.ndarray, mark: str = "x") -> list[dict[str, str]]:
    return [
        {"rank": "1", "key": dataset.digests[row].hex(), "exclude": mark, "text": "of no use"}
        for row in rows
    ]


def test_marked_rows_leave_train_and_validation_and_stay_in_test(tmp_path: Path) -> None:
    before = load()
    split = before.split
    marked = np.concatenate([split.train[:5], split.validation[:3], split.test[:2]])
    after = load(write(tmp_path / "marks.csv", marks_of(before, marked)))
    assert np.array_equal(after.split.train, split.train[5:])
    assert np.array_equal(after.split.validation, split.validation[3:])
    assert np.array_equal(after.split.test, split.test)
    assert after.texts == before.texts
    assert after.content_hash == before.content_hash
    assert after.excluded.tolist() == sorted(marked.tolist())
    assert after.description["excluded"] == {
        "source": str(tmp_path / "marks.csv"),
        "unknown": 0,
        "train": 5,
        "validation": 3,
        "test": 2,
    }
    assert "excluded" not in before.description
    assert before.excluded.tolist() == []


@pytest.mark.parametrize("mark", ["x", "X", "yes", "YES", "true", "True", "1", "  x "])
def test_these_are_marks(tmp_path: Path, mark: str) -> None:
    dataset = load()
    path = write(tmp_path / "marks.csv", marks_of(dataset, dataset.split.train[:2], mark))
    assert len(load(path).excluded) == 2


@pytest.mark.parametrize("mark", ["", "   "])
def test_an_empty_cell_keeps_its_row(tmp_path: Path, mark: str) -> None:
    dataset = load()
    path = write(tmp_path / "marks.csv", marks_of(dataset, dataset.split.train[:2], mark))
    assert len(load(path).split.train) == len(dataset.split.train)


@pytest.mark.parametrize("mark", ["no", "false", "0", "maybe", "keep"])
def test_any_other_mark_is_refused_with_its_line(tmp_path: Path, mark: str) -> None:
    rows = [
        {"key": "0" * 16, "exclude": "", "text": "one\nof two lines"},
        {"key": "1" * 16, "exclude": mark, "text": "another"},
    ]
    with pytest.raises(UserError, match=rf"marks\.csv, row 3: .*found '{mark}'"):
        read_marks(write(tmp_path / "marks.csv", rows))


@pytest.mark.parametrize("column", ["key", "exclude"])
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    row = {"key": "0" * 16, "exclude": "x", "text": "a"}
    del row[column]
    with pytest.raises(UserError, match=rf"expected one column '{column}'"):
        read_marks(write(tmp_path / "marks.csv", [row]))


def test_a_key_that_a_spreadsheet_took_for_a_number_is_found_by_its_text(tmp_path: Path) -> None:
    dataset = load()
    row = dataset.split.train[0]
    damaged = {"key": "1.23457E+15", "exclude": "x", "text": dataset.texts[row].upper()}
    rounded = {"key": "1234567890123450", "exclude": "x", "text": dataset.texts[row + 1]}
    after = load(write(tmp_path / "marks.csv", [damaged, rounded], delimiter=";"))
    assert after.excluded.tolist() == [row, row + 1]


def test_a_damaged_key_without_a_text_is_refused_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path / "marks.csv", [{"key": "1.23E+15", "exclude": "x"}])
    with pytest.raises(UserError, match=r"row 2: expected 16 hexadecimal digits.*'1\.23E\+15'"):
        read_marks(path)


def test_unknown_keys_are_counted_and_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = key_digest(normalized_key("A text of another shop")).hex()
    path = write(tmp_path / "marks.csv", [{"key": key, "exclude": "x"}])
    with caplog.at_level(logging.WARNING, "ecomcat"):
        dataset = load(path)
    assert dataset.description["excluded"]["unknown"] == 1
    assert "1 marked rows" in caplog.text and "other data" in caplog.text


@pytest.mark.parametrize("part", ["train", "validation"])
def test_a_class_without_rows_in_a_part_is_refused(tmp_path: Path, part: str) -> None:
    dataset = load()
    rows = getattr(dataset.split, part)
    of_one_class = rows[dataset.label_ids[rows] == 0]
    path = write(tmp_path / "marks.csv", marks_of(dataset, of_one_class))
    with pytest.raises(UserError, match=rf"in {part}, found all {part} texts of"):
        load(path)


def test_a_row_is_found_in_whatever_order_the_file_is_read(tmp_path: Path) -> None:
    rows = [(f"Ball number {n}", "Toys") for n in range(30)]
    rows += [(f"Novel number {n}", "Books") for n in range(30)]
    key = key_digest(normalized_key("Novel number 7")).hex()
    marks = write(tmp_path / "marks.csv", [{"key": key, "exclude": "x"}])
    for order in (rows, rows[::-1]):
        path = tmp_path / "shop.csv"
        path.write_text("".join(f"{label},{text}\n" for text, label in order), encoding="utf-8")
        dataset = load_dataset(DataConfig(name="csv", path=str(path), exclude=str(marks)), seed=1)
        assert [dataset.texts[row] for row in dataset.excluded] == ["Novel number 7"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.csv"):
        load(tmp_path / "nowhere.csv")
