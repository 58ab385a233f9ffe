"""Make confidences mean something: one temperature, from texts that taught the model nothing.

As in Guo et al., "On calibration of modern neural networks" (ICML 2017, section 4.2): the
logarithms of the probabilities are divided by a temperature before they are normalised again.
The answer stays the same; only how sure it sounds changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

_LEAST = 1e-7  # a probability below is read as this
_TEMPERATURES = (0.1, 10.0)  # between which it is sought
_LAYER = "temperature"


def fit_temperature(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return the temperature of the least cross-entropy.

    A little of each target is spread over all classes, as in Platt's "Probabilistic outputs for
    support vector machines" (1999, section 2.2), so that a few texts that are all right do not
    make a model certain.

    Args:
        probabilities: of validation texts, shape `(texts, classes)`, by weights that were trained
            on train alone.
        labels: class numbers, shape `(texts,)`.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    smoothing = 1 / (len(labels) + 2)
    logits = np.log(np.maximum(probabilities, _LEAST)).astype(np.float64)
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        # Of logarithms all the way: a bound on the result would make certainty cost nothing.
        logs = log_softmax(logits / np.exp(log_temperature), axis=1)
        of_label, of_all = logs[rows, labels].mean(), logs.mean()
        return -float((1 - smoothing) * of_label + smoothing * of_all)

    low, high = np.log(_TEMPERATURES)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-3})
    return float(np.exp(found.x))


def cross_calibrated(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64], seed: int
) -> NDArray[np.float32]:
    """Calibrate each half of the texts by the temperature of the other half.

    So that what is read off these confidences, such as a threshold, does not flatter itself.

    Args:
        probabilities: shape `(texts, classes)`.
        labels: class numbers, shape `(texts,)`.
        seed: of the halves.
    """
    calibrated = probabilities.copy()
    order = np.random.default_rng(seed).permutation(len(labels))
    halves = np.array_split(order, 2)
    for half, other in (halves, halves[::-1]):
        temperature = fit_temperature(probabilities[other], labels[other])
        calibrated[half] = with_temperature(probabilities[half], temperature)
    return calibrated


def with_temperature(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Return probabilities `(texts, classes)` as a temperature makes them."""
    logits = np.log(np.maximum(probabilities, _LEAST)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    warmed: NDArray[np.float32] = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return warmed


def calibrated_model(model: keras.Model, temperature: float) -> keras.Model:
    """Return a model of plain Keras layers whose answers have a temperature."""
    import keras

    logits = keras.ops.log(keras.ops.maximum(model.outputs[0], _LEAST))
    answers = keras.layers.Softmax(name=_LAYER)(logits * (1 / temperature))
    return keras.Model(model.inputs[0], answers, name=model.name)
