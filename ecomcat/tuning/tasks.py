"""What travels between a search and its workers: tasks, answers, and how a call is answered."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.model.metrics import Outcome


@dataclass(frozen=True)
class TrialTask:
    """What is to be trained.

    Args:
        root: Integer. With the run's seed it decides all that is random: the trial's number, or
            that of the first of the trials that it continues.
        values: Dict. One value for each hyperparameter.
        epochs: Integer. Number of the last epoch.
        parent: `Outcome`. What the trial that this one continues left, its last state included.
        rows: Array of integers. Numbers of the texts to train on, in ascending order, where no
            validation is watched; by default train, and validation is watched.
    """

    root: int
    values: dict[str, Any]
    epochs: int
    parent: Outcome | None = None
    rows: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class TrialBegun:
    """Answer: the network has been built, and trains so many `parameters`."""

    parameters: int


@dataclass(frozen=True)
class BatchesDone:
    """Answer in the middle of a long epoch: `done` of its `batches` are trained."""

    done: int
    batches: int


@dataclass(frozen=True)
class EpochReport:
    """Answer: an epoch has ended.

    Args:
        epoch: Integer. Its number, from 1.
        logs: Dict. Its scores, with Keras's names.
        ended: String. Why the training is over, `max_epochs` or `patience`; empty when it is not.
    """

    epoch: int
    logs: dict[str, float]
    ended: str = ""


@dataclass(frozen=True)
class TrialFailure:
    """Answer: what went wrong, in words that travel between processes.

    Args:
        reason: String. One line.
        trace: String. The traceback.
        may_pass: Boolean. Whether another try with the same values may succeed.
        too_slow: Boolean. Whether the worker was ended for not answering in time.
    """

    reason: str
    trace: str
    may_pass: bool
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


class Worker:
    """A worker: its methods are generators that yield answers, progress first."""

    def call(self, method: str, *arguments: Any) -> Iterator[Any]:
        """Yield what a method answers; what fails is an answer, too."""
        try:
            yield from getattr(self, method)(*arguments)
        except Exception as error:
            self.forget()
            yield describe_failure(error)

    def ready(self) -> Iterator[None]:
        """Answer once the worker can take a task."""
        yield None

    def forget(self) -> None:
        """Drop what a task that failed has left."""
