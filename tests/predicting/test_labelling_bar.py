"""How much of an input has been read, which the bar of `predict` shows."""

from __future__ import annotations

import gzip
import io

import pytest
from dog_classifier import write_rows

from ecomcat.config import PredictDataConfig
from ecomcat.rows.reading import open_input


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_the_fraction_grows_to_one(tmp_path, kind):
    rows = [{"text": f"a text of some length, number {n}"} for n in range(100_000)]
    source = write_rows(tmp_path / f"rows.{kind}", rows)
    with open_input(str(source), kind, PredictDataConfig(), reserved=()) as opened:
        opened.choose_text(["text"])
        fractions = [opened.fraction_read() for _ in opened.batches(10_000)]
        fractions.append(opened.fraction_read())
    assert 0 <= fractions[0] < 0.9
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


def test_a_packed_file_counts_as_it_is_stored(tmp_path):
    source = tmp_path / "rows.csv.gz"
    source.write_bytes(gzip.compress(b"text\n" + b"a dog\n" * 1000))
    with open_input(str(source), "csv", PredictDataConfig(), reserved=()) as opened:
        opened.choose_text(["text"])
        assert sum(map(len, opened.batches(100))) == 1000
        assert opened.fraction_read() == 1


def test_of_a_stream_no_fraction_is_known(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"text\na dog\n")))
    with open_input("-", "csv", PredictDataConfig(), reserved=()) as opened:
        opened.choose_text(["text"])
        assert opened.fraction_read() is None
