"""When the first row is taken for a header."""

from __future__ import annotations

import pytest

from ecomcat.data.header import Head, is_header

LONG = "A sturdy table of brown wood with four legs, for home and office alike"
BODY = [[label, LONG + str(i)] for i, label in enumerate(["Household", "Books", "Toys"] * 4)]
TEXTS_AND_IMAGES = [["text", LONG], ["image", LONG + "!"], ["text", LONG + "?"]]
CLASSES = [["class", LONG], ["image", LONG + "!"], ["class", LONG + "?"]]


@pytest.mark.parametrize(
    ("first", "body", "expected"),
    [
        (["label", "text"], BODY, True),
        (["Product Category", "Product-Description"], BODY, True),
        (["kategorie", "text"], BODY, True),
        (["label", "beschreibung"], BODY, True),
        (["Kategorie", "Beschreibung"], BODY, True),
        (["หมวดหมู่", "ข้อความ"], BODY, True),  # vowel signs and tone marks belong to a word
        (["类别", "描述"], BODY, True),
        (["0", "1"], BODY, True),
        (["Household", LONG], BODY, False),
        (["Household", "Lamp"], BODY, False),  # the label occurs again
        ([" HOUSEHOLD ", "title"], BODY, False),
        (["Rare", LONG], BODY, False),
        (["Rare", "short text"], BODY, False),  # more than one word
        (["Rare", "B52"], BODY, False),  # a digit
        (["Rare", "lamp!"], BODY, False),
        (["Rare", "Rare"], BODY, False),
        (["Rare", ""], BODY, False),
        (["Rare", "Supercalifragilistic"], BODY, False),  # not much shorter than the others
        (["R" * 41, "Beschreibung"], BODY, False),
        (["text", LONG], BODY, False),  # a class may have a usual name
        (["text", "Lamp"], TEXTS_AND_IMAGES, False),
        (["class", "Lamp"], CLASSES, False),
        # Unusual names need other rows whose labels repeat.
        (["Kategorie", "Beschreibung"], [], False),
        (["Kategorie", "Beschreibung"], BODY[:1], False),
        (["Kategorie", "Beschreibung"], BODY[:3], False),
    ],
)
def test_names_are_a_header_and_data_is_none(first, body, expected):
    assert is_header(Head("shop.csv", [first, *body]), text=[1], label=0) == expected


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (["id", "name", "text"], True),
        (["sku", "marke", "angaben"], True),
        (["3", "Acme", "Lamp"], False),
        (["sku", "Acme", "angaben"], False),
        (["sku", "marke", "angaben zum produkt"], False),
    ],
)
@pytest.mark.parametrize("text", [[], [2]])
def test_without_a_label_every_cell_must_look_like_a_name(first, expected, text):
    body = [[str(i), "Acme", LONG + str(i)] for i in range(5)]
    assert is_header(Head("shop.csv", [first, *body]), text=text, label=None) == expected
