"""How much of an input has been read, which the bar of `predict` shows."""

from __future__ import annotations

import io
from contextlib import contextmanager

import pytest
from dog_classifier import write_rows

from ecomcat.config import ReadingConfig
from ecomcat.data.columns import find_text_columns
from ecomcat.data.tables import open_table


@contextmanager
def opened(source, rows):
    with open_table(source, ReadingConfig()) as table:
        columns = find_text_columns(table.head, None, ["text"])
        yield table, (len(chunk.frame) for chunk in table.chunks(columns, rows, None))


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_the_fraction_grows_to_one(tmp_path, kind):
    rows = [{"text": f"a text of some length, number {n}"} for n in range(100_000)]
    source = write_rows(tmp_path / f"rows.{kind}", rows)
    with opened(source, 10_000) as (table, chunks):
        fractions = [table.position() for _ in chunks]
        fractions.append(table.position())
    assert 0 <= fractions[0] < 0.9
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


def test_of_a_stream_no_fraction_is_known():
    with opened(io.BytesIO(b"text\na dog\n"), 9) as (table, chunks):
        assert sum(chunks) == 1
        assert table.position() is None
