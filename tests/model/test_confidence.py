"""From which confidence an answer is accepted; one temperature, which changes no answer."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomcat.model.confidence import (
    Acceptance,
    fit_temperature,
    read_acceptance,
    with_temperature,
)

ANSWERS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=300)


def accepting(pairs: list[tuple[float, bool]]) -> Acceptance:
    confidence, correct = np.array(pairs, np.float64).reshape(-1, 2).T
    return Acceptance(confidence, correct.astype(bool))


@pytest.mark.parametrize(
    ("confidence", "correct", "error"),
    [
        pytest.param([0.5, 0.5], [True, False], 0.0, id="perfectly calibrated"),
        pytest.param([1.0, 1.0], [True, False], 0.5, id="overconfident"),
        pytest.param([0.5, 0.5], [True, True], 0.5, id="underconfident"),
        pytest.param([1.0, 0.5, 0.5], [True, True, False], 0.0, id="bin by bin"),
        pytest.param([], [], 0.0, id="no text"),
    ],
)
def test_the_calibration_error_is_how_far_confidence_and_accuracy_are_apart(
    confidence: list[float], correct: list[bool], error: float
) -> None:
    answers = accepting(list(zip(confidence, correct, strict=True)))
    assert answers.calibration_error() == pytest.approx(error)


@given(ANSWERS)
@settings(deadline=None)
def test_bins_hold_each_answer_once_and_each_point_of_a_curve_is_what_its_threshold_accepts(
    pairs: list[tuple[float, bool]],
) -> None:
    answers = accepting(pairs)
    bins, points = answers.calibration_bins(), answers.coverage_curve()
    assert len(bins) <= 15
    assert sum(each["texts"] for each in bins) == len(pairs)
    right = sum(each["texts"] * each["accuracy"] for each in bins)
    assert right == pytest.approx(answers.correct.sum())
    assert 1 <= len(points) <= 200
    for point in points:
        assert point == pytest.approx(answers.coverage(point["threshold"]))
    assert points[-1]["coverage"] == 1.0
    assert accepting([]).calibration_bins() == accepting([]).coverage_curve() == []


RIGHT = [(0.9 - number / 1000, True) for number in range(99)]


@pytest.mark.parametrize(
    ("pairs", "precision", "threshold"),
    [
        pytest.param(RIGHT, 0.99, 0.802, id="all of them"),
        pytest.param([*RIGHT, (0.5, False), (0.4, True)], 0.99, 0.802, id="those above an error"),
        pytest.param([*RIGHT, (0.5, False), (0.4, True)], 0.95, 0.4, id="an error is allowed"),
        pytest.param([], 0.99, None, id="no text"),
        pytest.param([(0.9, True)] * 98, 0.99, None, id="too few texts to tell"),
        pytest.param([(0.9, False), *[(0.8, True)] * 50], 0.99, None, id="the first is wrong"),
    ],
)
def test_the_threshold_accepts_as_many_as_are_right_often_enough(
    pairs: list[tuple[float, bool]], precision: float, threshold: float | None
) -> None:
    assert accepting(pairs).threshold(precision) == pytest.approx(threshold)


@given(ANSWERS, st.floats(0, 1))
def test_what_is_accepted_was_right_often_enough(
    pairs: list[tuple[float, bool]], min_precision: float
) -> None:
    answers = accepting([(round(confidence, 1), correct) for confidence, correct in pairs])
    threshold = answers.threshold(min_precision)
    if threshold is not None:
        assert threshold in answers.confidence
        precision = answers.coverage(threshold)["precision"]
        assert precision is not None
        assert precision >= min_precision - 1e-9


@given(ANSWERS)
def test_the_exported_folder_has_the_same_thresholds(pairs: list[tuple[float, bool]]) -> None:
    answers = accepting(pairs)
    read = read_acceptance(json.loads(json.dumps(answers.describe())))
    assert read.threshold(0.9) == answers.threshold(0.9)


def test_of_very_many_texts_as_many_are_saved_as_are_enough() -> None:
    random = np.random.default_rng(0)
    confidence = random.uniform(0.5, 1, 100_000)
    answers = Acceptance(confidence, random.uniform(0, 1, 100_000) < confidence)
    read = read_acceptance(answers.describe())
    assert len(read.confidence) == 20_000
    assert read.threshold(0.9) == pytest.approx(answers.threshold(0.9), abs=0.02)


def answers(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw labels of three classes from probabilities that mean what they say."""
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet([0.6, 0.4, 0.3], rows).astype(np.float32)
    chances = random.uniform(0, 1, (rows, 1))
    labels = (probabilities.cumsum(axis=1) < chances).sum(axis=1).clip(max=2)
    return probabilities, labels


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_the_temperature_that_answers_were_heated_with_is_found(temperature: float) -> None:
    probabilities, labels = answers(20_000)
    heated = with_temperature(probabilities, 1 / temperature)
    assert fit_temperature(heated, labels) == pytest.approx(temperature, rel=0.05)


@pytest.mark.parametrize("wrong", [0, 1, 5])
def test_right_answers_do_not_make_it_certain(wrong: int) -> None:
    rows, classes = 1000, 50
    labels = np.arange(rows) % classes
    probabilities = np.full((rows, classes), 0.4 / (classes - 1), np.float32)
    probabilities[np.arange(rows), labels] = 0.6
    labels[:wrong] += 1
    confidence = with_temperature(probabilities, fit_temperature(probabilities, labels)).max()
    assert 1 - confidence == pytest.approx((wrong + 1) / rows, rel=0.15)
