"""Planted flaws are counted as they were planted."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

import pytest
from audit_material import HARM, LONG, audit_file, audited, plain_rows

from ecomcat.auditing.linear import DISTINCT, GROUPED, KINDS, NAIVE
from ecomcat.auditing.texts import contents, default_max_tokens


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    rows = plain_rows()
    rows += [rows[0], (rows[1][0].upper() + "!", rows[1][1])]  # an exact repeat, another spelling
    rows += [("spade or novel", "Books"), ("Spade or novel", "Garden")]  # a tie
    rows += [("seeds and poems", "Books"), ("seeds and poems", "Books")]
    rows += [("seeds and poems", "Garden")]  # a majority
    rows += [("  ", "Books"), ("?!", "Toys"), ("a text without a label", " ")]
    rows += [(LONG, "Garden"), (f"{LONG} in white", "Garden"), (f"{LONG} in black", "Toys")]
    rows += [("one", "Rare"), ("word " * 600 + "end", "Toys"), ("poems of spades", "BOOKS")]
    return audited(rows).figures


COUNTS: dict[str, dict[str, Any]] = {
    "repeats": {
        "rows": 136,
        "empty_texts": 2,
        "empty_labels": 1,
        "distinct_texts": 128,
        "repeats": 5,
        "exact_repeats": 2,
        "repeated_texts": 4,
        "conflicting_texts": 2,
        "conflicting_texts_dropped": 1,
        "conflicts": [
            {"labels": {"Books": 1, "Garden": 1}, "text": "spade or novel"},
            {"labels": {"Books": 2, "Garden": 1}, "text": "seeds and poems"},
        ],
    },
    "near_duplicates": {
        "groups": 1,
        "texts": 3,
        "groups_across_classes": 1,
        "pairs_across_classes": 2,
        "sizes": {"2": 0, "3 to 5": 1, "6 to 20": 0, "more than 20": 0},
    },
    "balance": {"rare": {"Rare": 1, "BOOKS": 1}, "look_alikes": [["BOOKS", "Books"]]},
}


@pytest.mark.parametrize("section", COUNTS)
def test_flaws_are_counted(figures: dict[str, Any], section: str) -> None:
    assert {name: figures[section][name] for name in COUNTS[section]} == COUNTS[section]


def test_the_flaws_are_shown(figures: dict[str, Any]) -> None:
    assert figures["repeats"]["most_repeated"][0] == {"times": 3, "text": "seeds and poems"}
    assert figures["balance"]["classes"]["Books"] == {"rows": 46, "texts": 41}
    pairs = figures["near_duplicates"]["across_classes"]
    assert all(set(pair["labels"]) == {"Garden", "Toys"} for pair in pairs)


def test_gigantic_and_tiny_texts(figures: dict[str, Any]) -> None:
    found = figures["contents"]
    assert found["gigantic"]["texts"] == 1
    assert found["gigantic"]["words_not_read"] == 601 - default_max_tokens()
    assert found["tiny"]["examples"] == ["one"]
    assert found["lengths"]["words"]["100%"] == 601
    assert sum(each["texts"] for each in found["lengths"]["histogram"]) == 128


def test_every_kind_of_split_is_scored(figures: dict[str, Any]) -> None:
    found = figures["leakage"]["splits"]
    assert {kind: len(each) for kind, each in found.items()} == dict.fromkeys(KINDS, 1)
    assert found[DISTINCT][0]["twins"] == found[GROUPED][0]["near"] == 0
    assert all(each[0]["accuracy"] > 0.8 for each in found.values())


@pytest.mark.parametrize(
    "sentence",
    [
        "5 of 136 rows (3.7%) repeat another: a search removes them",
        "Rows without text or label, which a search leaves out: 3.",
        "Texts with several labels: 2.",
        "nearly the same as another; groups of them: 1, across categories: 1.",
        "Labels that look alike are different classes: 'BOOKS' (1) and 'Books' (46).",
        "Texts longer than the 512 words that the default model reads (model.max_tokens): 1; ",
    ],
)
def test_the_findings_say_so(figures: dict[str, Any], sentence: str) -> None:
    assert sentence in " ".join(figures["findings"])


@pytest.mark.parametrize(
    ("kind", "text", "innocent"),
    [
        ("HTML tags", "Oak <br/> shelf", "a < b and c > d"),
        ("HTML tags", HARM, "5 <3 hearts"),
        ("HTML entities", "salt &amp; pepper", "salt & pepper; AT&T"),
        ("HTML entities", "caf&#233;", "caf#233;"),
        ("URLs", "see https://example.org/x", "see https"),
        ("URLs", "see www.example.org", "the www era"),
        ("scripts", "P.when('A').execute(function(A) { A.on(x) })", "when in function (form)"),
        ("scripts", "var images = []; window.foo = 1", "a bay window. Var is a town"),
        ("style sheets", "#productDescription .aplus {width: 970px}", "size {small}: width"),
        ("broken characters (mojibake)", "cafÃ© and itâ€™s", "café and it's, São Paulo, 20 °C"),
        ("control characters", "life\x92s", "two\nlines\tand a tab\r\n"),
        ("control characters", "half \ud83d a pair", "a whole 😀"),
    ],
)
def test_leftovers_are_found_in_no_innocent_text(kind: str, text: str, innocent: str) -> None:
    found = contents([text, innocent])["leftovers"][kind]
    assert (found["texts"], len(found["examples"])) == (1, 1)


def test_a_leaking_split_flatters() -> None:
    draw = random.Random(1)  # words that say nothing of the label are learnt by heart
    rows = [
        (" ".join(f"w{draw.randrange(400)}" for _ in range(12)), draw.choice("ab"))
        for _ in range(150)
    ]
    splits = audited(rows * 3, splits=2).figures["leakage"]["splits"]
    assert min(each["accuracy"] for each in splits[NAIVE]) > 0.9
    assert max(each["accuracy"] for each in splits[DISTINCT]) < 0.8
    assert splits[NAIVE][0]["twins"] > 0.9


def test_a_category_of_few_texts_that_repeat_is_in_no_kind_of_split() -> None:
    lamps = [(f"one of two lamps, number {n % 2}", "Lamps") for n in range(400)]
    naive = audited(plain_rows() + lamps).figures["leakage"]["splits"][NAIVE]
    assert naive == audited(plain_rows()).figures["leakage"]["splits"][NAIVE]


def test_a_column_that_gives_the_split_is_no_text_and_texts_of_two_parts_are_counted(
    tmp_path: Path,
) -> None:
    parts = ["train"] * 80 + ["test"] * 40
    rows = [(label, text, part) for (text, label), part in zip(plain_rows(), parts, strict=True)]
    rows += [(*row[:2], "test") for row in rows[:5]]
    with (tmp_path / "shop.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([("label", "text", "part"), *rows])
    options = {"split_column": "part", "test_fraction": 0.0}
    found = audit_file(tmp_path / "shop.csv", tmp_path / "audit", data=options)
    assert found["repeats"]["shared_texts"] == {"train": 5, "validation": 0}
    assert any(each.startswith("5 texts of train are also in val") for each in found["findings"])
    assert "data.split_column=part" in found["next"]
    assert "splits" in found["leakage"]
