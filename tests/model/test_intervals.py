"""Intervals hold the truth as often as they say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import f1_score

from ecomcat.model.confidence import Acceptance
from ecomcat.model.intervals import (
    Interval,
    calibration_interval,
    f1_interval,
    leave_one_out,
    macro_f1_interval,
    share_interval,
)

DRAWS = 300


def require_held(drawn: Callable[[np.random.Generator], Interval], truth: float) -> None:
    """Fail where the intervals that are drawn prove that less than 93 in 100 hold the truth."""
    random = np.random.default_rng(0)
    intervals = [drawn(random) for _ in range(DRAWS)]
    held = sum(low <= truth <= high for low, high in intervals)
    assert binomtest(held, DRAWS, 0.93, alternative="less").pvalue > 0.01


@given(st.integers(0, 500), st.integers(1, 500))
def test_the_interval_of_a_share_is_that_of_scipy(count: int, texts: int) -> None:
    expected = binomtest(min(count, texts), texts).proportion_ci(method="wilson")
    assert share_interval(min(count, texts), texts) == pytest.approx(expected, abs=1e-6)
    assert share_interval(0, 0) == (0.0, 1.0)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=40))
@settings(deadline=None)
def test_macro_f1_without_each_text_is_that_of_the_others(answers: list[tuple[int, int]]) -> None:
    labels, predicted = np.array(answers).T
    score, without = leave_one_out(labels, predicted, 4)
    assert score == pytest.approx(f1_score(labels, predicted, average="macro"))
    for place in range(len(labels)):
        rest = np.arange(len(labels)) != place
        others = f1_score(labels[rest], predicted[rest], average="macro")
        assert without[place] == pytest.approx(others)


@pytest.mark.parametrize(
    ("classes", "accuracy", "texts"),
    [(4, 0.95, 2000), (4, 0.95, 100), (10, 0.9, 500), (150, 0.92, 1500), (2, 0.97, 50)],
)
def test_the_interval_of_macro_f1_holds_the_truth(
    classes: int, accuracy: float, texts: int
) -> None:
    # Errors go to each other class alike, so that F1 of each class is the accuracy.
    def drawn(random: np.random.Generator) -> Interval:
        labels = random.integers(0, classes, texts)
        others = (labels + random.integers(1, classes, texts)) % classes
        predicted = np.where(random.uniform(size=texts) < accuracy, labels, others)
        return macro_f1_interval(labels, predicted, classes)

    require_held(drawn, accuracy)


def test_the_interval_of_macro_f1_holds_its_figure_even_of_one_text_a_class() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 1000, 1000)
    predicted = np.where(random.uniform(size=1000) < 0.9, labels, random.integers(0, 1000, 1000))
    low, high = macro_f1_interval(labels, predicted, 1000)
    assert low <= f1_score(labels, predicted, average="macro") < high


def test_the_interval_of_a_class_s_f1_holds_the_truth() -> None:
    def drawn(random: np.random.Generator) -> Interval:
        labels = random.integers(0, 4, 300)
        others = (labels + random.integers(1, 4, 300)) % 4
        predicted = np.where(random.uniform(size=300) < 0.1, others, labels)
        right = int(np.sum((labels == 0) & (predicted == 0)))
        found, rows = max(np.sum(predicted == 0), 1), int(np.sum(labels == 0))
        return f1_interval({"precision": right / found, "recall": right / rows, "rows": rows})

    require_held(drawn, 0.9)
    assert f1_interval({"precision": 0.0, "recall": 0.0, "rows": 0})[0] == 0.0


@pytest.mark.parametrize("sharpened", [0.0, 0.1, 0.4])
def test_the_interval_of_the_calibration_error_holds_the_truth(sharpened: float) -> None:
    # Bins of one confidence each, which are too high by a share of what is missing to 1.
    levels = np.array([0.5, 0.7, 0.9, 0.99])

    def drawn(random: np.random.Generator) -> Interval:
        confidence = random.choice(levels, 1000)
        chance = confidence - sharpened * (1 - confidence)
        correct = random.uniform(size=1000) < chance
        return calibration_interval(Acceptance(confidence, correct, np.zeros(1000, np.int64)))

    require_held(drawn, float(np.mean(sharpened * (1 - levels))))


@pytest.mark.parametrize("right", [True, False])
def test_answers_that_are_all_right_or_all_wrong_leave_room_for_chance(right: bool) -> None:
    labels = np.arange(20) % 2
    low, high = macro_f1_interval(labels, labels if right else 1 - labels, 2)
    assert (0.7 < low < 1 == high) if right else (low == 0 < high < 0.3)
