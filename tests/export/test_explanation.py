"""The words that speak for an answer, by leaving each out."""

from __future__ import annotations

import numpy as np
import pytest

from ecomcat.export.explanation import explain_texts
from ecomcat.text.tokenizer import deployed_tokenizer, fit_tokenizer

VOCABULARY = fit_tokenizer(["red shoes", "red shoes", "lamp oil", "lamp oil"], 20)


def explained(*texts, max_tokens=6):
    """Explain answers that speak of shoes, most by that word; return the number of calls too."""
    tokenizer = deployed_tokenizer(VOCABULARY, 20, max_tokens)
    red, shoes, lamp = (tokenizer.token_to_id(word) for word in ("red", "shoes", "lamp"))
    calls = []

    def score(encoded):
        calls.append(encoded)
        rows = [encoded.padded(np.array([row]))[0] for row in range(len(encoded))]
        assert all(len(row) for row in rows)
        for_shoes = [
            0.3 * (shoes in ids) + 0.15 * (red in ids) - 0.3 * (lamp in ids) for ids in rows
        ]
        return np.array([[0.5 + each, 0.5 - each] for each in for_shoes], np.float32)

    return explain_texts(score, tokenizer, texts), len(calls)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A red lamp, SHOES", [("SHOES", 0.3), ("red", 0.15), ("A", 0.0), ("lamp", -0.3)]),
        ("shoes", [("shoes", 0.3)]),  # weighed against an unknown word
        ("shoes, red Shoes", [("shoes", 0.3), ("red", 0.15)]),  # left out wherever it stands
        ("red " + "x " * 9 + "shoes", [("red", 0.15), ("x", 0.0)]),  # it does not read the rest
        ("", []),
        ("…", []),
        ("zebra zebra", [("zebra", 0.0)]),
        ("a \ud800 b", [("a", 0.0), ("b", 0.0)]),
    ],
)
def test_words_come_strongest_first_with_how_far_the_answer_falls_without_them(text, words):
    (found,), _ = explained(text)
    assert [(each.word, pytest.approx(each.weight)) for each in found] == words


def test_every_place_where_a_word_stands_is_one_of_the_text_as_given():
    (found,), _ = explained("ﬁne 👟 red, Red")
    assert found[0].spans == ((6, 9), (11, 14))


def test_many_texts_are_scored_in_several_calls_and_answered_in_order():
    long = ["red " * 600 + "shoes " * 600, "lamp " * 1200, ""]
    found, calls = explained(*long * 400, "shoes", max_tokens=1200)
    words = [[each.word for each in weights] for weights in found]
    assert words == [["shoes", "red"], ["lamp"], []] * 400 + [["shoes"]]
    assert calls > 1
    assert explained() == ([], 0)
