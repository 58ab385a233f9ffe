"""When the first row is taken for a header."""

from __future__ import annotations

import pytest

from ecomcat.data.header import Head, is_header

LONG = "A sturdy table of brown wood with four legs, for home and office alike"
BODY = [[label, LONG + str(i)] for i, label in enumerate(["Household", "Books", "Toys"] * 4)]


def detected(first: list[str], body: list[list[str]] = BODY, **positions) -> bool:
    return is_header(Head("shop.csv", [first, *body]), **({"text": [1], "label": 0} | positions))


@pytest.mark.parametrize(
    "first",
    [
        ["label", "text"],
        ["Product Category", "Product-Description"],
        ["kategorie", "text"],
        ["label", "beschreibung"],
        ["Kategorie", "Beschreibung"],
        ["หมวดหมู่", "ข้อความ"],  # vowel signs and tone marks belong to a word
        ["类别", "描述"],
        ["0", "1"],
    ],
)
def test_names_are_a_header(first):
    assert detected(first)


@pytest.mark.parametrize(
    "first",
    [
        ["Household", LONG],
        ["Household", "Lamp"],  # the label occurs again
        [" HOUSEHOLD ", "title"],
        ["Rare", LONG],
        ["Rare", "short text"],  # more than one word
        ["Rare", "B52"],  # a digit
        ["Rare", "lamp!"],
        ["Rare", "Rare"],
        ["Rare", ""],
        ["Rare", "Supercalifragilistic"],  # not much shorter than the others
        ["R" * 41, "Beschreibung"],
        ["text", LONG],  # a class may have a usual name
    ],
)
def test_data_is_no_header(first):
    assert not detected(first)


@pytest.mark.parametrize("name", ["text", "class"])
def test_a_class_with_a_usual_name_is_no_header(name):
    body = [[name, LONG], ["image", LONG + "!"], [name, LONG + "?"]]
    assert not detected([name, "Lamp"], body)


@pytest.mark.parametrize("others", [[], BODY[:1], BODY[:3]], ids=["none", "one", "all distinct"])
def test_unusual_names_need_other_rows_whose_labels_repeat(others):
    assert not detected(["Kategorie", "Beschreibung"], others)


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (["id", "name", "text"], True),
        (["sku", "marke", "angaben"], True),
        (["7", "Acme", "Lamp"], False),
        (["sku", "Acme", "angaben"], False),
        (["sku", "marke", "angaben zum produkt"], False),
    ],
)
@pytest.mark.parametrize("text", [[], [2]])
def test_without_a_label_every_cell_must_look_like_a_name(first, expected, text):
    body = [[str(i), "Acme", LONG + str(i)] for i in range(5)]
    if first[0] == "7":
        body[3][0] = "7"
    assert detected(first, body, text=text, label=None) == expected
