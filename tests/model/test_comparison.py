"""Whether two models differ, by tests that call equal ones different as seldom as they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from ecomcat.model.comparison import compare_answers
from ecomcat.model.metrics import macro_f1


def test_a_comparison_counts_the_texts_that_only_one_is_right_on():
    labels = np.zeros(105, np.int64)
    ours, theirs = np.repeat([0, 0, 1, 1], [90, 9, 1, 5]), np.repeat([0, 1, 0, 1], [90, 9, 1, 5])
    found = compare_answers(labels, ours, theirs)
    assert (found.gained, found.lost, found.rows) == (9, 1, 105)
    # Ten flips of a coin: one head at most, or one tail at most.
    assert found.accuracy.p_value == pytest.approx(2 * (1 + 10) / 2**10)
    assert found.accuracy.difference == pytest.approx(8 / 105)
    low, high = found.accuracy.interval
    assert low < found.accuracy.difference < high
    expected = macro_f1(labels, ours, 2) - macro_f1(labels, theirs, 2)
    assert found.macro_f1.difference == pytest.approx(expected)


@pytest.mark.parametrize("texts", [0, 1, 50])
def test_the_same_answers_are_level(texts):
    answers = np.arange(texts) % 3
    found = compare_answers(answers, answers, answers).describe()
    assert found["verdict"] == "level"
    assert found["accuracy"]["difference"] == found["macro_f1"]["difference"] == 0
    assert found["accuracy"]["p_value"] == found["macro_f1"]["p_value"] == 1


@pytest.mark.parametrize(
    ("gained", "lost", "rare", "verdict"),
    [
        (30, 5, 0, "better"),
        (5, 30, 0, "worse"),
        (2, 0, 0, "level"),  # two texts are no proof, however one-sided
        (12, 10, 0, "level"),
        (30, 0, 14, "better and worse"),  # a rare class is lost, and so macro-F1
    ],
)
def test_a_difference_is_told_from_chance(gained, lost, rare, verdict):
    labels = np.repeat([0, 1, 2], [400, 400, rare])
    ours, theirs = labels.copy(), labels.copy()
    theirs[:gained], ours[400 : 400 + lost] = 1, 0
    ours[labels == 2] = 0
    assert compare_answers(labels, ours, theirs).verdict == verdict


def test_of_two_models_that_are_equal_few_are_called_worse():
    random, draws, worse = np.random.default_rng(3), 100, 0
    for _ in range(draws):
        labels = random.integers(0, 4, 200)
        ours, theirs = (
            np.where(random.uniform(size=200) < 0.9, labels, random.integers(0, 4, 200))
            for _ in range(2)
        )
        worse += "worse" in compare_answers(labels, ours, theirs).verdict
    assert binomtest(worse, draws, 0.05, alternative="greater").pvalue > 0.01
