"""When a trial is hopeless: rules that compare it with others after the same number of epochs.

A curve holds a trial's score after each epoch; its value at an epoch is the best score so far,
since the best score counts in the end. A score that is not a number is ignored.
A new rule is a class here or in your own file, and a YAML file in `conf/search/pruner`.
"""

from __future__ import annotations

import math
import statistics
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from ecomcat.config import SearchConfig
from ecomcat.option_fields import REQUIRED, make, option

Curve = Mapping[int, float]  # epoch, from 1: score, the higher the better


class Component:
    """A dataclass of options (`ecomcat.option_fields.option`) that a study depends on."""

    name: ClassVar[str]

    def identity(self) -> str:
        """Return the name and each parameter, which must agree before a study is resumed."""
        parameters: dict[str, Any] = asdict(self)  # type: ignore[call-overload]
        return ", ".join([self.name, *(f"{key} {value}" for key, value in parameters.items())])


class Pruner(Component):
    """A rule that ends trials early."""

    @abstractmethod
    def prunes(self, curve: Curve, others: Sequence[Curve]) -> bool:
        """Return whether a trial should end after its curve's last epoch, given all others."""


@dataclass(frozen=True)
class NoPruner(Pruner):
    """Let every trial train to its end."""

    name = "none"

    def prunes(self, curve: Curve, others: Sequence[Curve]) -> bool:
        """Return False."""
        return False


@dataclass(frozen=True)
class MedianPruner(Pruner):
    """End a trial that is below the median of the others.

    The median stopping rule of Golovin et al., "Google Vizier" (KDD 2017), section 3.2.1, on best
    scores instead of running means.

    >>> MedianPruner(warmup_epochs=1, min_trials=2).prunes({1: 0.4}, [{1: 0.5}, {1: 0.6}])
    True
    """

    name = "median"
    warmup_epochs: int = option(REQUIRED, help="epochs that every trial may train", minimum=1)
    min_trials: int = option(REQUIRED, help="trials that must have reached the epoch", minimum=1)

    def prunes(self, curve: Curve, others: Sequence[Curve]) -> bool:
        """Return whether the trial's best is below the median of the others' up to this epoch."""
        epoch = max(curve)
        reached = _reached(others, epoch)
        if epoch < self.warmup_epochs or len(reached) < self.min_trials:
            return False
        return best_by(curve, epoch) < statistics.median(reached)


@dataclass(frozen=True)
class HalvingPruner(Pruner):
    """Let one trial in `factor` continue at each rung.

    Asynchronous successive halving, Li et al., "A System for Massively Parallel Hyperparameter
    Tuning" (MLSys 2020), in its stopping form: a trial that reaches a rung is compared with those
    that reached it before, and waits for none.

    >>> halving = HalvingPruner(warmup_epochs=1, min_trials=2, factor=3)
    >>> halving.prunes({1: 0.7}, [{1: 0.5}, {1: 0.6}])
    False
    """

    name = "halving"
    warmup_epochs: int = option(REQUIRED, help="epochs of the first rung", minimum=1)
    min_trials: int = option(REQUIRED, help="trials that must have reached a rung", minimum=1)
    factor: int = option(REQUIRED, help="one trial in this many continues after a rung", minimum=2)

    def prunes(self, curve: Curve, others: Sequence[Curve]) -> bool:
        """Return whether the trial is at a rung and not among the best there."""
        epoch = max(curve)
        reached = _reached(others, epoch)
        if not self._is_rung(epoch) or len(reached) < self.min_trials:
            return False
        places = max(1, (len(reached) + 1) // self.factor)
        better = sum(score > best_by(curve, epoch) for score in reached)
        return better >= places

    def _is_rung(self, epoch: int) -> bool:
        rung = self.warmup_epochs
        while rung < epoch:
            rung *= self.factor
        return rung == epoch


def best_by(curve: Curve, epoch: int) -> float:
    """Return the best score up to an epoch; minus infinity where there is none."""
    scores = (score for at, score in curve.items() if at <= epoch and not math.isnan(score))
    return max(scores, default=-math.inf)


def _reached(others: Sequence[Curve], epoch: int) -> list[float]:
    """Return the best scores up to an epoch of the trials that reached it."""
    return [best_by(curve, epoch) for curve in others if curve and max(curve) >= epoch]


def make_pruner(search: SearchConfig) -> Pruner:
    """Make the rule that the configuration names."""
    pruner: Pruner = make("search.pruner", search.pruner)
    return pruner
