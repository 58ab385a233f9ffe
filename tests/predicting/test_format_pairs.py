"""Rows in are rows out, in order, with their columns, from any format to any other."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dog_classifier import CAT, DOG, label_file, read_rows, write_rows
from hypothesis import given, settings
from hypothesis import strategies as st

ENDINGS = (".csv", ".tsv", ".jsonl", ".parquet")
READ_BACK = (*ENDINGS, ".csv.gz", ".jsonl.gz")
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


@pytest.mark.parametrize("output", [".jsonl", ".parquet"])
def test_columns_without_a_header_are_named_by_their_positions(tmp_path, output):
    (tmp_path / "rows.csv").write_text("1,a dog\n2,a cat\n", encoding="utf-8")
    written = tmp_path / f"labelled{output}"
    label_file(tmp_path / "rows.csv", written, data={"text_column": 1, "header": False})
    assert [(row["0"], row["1"]) for row in read_rows(written)] == [("1", "a dog"), ("2", "a cat")]


@pytest.mark.parametrize(
    ("source", "output", "line"),
    [
        ("rows.csv", "labelled.csv", "1;a dog;dogs;0.7500"),
        ("rows.csv", "labelled.tsv", "1\ta dog\tdogs\t0.7500"),
        ("rows.txt", "labelled.txt", "1;a dog;dogs;0.7500"),
        ("rows.txt", "labelled", "1;a dog;dogs;0.7500"),
    ],
)
def test_csv_keeps_its_own_delimiter(tmp_path, source, output, line):
    (tmp_path / source).write_text("id;text\n1;a dog\n", encoding="utf-8")
    label_file(tmp_path / source, tmp_path / output)
    assert (tmp_path / output).read_text(encoding="utf-8").splitlines()[1] == line


def test_tsv_becomes_csv_with_commas(tmp_path):
    (tmp_path / "rows.tsv").write_text("id\ttext\n1\ta dog\n", encoding="utf-8")
    label_file(tmp_path / "rows.tsv", tmp_path / "labelled.csv")
    assert read_rows(tmp_path / "labelled.csv")[0]["id"] == "1"


def test_a_packed_output_tells_neither_time_nor_temporary_name(tmp_path):
    for number in (1, 2):
        label_file(
            write_rows(tmp_path / "rows.csv", [{"text": "a dog"}]), tmp_path / f"{number}.csv.gz"
        )
    assert (tmp_path / "1.csv.gz").read_bytes() == (tmp_path / "2.csv.gz").read_bytes()


# CSV: cells are strings; many control characters would be binary data

letters = st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\r\n")
cells = st.lists(st.text(letters, max_size=8), min_size=2, max_size=2)


@settings(deadline=None, max_examples=50)
@given(rows=st.lists(cells, min_size=1, max_size=6), output=st.sampled_from(READ_BACK))
def test_whatever_a_csv_file_holds_comes_back(rows, output):
    table = [["text", "note"], *rows]
    with tempfile.TemporaryDirectory() as folder:
        source, written = Path(folder, "rows.csv"), Path(folder, f"labelled{output}")
        with source.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, quoting=csv.QUOTE_ALL).writerows(table)
        label_file(
            source, written, data={"encoding": "utf-8", "delimiter": "comma", "header": True}
        )
        assert [[row["text"], row["note"]] for row in read_rows(written)] == rows


# JSON lines: what stood there stands there, to the letter

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
    assert (row["tags"], row["new"], row["old"]) == ('["a", {"b": 1.0}]', "true", "")


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
        ("true 1", pa.string(), ["true", "1"]),
        ('["a"] {"b":[]}', pa.string(), ['["a"]', '{"b": []}']),
    ],
)
def test_a_column_of_parquet_has_the_type_that_its_members_share(tmp_path, members, kind, column):
    lines = [f'{{"text": "a dog", "x": {member}}}\n' for member in members.split()]
    (tmp_path / "rows.jsonl").write_text("".join(lines), encoding="utf-8")
    label_file(tmp_path / "rows.jsonl", tmp_path / "labelled.parquet", batch_rows=1)
    table = pq.read_table(tmp_path / "labelled.parquet")
    assert (table.schema.field("x").type, table["x"].to_pylist()) == (kind, column)


# Parquet: types, nested columns and nulls

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
