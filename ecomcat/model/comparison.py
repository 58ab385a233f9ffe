"""Whether two models differ, by their answers to the same texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.model.intervals import Interval, Z

MAX_P_VALUE = 0.05  # of a difference that counts as more than chance
_EXCHANGES = 1000


@dataclass(frozen=True)
class Comparison:
    """How the answers of two models to the same texts differ; positive: the first is better.

    Attributes:
        rows: Integer. Number of texts.
        gained, lost: Integers. Texts on which only the first is right, and only the other.
        p_value: Float. Of McNemar's exact test of the two numbers.
        accuracy_interval: Pair of floats. 95 % interval of the difference in accuracy.
        macro_f1: Float. The difference in macro-F1.
        macro_f1_interval: Pair of floats. Its 95 % interval.
        macro_f1_p_value: Float. Of a test of it.
    """

    rows: int
    gained: int
    lost: int
    p_value: float
    accuracy_interval: Interval
    macro_f1: float
    macro_f1_interval: Interval
    macro_f1_p_value: float

    @property
    def accuracy(self) -> float:
        """The difference in accuracy."""
        return (self.gained - self.lost) / max(self.rows, 1)

    @property
    def verdict(self) -> str:
        """Whether the first model is better than the other one, worse, both or neither.

        Both accuracy and macro-F1 are tested, so that a model that is truly equal is called worse
        in one case of 20 at most.
        """
        tests = ((self.accuracy, self.p_value), (self.macro_f1, self.macro_f1_p_value))
        signs = {np.sign(difference) for difference, p_value in tests if p_value < MAX_P_VALUE}
        words = {1: "better", -1: "worse"}
        return " and ".join(words[sign] for sign in sorted(signs, reverse=True)) or "level"

    def describe(self) -> dict[str, Any]:
        """Return what is stored of it."""
        return {
            **{name: getattr(self, name) for name in ("rows", "gained", "lost", "verdict")},
            "accuracy": _described(self.accuracy, self.accuracy_interval, self.p_value),
            "macro_f1": _described(self.macro_f1, self.macro_f1_interval, self.macro_f1_p_value),
        }


def _described(difference: float, interval: Interval, p_value: float) -> dict[str, Any]:
    return {"difference": difference, "interval": list(interval), "p_value": p_value}


def compare_answers(
    label_ids: NDArray[np.int64],
    ours: NDArray[np.int64],
    theirs: NDArray[np.int64],
) -> Comparison:
    """Compare two models by the classes that they predict for the same texts.

    Accuracy by McNemar's exact test: Q. McNemar, "Note on the sampling error of the difference
    between correlated proportions or percentages" (Psychometrika 12, 1947), with the interval of
    A. Agresti and Y. Min, "Simple improved confidence intervals for comparing matched proportions"
    (Statistics in Medicine 24, 2005). Macro-F1 by exchanging the answers to each text at random:
    A. Yeh, "More accurate tests for the statistical significance of result differences" (COLING
    2000, section 3.2).

    >>> labels = np.array([0, 1, 1, 0, 1, 1])
    >>> found = compare_answers(labels, labels, 1 - labels)
    >>> found.gained, found.p_value, found.verdict
    (6, 0.03125, 'better')
    """
    right, other = ours == label_ids, theirs == label_ids
    gained, lost = int(np.sum(right & ~other)), int(np.sum(other & ~right))
    difference, interval, p_value = _macro_f1(label_ids, ours, theirs)
    return Comparison(
        rows=len(label_ids),
        gained=gained,
        lost=lost,
        p_value=exact_p_value(gained, lost),
        accuracy_interval=_matched_interval(gained, lost, len(label_ids)),
        macro_f1=difference,
        macro_f1_interval=interval,
        macro_f1_p_value=p_value,
    )


def _matched_interval(gained: int, lost: int, texts: int) -> Interval:
    difference = (gained - lost) / (texts + 2)
    error = np.sqrt(gained + lost + 1 - (gained - lost) ** 2 / (texts + 2)) / (texts + 2)
    return float(difference - Z * error), float(difference + Z * error)


def _macro_f1(
    label_ids: NDArray[np.int64], ours: NDArray[np.int64], theirs: NDArray[np.int64]
) -> tuple[float, Interval, float]:
    """Return the difference, its interval, and in what share of exchanges it is as large."""
    differs = ours != theirs  # where an exchange changes something
    if not differs.any():
        return 0.0, (0.0, 0.0), 1.0
    classes = 1 + int(max(label_ids.max(), ours.max(), theirs.max()))
    labels, pair = label_ids[differs], (ours[differs], theirs[differs])
    same = label_ids[~differs], ours[~differs]
    counts = np.bincount(label_ids, minlength=classes), np.bincount(same[1], minlength=classes)
    hits = np.bincount(same[0][same[0] == same[1]], minlength=classes)

    def macro_f1(answers: NDArray[np.int64]) -> float:
        right = hits + np.bincount(labels[answers == labels], minlength=classes)
        found = counts[0] + counts[1] + np.bincount(answers, minlength=classes)
        return float(np.mean((2 * right)[found > 0] / found[found > 0]))

    difference = macro_f1(pair[0]) - macro_f1(pair[1])
    random, exchanged = np.random.default_rng(0), np.zeros(_EXCHANGES)
    for draw in range(_EXCHANGES):
        heads = random.integers(0, 2, len(labels), dtype=bool)
        exchanged[draw] = macro_f1(np.where(heads, *pair)) - macro_f1(np.where(heads, *pair[::-1]))
    as_large = int((np.abs(exchanged) >= abs(difference) - 1e-12).sum())
    half = Z * float(np.sqrt(np.mean(exchanged**2)))
    interval = difference - half, difference + half
    return difference, interval, (as_large + 1) / (_EXCHANGES + 1)


def exact_p_value(gained: int, lost: int) -> float:
    """Return the p-value of McNemar's test, from the texts on which only one model is right.

    >>> exact_p_value(6, 0)
    0.03125
    """
    from scipy.stats import binomtest

    return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
