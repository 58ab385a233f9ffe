"""Rows in are rows out, in order, with their columns, from any format to any other."""

from __future__ import annotations

import csv

import pytest
from dog_classifier import CAT, DOG, ENDINGS, READ_BACK, label_file, read_rows, write_rows

# Spreadsheets take some of these for formulas: they come back as they were.
AWKWARD = [
    "=1+1",
    "+a",
    "-b",
    "@c",
    'a "dog", too',
    "two\nlines",
    "two\rlines",
    "NUL\0",
    "",
    " ",
    "é😀",
]


@pytest.mark.parametrize("output", READ_BACK)
@pytest.mark.parametrize("source", ENDINGS)
def test_every_row_comes_back_in_its_place(tmp_path, source, output):
    rows = [{"id": f"{n:03}", "text": f"dog {n}" if n % 3 else f"tom {n}"} for n in range(50)]
    written = tmp_path / f"labelled{output}"
    label_file(write_rows(tmp_path / f"rows{source}", rows), written, batch_rows=7)
    labelled = read_rows(written)
    assert [{"id": row["id"], "text": row["text"]} for row in labelled] == rows
    assert [(row["predicted_category"], float(row["confidence"])) for row in labelled] == [
        DOG if n % 3 else CAT for n in range(50)
    ]


@pytest.mark.parametrize("output", READ_BACK)
@pytest.mark.parametrize("source", ENDINGS)
def test_awkward_cells_come_back_as_they_were(tmp_path, source, output):
    rows = [{"text": "x", "note": cell} for cell in AWKWARD]
    written = tmp_path / f"labelled{output}"
    label_file(write_rows(tmp_path / f"rows{source}", rows), written)
    assert [row["note"] for row in read_rows(written)] == AWKWARD


@pytest.mark.parametrize("output", ENDINGS)
@pytest.mark.parametrize("source", ENDINGS)
def test_a_cell_of_ten_megabytes(tmp_path, source, output):
    rows = [{"text": "a dog " * 1_700_000, "id": "1"}, {"text": "short", "id": "2"}]
    written = tmp_path / f"labelled{output}"
    label_file(write_rows(tmp_path / f"rows{source}", rows), written)
    labelled = read_rows(written) if output not in {".csv", ".tsv"} else long_cells(written)
    assert [row["text"] for row in labelled] == [row["text"] for row in rows]
    assert [row["predicted_category"] for row in labelled] == ["dogs", "cats"]


def long_cells(path):
    limit = csv.field_size_limit(1 << 30)
    try:
        return read_rows(path)
    finally:
        csv.field_size_limit(limit)
