"""Which columns hold the text and the label."""

from __future__ import annotations

import logging

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecomcat.config import DataConfig
from ecomcat.data.cells import join_texts
from ecomcat.data.columns import Trained, find_labelled_columns, find_text_columns
from ecomcat.data.header import Columns, Head
from ecomcat.errors import UserError
from ecomcat.text.fields import Fields

LONG = "A sturdy table of brown wood with four legs, for home and office alike"
PAIRS = [[label, LONG + str(i)] for i, label in enumerate(["Household", "Books", "Toys"] * 4)]
TRIPLES = [[str(i), *pair] for i, pair in enumerate(PAIRS, 5)]
LABEL_TEXT = [["label", "text"], *PAIRS]
SKU_LABEL_TEXT = [["sku", "Label", "Text"], *TRIPLES]
BOTH, LABELLED = Fields(("Text", "SKU")), Trained(Fields(("Text",)), labels=("SKU", "label"))
INDEXED = [["", "label", "text"], *([str(i), *pair] for i, pair in enumerate(PAIRS))]


def training(rows, text=None, label=None, header="auto") -> Columns:
    data = DataConfig(text_column=text, label_column=label)
    return find_labelled_columns(Head("shop.csv", rows, header), data)


def prediction(rows, text=None, trained_on=(), header="auto") -> Columns:
    return find_text_columns(Head("shop.csv", rows, header), text, Fields(tuple(trained_on)))


def flipped(rows):
    return [row[::-1] for row in rows]


def test_the_text_joins_what_is_not_blank_by_one_space_in_the_order_asked_for():
    cells = ["c\n", " a  b ", "", " \t", None, 1.5, True, ["x"], {"y": 1}, "of no use"]
    frame = pd.DataFrame([cells], dtype=object)
    assert join_texts(frame, [1, 0, *range(2, 9)]) == ["a  b c 1.5 True"]


@pytest.mark.parametrize(
    ("rows", "text", "label", "name"),
    [
        (PAIRS, 1, 0, None),
        (flipped(PAIRS), 0, 1, None),  # labels repeat, texts do not
        (LABEL_TEXT, 1, 0, "text"),
        ([["text", "label"], *flipped(PAIRS)], 0, 1, "text"),
        ([["Description", "Category"], *flipped(PAIRS)], 0, 1, "Description"),
        ([["description", "kategorie"], *flipped(PAIRS)], 0, 1, "description"),
        ([["titel", "label"], *flipped(PAIRS)], 0, 1, "titel"),
        ([["title", "text"], *PAIRS], 1, 0, "text"),
        ([["class", "label"], *PAIRS], 1, 0, "label"),
        ([["Kategorie", "Beschreibung"], *PAIRS], 1, 0, "Beschreibung"),
        (INDEXED, 2, 1, "text"),
        ([["Unnamed: 0", *row[1:]] if not row[0] else row for row in INDEXED], 2, 1, "text"),
    ],
)
def test_two_columns_are_label_and_text_unless_names_or_cells_say_otherwise(
    rows, text, label, name
):
    columns = training(rows)
    assert (columns.text, columns.label) == ((text,), (label,))
    assert columns.header == (None if name is None else tuple(rows[0]))
    assert columns.text_names == ((text if name is None else name),)


@pytest.mark.parametrize(
    ("rows", "text", "label", "expected", "names"),
    [
        (flipped(PAIRS), 0, None, ((0,), 1), (0,)),
        (PAIRS, "1", None, ((1,), 0), (1,)),
        (TRIPLES, [2, "0"], 1, ((2, 0), 1), (2, 0)),
        (SKU_LABEL_TEXT, "Text", "Label", ((2,), 1), ("Text",)),
        (SKU_LABEL_TEXT, " text ", "LABEL", ((2,), 1), ("Text",)),
        (SKU_LABEL_TEXT, "2", "1", ((2,), 1), ("Text",)),
        (SKU_LABEL_TEXT, ("sku", 2), "Label", ((0, 2), 1), ("sku", "Text")),
        (SKU_LABEL_TEXT, "Text,sku", "Label", ((2, 0), 1), ("Text", "sku")),
        (SKU_LABEL_TEXT, "text , sku", "Label", ((2, 0), 1), ("Text", "sku")),
        ([["a,b", "a", "b"], *TRIPLES], "a,b", "b", ((0,), 2), ("a,b",)),
        ([["text", "Text", "label"], *TRIPLES], "Text", "label", ((1,), 2), ("Text",)),
        (
            [["", "x", "x", "y"], *([*row, "z"] for row in TRIPLES)],
            [0, 1],
            "y",
            ((0, 1), 3),
            (0, 1),
        ),
        *(
            (SKU_LABEL_TEXT, Trained(BOTH, asked), "Label", ((2, 0), 1), ("Text", "sku"))
            for asked in (None, "sku,Text", ["SKU", "text"], [0, 2])
        ),
        (TRIPLES, Trained(Fields((2, 0)), [0, 2]), 1, ((0, 2), 1), (0, 2)),
        (SKU_LABEL_TEXT, LABELLED, None, ((2,), 0, 1), ("Text",)),
        (SKU_LABEL_TEXT, LABELLED, "Label", ((2,), 1), ("Text",)),
        (LABEL_TEXT, Trained(Fields(("text",)), labels=("kind",)), None, ((1,), 0), ("text",)),
        (LABEL_TEXT, Trained(Fields(("title",))), None, ((1,), 0), ("text",)),
        (PAIRS, Trained(Fields((1,))), None, ((1,), 0), (1,)),
        (SKU_LABEL_TEXT, "Text", ["Label", "sku"], ((2,), 1, 0), ("Text",)),
        (SKU_LABEL_TEXT, None, "sku,Label", ((2,), 0, 1), ("Text",)),
        (TRIPLES, None, [1, 0], ((2,), 1, 0), (2,)),
    ],
)
def test_columns_are_given_by_name_or_position(rows, text, label, expected, names):
    columns = training(rows, text, label)
    text_places, *label_places = expected
    assert (columns.text, columns.label) == (text_places, tuple(label_places))
    assert columns.text_names == names


