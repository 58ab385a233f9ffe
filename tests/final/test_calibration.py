"""One temperature makes confidences mean something, and changes no answer."""

from __future__ import annotations

import numpy as np
import pytest

from ecomcat.final.calibration import (
    cross_calibrated,
    fit_temperature,
    with_temperature,
)
from ecomcat.model.metrics import acceptance_of


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


def test_calibration_brings_confidence_and_accuracy_together_and_changes_no_answer() -> None:
    probabilities, labels = answers(4000)
    cold = with_temperature(probabilities, 0.4)
    calibrated = cross_calibrated(cold, labels, seed=1)
    errors = [acceptance_of(each, labels).calibration_error() for each in (cold, calibrated)]
    assert errors[0] > 0.1
    assert errors[1] < 0.03
    assert np.array_equal(cold.argmax(axis=1), calibrated.argmax(axis=1))
    assert np.allclose(calibrated.sum(axis=1), 1, atol=1e-5)


def test_a_text_is_calibrated_by_other_texts_alone() -> None:
    probabilities, labels = answers(40)
    other = labels.copy()
    other[0] = (other[0] + 1) % 3
    before = cross_calibrated(probabilities, labels, seed=1)
    after = cross_calibrated(probabilities, other, seed=1)
    assert np.array_equal(before[0], after[0])
    assert not np.array_equal(before, after)


def test_a_few_right_answers_do_not_make_it_certain() -> None:
    probabilities = np.tile(np.array([[0.7, 0.3]], np.float32), (2, 1))
    calibrated = cross_calibrated(probabilities, np.zeros(2, np.int64), seed=1)
    assert 0.5 < calibrated.max() < 0.99


@pytest.mark.parametrize("wrong", [0, 1, 5])
def test_nor_do_many_categories(wrong: int) -> None:
    rows, classes = 1000, 50
    labels = np.arange(rows) % classes
    probabilities = np.full((rows, classes), 0.4 / (classes - 1), np.float32)
    probabilities[np.arange(rows), labels] = 0.6
    labels[:wrong] += 1
    confidence = with_temperature(probabilities, fit_temperature(probabilities, labels)).max()
    assert 1 - confidence == pytest.approx((wrong + 1) / rows, rel=0.15)


@pytest.mark.slow
def test_the_exported_model_has_the_temperature() -> None:
    import keras

    from ecomcat.final.experts import calibrated_model

    given = keras.Input((3,))
    model = keras.Model(given, keras.layers.Softmax()(given), name="classifier")
    logits = np.array([[2.0, 0.5, -1.0]], np.float32)
    expected = with_temperature(np.asarray(model(logits)), 0.6)
    assert np.allclose(calibrated_model(model, 0.6)(logits), expected, atol=1e-5)
