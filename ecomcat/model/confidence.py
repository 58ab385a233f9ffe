"""Confidences: from which one an answer is accepted, and one temperature that calibrates them.

The temperature is that of Guo et al., "On calibration of modern neural networks" (ICML 2017,
section 4.2), fitted on texts that the model was not trained on: the logarithms of the
probabilities are divided by it before they are normalised again. The predicted class stays the
same; only its confidence changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

BINS = 15  # as in Guo et al., eq. 3
MAX_POINTS = 200  # of a coverage curve
MAX_TEXTS = 20_000  # saved to read thresholds from
MIN_PROBABILITY = 1e-7
_TEMPERATURES = (0.1, 10.0)  # the bounds of the search
Points = list[dict[str, float]]  # of a curve, each with its values by name


@dataclass(frozen=True)
class Acceptance:
    """Confidences of answers, and whether they were right: what thresholds are read from.

    Example:
        >>> answers = Acceptance(np.array([0.9, 0.8, 0.6]), np.array([True, True, False]))
        >>> answers.threshold(0.6)
        0.8
    """

    confidence: NDArray[np.float64]  # 0 to 1, shape `(texts,)`
    correct: NDArray[np.bool_]  # of the same shape

    def threshold(self, min_precision: float) -> float | None:
        """Return the lowest confidence from which answers are right often enough.

        One error more than was seen is counted, so that a few right answers prove nothing: a
        precision of 0.99 takes 99 texts at least. Without such a confidence it is `None`.
        """
        confidence, accepted, right = self._levels()
        precise = accepted - right + 1 <= (1 - min_precision) * (accepted + 1) + 1e-9
        return float(confidence[precise][-1]) if precise.any() else None

    def coverage(self, threshold: float | None) -> dict[str, float | None]:
        """Return `threshold`, `coverage` (fraction accepted), `precision` (of it that is right)."""
        accepted = self.confidence >= (np.inf if threshold is None else threshold)
        precision = float(self.correct[accepted].mean()) if accepted.any() else None
        coverage = float(accepted.mean()) if len(accepted) else 0.0
        return {"threshold": threshold, "coverage": coverage, "precision": precision}

    def coverage_curve(self) -> Points:
        """Return at most `MAX_POINTS` points with `threshold`, `coverage` and `precision`."""
        import pandas as pd

        confidence, accepted, right = self._levels()
        curve = pd.DataFrame({"threshold": confidence, "coverage": accepted, "precision": right})
        curve["precision"] /= accepted
        curve["coverage"] /= len(self.confidence)
        points = np.linspace(0, len(curve) - 1, min(len(curve), MAX_POINTS)).round()
        return cast(Points, curve.iloc[points.astype(np.int64)].to_dict("records"))

    def calibration_bins(self) -> Points:
        """Return `texts`, mean `confidence` and `accuracy` of each of `BINS` equal bins in use."""
        import pandas as pd

        bins = np.minimum((self.confidence * BINS).astype(np.int64), BINS - 1)
        answers = pd.DataFrame({"confidence": self.confidence, "accuracy": self.correct * 1.0})
        means = answers.groupby(bins).mean().assign(texts=np.unique(bins, return_counts=True)[1])
        return cast(Points, means.to_dict("records"))

    def calibration_error(self) -> float:
        """Return the mean distance between confidence and accuracy over the bins."""
        distances = (
            abs(each["confidence"] - each["accuracy"]) * each["texts"]
            for each in self.calibration_bins()
        )
        return sum(distances) / max(len(self.confidence), 1)

    def describe(self) -> dict[str, Any]:
        """Return what the exported folder holds: of very many texts, as many as are enough."""
        rows = np.linspace(0, len(self.confidence) - 1, min(len(self.confidence), MAX_TEXTS))
        chosen = np.argsort(-self.confidence, kind="stable")[rows.astype(np.int64)]
        return {
            "confidence": self.confidence[chosen].tolist(),
            "correct": self.correct[chosen].astype(int).tolist(),
        }

    def _levels(self) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
        """Return each confidence, the highest first, how many it accepts and how many are right."""
        order = np.argsort(-self.confidence, kind="stable")
        ranked = self.confidence[order]
        # Equal confidences are accepted together.
        ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)[: len(ranked)])
        return ranked[ends], ends + 1, np.cumsum(self.correct[order].astype(np.int64))[ends]


def read_acceptance(content: Mapping[str, Any]) -> Acceptance:
    """Return what `Acceptance.describe` described."""
    confidence = np.array(content["confidence"], np.float64)
    return Acceptance(confidence, np.array(content["correct"], bool))


def acceptance_of(probabilities: NDArray[np.float32], label_ids: NDArray[np.int64]) -> Acceptance:
    """Return confidence and correctness of answers `(texts, num_classes)` to labelled texts."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    return Acceptance(confidence, probabilities.argmax(axis=1) == label_ids)


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
