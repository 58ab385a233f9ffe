"""The words that speak for an answer, by leaving each out."""

from __future__ import annotations

import numpy as np
import pytest

from ecomcat.export import explanation as occlusion
from ecomcat.export.explanation import explain_texts
from ecomcat.text.tokenizer import deployed_tokenizer, fit_tokenizer

KNOWN = ["red shoes", "red shoes", "lamp oil", "lamp oil"]


@pytest.fixture
def tokenizer():
    return deployed_tokenizer(fit_tokenizer(KNOWN, 20), 20, 6)


def shoes_or_lamps(tokenizer, seen=None):
    """Return a scorer for which each word `shoes` speaks twice as much as `red`."""
    red, shoes, lamp = (tokenizer.token_to_id(word) for word in ("red", "shoes", "lamp"))

    def score(texts):
        if seen is not None:
            seen.append(len(texts))
        rows = [texts.padded(np.array([row]))[0].tolist() for row in range(len(texts))]
        assert all(rows)
        for_shoes = [
            0.3 * (shoes in row) + 0.15 * (red in row) - 0.3 * (lamp in row) for row in rows
        ]
        return np.array([[0.5 + each, 0.5 - each] for each in for_shoes], np.float32)

    return score


def test_words_come_strongest_first_with_how_far_the_answer_falls_without_them(tokenizer) -> None:
    (words,) = explain_texts(shoes_or_lamps(tokenizer), tokenizer, ["A red lamp, SHOES"])
    assert [(each.word, round(each.weight, 2)) for each in words] == [
        ("SHOES", 0.3),
        ("red", 0.15),
        ("lamp", -0.3),
    ]
    assert [each.spans for each in words] == [((12, 17),), ((2, 5),), ((6, 10),)]


def test_a_word_is_left_out_wherever_it_stands(tokenizer) -> None:
    (words,) = explain_texts(shoes_or_lamps(tokenizer), tokenizer, ["shoes, red Shoes"])
    assert words[0].word == "shoes"
    assert words[0].weight == pytest.approx(0.3)
    assert words[0].spans == ((0, 5), (11, 16))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("…", id="no word"),
        pytest.param("zebra zebra", id="no known word"),
        pytest.param("a \ud800 b", id="a lone surrogate"),
    ],
)
def test_a_text_without_a_known_word_has_no_explanation(tokenizer, text: str) -> None:
    assert explain_texts(shoes_or_lamps(tokenizer), tokenizer, [text]) == [()]


def test_a_text_of_one_word_is_weighed_against_an_unknown_word(tokenizer) -> None:
    (words,) = explain_texts(shoes_or_lamps(tokenizer), tokenizer, ["shoes"])
    assert [(each.word, round(each.weight, 2)) for each in words] == [("shoes", 0.3)]


def test_positions_are_of_the_text_as_given(tokenizer) -> None:
    text = "ﬁne 👟 red"
    (words,) = explain_texts(shoes_or_lamps(tokenizer), tokenizer, [text])
    ((start, end),) = words[0].spans
    assert text[start:end] == "red"


def test_words_beyond_what_the_model_reads_are_not_weighed(tokenizer) -> None:
    (words,) = explain_texts(shoes_or_lamps(tokenizer), tokenizer, ["red " + "x " * 9 + "shoes"])
    assert [each.word for each in words] == ["red"]


def test_many_texts_are_scored_in_chunks_and_answered_in_order(tokenizer, monkeypatch) -> None:
    monkeypatch.setattr(occlusion, "_CHUNK_TOKENS", 10)
    texts, seen = ["red shoes", "lamp", "", "shoes"], []
    found = explain_texts(shoes_or_lamps(tokenizer, seen), tokenizer, texts)
    assert len(seen) > 1
    assert [[each.word for each in words] for words in found] == [
        ["shoes", "red"],
        ["lamp"],
        [],
        ["shoes"],
    ]


def test_no_texts_no_explanations(tokenizer) -> None:
    assert explain_texts(shoes_or_lamps(tokenizer), tokenizer, []) == []
