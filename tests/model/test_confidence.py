"""From which confidence an answer is accepted; one temperature, which changes no answer."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from ecomcat.model.confidence import (
    Acceptance,
    Promise,
    acceptance_of,
    fit_temperature,
    read_acceptance,
    uncertainty,
    with_temperature,
)

ANSWERS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=300)


def accepting(pairs: list[tuple[float, bool]]) -> Acceptance:
    confidence, correct = np.array(pairs, np.float64).reshape(-1, 2).T
    return Acceptance(confidence, correct.astype(bool), np.zeros(len(pairs), np.int64))


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
        right = answers.correct[answers.accepted(point["threshold"])]
        assert point["coverage"] == pytest.approx(len(right) / len(answers.confidence))
        assert point["precision"] == pytest.approx(right.mean())
    assert points[-1]["coverage"] == 1.0
    assert accepting([]).calibration_bins() == accepting([]).coverage_curve() == []


RIGHT = [(0.9 - number / 1000, True) for number in range(230)]


@pytest.mark.parametrize(
    ("pairs", "precision", "threshold"),
    [
        pytest.param(RIGHT, 0.99, 0.671, id="all of them"),
        pytest.param([*RIGHT, (0.5, False), (0.4, True)], 0.99, 0.671, id="those above an error"),
        pytest.param([*RIGHT, (0.5, False), (0.4, True)], 0.98, 0.4, id="an error is allowed"),
        pytest.param([], 0.99, math.inf, id="no text"),
        pytest.param([(0.9, True)] * 229, 0.99, math.inf, id="too few texts to tell"),
        pytest.param([(0.9, False), *[(0.8, True)] * 300], 0.99, math.inf, id="the first is wrong"),
        pytest.param([(0.9, False)] * 9, 0.2, math.inf, id="all are wrong"),
        pytest.param([(0.9, True)] * 9, 0.2, 0.9, id="little is asked"),
        pytest.param(RIGHT, 1.0, math.inf, id="no number promises that all are right"),
    ],
)
def test_the_threshold_accepts_as_many_as_a_precision_can_be_promised_of(
    pairs: list[tuple[float, bool]], precision: float, threshold: float
) -> None:
    assert accepting(pairs).threshold(Promise(precision)) == pytest.approx(threshold)


@given(ANSWERS, st.floats(0.01, 1), st.floats(0.5, 0.999))
@settings(deadline=None)
def test_what_is_promised_is_the_lower_bound_of_clopper_and_pearson(
    pairs: list[tuple[float, bool]], min_precision: float, level: float
) -> None:
    answers = accepting([(round(confidence, 1), correct) for confidence, correct in pairs])
    threshold = answers.threshold(Promise(min_precision, level))
    bounds = {}
    for confidence in np.unique(answers.confidence):
        found = answers.correct[answers.confidence >= confidence]
        test = binomtest(int(found.sum()), len(found), alternative="greater")
        bounds[confidence] = test.proportion_ci(level, method="exact").low
    assert bounds.get(threshold, 1.0) >= min_precision - 1e-9
    lower = (each for each in bounds if each < threshold)
    assert all(bounds[each] < min_precision + 1e-9 for each in lower)


@pytest.mark.parametrize("min_precision", [0.97, 0.98])
def test_a_promise_is_kept_as_often_as_it_says(min_precision: float) -> None:
    random, draws = np.random.default_rng(7), 400
    chances = random.beta(6, 0.3, 1000)  # of being right, which the confidences tell truly
    kept = 0
    for _ in range(draws):
        found = Acceptance(chances, random.uniform(size=1000) < chances, np.zeros(1000, np.int64))
        threshold = found.threshold(Promise(min_precision))
        kept += threshold == math.inf or chances[chances >= threshold].mean() >= min_precision
    assert binomtest(kept, draws, 0.9, alternative="less").pvalue > 0.01
    assert kept < draws  # or the promise costs more than it must


def test_a_promise_by_category_has_a_threshold_for_each_and_one_for_all_rare_ones() -> None:
    often, rare = Promise(0.9), Promise(0.9, by_category=True)
    confidence = np.concatenate([np.linspace(0.9, 0.5, 41)] * 2 + [np.linspace(0.8, 0.6, 12)] * 2)
    predicted = np.repeat([0, 1, 2, 3], [41, 41, 12, 12])
    correct = np.where(predicted == 0, confidence > 0.52, predicted != 1)
    answers = Acceptance(confidence, correct, predicted)
    assert answers.thresholds(rare, 5) == pytest.approx([0.51, np.inf, 0.6, 0.6, 0.6], abs=0.011)
    assert set(answers.thresholds(often, 5)) == {np.inf}


@given(ANSWERS)
def test_the_exported_folder_has_the_same_thresholds(pairs: list[tuple[float, bool]]) -> None:
    answers = accepting(pairs)
    read = read_acceptance(json.loads(json.dumps(answers.describe())))
    assert read.threshold(Promise(0.9)) == answers.threshold(Promise(0.9))


def test_of_very_many_texts_as_many_are_saved_as_are_enough() -> None:
    random = np.random.default_rng(0)
    confidence = random.uniform(0.5, 1, 100_000)
    right = random.uniform(0, 1, 100_000) < confidence
    answers = Acceptance(confidence, right, np.zeros(100_000, np.int64))
    read = read_acceptance(answers.describe())
    assert len(read.confidence) == 20_000
    assert read.threshold(Promise(0.9)) == pytest.approx(answers.threshold(Promise(0.9)), abs=0.02)


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


# What is novel


@given(st.integers(20, 400), st.floats(0.01, 0.5), st.integers(0, 2**32))
@settings(deadline=None)
def test_of_texts_like_those_of_validation_few_are_called_novel(
    texts: int, rate: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(6), texts).astype(np.float32)
    answers = acceptance_of(probabilities, np.zeros(texts, np.int64))
    novel = answers.is_novel(answers.novel_from(rate))
    assert novel.mean() <= rate
    assert not novel.any() or answers.uncertainty[novel].min() > answers.uncertainty[~novel].max()


def test_too_few_texts_a_rate_of_none_and_sure_answers_call_nothing_novel() -> None:
    sure = acceptance_of(np.array([[0.99, 0.01]] * 100, np.float32), np.zeros(100, np.int64))
    assert sure.novel_from(0.0) == np.inf
    assert sure.known(np.inf).confidence.tolist() == sure.confidence.tolist()
    # The answer of 0.9 to a text of two categories is never novel, however sure the others are.
    assert sure.novel_from(0.05) >= uncertainty(np.array([[0.9, 0.1]], np.float32))[0] - 1e-3
    few = acceptance_of(np.full((10, 2), 0.5, np.float32), np.zeros(10, np.int64))
    assert few.novel_from(0.05) == np.inf


def test_the_more_words_of_a_text_are_unknown_the_less_certain_is_its_answer() -> None:
    usual, sure = np.array([[0.7, 0.2, 0.1]] * 100, np.float32), np.array([[1, 0, 0]], np.float32)
    answers = acceptance_of(usual, np.zeros(100, np.int64), np.full(100, 0.1))
    unknown = np.array([0.0, 0.5, 1.0])
    found = uncertainty(np.repeat(sure, 3, axis=0), unknown)
    assert (np.diff(found) > 0).all()
    assert (found > answers.novel_from(0.05)).tolist() == [False, False, True]


def test_a_promise_is_read_from_the_texts_that_are_not_novel() -> None:
    # All errors are among the most uncertain answers, which have the same confidence.
    spread = np.tile([0.6, 0.4, 0.0, 0.0], (191, 1))
    flat = np.tile([0.6, 0.14, 0.13, 0.13], (9, 1))
    shares, labels = np.vstack([spread, flat]).astype(np.float32), np.repeat([0, 1], [191, 9])
    answers = acceptance_of(shares, labels)
    assert answers.threshold(Promise(0.98)) == pytest.approx(0.6)
    assert answers.threshold(Promise(0.98, max_false_alarms=0)) == math.inf
