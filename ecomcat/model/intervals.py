"""How far chance could have moved a figure: 95 % intervals by the number of texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.model.confidence import BINS, Acceptance

LEVEL = 0.95
Z = 1.959964  # standard errors that hold 95 % of a normal distribution
_SAMPLES = 1000  # of a figure whose distribution has no simple form
Interval = tuple[float, float]


def share_interval(count: float, texts: float) -> Interval:
    """Return Wilson's interval of a share, as of right answers; of no text it is 0 to 1.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference" (Journal
    of the American Statistical Association 22, 1927).

    >>> tuple(round(bound, 3) for bound in share_interval(95, 100))
    (0.888, 0.978)
    """
    if texts <= 0:
        return 0.0, 1.0
    share, spread = count / texts, Z**2 / texts
    centre = (share + spread / 2) / (1 + spread)
    half = np.sqrt(spread * share * (1 - share) + spread**2 / 4) / (1 + spread)
    return max(float(centre - half), 0.0), min(float(centre + half), 1.0)


def f1_interval(score: Mapping[str, float]) -> Interval:
    """Return the interval of the F1 of a class by its `precision`, `recall` and `rows`.

    F1 grows with the share of texts that are of the class and were predicted as it, among those
    that are one of the two.
    """
    right = score["recall"] * score["rows"]
    taken = right / score["precision"] if score["precision"] else 0.0
    low, high = share_interval(right, score["rows"] + taken - right)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def leave_one_out(
    label_ids: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int
) -> tuple[float, NDArray[np.float64]]:
    """Return macro-F1, and what it would be without each of the texts, shape `(texts,)`."""
    hits = np.bincount(label_ids[predicted == label_ids], minlength=num_classes)
    found = np.bincount(label_ids, minlength=num_classes)
    found += np.bincount(predicted, minlength=num_classes)
    f1, classes = _f1(hits, found), np.count_nonzero(found)
    right = label_ids == predicted
    of_label = _f1(hits[label_ids] - right, found[label_ids] - 1 - right)
    of_predicted = np.where(right, 0.0, _f1(hits[predicted], found[predicted] - 1) - f1[predicted])
    total = f1.sum() - f1[label_ids] + of_label + of_predicted
    gone = (found[label_ids] == 1 + right).astype(np.int64) + (~right & (found[predicted] == 1))
    return float(f1.sum() / classes), total / np.maximum(classes - gone, 1)


def _f1(hits: NDArray[np.int64], found: NDArray[np.int64]) -> NDArray[np.float64]:
    return 2 * hits / np.maximum(found, 1)


def jackknife(estimate: float, without: NDArray[np.float64]) -> tuple[float, float]:
    """Return an estimate less its bias, and its standard error, by estimates without each text.

    B. Efron and C. Stein, "The jackknife estimate of variance" (Annals of Statistics 9, 1981).
    """
    texts, mean = len(without), without.mean()
    error = np.sqrt((texts - 1) / texts * np.square(without - mean).sum())
    return float(estimate - (texts - 1) * (mean - estimate)), float(error)


def macro_f1_interval(
    label_ids: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int
) -> Interval:
    """Return the interval of macro-F1: Wilson's, by as many texts as its jackknife error has.

    With many classes of few texts macro-F1 is biased low, so that the interval reaches further up
    from it than down. With one or two texts a class not even the bias can be estimated well.
    """
    score, without = leave_one_out(label_ids, predicted, num_classes)
    corrected, error = jackknife(score, without)
    share, texts = min(max(corrected, 0.0), 1.0), float(len(label_ids))
    spread = share * (1 - share)
    if error**2 * texts > spread > 0:
        texts = spread / error**2
    low, high = share_interval(share * texts, texts)
    return min(low, score), high


def calibration_interval(answers: Acceptance) -> Interval:
    """Return the interval of the expected calibration error, which chance alone makes too large.

    It begins at 0 where a perfectly calibrated model would show such an error in one case of 20.
    """
    texts = len(answers.confidence)
    bins = np.minimum((answers.confidence * BINS).astype(np.int64), BINS - 1)
    gaps = answers.confidence - answers.correct
    normal = np.random.default_rng(0).standard_normal((_SAMPLES, BINS))

    def drawn(centre: Any, squares: NDArray[np.float64]) -> NDArray[Any]:
        spread = np.sqrt(np.bincount(bins, squares, BINS))
        found: NDArray[Any] = np.abs(centre + normal * spread).sum(axis=1) / texts
        return found

    sums = np.bincount(bins, gaps, BINS)
    error = np.abs(sums).sum() / texts
    high = np.quantile(drawn(sums, np.square(gaps)), (1 + LEVEL) / 2)
    by_chance = np.quantile(drawn(0.0, answers.confidence * (1 - answers.confidence)), LEVEL)
    return float(max(2 * error - high, 0.0) if error > by_chance else 0.0), float(high)
