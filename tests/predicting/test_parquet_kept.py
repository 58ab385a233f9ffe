"""Parquet keeps types, nested columns and nulls, and becomes JSON."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dog_classifier import label_file, read_rows
from hypothesis import given, settings
from hypothesis import strategies as st

kinds = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint8(): st.integers(0, 255),
    pa.float32(): st.floats(width=32, allow_nan=False),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    pa.large_string(): st.text("ab", max_size=5),
    pa.binary(): st.binary(max_size=5),
    pa.date32(): st.dates(),
    pa.timestamp("ns", "UTC"): st.integers(-(2**62), 2**62),
    pa.decimal128(20, 2): st.decimals(-1000, 1000, places=2),
    pa.dictionary(pa.int32(), pa.string()): st.sampled_from(["x", "y"]),
    pa.list_(pa.struct([("a", pa.int32()), ("b", pa.string())])): st.lists(
        st.fixed_dictionaries({"a": st.integers(0, 9) | st.none(), "b": st.text("é", max_size=2)}),
        max_size=2,
    ),
    pa.map_(pa.string(), pa.int16()): st.lists(
        st.tuples(st.text("k", min_size=1), st.just(1)), max_size=1
    ),
}


@st.composite
def tables(draw):
    count = draw(st.integers(0, 6))
    chosen = draw(st.lists(st.sampled_from(list(kinds)), max_size=4, unique=True))
    columns = {
        f"c{place}": pa.array(
            draw(st.lists(st.none() | kinds[kind], min_size=count, max_size=count)), kind
        )
        for place, kind in enumerate(chosen)
    }
    return pa.table({**columns, "text": pa.array(["a dog"] * count, pa.string())})


@settings(deadline=None, max_examples=60)
@given(table=tables(), groups=st.integers(1, 4))
def test_parquet_keeps_types_and_values(table, groups):
    with tempfile.TemporaryDirectory() as folder:
        source, written = Path(folder, "rows.parquet"), Path(folder, "labelled.parquet")
        pq.write_table(table, source, row_group_size=groups)
        label_file(source, written)
        labelled = pq.read_table(written)
    kept = labelled.select(table.column_names)
    assert kept.schema.equals(table.schema)
    assert kept.equals(table)
    assert labelled["predicted_category"].to_pylist() == ["dogs"] * len(table)


def test_parquet_keeps_what_its_writer_noted(tmp_path):
    noted = pa.schema([pa.field("text", pa.string(), metadata={"unit": "words"})], {"by": "us"})
    pq.write_table(pa.table({"text": ["a dog"]}, schema=noted), tmp_path / "rows.parquet")
    label_file(tmp_path / "rows.parquet", tmp_path / "labelled.parquet")
    schema = pq.read_schema(tmp_path / "labelled.parquet")
    assert schema.metadata[b"by"] == b"us"
    assert schema.field("text").metadata[b"unit"] == b"words"


def test_parquet_may_hold_columns_of_one_name(tmp_path):
    table = pa.table([["a dog"], ["1"], ["2"]], names=["text", "x", "x"])
    pq.write_table(table, tmp_path / "rows.parquet")
    label_file(tmp_path / "rows.parquet", tmp_path / "labelled.parquet")
    assert pq.ParquetFile(tmp_path / "labelled.parquet").read().columns[:3] == table.columns


@pytest.mark.parametrize(
    ("column", "literal"),
    [
        (pa.array([2**64 - 1], pa.uint64()), "18446744073709551615"),
        (pa.array([0.1], pa.float32()), "0.1"),
        (pa.array([float("nan")]), "null"),
        (pa.array([float("-inf")]), "null"),
        (pa.array([None], pa.string()), "null"),
        (pa.array([b"\xff\x00"]), '"/wA="'),
        (pa.array([1], pa.timestamp("ns")), '"1970-01-01 00:00:00.000000001"'),
        (pa.array(["x"]).dictionary_encode(), '"x"'),
        (pa.array([{"a": [1, None]}]), '{"a": [1, null]}'),
        (pa.array([[float("nan")]]), "[null]"),
        (pa.nulls(1), "null"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value.type),
)
def test_values_of_parquet_as_json(tmp_path, column, literal):
    pq.write_table(pa.table({"text": ["a dog"], "x": column}), tmp_path / "rows.parquet")
    label_file(tmp_path / "rows.parquet", tmp_path / "labelled.jsonl")
    line = (tmp_path / "labelled.jsonl").read_text(encoding="utf-8")
    assert line.startswith(f'{{"text": "a dog", "x": {literal}, "predicted_category"')


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a dog", "tom", None]),
        pa.array(["a dog", "tom", None], pa.large_string()),
        pa.array(["a dog", "tom", None], pa.string_view()),
        pa.array([b"a dog", b"tom", None]),
        pa.array(["a dog", "tom", None]).dictionary_encode(),
    ],
    ids=lambda column: str(column.type),
)
def test_texts_of_parquet_may_be_of_any_type_of_text(tmp_path, column):
    pq.write_table(pa.table({"text": column}), tmp_path / "rows.parquet")
    label_file(tmp_path / "rows.parquet", tmp_path / "labelled.jsonl")
    rows = read_rows(tmp_path / "labelled.jsonl")
    assert [row["predicted_category"] for row in rows] == ["dogs", "cats", None]
