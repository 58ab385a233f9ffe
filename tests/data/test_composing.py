"""Rows of tables, DataFrames and objects as the same texts."""

from __future__ import annotations

import logging
import math
from contextlib import nullcontext
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecomcat.config import DataConfig, ReadingConfig
from ecomcat.data.columns import find_text_columns
from ecomcat.data.composing import RowTexts, composed, texts_of_rows
from ecomcat.data.dataset import load_dataset
from ecomcat.data.header import Head
from ecomcat.data.reading import open_table
from ecomcat.data.sources import frame_rows, load_labelled_rows
from ecomcat.errors import UserError
from ecomcat.text.fields import Fields, shown, split_fields

OFFERS = """title,brand,Price,shop,kind
A red ball,Acme,"1.299,00 €",1,Toys
"Ball, blue",,n/a,2,Toys
?!,Bolt,12 kg,2,Toys
,,,,Toys
"""
KEYS = {
    "text_column": "title",
    "label_column": "kind",
    "category_columns": ["brand", "shop"],
    "number_columns": ["price"],
}
READ = [
    "[brand:Acme] [shop:1] [price:1299] A red ball",
    "[shop:2] Ball, blue",
    "[brand:Bolt] [shop:2] [price:12] ?!",
    "",
]
FIELDS = Fields(("title",), ("brand", "shop"), ("Price",))


@pytest.fixture
def offers(tmp_path: Path) -> Path:
    path = tmp_path / "offers.csv"
    path.write_text(OFFERS, encoding="utf-8")
    return path


def test_a_part_that_names_its_columns_otherwise_is_read_as_train_is(tmp_path: Path) -> None:
    rows = "red ball,of wood,Acme,7,Toys\n"
    (tmp_path / "train.csv").write_text(rows, encoding="utf-8")
    (tmp_path / "test.csv").write_text(f"title,more,brand,price,kind\n{rows}", encoding="utf-8")
    keys = {"text_column": [0, 1], "category_columns": [2], "number_columns": [3]}
    paths = {"path": str(tmp_path / "train.csv"), "test_path": str(tmp_path / "test.csv")}
    found = load_labelled_rows(DataConfig(**keys, **paths, label_column=4)).frame["text"]
    assert list(map(shown, found)) == ["[2:Acme] [3:7] [0] red ball [1] of wood"] * 2


def test_files_frames_and_objects_are_read_as_the_same(offers: Path, caplog: Any) -> None:
    rows = load_labelled_rows(DataConfig(path=str(offers), **KEYS))
    assert (list(map(shown, rows.frame["text"])), rows.fields) == (READ, FIELDS)
    assert caplog.text.count("Column 'Price': 2 of 4 cells") == 1
    assert "'n/a' (1)" in caplog.text
    frame = pd.read_csv(offers)
    assert [*frame_rows(frame, DataConfig(**KEYS)).frame["text"]] == [*rows.frame["text"]]
    unlabelled = frame.drop(columns="kind").set_axis([7, 8, 9, 10])
    texts, index = texts_of_rows(unlabelled, FIELDS)
    assert (texts, [*index]) == ([*rows.frame["text"]], [7, 8, 9, 10])
    objects = [
        {"TITLE": "A red ball", "brand": "Acme", "price": 1299.0, "shop": 1},
        {"title": "Ball, blue", "shop": 2, "price": None},
        {"title": "?!", "brand": "Bolt", "shop": "2.0", "Price": "12"},
        {},
    ]
    assert [*map(shown, composed(objects, FIELDS))] == READ


@pytest.mark.parametrize("nothing", [None, math.nan, pd.NA, pd.NaT, Decimal("nan"), ""])
def test_a_series_and_a_list_may_hold_texts_objects_and_nothing(nothing: Any) -> None:
    rows = ["A ball", {"title": "B", "brand": "Acme", "price": nothing}, nothing]
    texts, index = texts_of_rows(pd.Series(rows, index=[3, 4, 5], dtype=object), FIELDS)
    assert [*map(shown, texts)] == ["A ball", "[brand:Acme] B", ""]
    assert index is not None and [*index] == [3, 4, 5]
    assert texts_of_rows(rows, FIELDS)[0] == texts


