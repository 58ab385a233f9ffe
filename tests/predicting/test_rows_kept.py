"""Rows in are rows out, in order, with their columns and cells, from any format to any other."""

from __future__ import annotations

import codecs
import csv
import json
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dog_classifier import CAT, DOG, ENDINGS, READ_BACK, label_file, read_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomcat.data.formats import choose_output_format
from ecomcat.errors import UserError
from tests.data.table_material import write_table

# Spreadsheets take some of these for formulas: they come back as they were.
AWKWARD = ["=1+1", "+a", "-b", '@ "c", too', "a\nb", "a\rb", "NUL\0", "", " ", "é😀", "NA", "1.10"]


@pytest.mark.parametrize("output", READ_BACK)
@pytest.mark.parametrize("source", ENDINGS)
def test_every_row_comes_back_in_its_place(tmp_path, source, output):
    rows = [
        {"id": f"{n:03}", "text": f"dog {n}" if n % 3 else f"tom {n}", "note": note}
        for n, note in enumerate(AWKWARD * 4)
    ]
    written = tmp_path / f"labelled{output}"
    label_file(write_table(tmp_path / f"rows{source}", rows), written, batch_rows=7)
    labelled = read_rows(written)
    assert [{name: row[name] for name in rows[0]} for row in labelled] == rows
    assert [(row["predicted_category"], float(row["confidence"])) for row in labelled] == [
        DOG if n % 3 else CAT for n in range(len(rows))
    ]


# Cells are strings; many control characters would be binary data.
letters = st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\r\n")
cells = st.lists(st.text(letters, max_size=8), min_size=2, max_size=2)


@settings(deadline=None, max_examples=25)
@given(rows=st.lists(cells, min_size=1, max_size=6), output=st.sampled_from(READ_BACK))
def test_whatever_a_csv_file_holds_comes_back(rows, output):
    with tempfile.TemporaryDirectory() as folder:
        source, written = Path(folder, "rows.csv"), Path(folder, f"labelled{output}")
        with source.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([["text", "note"], *rows])
        label_file(source, written, data={"encoding": "utf-8", "delimiter": ",", "header": True})
        assert [[row["text"], row["note"]] for row in read_rows(written)] == rows


ADDED = ",predicted_category,confidence\n"
DOGS, CATS = ",dogs,0.7500\n", ",cats,0.9000\n"
TABS = ("\tpredicted_category\tconfidence\n", "\tdogs\t0.7500\n")
IN_JSON = '"predicted_category": "dogs", "confidence": 0.75, "reason": null}\n'
NONE_IN_JSON = '"predicted_category": null, "confidence": null, "reason": "empty text"}\n'
NO_HEADER = {"text_column": 1, "header": False}
NUMBERS = '{"text":"a dog","x":[1.50],"y":1.10,"z":1E-7'
LONE = '{"text":"a dog \\ud800","n":123456789012345678901,"f":1.10,"new":true,"old":null}\n'


@pytest.mark.parametrize(
    ("source", "content", "data", "output", "expected"),
    [
        (".csv", '"a\rdog"\na cat\n', {}, ".csv", f'"a\rdog"{DOGS}a cat{CATS}'),
        (".csv", "\n\na dog\n\n!?", {"delimiter": "none"}, "", f",,\n,,\na dog{DOGS},,\n!?,,\n"),
        (".csv", "\n\ntext\n\na dog\n", {}, "", f"text{ADDED},,\na dog{DOGS}"),
        (".csv", "\n1,a dog\n\n2,x\n", {"text_column": 1}, "", f"1,a dog{DOGS}2,x{CATS}"),
        (".csv", "text\r\r\na dog\r\r\n", {}, "", f"text{ADDED}a dog{DOGS}"),
        (".csv", "text\n", {}, ".csv", f"text{ADDED}"),
        (".txt", "id;text\n1;a dog\n", {}, "", f"id;text{ADDED}1;a dog{DOGS}".replace(",", ";")),
        (".csv", "id;text\n1;a dog\n", {}, ".tsv", f"id\ttext{TABS[0]}1\ta dog{TABS[1]}"),
        (".tsv", "id\ttext\n1\ta dog\n", {}, ".csv", f"id,text{ADDED}1,a dog{DOGS}"),
        (".csv", "1,a dog\n", NO_HEADER, ".jsonl", f'{{"0": "1", "1": "a dog", {IN_JSON}'),
        (".jsonl", f"{NUMBERS}}}\n{{ }}\n", {}, "", f"{NUMBERS}, {IN_JSON}{{{NONE_IN_JSON}"),
        (
            ".jsonl",
            LONE + '{"tags":["a",{"b":1.0}]}\n',
            {},
            ".csv",
            f"text,n,f,new,old,tags{ADDED}"
            f"a dog \\ud800,123456789012345678901,1.10,True,,{DOGS}"
            ',,,,,"[""a"", {""b"": 1.0}]",,\n',
        ),
    ],
)
def test_what_becomes_of_a_file(tmp_path, source, content, data, output, expected):
    (tmp_path / f"rows{source}").write_bytes(content.encode())
    label_file(tmp_path / f"rows{source}", tmp_path / f"labelled{output}", data=data)
    assert (tmp_path / f"labelled{output}").read_bytes().decode() == expected


