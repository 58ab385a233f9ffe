"""The same rows are read from every format, so that a study does not depend on it."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ecomcat.config import DataConfig
from ecomcat.data.header import LABEL, TEXT
from ecomcat.data.reading import read_labelled
from ecomcat.errors import UserError
from tests.data.table_material import write_table

ROWS = [("A red ball, round", "Toys"), ('A "novel"\nof two lines', "Books"), ("Öl", "NA")]
FORMATS = ["a.csv", "a.tsv", "a.jsonl", "a.ndjson", "a.jsonl.gz", "a.parquet", "a.PQ", "a.xlsx"]


def read_rows(path: Path, **options: Any) -> list[tuple[str, str]]:
    columns = {"text_column": "body", "label_column": "shop"}
    frame, _ = read_labelled(path, DataConfig(**{**columns, **options}))
    assert list(frame.columns) == [TEXT, LABEL]
    return list(zip(frame[TEXT], frame[LABEL], strict=True))


def objects(rows: Sequence[tuple[Any, Any]] = ROWS) -> list[dict[str, Any]]:
    return [{"id": number, "shop": shop, "body": body} for number, (body, shop) in enumerate(rows)]


@pytest.mark.parametrize("name", FORMATS)
def test_named_columns_give_texts_and_labels(tmp_path, caplog, name):
    path = write_table(tmp_path / name, objects())
    with caplog.at_level(logging.INFO, "ecomcat"):
        assert read_rows(path) == ROWS
    assert "text from column body, label from column shop" in caplog.text
    assert read_rows(path, text_column="shop,body", label_column=0)[0] == (
        "\x1eshop\x1f Toys \x1ebody\x1f A red ball, round",
        "0",
    )


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([True, False], ["True", "False"]),
        ([1, 2], ["1", "2"]),
        ([2.5, 0.1], ["2.5", "0.1"]),
        (["01", "1.0"], ["01", "1.0"]),
        (["NA", "null"], ["NA", "null"]),
        (["None", "1e5"], ["None", "1e5"]),
        (["True", ""], ["True", ""]),
    ],
    ids=str,
)
def test_labels_are_written_the_same_in_every_format(tmp_path, name, values, expected):
    path = write_table(tmp_path / name, objects([("text", value) for value in values]))
    assert [label for _, label in read_rows(path)] == expected


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (pa.array(["Toys", "Books", None]).dictionary_encode(), ["Toys", "Books", ""]),
        (pa.array([1, 2, None], pa.int8()), ["1", "2", ""]),
        (pa.array([True, False, None]), ["True", "False", ""]),
        (pa.array([1.0, 0.1, None]), ["1.0", "0.1", ""]),
        (pa.array([b"Toys", "Öl".encode(), None]), ["Toys", "Öl", ""]),
        (pa.array(["a", "b", None], pa.large_string()), ["a", "b", ""]),
        (pa.array(["a", "b", None], pa.string_view()), ["a", "b", ""]),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_labels_of_parquet_may_be_of_any_plain_type(tmp_path, labels, expected):
    path = tmp_path / "a.parquet"
    table = pa.table({"vector": [[0.5]] * 3, "shop": labels, "body": ["x", "y", "z"]})
    pq.write_table(table, path)
    assert [label for _, label in read_rows(path)] == expected


def test_names_of_classes_that_hugging_face_notes_are_labels(tmp_path):
    noted = {"info": {"features": {"shop": {"names": ["Toys", "Books"], "_type": "ClassLabel"}}}}
    schema = pa.schema(
        [("body", pa.string()), ("shop", pa.int64())], {"huggingface": json.dumps(noted)}
    )
    table = pa.table({"body": ["x", "y", "z"], "shop": [1, 0, -1]}, schema=schema)
    pq.write_table(table, tmp_path / "a.parquet")
    assert read_rows(tmp_path / "a.parquet") == [("x", "Books"), ("y", "Toys"), ("z", "")]


def test_an_index_that_a_data_frame_wrote_is_no_column(tmp_path):
    frame = pd.DataFrame({"category": ["Toys", "Books"], "description": ["A ball", "A novel"]})
    frame.to_csv(tmp_path / "a.csv")
    frame.rename_axis("__index_level_0__").reset_index().to_parquet(tmp_path / "a.parquet")
    for name in ("a.csv", "a.parquet"):
        found = read_rows(tmp_path / name, text_column=None, label_column=None)
        assert found == [("A ball", "Toys"), ("A novel", "Books")]


def test_what_a_line_lacks_is_empty_and_what_it_has_besides_is_passed_over(tmp_path):
    values = [*objects(), {"body": None, "shop": "Toys"}, {"shop": "Toys"}, {"body": "x"}]
    found = read_rows(
        write_table(tmp_path / "a.jsonl", values * 400 + [{**objects()[0], "new": 1}])
    )
    assert found[3:6] == [("", "Toys"), ("", "Toys"), ("x", "")]
    assert found[-1] == ROWS[0]


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a"])
@pytest.mark.parametrize("kind", ["jsonl", "parquet", "xlsx"])
def test_a_format_is_known_by_what_the_file_holds(tmp_path, name, kind):
    path = write_table(tmp_path / f"b.{kind}", objects()).rename(tmp_path / name)
    assert read_rows(path) == ROWS


def test_of_columns_of_one_name_a_position_takes_the_right_one(tmp_path):
    columns = [pa.array([text]) for text in ("first", "Toys", "third")]
    pq.write_table(pa.Table.from_arrays(columns, names=["x", "y", "x"]), tmp_path / "a.parquet")
    (tmp_path / "a.csv").write_text("x,y,x\nfirst,Toys,third\n")
    for name in ("a.parquet", "a.csv"):
        read = read_rows(tmp_path / name, text_column=2, label_column=1, header=True)
        assert read == [("third", "Toys")]


def test_a_workbook_has_sheets(tmp_path, caplog):
    with pd.ExcelWriter(tmp_path / "a.xlsx") as book:
        for sheet, body in (("first", "x"), ("second", "y")):
            pd.DataFrame(objects([(body, "Toys")])).to_excel(book, sheet_name=sheet, index=False)
    assert read_rows(tmp_path / "a.xlsx") == [("x", "Toys")]
    assert "'first', is read. For another one set data.member=NAME" in caplog.text
    assert read_rows(tmp_path / "a.xlsx", member="second") == [("y", "Toys")]
    with pytest.raises(UserError, match=r"expected a sheet 'third'.*first, second"):
        read_rows(tmp_path / "a.xlsx", member="third")


@pytest.mark.parametrize(
    ("name", "content", "fragments"),
    [
        ("a.jsonl", "", ("a.jsonl", "empty file")),
        ("a.jsonl", '{"title": "x", "shop": "y"}\n', ("a.jsonl", "'body'", "title", "'shop'.")),
        ("a.jsonl", "{}\n{}\n", ("a.jsonl: expected columns and rows, found none",)),
        ("a.parquet", "PAR1", ("a.parquet", "expected a whole Parquet file")),
        ("b.parquet", None, ("b.parquet", "no such file")),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, name, content, fragments):
    path = tmp_path / name
    if content is not None:
        path.write_text(content, "utf-8")
    with pytest.raises(UserError) as refused:
        read_rows(path)
    assert all(fragment in str(refused.value) for fragment in fragments), refused.value


@pytest.mark.parametrize("column", ["body", "shop"])
def test_lists_in_parquet_are_refused(tmp_path, column):
    path = write_table(tmp_path / "a.parquet", [{**objects()[0], column: ["x"]}])
    with pytest.raises(UserError, match=f"expected a column of texts, found '{column}'"):
        read_rows(path)


def test_excel_needs_its_package(tmp_path, monkeypatch):
    path = write_table(tmp_path / "a.xlsx", objects())
    monkeypatch.setattr("ecomcat.process.is_installed", lambda package: package != "openpyxl")
    with pytest.raises(UserError, match=r'pip install "ecomcat\[excel\]"'):
        read_rows(path)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"label": "Toys", "text": "a ball \ud83d"}, ("a ball ?", "Toys")),
        ({"label": "Toys\udfff", "text": "a ball"}, ("a ball", "Toys?")),
        ({"label": "Toys 😀", "text": "a 😀"}, ("a 😀", "Toys 😀")),
    ],
    ids=["text", "label", "whole"],
)
def test_halves_of_characters_are_read_as_question_marks(tmp_path, row, expected):
    path = tmp_path / "rows.jsonl"
    path.write_text(f"{json.dumps(row)}\n" * 2, encoding="ascii")
    assert read_rows(path, text_column="text", label_column="label") == [expected] * 2
