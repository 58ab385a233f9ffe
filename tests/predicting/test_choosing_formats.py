"""Which format a file is read and written in."""

from __future__ import annotations

import importlib.util

import pytest

from ecomcat.data.formats import choose_formats
from ecomcat.errors import UserError


def chosen(source, output, input_format="auto", output_format="auto"):
    return choose_formats(source, output, input_format=input_format, output_format=output_format)


@pytest.mark.parametrize(
    ("source", "output", "formats"),
    [
        ("a.csv", "b.csv", ("csv", "csv")),
        ("a.CSV.GZ", "b.tsv.gz", ("csv", "tsv")),
        ("a.tab", "b.parquet", ("tsv", "parquet")),
        ("a.jsonl", "b.ndjson.gz", ("jsonl", "jsonl")),
        ("a.pq", "b.csv", ("parquet", "csv")),
        ("a.csv.zip", "b.csv", ("csv", "csv")),
        ("folder.parquet/a", "b", ("csv", "csv")),
        ("a.jsonl", "labelled", ("jsonl", "jsonl")),
        ("a.xlsx", "-", ("excel", "csv")),
        ("a.tsv.bz2", "b", ("tsv", "tsv")),
        ("-", "-", ("csv", "csv")),
        ("-", "b.jsonl", ("csv", "jsonl")),
        ("a.parquet", "-", ("parquet", "parquet")),
    ],
)
def test_the_ending_says_the_format(source, output, formats):
    assert chosen(source, output) == formats


@pytest.mark.parametrize(
    ("asked", "formats"),
    [
        (("jsonl", "auto"), ("jsonl", "csv")),
        (("parquet", "tsv"), ("parquet", "tsv")),
    ],
)
def test_what_the_user_says_goes_before_the_ending(asked, formats):
    assert chosen("a.csv", "b.csv", *asked) == formats


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        (("a", "b", "jsonlines"), ("input_format", "'jsonlines'", "Did you mean 'jsonl'?")),
        (("a", "b", "auto", "PARQET"), ("output_format", "Did you mean 'parquet'?")),
        (("a.json", "b.csv"), ("input", "input_format=jsonl", "jq -c '.[]'")),
        (("a.csv", "b.json"), ("output", "output_format=jsonl")),
        (("a.csv", "b.xlsx"), ("output", "'b.xlsx'", "not written", "b.csv instead")),
        (("a.csv", "b.xls"), ("output", "'b.xls'", ".parquet")),
        (("a.csv", "b.csv.zip"), ("b.csv.zip", "b.csv.gz")),
        (("a.csv", "b.parquet.gz"), ("compressed within", "b.parquet instead")),
    ],
    ids=lambda value: " ".join(value),
)
def test_what_is_not_known_is_answered_with_what_is(arguments, fragments):
    with pytest.raises(UserError) as refused:
        chosen(*arguments)
    assert all(fragment in str(refused.value) for fragment in fragments), refused.value


def test_excel_without_its_package_names_the_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: None)
    with pytest.raises(UserError, match=r'pip install "ecomcat\[excel\]"'):
        chosen("a.xlsx", "b.parquet")
    assert chosen("a.csv", "b.parquet") == ("csv", "parquet")