@pytest.mark.parametrize(
    ("encoding", "marked"),
    [("utf-8", False), ("utf-8-sig", True), ("utf-16", True), ("cp1252", False)],
)
def test_a_byte_order_mark_stays_so_that_a_spreadsheet_reads_utf_8(tmp_path, encoding, marked):
    (tmp_path / "rows.csv").write_text("id,text\n1,a dog\n2,Hündin\n", encoding=encoding)
    for ending in (".csv", ".jsonl"):
        label_file(tmp_path / "rows.csv", tmp_path / f"labelled{ending}")
    written = (tmp_path / "labelled.csv").read_bytes()
    assert written.startswith(codecs.BOM_UTF8) == marked
    assert written.decode("utf-8-sig").splitlines()[2].startswith("2,Hündin,")
    assert read_rows(tmp_path / "labelled.jsonl")[0]["id"] == "1"  # only a table takes the mark


@pytest.mark.parametrize(("column", "warned"), [("text", False), ("title", True), (None, False)])
def test_other_columns_than_in_training_are_warned_of(tmp_path, caplog, column, warned):
    source = write_table(tmp_path / "rows.csv", [{"title": "a dog", "text": "barks"}])
    label_file(source, tmp_path / "labelled.csv", data={"text_column": column})
    assert ("the model was trained on text" in caplog.text) == warned


def test_names_may_begin_with_a_tilde_and_a_packed_output_tells_neither_time_nor_name(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    write_table(Path("~rows of nobody.csv"), [{"text": "a dog"}])
    for number in (1, 2):
        label_file(Path("~rows of nobody.csv"), Path(f"~{number}.csv.gz"))
    assert Path("~1.csv.gz").read_bytes() == Path("~2.csv.gz").read_bytes()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
objects = st.dictionaries(st.sampled_from(["id", "a", "é", ""]), values, max_size=4)


@settings(deadline=None, max_examples=25)
@given(
    rows=st.lists(objects, min_size=1, max_size=6),
    separators=st.sampled_from([(" , ", " : "), (",", ":")]),
    escaped=st.booleans(),
)
def test_json_lines_keep_every_letter(rows, separators, escaped):
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


def test_json_becomes_strings_of_parquet(tmp_path):
    lines = ['{"text": "a dog \\ud800", "x": 1.10}', '{"text": "tom", "x": null, "y": ["a"]}']
    (tmp_path / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    label_file(tmp_path / "rows.jsonl", tmp_path / "labelled.parquet")
    columns = pq.read_table(tmp_path / "labelled.parquet").to_pydict()
    assert columns["text"] == ["a dog \\ud800", "tom"]
    assert (columns["x"], columns["y"]) == (["1.10", None], [None, '["a"]'])


kinds = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float32(): st.floats(width=32, allow_nan=False),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    pa.binary(): st.binary(max_size=5),
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


@settings(deadline=None, max_examples=30)
@given(table=tables(), groups=st.integers(1, 4))
def test_parquet_keeps_types_values_and_what_its_writer_noted(table, groups):
    table = table.replace_schema_metadata({"by": "us"})
    with tempfile.TemporaryDirectory() as folder:
        source, written = Path(folder, "rows.parquet"), Path(folder, "labelled.parquet")
        pq.write_table(table, source, row_group_size=groups)
        label_file(source, written)
        labelled = pq.read_table(written)
    original = labelled.select(table.column_names)
    assert original.schema.equals(table.schema)
    assert original.schema.metadata[b"by"] == b"us"
    assert original.equals(table)
    assert labelled["predicted_category"].to_pylist() == ["dogs"] * len(table)


def test_parquet_may_hold_columns_of_one_name(tmp_path):
    table = pa.table([["a dog"], ["1"], ["2"]], names=["text", "x", "x"])
    pq.write_table(table, tmp_path / "rows.parquet")
    label_file(tmp_path / "rows.parquet", tmp_path / "labelled.parquet")
    assert pq.ParquetFile(tmp_path / "labelled.parquet").read().columns[:3] == table.columns


@pytest.mark.parametrize(
    ("column", "literal"),
    [
        (pa.array([2**64 - 1], pa.uint64()), "18446744073709551615"),
        (pa.array([float("nan")]), "null"),
        (pa.array([float("-inf")]), "null"),
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
    ("source", "output", "asked", "written"),
    [
        ("a.CSV.GZ", "b.tsv.gz", (), "tsv"),
        ("a.tab", "b.parquet", (), "parquet"),
        ("a.jsonl", "b.ndjson.gz", (), "jsonl"),
        ("a.csv.zip", "b.csv", (), "csv"),
        ("folder.parquet/a", "b", (), "csv"),
        ("a.jsonl", "labelled", (), "jsonl"),
        ("a.xlsx", "-", (), "csv"),
        ("-", "b.jsonl", (), "jsonl"),
        ("a.pq", "-", (), "parquet"),
        ("a.csv", "-", ("jsonl", "auto"), "jsonl"),
        ("a.csv", "b.csv", ("parquet", "tsv"), "tsv"),
    ],
)
def test_endings_and_settings_say_the_format(source, output, asked, written):
    settings = dict(zip(("input_format", "output_format"), asked, strict=False))
    assert choose_output_format(source, output, **settings) == written


@pytest.mark.parametrize("output", ["b.xlsx", "b.csv.zip", "b.parquet.gz"])
def test_a_file_that_is_not_written_is_refused(output):
    with pytest.raises(UserError, match=rf"found '{output}'.* \.csv, \.jsonl\.gz or \.parquet"):
        choose_output_format("a.csv", output)