@pytest.mark.parametrize("kind", ["string[python]", "string[pyarrow]", "str", object])
def test_the_values_of_a_series_are_read_as_the_series_is(kind: Any) -> None:
    rows = pd.Series(["A ball", pd.NA], dtype=kind)
    for each in (rows, list(rows), rows.to_numpy(object)):
        assert texts_of_rows(each, FIELDS)[0] == ["A ball", ""]


def test_tables_of_other_libraries_are_read_as_those_of_pandas() -> None:
    table = pa.table({"title": ["A ball", None], "brand": ["Acme", ""], "shop": ["1", "1"]})
    table = table.append_column("Price", pa.array([9.5, None]))
    expected = texts_of_rows(table.to_pandas(), FIELDS)[0]
    assert texts_of_rows(table, FIELDS)[0] == expected
    assert "brand:Acme" in shown(expected[0])
    assert texts_of_rows(table["title"], FIELDS)[0] == ["A ball", ""]


@pytest.mark.parametrize(
    "rows",
    [
        *([], np.array([]), pd.DataFrame(), pd.DataFrame(columns=["title", *"xyz"])),
        *(pd.Series([], dtype=kind) for kind in (object, float, "string", "string[pyarrow]")),
    ],
)
@pytest.mark.parametrize("fields", [Fields(("title",)), Fields(("title", "x"), ("y",), ("z",))])
def test_of_nothing_there_are_no_texts(rows: Any, fields: Fields) -> None:
    assert texts_of_rows(rows, fields)[0] == []


def test_a_text_alone_is_one_of_the_first_column(caplog: Any) -> None:
    fields = Fields(("title", "details"), ("brand",))
    assert [*map(shown, composed(["A ball"], fields))] == ["[title] A ball"]
    assert texts_of_rows(["A ball", {"title": "B"}], fields)[0][1] == "\x1etitle\x1f B"
    assert caplog.text.count("Texts without fields: 1. Each is read as the column 'title'") == 1


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"titel": "A ball"}], "found 'titel'. Did you mean 'title'?"),
        (
            pd.DataFrame({"title": ["A ball"]}),
            r"shop, Price\), found title, not one 'brand', 'shop', 'Price'\. Add",
        ),
        (pd.DataFrame([["x"] * 5], columns=["title", "brand", "Brand ", "shop", "price"]), None),
        (
            pd.DataFrame([["x"] * 5], columns=["title", "brand", "brand", "shop", "price"]),
            "'brand'",
        ),
        (pd.Series(["A ball", "Acme"], index=["Title", "kind"]), r"'title'.*frame\.iloc\[\[0\]\]"),
        (pd.Series(["A ball"], index=["brand"]), None),
        ([["A ball"], ("A", "ball"), "A ball"], "found list in text 0, tuple in text 1. Join"),
        ([["A ball"]] * 7, "list in text 4 and 2 more"),
        (pd.Series([{"A ball"}], index=[7]), "set in text 0"),
        ([{"title": "A ball"}, {"title": ["A", "ball"]}], "list in 'title' of text 1"),
        ([np.array(["A ball"])], "ndarray in text 0"),
        (
            pd.DataFrame([["x", [1]] * 2], columns=["title", "brand", "shop", "price"]),
            "found list in 'brand' of row 0, list in 'price' of row 0",
        ),
        (np.array([["A ball", "Acme"]]), r"found ndarray of shape \(1, 2\)\. Give"),
        (np.array("A ball"), r"found ndarray of shape \(\)"),
        (None, "found NoneType"),
        (b"A ball", "found bytes"),
    ],
)
def test_what_the_model_cannot_read_is_refused(rows: Any, message: str | None) -> None:
    refused = nullcontext() if message is None else pytest.raises(UserError, match=message)
    with refused:
        texts_of_rows(rows, FIELDS)


