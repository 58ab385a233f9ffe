"""When a trial is hopeless: rules that compare it with others after the same number of epochs.

A curve holds a trial's score after each epoch; its value at an epoch is the best score by then,
for that is what a trial is judged by in the end. A score that is not a number is no score.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

Curve = Mapping[int, float]  # epoch, from 1: score, the higher the better


class Pruner(Protocol):
    """A rule that ends trials early."""

    def prunes(self, curve: Curve, peers: Sequence[Curve]) -> bool:
        """Return whether a trial should end after the last epoch of its curve.

        Args:
            curve: the trial's, of at least one epoch.
            peers: the other trials', whether they run, were pruned or came to their end.
        """


@dataclass(frozen=True)
class MedianPruner:
    """End a trial that is below the median of the others.

    The median stopping rule of Golovin et al., "Google Vizier" (KDD 2017), section 3.2.1, on best
    scores instead of running means.

    Args:
        warmup_epochs: epochs that every trial may train.
        min_peers: others that must have come as far before any trial is ended.
    """

    warmup_epochs: int
    min_peers: int

    def prunes(self, curve: Curve, peers: Sequence[Curve]) -> bool:
        """Return whether the trial's best is below the median of the others' by this epoch."""
        epoch = max(curve)
        reached = _reached(peers, epoch)
        if epoch < self.warmup_epochs or len(reached) < self.min_peers:
            return False
        return best_by(curve, epoch) < statistics.median(reached)


@dataclass(frozen=True)
class HalvingPruner:
    """Let one trial in `factor` go on at each rung.

    Asynchronous successive halving, Li et al., "A System for Massively Parallel Hyperparameter
    Tuning" (MLSys 2020), in its stopping form: a trial that comes to a rung is measured against
    those that came before it and waits for nobody.

    Args:
        warmup_epochs: epochs of the first rung; each further one is `factor` times as high.
        min_peers: others that must have come to a rung before any trial is ended at it.
        factor: one trial in this many goes on.
    """

    warmup_epochs: int
    min_peers: int
    factor: int

    def prunes(self, curve: Curve, peers: Sequence[Curve]) -> bool:
        """Return whether the trial stands at a rung and is not among the best there."""
        epoch = max(curve)
        reached = _reached(peers, epoch)
        if not self._is_rung(epoch) or len(reached) < self.min_peers:
            return False
        places = max(1, (len(reached) + 1) // self.factor)
        better = sum(score > best_by(curve, epoch) for score in reached)
        return better >= places

    def _is_rung(self, epoch: int) -> bool:
        rung = self.warmup_epochs
        while rung < epoch:
            rung *= self.factor
        return rung == epoch


@dataclass(frozen=True)
class NoPruner:
    """Let every trial come to its end."""

    def prunes(self, curve: Curve, peers: Sequence[Curve]) -> bool:
        """Return False."""
        return False


def best_by(curve: Curve, epoch: int) -> float:
    """Return the best score up to an epoch; minus infinity where there is none."""
    scores = (score for at, score in curve.items() if at <= epoch and not math.isnan(score))
    return max(scores, default=-math.inf)


def _reached(peers: Sequence[Curve], epoch: int) -> list[float]:
    """Return the best scores by an epoch of those that trained as far."""
    return [best_by(curve, epoch) for curve in peers if curve and max(curve) >= epoch]
