"""Planted flaws are counted as they were planted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from audit_material import HARM, NOUNS, audit, plain_rows, write_rows

from ecomcat.auditing.drift import DISTINCT, GROUPED, NAIVE
from ecomcat.auditing.rows import audit_rows
from ecomcat.auditing.texts import contents, default_max_tokens
from ecomcat.data.splitting import Split, split_rows

LONG = "A solid oak bookshelf with five wide shelves for the living room and the hall"


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    rows = plain_rows()
    rows += [rows[0], (rows[1][0].upper() + "!", rows[1][1])]  # an exact repeat, another spelling
    rows += [("spade or novel", "Books"), ("Spade or novel", "Garden")]  # a tie
    rows += [("seeds and poems", "Books"), ("seeds and poems", "Books")]
    rows += [("seeds and poems", "Garden")]  # a majority
    rows += [("  ", "Books"), ("?!", "Toys"), ("a text without a label", " ")]
    rows += [(LONG, "Garden"), (f"{LONG} in white", "Garden"), (f"{LONG} in black", "Toys")]
    rows += [("one", "Rare"), ("word " * 600 + "end", "Toys")]
    folder = tmp_path_factory.mktemp("counts")
    return audit(write_rows(folder / "shop.csv", rows), folder / "audits")


def test_repeats_and_contradictions(figures: dict[str, Any]) -> None:
    found = figures["repeats"]
    assert found["rows"] == 120 + 2 + 5 + 3 + 3 + 2
    assert (found["empty_texts"], found["empty_labels"]) == (2, 1)
    assert found["distinct_texts"] == 120 + 1 + 1 + 3 + 2
    assert (found["repeats"], found["exact_repeats"]) == (5, 2)
    assert (found["conflicting_texts"], found["conflicting_texts_dropped"]) == (2, 1)
    assert found["conflicts"] == [
        {"labels": {"Books": 1, "Garden": 1}, "text": "spade or novel"},
        {"labels": {"Books": 2, "Garden": 1}, "text": "seeds and poems"},
    ]
    assert found["most_repeated"][0] == {"times": 3, "text": "seeds and poems"}


def test_near_duplicates(figures: dict[str, Any]) -> None:
    found = figures["near_duplicates"]
    assert (found["groups"], found["texts"], found["groups_across_classes"]) == (1, 3, 1)
    assert found["pairs_across_classes"] == 2
    assert {tuple(pair["labels"]) for pair in found["across_classes"]} <= {
        ("Garden", "Toys"),
        ("Toys", "Garden"),
    }
    assert found["sizes"] == {"2": 0, "3 to 5": 1, "6 to 20": 0, "more than 20": 0}


def test_categories(figures: dict[str, Any]) -> None:
    found = figures["balance"]
    assert found["rare"] == {"Rare": 1}
    assert set(found["classes"]) == {*NOUNS, "Rare"}
    assert found["classes"]["Rare"] == {"rows": 1, "texts": 1}
    assert found["classes"]["Books"] == {"rows": 40 + 2 + 1 + 2, "texts": 41}


def test_gigantic_and_tiny_texts(figures: dict[str, Any]) -> None:
    found = figures["contents"]
    assert found["gigantic"]["texts"] == 1
    assert found["gigantic"]["above_words"] == default_max_tokens()
    assert found["gigantic"]["words_not_read"] == 601 - default_max_tokens()
    assert found["tiny"]["examples"] == ["one"]
    assert found["lengths"]["words"]["100%"] == 601
    assert sum(each["texts"] for each in found["lengths"]["histogram"]) == 127


def test_every_kind_of_split_is_scored(figures: dict[str, Any]) -> None:
    found = figures["leakage"]["splits"]
    assert list(found) == [NAIVE, DISTINCT, GROUPED]
    assert all(len(each) == 1 for each in found.values())
    assert found[DISTINCT][0]["twins"] == found[GROUPED][0]["near"] == 0
    assert all(each[0]["accuracy"] > 0.8 for each in found.values())


def test_the_sentences_say_so(figures: dict[str, Any]) -> None:
    said = " ".join(figures["findings"])
    for piece in (
        "5 of 135 rows (3.7%) repeat another text",
        "Rows without text or label, which a search leaves out: 3.",
        "Texts under several labels: 2.",
        "3 distinct texts (2.4%) are nearly the same as another; groups of them: 1, across",
        "'Rare' (1)",
        "Texts longer than the 512 words that the default model reads: 1.",
    ):
        assert piece in said


@pytest.mark.parametrize(
    ("kind", "text", "innocent"),
    [
        ("HTML tags", "Oak <br/> shelf", "a < b and c > d"),
        ("HTML tags", HARM, "5 <3 hearts"),
        ("HTML entities", "salt &amp; pepper", "salt & pepper; AT&T"),
        ("HTML entities", "caf&#233;", "caf#233;"),
        ("URLs", "see https://example.org/x", "see https"),
        ("URLs", "see www.example.org", "the www era"),
        (
            "scripts",
            "P.when('A').execute(function(A) { A.on(x) })",
            "when in function (form) follow",
        ),
        ("scripts", "var images = []; window.foo = 1", "a bay window. Var is a town"),
        ("style sheets", "#productDescription .aplus {width: 970px}", "size {small}: width"),
        ("broken characters (mojibake)", "cafÃ© and itâ€™s", "café and it's, São Paulo, 20 °C"),
        ("control characters", "life\x92s", "two\nlines\tand a tab\r\n"),
        ("control characters", "half \ud83d a pair", "a whole 😀"),
    ],
)
def test_leftovers_are_told_from_innocent_texts(kind: str, text: str, innocent: str) -> None:
    found = contents(audit_rows([(text, "a"), (innocent, "b")]))["leftovers"][kind]
    assert found["texts"] == 1
    assert len(found["examples"]) == 1


def test_a_leaking_split_flatters(tmp_path: Path) -> None:
    """Words that say nothing of the label are learnt by heart where rows repeat."""
    import random

    draw = random.Random(1)
    rows = [
        (" ".join(f"w{draw.randrange(400)}" for _ in range(12)), draw.choice("ab"))
        for _ in range(150)
    ]
    found = audit(write_rows(tmp_path / "noise.csv", rows * 3), tmp_path / "out", splits=2)
    splits = found["leakage"]["splits"]
    assert min(each["accuracy"] for each in splits[NAIVE]) > 0.9
    assert max(each["accuracy"] for each in splits[DISTINCT]) < 0.8
    assert splits[NAIVE][0]["twins"] > 0.9


def test_all_kinds_of_split_have_the_same_categories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    met: list[set[str]] = []

    def noted(labels: Sequence[str], *arguments: Any) -> Split:
        met.append(set(labels))
        return split_rows(labels, *arguments)

    monkeypatch.setattr("ecomcat.auditing.drift.split_rows", noted)
    repeated = [(f"one of two lamps, number {n % 2}", "Lamps") for n in range(40)]
    audit(write_rows(tmp_path / "shop.csv", plain_rows() + repeated), tmp_path / "out")
    assert met == [set(NOUNS), set(NOUNS)]
