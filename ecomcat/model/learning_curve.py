"""Accuracy against the number of texts that were learned, and the gain of twice as many."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MIN_POINTS = 3  # the last ones, from which the curve is extrapolated
_SAMPLES = 300  # of the test texts, with replacement
_CORRECTION = 0.5  # added to the errors, since 0 has no logarithm


def extrapolated_curve(
    right: NDArray[np.bool_], sizes: NDArray[np.int64], seed: int
) -> dict[str, Any]:
    """Describe a learning curve, and extrapolate from its last points.

    Errors are assumed to fall with a power of the number of texts: Hestness et al., "Deep learning
    scaling is predictable, empirically" (arXiv 1712.00409, 2017).

    Args:
        right: Array of booleans, shape `(points, texts)`. Which of the same texts each model is
            right on; three points at least.
        sizes: Array of integers, shape `(points,)`. How many texts each has learned, ascending.
        seed: Integer. Seed of the samples that give the interval.

    Returns:
        `points` with `texts` and `accuracy`, and `doubled`: the number of `texts`, the `gain` in
        accuracy and its 95 % `interval`.
    """
    random, texts = np.random.default_rng(seed), right.shape[1]
    gains = [
        _gain(right[:, random.integers(0, texts, texts)].mean(axis=1), sizes, texts)
        for _ in range(_SAMPLES)
    ]
    return {
        "points": [
            {"texts": int(size), "accuracy": float(row.mean())}
            for size, row in zip(sizes, right, strict=True)
        ],
        "doubled": {
            "texts": int(2 * sizes[-1]),
            "gain": _gain(right.mean(axis=1), sizes, texts),
            "interval": np.quantile(gains, [0.025, 0.975]).tolist(),
        },
    }


def _gain(accuracies: NDArray[np.float64], sizes: NDArray[np.int64], texts: int) -> float:
    """Return the gain in accuracy from twice the texts, which is never below 0."""
    errors = np.log(1 - accuracies[-MIN_POINTS:] + _CORRECTION / texts)
    slope = float(np.polyfit(np.log(sizes[-MIN_POINTS:]), errors, 1)[0])
    return float((1 - accuracies[-1]) * (1 - 2.0 ** min(slope, 0.0)))
