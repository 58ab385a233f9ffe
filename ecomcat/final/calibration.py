"""Calibrate confidences by one temperature, fitted on texts that the model was not trained on.

As in Guo et al., "On calibration of modern neural networks" (ICML 2017, section 4.2): the
logarithms of the probabilities are divided by a temperature before they are normalised again.
The predicted class stays the same; only its confidence changes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MIN_PROBABILITY = 1e-7
_TEMPERATURES = (0.1, 10.0)  # the bounds of the search


def fit_temperature(probabilities: NDArray[np.float32], label_ids: NDArray[np.int64]) -> float:
    """Return the temperature of the least cross-entropy.

    A little of each target is spread over all classes, as in Platt's "Probabilistic outputs for
    support vector machines" (1999, section 2.2), so that a few texts that are all right do not
    make a model certain.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    smoothing = 1 / (len(label_ids) + 2)
    logits = _logits(probabilities).astype(np.float64)
    rows = np.arange(len(label_ids))

    def loss(log_temperature: float) -> float:
        # Of logarithms all the way: a bound on the result would make certainty cost nothing.
        logs = log_softmax(logits / np.exp(log_temperature), axis=1)
        of_label, of_all = logs[rows, label_ids].mean(), logs.mean()
        return -float((1 - smoothing) * of_label + smoothing * of_all)

    low, high = np.log(_TEMPERATURES)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-3})
    return float(np.exp(found.x))


def cross_calibrated(
    probabilities: NDArray[np.float32], label_ids: NDArray[np.int64], seed: int
) -> NDArray[np.float32]:
    """Calibrate each half of the texts by the temperature of the other half.

    What is read off these confidences, such as a threshold, is then not too good by having been
    fitted to the same texts. The seed decides the halves.
    """
    calibrated = probabilities.copy()
    order = np.random.default_rng(seed).permutation(len(label_ids))
    halves = np.array_split(order, 2)
    for half, other in (halves, halves[::-1]):
        temperature = fit_temperature(probabilities[other], label_ids[other])
        calibrated[half] = with_temperature(probabilities[half], temperature)
    return calibrated


def with_temperature(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Return probabilities `(texts, num_classes)` at a temperature.

    >>> with_temperature(np.array([[0.8, 0.2]], np.float32), 2.0).round(3).tolist()
    [[0.6669999957084656, 0.3330000042915344]]
    """
    from scipy.special import softmax

    at_temperature: NDArray[np.float32] = softmax(_logits(probabilities) / temperature, axis=1)
    return at_temperature


def _logits(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.log(np.maximum(probabilities, MIN_PROBABILITY))