def labelled(path: Path, fields: Fields, **reading: Any) -> list[str]:
    with open_table(path, ReadingConfig(**reading)) as table:
        columns = find_text_columns(table.head, reading.get("text_column"), fields)
        texts_of_chunk = RowTexts(columns)
        return [
            shown(text)
            for chunk in table.chunks(columns, 2)
            for text in texts_of_chunk(chunk.frame)
        ]


def test_a_file_that_is_labelled_has_the_columns_of_training_by_name(offers: Path) -> None:
    assert labelled(offers, FIELDS) == READ
    other = labelled(offers, FIELDS, text_column="kind")
    assert other[1] == "[shop:2] Toys"
    two = Fields(("title", "kind"), ("brand",))
    assert labelled(offers, two)[0] == "[brand:Acme] [title] A red ball [kind] Toys"
    assert labelled(offers, two, text_column="title")[0] == "[brand:Acme] [title] A red ball"
    unnamed = offers.with_name("unnamed.csv")
    unnamed.write_text(OFFERS.split("\n", 1)[1], encoding="utf-8")
    places = Fields((0,), (1, 3), (2,))
    found = labelled(unnamed, places, text_column=0, header="false")
    assert found[0] == "[1:Acme] [3:1] [2:1299] A red ball"


@pytest.mark.parametrize(
    ("rows", "messages"),
    [
        (
            [["title", "kind"], ["A ball", "Toys"]],
            ["no 'brand', 'shop', 'Price'", "Rename the columns in"],
        ),
        ([["title"], ["A ball"]], ["no 'brand', 'shop', 'Price'"]),
        ([["title", "brand", "price"], ["A ball", "Acme", "1"]], ["found no 'shop' among"]),
    ],
)
def test_a_file_without_them_is_refused_with_their_names(rows: Any, messages: list[str]) -> None:
    with pytest.raises(UserError) as caught:
        find_text_columns(Head("shop.csv", rows), None, FIELDS)
    assert all(message in str(caught.value) for message in messages)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"category_columns": ["kind"]},
            "data.category_columns and .*found column 'kind' more than",
        ),
        ({"number_columns": "title"}, "data.number_columns, found column 'title' more"),
        ({"category_columns": ["colour"]}, r"'colour' \(data.category_columns\)"),
        ({"number_columns": [1.5]}, "data.number_columns: expected a column's name"),
    ],
)
def test_columns_that_are_not_there_or_used_otherwise_are_refused(
    offers: Path, keys: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        load_labelled_rows(DataConfig(path=str(offers), **{**KEYS, **keys}))


def test_a_column_of_numbers_without_any_is_said_and_read_as_missing(caplog: Any) -> None:
    frame = pd.DataFrame({"kind": ["a", "b"], "title": ["x", "y"], "price": ["ask", "call us"]})
    with caplog.at_level(logging.WARNING):
        rows = frame_rows(frame, DataConfig(number_columns=["price"]))
    assert [*rows.frame["text"]] == ["x", "y"]
    assert "2 of 2 cells are empty or hold no single number" in caplog.text


def test_rows_that_differ_in_a_field_are_different_rows() -> None:
    frame = pd.DataFrame(
        {
            "title": ["A ball"] * 60,
            "brand": [f"b{n % 20}" for n in range(60)],
            "price": [str(n % 30) for n in range(60)],
            "kind": ["even" if n % 2 else "odd" for n in range(60)],
        }
    )
    data = DataConfig(text_column="title", label_column="kind", category_columns="brand")
    assert len(load_dataset(data, 1, frame_rows(frame, data)).texts) == 20
    data.number_columns = ["price"]
    assert len(load_dataset(data, 1, frame_rows(frame, data)).texts) == 60


ORDERS = ([], ["brand"], ["price"], ["brand", "price"])


@given(
    st.dictionaries(
        st.sampled_from(["title", "Brand", "price"]), st.text() | st.floats() | st.none()
    )
)
def test_of_an_object_of_any_values_each_is_in_its_place(row: dict[str, Any]) -> None:
    fields = Fields(("title",), ("brand",), ("price",))
    words, title = split_fields(composed([row], fields)[0])
    assert [word[1:].partition("=")[0] for word in words] in ORDERS
    assert title.strip() == composed([row.get("title")], fields)[0].strip()
