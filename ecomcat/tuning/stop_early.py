"""When a search may end early: more trials could gain less than its validation set can show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecomcat.tuning.records import COMPLETED, CUT_SHORT, PRUNED, TrialRecord, best_record

MIN_TRIALS = 8  # needed for an estimate
_SHARE_OF_NOISE = 0.1  # a smaller gain is not worth more trials (docs/experiments.md)


@dataclass(frozen=True)
class Outlook:
    """The gain that further trials may bring.

    Args:
        trials: Integer. How many.
        gain: Float. By how much they may raise the best macro-F1 of validation.
        noise: Float. Standard error of the best trial's score there.
    """

    trials: int
    gain: float
    noise: float

    @property
    def is_poor(self) -> bool:
        """Whether the gain is lost in the noise."""
        return self.gain <= _SHARE_OF_NOISE * self.noise

    def __str__(self) -> str:
        """Return the expectation as a sentence without its full stop."""
        plural = "s" if self.trials > 1 else ""
        return (
            f"The search ends early: {self.trials} more trial{plural} would raise macro-F1 by some "
            f"{self.gain:.4f} on validation, where it is uncertain by {self.noise:.4f}"
        )


def outlook(records: Sequence[TrialRecord], more: int, validation_texts: int) -> Outlook | None:
    """Estimate the gain of further trials; `None` while too few have ended.

    Args:
        records: Sequence of `TrialRecord`. The study's trials, in their order.
        more: Integer. How many further trials there may be.
        validation_texts: Integer. Number of texts that each trial was scored on.
    """
    ended = [each for each in records if each.status in {COMPLETED, CUT_SHORT, PRUNED}]
    best, scores = best_record(ended), [each.objective or 0.0 for each in ended]
    if best is None or len(scores) < MIN_TRIALS:
        return None
    accuracy = best.accuracy or 0.0
    noise = math.sqrt(accuracy * (1 - accuracy) / max(validation_texts, 1))
    return Outlook(more, gain_of_more(scores, more), noise)


def gain_of_more(scores: Sequence[float], more: int) -> float:
    """Estimate by how much further trials would raise the best score.

    The best of `n` trials rises about as much each time that `n` doubles, or less. How much it
    rose from half of these trials to all of them is known: in the order in which they were tried,
    and on average over all orders (Dodge et al., "Show Your Work: Improved Reporting of
    Experimental Results", EMNLP 2019, section 3). The larger of the two is used, up to a score of
    1.

    Args:
        scores: Sequence of floats, two at least. The trials' scores in their order.
        more: Integer. How many further trials there would be.

    >>> round(gain_of_more([0.90, 0.92, 0.91, 0.93], more=4), 4)
    0.01
    """
    count, half = len(scores), len(scores) // 2
    ordered = np.sort(np.asarray(scores, dtype=float))[::-1]
    # How often a trial is in a random half, and then how often no better one is in it.
    drawn = np.minimum(half / (count - np.arange(count)), 1)
    is_best = drawn * np.cumprod([1, *(1 - drawn[:-1])])
    on_average = float(ordered @ is_best)
    so_far = max(scores) - min(on_average, max(scores[:half]))
    gain = so_far * math.log2((count + more) / count) / math.log2(count / half)
    return min(gain, 1 - max(scores))
