"""Which columns hold the text and the label."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecomcat.errors import UserError
from ecomcat.table.columns import Columns, prediction_columns, text_of, training_columns

LONG = "A sturdy table of brown wood with four legs, for home and office alike"
PAIRS = [[label, LONG + str(i)] for i, label in enumerate(["Household", "Books", "Toys"] * 4)]
TRIPLES = [[str(i), *pair] for i, pair in enumerate(PAIRS)]
LABEL_TEXT = [["label", "text"], *PAIRS]
SKU_LABEL_TEXT = [["sku", "Label", "Text"], *TRIPLES]


def training(rows, text=None, label=None, header="auto") -> Columns:
    return training_columns(
        rows, header=header, text_column=text, label_column=label, name="shop.csv"
    )


def prediction(rows, text=None, trained_on=(), header="auto") -> Columns:
    return prediction_columns(
        rows, header=header, text_column=text, trained_on=trained_on, name="shop.csv"
    )


def flipped(rows):
    return [row[::-1] for row in rows]


@pytest.mark.parametrize(
    ("row", "text", "expected"),
    [
        (["a", "b", "c"], (1,), "b"),
        (["a", "b", "c"], (2, 0), "c a"),
        (["a", "", "c"], (0, 1, 2), "a c"),
        ([" a ", " \t", "c\n"], (0, 1, 2), "a c"),
        (["a  b", "c"], (0,), "a  b"),
        (["", ""], (0, 1), ""),
    ],
)
def test_the_text_joins_what_is_not_blank_by_one_space(row, text, expected):
    assert text_of(row, Columns(text, None, None, text)) == expected


@pytest.mark.parametrize(
    ("rows", "text", "label", "names"),
    [
        (PAIRS, 1, 0, None),
        (LABEL_TEXT, 1, 0, "text"),
        ([["text", "label"], *flipped(PAIRS)], 0, 1, "text"),
        ([["Description", "Category"], *flipped(PAIRS)], 0, 1, "Description"),
        ([["description", "kategorie"], *flipped(PAIRS)], 0, 1, "description"),
        ([["titel", "label"], *flipped(PAIRS)], 0, 1, "titel"),
        ([["title", "text"], *PAIRS], 1, 0, "text"),
        ([["class", "label"], *PAIRS], 1, 0, "label"),
        ([["Kategorie", "Beschreibung"], *PAIRS], 1, 0, "Beschreibung"),
    ],
)
def test_two_columns_are_label_and_text_unless_their_names_say_otherwise(rows, text, label, names):
    columns = training(rows)
    assert (columns.text, columns.label) == ((text,), label)
    assert columns.header == (None if names is None else tuple(rows[0]))
    assert columns.text_names == ((text,) if names is None else (names,))


@pytest.mark.parametrize(
    ("text", "label", "expected"),
    [
        (0, None, ((0,), 1)),
        (None, 1, ((0,), 1)),
        ("1", None, ((1,), 0)),
        (None, "0", ((1,), 0)),
        (1, 0, ((1,), 0)),
    ],
)
def test_one_given_column_of_two_leaves_the_other(text, label, expected):
    columns = training(flipped(PAIRS) if expected[1] else PAIRS, text, label)
    assert (columns.text, columns.label) == expected
    assert columns.header is None


@pytest.mark.parametrize(
    ("text", "label", "expected", "names"),
    [
        ("Text", "Label", ((2,), 1), ("Text",)),
        (" text ", "LABEL", ((2,), 1), ("Text",)),
        ("Text", 1, ((2,), 1), ("Text",)),
        (2, "label", ((2,), 1), ("Text",)),
        ("2", "1", ((2,), 1), ("Text",)),
        (["Text", "sku"], "Label", ((2, 0), 1), ("Text", "sku")),
        (("sku", 2), "Label", ((0, 2), 1), ("sku", "Text")),
    ],
)
def test_columns_are_given_by_name_or_position(text, label, expected, names):
    columns = training(SKU_LABEL_TEXT, text, label)
    assert (columns.text, columns.label) == expected
    assert columns.text_names == names
    assert columns.header == ("sku", "Label", "Text")


def test_positions_of_a_table_without_a_header():
    assert training(TRIPLES, [2, "0"], 1) == Columns((2, 0), 1, None, (2, 0))


def test_an_exact_name_goes_before_one_in_another_case():
    rows = [["text", "Text", "label"], *TRIPLES]
    assert training(rows, "Text", "label").text == (1,)
    assert training(rows, "text", "label").text == (0,)


def test_digits_are_a_name_first_and_then_a_position():
    rows = [["2", "0", "1"], *TRIPLES]
    assert training(rows, "1", "0", header="true") == Columns((2,), 1, tuple(rows[0]), ("1",))
    assert training(rows, "1", "2", header="false") == Columns((1,), 2, None, (1,))


def test_a_column_without_a_name_of_its_own_goes_by_position():
    rows = [["", "label", "x", "x"], *([*row, "z"] for row in TRIPLES)]
    columns = training(rows, [0, 2], "label")
    assert columns.text_names == (0, 2)


@pytest.mark.parametrize(
    ("rows", "text", "label", "header", "messages"),
    [
        (TRIPLES, None, None, "auto", ["data.text_column and data.label_column", "3 columns"]),
        (TRIPLES, 2, None, "auto", ["data.label_column to be set", "1 (for example 'Household')"]),
        (SKU_LABEL_TEXT, None, "Label", "auto", ["data.text_column", "'sku', 'Label', 'Text'"]),
        ([["x"]], None, None, "auto", ["found 1 column:"]),
        (PAIRS, [0, 1], None, "auto", ["data.label_column to be set"]),
        (SKU_LABEL_TEXT, "Texd", "Label", "auto", ["'sku', 'Label', 'Text'", "mean 'Text'"]),
        (SKU_LABEL_TEXT, "TEXD", "Label", "auto", ["Did you mean 'Text'"]),
        (PAIRS, "text", None, "auto", ["first row", "'Household'", "data.header=false"]),
        (PAIRS, "text", None, "false", ["no header", "'text'", "data.header=true"]),
        (PAIRS, 2, None, "auto", ["from 0 to 1", "found 2", "data.text_column"]),
        (PAIRS, None, -1, "auto", ["from 0 to 1", "found -1", "data.label_column"]),
        (PAIRS, "9", None, "auto", ["from 0 to 1", "found 9"]),
        (PAIRS, 1, 1, "auto", ["expected different columns"]),
        (LABEL_TEXT, "text", "Text ", "auto", ["expected different columns"]),
        (TRIPLES, [2, 2], 1, "auto", ["expected different columns"]),
        ([["a", "a", "b"]], "a", "b", "auto", ["found 2, at positions 0, 1"]),
        ([["A", "a", "b"]], " a", "b", "auto", ["found 2, at positions 0, 1"]),
        (PAIRS, 1.5, None, "auto", ["data.text_column: expected", "1.5"]),
        (PAIRS, True, None, "auto", ["data.text_column: expected", "True"]),
        (PAIRS, [None], None, "auto", ["data.text_column: expected"]),
        (PAIRS, None, [0, 1], "auto", ["data.label_column: expected one column"]),
        (PAIRS, None, None, "perhaps", ["data.header"]),
        ([], None, None, "auto", ["found none"]),
    ],
)
def test_columns_that_cannot_be_told_are_refused(rows, text, label, header, messages):
    with pytest.raises(UserError) as caught:
        training(rows, text, label, header)
    assert all(message in str(caught.value) for message in messages), caught.value


def test_examples_are_cut_to_40_characters_on_one_line():
    with pytest.raises(UserError) as caught:
        training([["a\nb", "x" * 41, "y" * 40]])
    assert "'a b'" in str(caught.value)
    assert f"'{'x' * 39}…'" in str(caught.value)
    assert f"'{'y' * 40}'" in str(caught.value)


def test_a_long_list_of_columns_is_cut():
    with pytest.raises(UserError, match="and 70 more"):
        training([[f"{i} and more" for i in range(100)]])


@pytest.mark.parametrize(
    ("rows", "warned"),
    [
        (PAIRS, False),
        (LABEL_TEXT, False),
        ([["label", "Beschreibung"], *PAIRS], False),
        ([["Kategorie", "Beschreibung"], *PAIRS], True),
        ([["Kategorie", "text"], *PAIRS], True),
    ],
)
def test_a_header_that_is_a_guess_is_told(rows, warned, caplog):
    training(rows)
    assert [("data.header=false" in message) for message in caplog.messages] == [True] * warned


def test_a_header_that_the_user_confirms_is_not_told(caplog):
    assert training([["Kategorie", "Beschreibung"], *PAIRS], header="true").header
    assert training([["Kategorie", "Beschreibung"], *PAIRS], text="Beschreibung").header
    assert not caplog.records


@pytest.mark.parametrize(
    ("first", "text", "trained_on", "header", "named"),
    [
        (LONG, None, (1,), "auto", False),
        ("lamp", None, ("beschreibung",), "auto", False),
        (" Beschreibung ", None, ("beschreibung",), "auto", True),
        ("Text", None, (1,), "auto", True),
        ("artikel", "Artikel", (1,), "auto", True),
        ("artikel", "other", ("text",), "auto", False),
        ("lamp", 0, (1,), "auto", False),
        ("lamp", None, (1,), "true", True),
        ("text", None, ("text",), "false", False),
        ("1", None, (1,), "auto", False),
    ],
)
def test_a_single_column_is_the_text(first, text, trained_on, header, named):
    columns = prediction([[first], [LONG]], text, trained_on, header)
    assert columns.text == (0,)
    assert columns.label is None
    assert columns.header == ((first,) if named else None)
    assert columns.text_names == ((first,) if named else (0,))


@pytest.mark.parametrize(
    ("rows", "text", "trained_on", "expected", "headed"),
    [
        (SKU_LABEL_TEXT, "text", (), (2,), True),
        (SKU_LABEL_TEXT, "text", ("Label",), (2,), True),
        (SKU_LABEL_TEXT, ["text", "sku"], (1,), (2, 0), True),
        (SKU_LABEL_TEXT, 2, (1,), (2,), True),
        (TRIPLES, 2, ("text",), (2,), False),
        (SKU_LABEL_TEXT, None, ("text",), (2,), True),
        (SKU_LABEL_TEXT, None, ("text", "sku"), (2, 0), True),
        ([["a", "beschreibung"], ["x", "y"]], None, ("Beschreibung",), (1,), True),
        ([["a", "beschreibung"], ["x", "y"]], 1, ("Beschreibung",), (1,), True),
        (PAIRS, None, (1,), (1,), False),
        (flipped(PAIRS), None, (0,), (0,), False),
    ],
)
def test_the_text_is_what_is_given_or_was_used_in_training(
    rows, text, trained_on, expected, headed
):
    columns = prediction(rows, text, trained_on)
    assert columns.text == expected
    assert columns.label is None
    assert columns.header == (tuple(rows[0]) if headed else None)


@pytest.mark.parametrize(
    ("rows", "text", "trained_on", "header", "messages"),
    [
        (SKU_LABEL_TEXT, None, (1,), "auto", ["'sku', 'Label', 'Text'", "data.text_column"]),
        (SKU_LABEL_TEXT, None, ("Label", "x"), "auto", ["'Label' + 'x'", "data.text_column"]),
        (SKU_LABEL_TEXT, None, ("text",), "false", ["data.text_column", "0 (for example 'sku')"]),
        (LABEL_TEXT, None, (1,), "auto", ["'label', 'text'", "data.text_column"]),
        (TRIPLES, None, (1,), "auto", ["3 columns", "data.text_column"]),
        (PAIRS, None, (2,), "auto", ["2 columns", "data.text_column"]),
        (PAIRS, None, ("text",), "auto", ["1 (for example 'A sturdy", "data.text_column"]),
        (PAIRS, None, (), "auto", ["a known column"]),
        (SKU_LABEL_TEXT, "texd", (), "auto", ["Did you mean"]),
        (PAIRS, 2, (1,), "auto", ["from 0 to 1"]),
        ([["x"]], 1, (1,), "auto", ["from 0 to 0"]),
        ([["text", "text"]], None, ("text",), "auto", ["found 2"]),
        ([], None, (1,), "auto", ["found none"]),
    ],
)
def test_a_text_column_that_cannot_be_told_is_refused(rows, text, trained_on, header, messages):
    with pytest.raises(UserError) as caught:
        prediction(rows, text, trained_on, header)
    assert all(message in str(caught.value) for message in messages), caught.value


@pytest.mark.parametrize(
    ("trained_on", "header", "advised"),
    [
        (("text",), "auto", True),
        (("text", 0), "auto", True),
        ((2,), "auto", False),
        (("text",), "false", False),
    ],
)
def test_a_header_that_may_be_overlooked_can_be_told(trained_on, header, advised):
    with pytest.raises(UserError) as caught:
        prediction(TRIPLES, None, trained_on, header)
    advice = "position from 0, or data.header=true if the first row names the columns."
    assert (advice in str(caught.value)) == advised


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
