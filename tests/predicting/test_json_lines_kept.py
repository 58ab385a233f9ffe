"""JSON lines stand there to the letter, and become cells and columns of other formats."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dog_classifier import label_file, read_rows
from hypothesis import given, settings
from hypothesis import strategies as st

plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
values = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
objects = st.dictionaries(st.sampled_from(["id", "a", "é", ""]), values, max_size=4)


@settings(deadline=None, max_examples=50)
@given(
    rows=st.lists(objects, min_size=1, max_size=6),
    indented=st.booleans(),
    escaped=st.booleans(),
)
def test_json_lines_keep_every_letter(rows, indented, escaped):
    separators = (" , ", " : ") if indented else (",", ":")
    lines = [
        json.dumps({**row, "text": "a dog"}, ensure_ascii=escaped, separators=separators)
        .encode("utf-8", "backslashreplace")
        .decode()
        for row in rows
    ]
    with tempfile.TemporaryDirectory() as folder:
        source, written = Path(folder, "rows.jsonl"), Path(folder, "labelled.jsonl")
        source.write_text("\n".join(lines), encoding="utf-8")
        label_file(source, written)
        labelled = written.read_text(encoding="utf-8").split("\n")[:-1]
    assert [line.partition(', "predicted_category"')[0] for line in labelled] == [
        line.removesuffix("}").rstrip() for line in lines
    ]
    assert all(json.loads(line)["predicted_category"] == "dogs" for line in labelled)


def test_numbers_of_json_keep_their_digits(tmp_path):
    line = '{"text":"a dog","id":123456789012345678901234567890,"price":1.10,"mass":1E-7}'
    (tmp_path / "rows.jsonl").write_text(line + "\n", encoding="utf-8")
    for ending in (".jsonl", ".csv"):
        label_file(tmp_path / "rows.jsonl", tmp_path / f"labelled{ending}")
    assert (tmp_path / "labelled.jsonl").read_text().startswith(line[:-1])
    assert list(csv.reader(io.StringIO((tmp_path / "labelled.csv").read_text())))[1][1:4] == [
        "123456789012345678901234567890",
        "1.10",
        "1E-7",
    ]


def test_an_object_without_members_gets_some(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"text":"a dog"}\n{ }\n', encoding="utf-8")
    label_file(tmp_path / "rows.jsonl", tmp_path / "labelled.jsonl")
    assert read_rows(tmp_path / "labelled.jsonl")[1] == {
        "predicted_category": None,
        "confidence": None,
        "reason": "no text",
    }


def test_lists_and_objects_are_json_in_a_cell_and_null_is_nothing(tmp_path):
    (tmp_path / "rows.jsonl").write_text(
        '{"text": "a dog", "tags": ["a", {"b": 1.0}], "new": true, "old": null}\n', encoding="utf-8"
    )
    label_file(tmp_path / "rows.jsonl", tmp_path / "labelled.csv")
    row = read_rows(tmp_path / "labelled.csv")[0]
    assert (row["tags"], row["new"], row["old"]) == ('["a", {"b": 1.0}]', "True", "")


def test_the_columns_are_the_members_of_the_first_lines(tmp_path):
    lines = ['{"text": "a dog"}', '{"id": 7}', '{"text": "a cat", "id": 8}']
    (tmp_path / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    label_file(tmp_path / "rows.jsonl", tmp_path / "labelled.csv")
    rows = read_rows(tmp_path / "labelled.csv")
    assert [(row["text"], row["id"]) for row in rows] == [("a dog", ""), ("", "7"), ("a cat", "8")]


def test_lone_surrogates_stay_as_json_escapes_them(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"text": "a dog \\ud800"}\n', encoding="utf-8")
    for ending in (".jsonl", ".csv", ".parquet"):
        label_file(tmp_path / "rows.jsonl", tmp_path / f"labelled{ending}")
    assert '"a dog \\ud800"' in (tmp_path / "labelled.jsonl").read_text()
    for ending in (".csv", ".parquet"):
        assert read_rows(tmp_path / f"labelled{ending}")[0]["text"] == "a dog \\ud800"


@pytest.mark.parametrize(
    ("members", "kind", "column"),
    [
        ("1 -9223372036854775808", pa.int64(), [1, -(2**63)]),
        ("1 2.5", pa.float64(), [1.0, 2.5]),
        ("1 null", pa.int64(), [1, None]),
        ("true false", pa.bool_(), [True, False]),
        ('"a" null', pa.string(), ["a", None]),
        ("null null", pa.string(), [None, None]),
        ("1 9223372036854775808", pa.string(), ["1", "9223372036854775808"]),
        ("9007199254740993 0.5", pa.string(), ["9007199254740993", "0.5"]),
        ('1 "a"', pa.string(), ["1", "a"]),
        ("true 1", pa.string(), ["True", "1"]),
        ('["a"] {"b":[]}', pa.string(), ['["a"]', '{"b": []}']),
    ],
)
def test_a_column_of_parquet_has_the_type_that_its_members_share(tmp_path, members, kind, column):
    lines = [f'{{"text": "a dog", "x": {member}}}\n' for member in members.split()]
    (tmp_path / "rows.jsonl").write_text("".join(lines), encoding="utf-8")
    label_file(tmp_path / "rows.jsonl", tmp_path / "labelled.parquet", batch_rows=1)
    table = pq.read_table(tmp_path / "labelled.parquet")
    assert (table.schema.field("x").type, table["x"].to_pylist()) == (kind, column)
