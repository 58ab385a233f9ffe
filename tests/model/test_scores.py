"""Scores over a whole set: macro-F1, cross-entropy, and what is reported."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from ecomcat.model.metrics import cross_entropy, macro_f1, score_met_classes, score_predictions

CLASSES = ["Books", "Toys", "Lamps"]
LABELS = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 1, 1, 1, 0, 2])

predictions = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60)


def macro_f1_by_hand(labels: np.ndarray, predicted: np.ndarray, classes: int) -> float:
    scores = []
    for number in range(classes):
        hits = np.sum((labels == number) & (predicted == number))
        met = np.sum(labels == number) + np.sum(predicted == number)
        scores.append(2 * hits / met if met else 0.0)
    return float(np.mean(scores))


def keras_cross_entropy(labels: np.ndarray, probabilities: np.ndarray, smoothing: float) -> float:
    """Follow Keras's `CategoricalCrossentropy` step by step, in double precision."""
    classes = probabilities.shape[1]
    targets = np.eye(classes)[labels] * (1 - smoothing) + smoothing / classes
    normalized = probabilities / probabilities.sum(axis=1, keepdims=True)
    clipped = np.clip(normalized, 1e-7, 1 - 1e-7)
    return float(np.mean(-np.sum(targets * np.log(clipped), axis=1)))


@settings(deadline=None)
@given(predictions)
def test_macro_f1_is_the_mean_of_the_classes(pairs: list[tuple[int, int]]) -> None:
    labels, predicted = np.array(pairs).T
    found = macro_f1(labels, predicted, 4)
    assert found == pytest.approx(macro_f1_by_hand(labels, predicted, 4))
    if len(set(labels)) == 4:
        assert found == pytest.approx(f1_score(labels, predicted, average="macro"))


def test_a_class_that_is_absent_counts_zero() -> None:
    perfect = np.array([0, 1, 0, 1])
    assert macro_f1(perfect, perfect, 2) == 1.0
    assert macro_f1(perfect, perfect, 4) == 0.5


def test_macro_f1_is_no_mean_over_batches() -> None:
    halves = [macro_f1(LABELS[part], PREDICTED[part], 3) for part in (slice(3), slice(3, 6))]
    whole = macro_f1(LABELS, PREDICTED, 3)
    assert whole == pytest.approx((0.4 + 0.4 + 1) / 3)
    assert whole != pytest.approx(np.mean(halves), abs=0.1)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 6))
def test_cross_entropy_is_that_of_training(smoothing: float, seed: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    powers = np.exp(random.normal(0, 2, (20, classes)))
    probabilities = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    labels = random.integers(0, classes, 20)
    found = cross_entropy(labels, probabilities, smoothing)
    assert found == pytest.approx(keras_cross_entropy(labels, probabilities, smoothing), rel=1e-4)


@pytest.mark.parametrize(
    ("probabilities", "smoothing", "expected"),
    [
        pytest.param([0.25, 0.75], 0.0, -math.log(0.25), id="of the label"),
        pytest.param([0.5, 0.5], 0.3, math.log(2), id="even"),
        pytest.param([1.0, 0.0], 0.0, 0.0, id="sure and right"),
        pytest.param([0.0, 1.0], 0.0, -math.log(1e-7), id="sure and wrong, yet finite"),
        pytest.param([1.0, 0.0], 0.2, -0.1 * math.log(1e-7), id="sure under smoothing"),
    ],
)
def test_cross_entropy_of_one_text(
    probabilities: list[float], smoothing: float, expected: float
) -> None:
    found = cross_entropy(np.array([0]), np.array([probabilities], np.float32), smoothing)
    assert found == pytest.approx(expected, abs=1e-5)


def test_what_is_reported_of_predictions() -> None:
    scores = score_predictions(LABELS, PREDICTED, CLASSES)
    assert list(scores) == [
        "rows",
        "accuracy",
        "macro_f1",
        "weighted_f1",
        "per_class",
        "confusion_matrix",
    ]
    assert scores["rows"] == 6
    assert scores["accuracy"] == pytest.approx(accuracy_score(LABELS, PREDICTED))
    assert scores["macro_f1"] == macro_f1(LABELS, PREDICTED, 3)
    assert scores["weighted_f1"] == pytest.approx((3 * 0.4 + 2 * 0.4 + 1 * 1) / 6)
    assert list(scores["per_class"]) == CLASSES
    assert scores["per_class"]["Books"] == pytest.approx(
        {"precision": 1 / 2, "recall": 1 / 3, "f1": 0.4, "rows": 3}
    )
    assert json.loads(json.dumps(scores)) == scores


def test_the_confusion_matrix_has_a_row_a_true_class() -> None:
    matrix = score_predictions(LABELS, PREDICTED, CLASSES)["confusion_matrix"]
    assert matrix == [[1, 2, 0], [1, 1, 0], [0, 0, 1]]


def test_classes_that_no_row_has_are_reported_all_the_same() -> None:
    scores = score_predictions(np.array([1, 1]), np.array([1, 1]), CLASSES)
    assert scores["per_class"]["Books"] == {"precision": 0, "recall": 0, "f1": 0, "rows": 0}
    assert scores["confusion_matrix"] == [[0, 0, 0], [0, 2, 0], [0, 0, 0]]
    assert scores["macro_f1"] == pytest.approx(1 / 3)


def test_classes_keep_their_numbers_order() -> None:
    scores = score_predictions(np.array([0, 1]), np.array([0, 0]), ["z", "a"])
    assert list(scores["per_class"]) == ["z", "a"]
    assert scores["per_class"]["z"]["recall"] == 1


@settings(deadline=None)
@given(predictions)
def test_macro_f1_over_met_classes_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    labels, predicted = np.array(pairs).T
    scores = score_met_classes(labels, predicted, list("abcd"))
    expected = f1_score(labels, predicted, average="macro", zero_division=0)
    assert scores["macro_f1"] == pytest.approx(expected)
    whole = score_predictions(labels, predicted, list("abcd"))
    for same in ("rows", "accuracy", "weighted_f1"):
        assert scores[same] == pytest.approx(whole[same])
    for name, score in scores["per_class"].items():
        assert score == pytest.approx(whole["per_class"][name])
    assert sorted([*scores["per_class"], *scores["absent_classes"]]) == list("abcd")


def test_met_classes_keep_their_order_and_the_others_are_named() -> None:
    scores = score_met_classes(np.array([3, 3, 1]), np.array([3, 1, 1]), ["z", "y", "x", "w"])
    assert list(scores["per_class"]) == ["y", "w"]
    assert scores["absent_classes"] == ["z", "x"]
    assert scores["confusion_matrix"] == [[1, 0], [1, 1]]
    assert json.loads(json.dumps(scores)) == scores


def test_a_class_that_was_only_predicted_counts() -> None:
    scores = score_met_classes(np.array([0, 0]), np.array([0, 2]), CLASSES)
    assert list(scores["per_class"]) == ["Books", "Lamps"]
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 0) / 2)


@settings(deadline=None)
@given(predictions)
def test_the_confusion_matrix_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    labels, predicted = np.array(pairs).T
    matrix = score_predictions(labels, predicted, list("abcd"))["confusion_matrix"]
    assert matrix == confusion_matrix(labels, predicted, labels=range(4)).tolist()


def test_a_single_class_is_scored_without_a_warning() -> None:
    scores = score_met_classes(np.array([2, 2]), np.array([2, 2]), CLASSES)
    assert (scores["macro_f1"], scores["confusion_matrix"]) == (1.0, [[2]])
