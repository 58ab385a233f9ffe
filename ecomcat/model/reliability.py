"""Confidences against what is right: the curves behind calibration and coverage."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BINS = 15  # as in Guo et al., "On calibration of modern neural networks" (ICML 2017)
_MOST_POINTS = 200


def calibration_bins(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_]
) -> list[dict[str, float]]:
    """Return mean confidence and accuracy of each of `BINS` bins of equal width that has answers.

    Args:
        confidence: of each answer, 0 to 1, shape `(texts,)`.
        correct: whether it was right, shape `(texts,)`.

    Returns:
        For each bin the `texts`, their mean `confidence` and their `accuracy`.
    """
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    texts = np.bincount(bins, minlength=BINS)
    trusted = np.bincount(bins, weights=confidence, minlength=BINS)
    right = np.bincount(bins, weights=correct, minlength=BINS)
    return [
        {
            "texts": int(texts[number]),
            "confidence": float(trusted[number] / texts[number]),
            "accuracy": float(right[number] / texts[number]),
        }
        for number in np.flatnonzero(texts)
    ]


def coverage_curve(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_]
) -> list[dict[str, float]]:
    """Return how precise the surest answers are, for growing shares of all answers.

    Args:
        confidence: of each answer, 0 to 1, shape `(texts,)`.
        correct: whether it was right, shape `(texts,)`.

    Returns:
        At most 200 points with the `threshold` of confidence, the share accepted by it
        (`coverage`) and the `precision` of what is accepted.
    """
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    accepted = np.arange(1, len(ranked) + 1)
    precision = np.cumsum(correct[order]) / accepted
    # Equal confidences are accepted together.
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)[: len(ranked)])
    places = np.linspace(0, len(ends) - 1, min(len(ends), _MOST_POINTS))
    kept = ends[places.round().astype(np.int64)]
    return [
        {
            "threshold": float(ranked[end]),
            "coverage": float(accepted[end] / len(ranked)),
            "precision": float(precision[end]),
        }
        for end in kept
    ]
