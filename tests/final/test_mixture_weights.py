"""How much linear models count is learned on validation: by what they are worth there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecomcat.final.mixture_weights import cross_pooled, learn_weights, pool, pool_parts
from ecomcat.model.confidence import acceptance_of, fit_temperature, with_temperature

CLASSES = 4


def truth(rows: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, CLASSES, rows)


def model(labels: np.ndarray, worth: float, seed: int) -> np.ndarray:
    """Return calibrated answers that see a noisy score of the right class."""
    random = np.random.default_rng(seed)
    scores = random.normal(0, 1, (len(labels), CLASSES))
    scores[np.arange(len(labels)), labels] += worth
    logits = scores * worth
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (exponents / exponents.sum(axis=1, keepdims=True)).astype(np.float32)


LABELS = truth(2000)
GOOD, OTHER, POOR = model(LABELS, 2.0, 1), model(LABELS, 2.0, 2), model(LABELS, 0.7, 3)
NOISE, WRONG = model(LABELS, 1e-3, 4), model((LABELS + 1) % CLASSES, 2.0, 5)


@pytest.mark.parametrize(
    ("linear", "low", "high"),
    [
        (OTHER, 0.45, 0.55),  # as good as the network, and of its own mind
        (POOR, 0.3, 0.55),  # its logarithms are small already
        (WRONG, 0.0, 0.0),
        (GOOD, 0.0, 0.5),  # the network again
    ],
    ids=["equal", "poor", "wrong", "the same"],
)
def test_it_counts_for_what_it_adds(linear: np.ndarray, low: float, high: float) -> None:
    (weight,) = learn_weights([GOOD], [linear], LABELS)
    assert low <= weight <= high


def test_the_better_of_two_counts_for_more_and_the_whole_is_better_than_each() -> None:
    better = model(LABELS, 2.5, 6)
    weights = learn_weights([GOOD, OTHER], [NOISE, better, WRONG], LABELS)
    assert weights[2] == 0
    assert weights[1] > weights[0]
    whole = pool_parts(GOOD, [better], [weights[1]])
    right = [(each.argmax(axis=1) == LABELS).mean() for each in (GOOD, better, whole)]
    assert right[2] > max(right[:2]) + 0.02


def test_few_texts_leave_the_usual_weights_and_no_model_has_none() -> None:
    few = slice(0, 4)
    weights = learn_weights([GOOD[few]], [OTHER[few], POOR[few]], LABELS[few])
    assert weights == [pytest.approx(0.25, abs=0.05)] * 2
    assert learn_weights([GOOD], [], LABELS) == []


def test_several_networks_decide_together() -> None:
    alone = [learn_weights([each], [POOR], LABELS) for each in (GOOD, NOISE)]
    assert min(alone) < learn_weights([GOOD, NOISE], [POOR], LABELS) < max(alone)


@given(
    st.lists(st.floats(0.0, 3.0), min_size=3, max_size=3).filter(lambda weights: sum(weights) > 0),
    st.integers(0, 5),
)
def test_a_pool_is_a_distribution_and_weighs_in_any_order(
    weights: Sequence[float], seed: int
) -> None:
    answers = [model(LABELS[:50], worth, seed) for worth in (0.5, 1.0, 2.0)]
    pooled = pool(answers, weights)
    assert np.allclose(pooled.sum(axis=1), 1, atol=1e-5)
    assert np.allclose(pooled, pool(answers[::-1], weights[::-1]), atol=1e-5)
    assert np.allclose(pool(answers[:1], [1.0]), answers[0], atol=1e-5)


def test_certain_and_contradicting_answers_have_a_pool() -> None:
    one, other = np.eye(2, dtype=np.float32)[[0]], np.eye(2, dtype=np.float32)[[1]]
    assert pool([one, other], [0.5, 0.5]).tolist() == [[0.5, 0.5]]


def whole_of(labels: np.ndarray, networks: np.ndarray = GOOD) -> np.ndarray:
    rows = np.arange(len(labels))
    answers = networks[rows]
    return cross_pooled(answers, [POOR[rows]], [answers], rows, labels, seed=1)


def test_calibration_brings_confidence_and_accuracy_together() -> None:
    cold = with_temperature(GOOD, 0.4)
    errors = [acceptance_of(each, LABELS).calibration_error() for each in (cold, whole_of(LABELS))]
    assert errors[0] > 0.1
    assert acceptance_of(whole_of(LABELS, cold), LABELS).calibration_error() < 0.03
    assert fit_temperature(whole_of(LABELS), LABELS) == pytest.approx(1.0, abs=0.1)


def test_a_text_is_pooled_and_calibrated_by_other_texts_alone() -> None:
    labels = LABELS[:40]
    other = labels.copy()
    other[0] = (other[0] + 1) % CLASSES
    before, after = whole_of(labels), whole_of(other)
    assert np.array_equal(before[0], after[0])
    assert not np.array_equal(before, after)