@pytest.mark.parametrize(
    ("rows", "text", "label", "header", "messages"),
    [
        (TRIPLES, None, None, "auto", ["data.text_column and data.label_column", "3 columns"]),
        (TRIPLES, 2, None, "auto", ["data.label_column to be set", "1 (for example 'Household')"]),
        (SKU_LABEL_TEXT, None, "Label", "auto", ["data.text_column", "'sku', 'Label', 'Text'"]),
        ([["x"]], None, None, "auto", ["found 1 column:"]),
        (SKU_LABEL_TEXT, "Texd", "Label", "auto", ["'sku', 'Label', 'Text'", "mean 'Text'"]),
        (SKU_LABEL_TEXT, "text,colour", "Label", "auto", ["expected a column 'colour'"]),
        (PAIRS, "text", None, "auto", ["'Household'", "data.header=false says whether"]),
        (PAIRS, "text", None, "false", ["column 'text'", "data.header=true or"]),
        (PAIRS, 2, None, "auto", ["from 0 to 1", "column 2 (data.text_column)"]),
        (PAIRS, None, -1, "auto", ["from 0 to 1", "column -1 (data.label_column)"]),
        (PAIRS, 1, 1, "auto", ["expected different columns", "found column 1 more than once"]),
        (LABEL_TEXT, "text", "Text ", "auto", ["found column 'text' more than once"]),
        (TRIPLES, [2, 2], 1, "auto", ["expected different columns"]),
        (TRIPLES, [2, 1], [2, 1], "auto", ["found column 2, 1 more than once"]),
        ([["A", "a", "b"]], " a", "b", "auto", ["found 2, at positions 0, 1"]),
        (
            *([["a", "a", "b"]], Trained(Fields(("a",))), "b", "auto"),
            ["data.text_column to be set, or 'a' as in training ("],
        ),
        (
            *(SKU_LABEL_TEXT, Trained(Fields(("Text",)), labels=("kind",)), None, "auto"),
            ["data.label_column to be set, or 'kind' as in training ("],
        ),
        (TRIPLES, Trained(Fields((2,)), 2, labels=(0,)), None, "auto", ["data.label_column to be"]),
        (PAIRS, 1.5, None, "auto", ["data.text_column: expected", "1.5"]),
        (PAIRS, True, None, "auto", ["data.text_column: expected", "True"]),
        (PAIRS, None, [0, 1], "auto", ["data.text_column to be set"]),
        (TRIPLES, None, [0, 0], "auto", ["expected different columns"]),
        ([], None, None, "auto", ["found none"]),
        ([["a\nb", "x" * 41, "y"]], None, None, "auto", ["'a b'", f"'{'x' * 39}…'"]),
        ([[f"{i} and more" for i in range(100)]], None, None, "auto", ["and 95 more"]),
    ],
)
def test_columns_that_cannot_be_known_are_refused(rows, text, label, header, messages):
    with pytest.raises(UserError) as caught:
        training(rows, text, label, header)
    assert all(message in str(caught.value) for message in messages), caught.value


def test_whether_there_is_a_header_is_no_advice_where_the_user_or_the_format_says_so():
    with pytest.raises(UserError) as caught:
        training(SKU_LABEL_TEXT, "colour", "1", "true")
    assert "data.header=" not in str(caught.value)


@pytest.mark.parametrize(
    ("first", "text", "header", "warned"),
    [
        (None, None, "auto", False),
        (["label", "text"], None, "auto", False),
        (["label", "Beschreibung"], None, "auto", False),
        (["Kategorie", "Beschreibung"], None, "auto", True),
        (["Kategorie", "text"], None, "auto", True),
        (["Kategorie", "Beschreibung"], None, "true", False),
        (["Kategorie", "Beschreibung"], "Beschreibung", "auto", False),
    ],
)
def test_a_header_that_is_a_guess_is_warned_of(first, text, header, warned, caplog):
    with caplog.at_level(logging.WARNING):
        training([first, *PAIRS] if first else PAIRS, text, header=header)
    assert ["data.header=false" in message for message in caplog.messages] == [True] * warned


