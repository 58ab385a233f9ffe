"""The most confident mistakes come first, with the words that support them."""

from __future__ import annotations

import numpy as np

from ecomcat.export.explanation import WordWeight
from ecomcat.final.mistakes import confident_mistakes
from ecomcat.model.answers import answers_of

CLASSES = ["Books", "Toys"]


def no_words(texts):
    return [() for _ in texts]


def mistakes(texts, labels, of_books, explain=no_words, **options):
    probabilities = np.array([[share, 1 - share] for share in of_books], np.float32)
    answers = answers_of(probabilities, np.array(labels))
    return confident_mistakes(texts, np.array(labels), answers, CLASSES, explain, **options)


def test_only_wrong_answers_are_shown_the_most_confident_first():
    found = mistakes(["a", "b", "c", "d"], [1, 0, 1, 0], [0.7, 0.9, 0.95, 0.2])
    assert [each["text"] for each in found] == ["c", "d", "a"]
    assert found[0]["true"] == "Toys"
    assert found[0]["predicted"] == "Books"
    assert round(found[0]["true_probability"], 2) == 0.05


def test_of_many_the_most_confident_are_shown():
    assert len(mistakes(["x"] * 9, [1] * 9, [0.9] * 9, max_mistakes=4)) == 4
    assert mistakes(["a"], [0], [0.9]) == []


def test_words_are_marked_in_their_order_the_strongest_with_one():
    def explain(texts):
        assert texts == ["red ball and red box"]
        words = (("ball", -0.2, ((4, 8),)), ("red", 0.4, ((0, 3), (13, 16))), ("and", 0.01, ()))
        return [tuple(WordWeight(*word) for word in words)]

    (found,) = mistakes(["red ball and red box"], [1], [0.9], explain)
    assert found["spans"] == [(0, 3, 1.0), (4, 8, -0.5), (13, 16, 1.0)]
    (found,) = mistakes(["word"], [1], [0.9], lambda _: [(WordWeight("word", 0.0, ((0, 4),)),)])
    assert found["spans"] == []


def test_a_long_text_is_cut_and_its_words_are_not_weighed():
    long, short = "word " * 1000, "word " * 400

    def explain(texts):
        assert texts == [short]
        return [(WordWeight("word", 0.3, ((0, 4), (1190, 1194), (1300, 1304))),)]

    found = mistakes([long, short], [1, 1], [0.99, 0.9], explain)
    assert found[0]["spans"] is None
    assert found[0]["characters"] == 5000
    assert len(found[0]["text"]) == len(found[1]["text"]) == 1200
    assert found[1]["spans"] == [(0, 4, 1.0), (1190, 1194, 1.0)]
