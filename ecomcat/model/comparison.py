"""Whether two models differ, by their answers to the same texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecomcat.model.intervals import Interval, Z

MAX_P_VALUE = 0.05  # of a difference that counts as more than chance
_EXCHANGES = 1000


class Difference(NamedTuple):
    """By how much a figure differs, the 95 % interval of that, and the p-value of a test of it."""

    difference: float
    interval: Interval
    p_value: float


@dataclass(frozen=True)
class Comparison:
    """How the answers of two models to the same texts differ; positive: the first is better.

    Attributes:
        rows: Integer. Number of texts.
        gained, lost: Integers. Texts on which only the first is right, and only the other.
        accuracy, macro_f1: `Difference`. Of the two models' figures.
    """

    rows: int
    gained: int
    lost: int
    accuracy: Difference
    macro_f1: Difference

    @property
    def verdict(self) -> str:
        """Whether the first model is better than the other one, worse, both or neither.

        Both accuracy and macro-F1 are tested, so that a model that is truly equal is called worse
        in one case of 20 at most.
        """
        tests = (self.accuracy, self.macro_f1)
        signs = {np.sign(each.difference) for each in tests if each.p_value < MAX_P_VALUE}
        words = {1: "better", -1: "worse"}
        return " and ".join(words[sign] for sign in sorted(signs, reverse=True)) or "level"

    def describe(self) -> dict[str, Any]:
        """Return what is stored of it."""
        return {
            **{name: getattr(self, name) for name in ("rows", "gained", "lost", "verdict")},
            "accuracy": {**self.accuracy._asdict(), "interval": list(self.accuracy.interval)},
            "macro_f1": {**self.macro_f1._asdict(), "interval": list(self.macro_f1.interval)},
        }


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

    >>> label_ids = np.array([0, 1, 1, 0, 1, 1])
    >>> found = compare_answers(label_ids, label_ids, 1 - label_ids)
    >>> found.gained, found.accuracy.p_value, found.verdict
    (6, 0.03125, 'better')
    """
    right, other = ours == label_ids, theirs == label_ids
    gained, lost = int(np.sum(right & ~other)), int(np.sum(other & ~right))
    accuracy = _accuracy(gained, lost, len(label_ids))
    macro_f1 = _macro_f1(label_ids, ours, theirs)
    return Comparison(len(label_ids), gained, lost, accuracy, macro_f1)


def _accuracy(gained: int, lost: int, texts: int) -> Difference:
    centre = (gained - lost) / (texts + 2)
    error = np.sqrt(gained + lost + 1 - (gained - lost) ** 2 / (texts + 2)) / (texts + 2)
    interval = float(centre - Z * error), float(centre + Z * error)
    return Difference((gained - lost) / max(texts, 1), interval, exact_p_value(gained, lost))


def _macro_f1(
    label_ids: NDArray[np.int64], ours: NDArray[np.int64], theirs: NDArray[np.int64]
) -> Difference:
    """Return the difference; its p-value is the share of exchanges in which it is as large."""
    differs = ours != theirs  # where an exchange changes something
    if not differs.any():
        return Difference(0.0, (0.0, 0.0), 1.0)
    classes = 1 + int(max(label_ids.max(), ours.max(), theirs.max()))
    ids, pair = label_ids[differs], (ours[differs], theirs[differs])
    same = label_ids[~differs], ours[~differs]
    counts = np.bincount(label_ids, minlength=classes), np.bincount(same[1], minlength=classes)
    hits = np.bincount(same[0][same[0] == same[1]], minlength=classes)

    def macro_f1(answers: NDArray[np.int64]) -> float:
        right = hits + np.bincount(ids[answers == ids], minlength=classes)
        found = counts[0] + counts[1] + np.bincount(answers, minlength=classes)
        return float(np.mean((2 * right)[found > 0] / found[found > 0]))

    difference = macro_f1(pair[0]) - macro_f1(pair[1])
    random, exchanged = np.random.default_rng(0), np.zeros(_EXCHANGES)
    for draw in range(_EXCHANGES):
        heads = random.integers(0, 2, len(ids), dtype=bool)
        exchanged[draw] = macro_f1(np.where(heads, *pair)) - macro_f1(np.where(heads, *pair[::-1]))
    as_large = int((np.abs(exchanged) >= abs(difference) - 1e-12).sum())
    half = Z * float(np.sqrt(np.mean(exchanged**2)))
    interval = difference - half, difference + half
    return Difference(difference, interval, (as_large + 1) / (_EXCHANGES + 1))


def exact_p_value(gained: int, lost: int) -> float:
    """Return the p-value of McNemar's test, from the texts on which only one model is right.

    >>> exact_p_value(6, 0)
    0.03125
    """
    from scipy.stats import binomtest

    return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