@pytest.mark.parametrize(
    ("first", "text", "trained_on", "header", "named"),
    [
        (LONG, None, (1,), "auto", False),
        (" Beschreibung ", None, ("beschreibung",), "auto", True),
        ("Text", None, (1,), "auto", True),
        ("artikel", "Artikel", (1,), "auto", True),
        ("tweet", None, ("text",), "auto", True),  # one word above long texts: with a warning
        ("lamp!", None, ("text",), "auto", False),
        ("lamp", None, (1,), "false", False),
        ("a lamp", None, (1,), "true", True),
        ("1", None, (1,), "auto", False),
    ],
)
def test_a_single_column_is_the_text(first, text, trained_on, header, named):
    columns = prediction([[first], [LONG]], text, trained_on, header)
    assert (columns.text, columns.label) == ((0,), ())
    assert columns.header == ((first,) if named else None)
    assert columns.text_names == ((first,) if named else (0,))


@pytest.mark.parametrize(
    ("rows", "text", "trained_on", "expected", "headed"),
    [
        (SKU_LABEL_TEXT, "text", (), (2,), True),
        (SKU_LABEL_TEXT, "text,sku", (1,), (2, 0), True),
        (SKU_LABEL_TEXT, "text,sku", ("SKU", "Text"), (0, 2), True),
        (SKU_LABEL_TEXT, [2, 0], ("SKU", "Text"), (0, 2), True),
        (SKU_LABEL_TEXT, "text,Label", ("SKU", "Text"), (2, 1), True),
        (TRIPLES, [2, 0], (0, 2), (2, 0), False),
        (SKU_LABEL_TEXT, 2, (1,), (2,), True),
        (TRIPLES, 2, ("text",), (2,), False),
        (SKU_LABEL_TEXT, None, ("text", "sku"), (2, 0), True),
        (SKU_LABEL_TEXT, None, ("text", 0), (2, 0), True),
        ([["a", "beschreibung"], ["x", "y"]], None, ("Beschreibung",), (1,), True),
        (PAIRS, None, (1,), (1,), False),
        (flipped(PAIRS), None, (0,), (0,), False),
        ([["", "note"], ["0", LONG], ["1", LONG]], None, ("text",), (1,), True),
    ],
)
def test_the_text_is_what_is_given_or_was_used_in_training(
    rows, text, trained_on, expected, headed
):
    columns = prediction(rows, text, trained_on)
    assert (columns.text, columns.label) == (expected, ())
    assert columns.header == (tuple(rows[0]) if headed else None)


@pytest.mark.parametrize(
    ("rows", "text", "trained_on", "header", "messages"),
    [
        (SKU_LABEL_TEXT, None, (1,), "auto", ["'sku', 'Label', 'Text'", "data.text_column"]),
        (SKU_LABEL_TEXT, None, ("Label", "x"), "auto", ["'Label' + 'x'", "data.text_column"]),
        (SKU_LABEL_TEXT, None, ("text",), "false", ["data.text_column", "0 (for example 'sku')"]),
        (TRIPLES, None, (1,), "auto", ["3 columns", "position from 0"]),
        (TRIPLES, None, ("text",), "auto", ["or data.header=true if the first row names"]),
        (PAIRS, None, (2,), "auto", ["column 2 (used in training)", "from 0 to 1"]),
        (PAIRS, None, (), "auto", ["a known column"]),
        (SKU_LABEL_TEXT, "texd", (), "auto", ["Did you mean"]),
        ([["x"]], 1, (1,), "auto", ["from 0 to 0"]),
        ([["text"], [LONG]], "colour", (1,), "auto", ["column 'colour'", "found: 'text'"]),
        ([["text"], [LONG]], "-1", (1,), "auto", ["column '-1'"]),
        ([[LONG], [LONG]], "colour", (1,), "auto", ["column 'colour'", "0 (for example"]),
        ([["text", "text"]], None, ("text",), "auto", ["found 2"]),
        ([], None, (1,), "auto", ["found none"]),
    ],
)
def test_a_text_column_that_cannot_be_known_is_refused(rows, text, trained_on, header, messages):
    with pytest.raises(UserError) as caught:
        prediction(rows, text, trained_on, header)
    assert all(message in str(caught.value) for message in messages), caught.value


@given(
    names=st.lists(st.text("abcXYZ", min_size=1), min_size=2, max_size=6, unique_by=str.casefold),
    data=st.data(),
)
def test_columns_by_name_are_found_again_for_prediction_in_any_order(names, data):
    text, label = data.draw(st.permutations(names))[:2]
    body = [["x"] * len(names)] * 3
    trained = training([names, *body], text, label)
    shuffled = data.draw(st.permutations(names))
    found = prediction([shuffled, *body], trained_on=trained.text_names)
    assert [shuffled[i] for i in found.text] == [text]
    assert found.header == tuple(shuffled)
