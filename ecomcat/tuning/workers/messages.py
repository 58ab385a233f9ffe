"""What the tuner and its workers say to each other: plain values that travel between machines."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from typing import Any

from ecomcat.model.outcome import Outcome


@dataclass(frozen=True)
class TrialTask:
    """What one trial is to do.

    Args:
        root: with the run's seed it decides all that is random: the trial's number, or that of
            the first of the trials that it continues.
        values: one value for each hyperparameter.
        epochs: number of the last epoch.
        parent: what the trial that this one continues left, its last state included.
    """

    root: int
    values: dict[str, Any]
    epochs: int
    parent: Outcome | None = None


@dataclass(frozen=True)
class EpochReport:
    """What is told of an epoch.

    Args:
        epoch: its number, from 1.
        logs: its scores, with Keras's names.
        ended: why the training is over, `max_epochs` or `patience`; empty when it is not.
    """

    epoch: int
    logs: dict[str, float]
    ended: str = ""


@dataclass(frozen=True)
class TrialBegun:
    """A trial's network has been built.

    Args:
        parameters: weights that it trains.
    """

    parameters: int


@dataclass(frozen=True)
class TrialFailure:
    """What went wrong with a trial, in words that travel between processes.

    Args:
        reason: one line.
        trace: the traceback.
        may_pass: whether another try with the same values may succeed.
    """

    reason: str
    trace: str
    may_pass: bool


@dataclass(frozen=True)
class WorkerLost:
    """A worker did not answer and is no more; another has taken its name.

    Args:
        reason: one line.
        too_slow: whether it was ended for not answering in time.
    """

    reason: str
    too_slow: bool = False


def describe_failure(error: Exception) -> TrialFailure:
    """Put an error into words, the first line of its message first."""
    kind = type(error).__name__
    if kind == "DivergedError":
        kind = "diverged"
    lines = str(error).strip().splitlines()
    reason = f"{kind}: {lines[0] if lines else 'no message'}"[:300]
    # Memory may be free again when other trials have ended.
    may_pass = isinstance(error, MemoryError) or kind == "ResourceExhaustedError"
    return TrialFailure(reason, traceback.format_exc(), may_pass)
