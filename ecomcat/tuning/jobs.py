"""Jobs that call workers, and the messages between them; nothing here imports TensorFlow."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ecomcat.model.metrics import Outcome
from ecomcat.process import raise_if_requested


@dataclass(frozen=True)
class Call:
    """A job's call of its worker, which is ended if it takes longer than allowed."""

    method: str
    arguments: tuple[Any, ...] = ()
    within_seconds: float = math.inf


@dataclass(frozen=True)
class TrialTask:
    """A training that a worker is to do.

    Args:
        root: Integer. With the run's seed it decides all randomness: the trial's number, or that
            of the first of the trials that it continues.
        values: Dict. One value for each hyperparameter.
        epochs: Integer. Number of the last epoch.
        parent: `Outcome`. The result of the trial that this one continues, with its last state.
        rows: Array of integers. Numbers of the texts to train on, in ascending order; by default
            train.
        watches: Boolean. Whether validation is scored after each epoch. Defaults to true.
        epoch_texts: Integer. How many of them an epoch reads. Defaults to all.
        patience: Integer. Epochs without a better score. Defaults to those of every trial.
    """

    root: int
    values: dict[str, Any]
    epochs: int
    parent: Outcome | None = None
    rows: NDArray[np.int64] | None = None
    watches: bool = True
    epoch_texts: int | None = None
    patience: int | None = None


@dataclass(frozen=True)
class BatchesDone:
    """Answer in the middle of a long epoch: `done` of its `batches` are trained."""

    done: int
    batches: int


@dataclass(frozen=True)
class EpochReport:
    """Answer: an epoch has ended, of a number from 1 and with scores by Keras's names.

    `ended` says why the training is over, `max_epochs`, `patience`, or `time` where there are no
    scores because time was over; it is empty otherwise.
    """

    epoch: int
    logs: dict[str, float]
    ended: str = ""


class TrialFailedError(Exception):
    """Answer of a worker whose task failed; raised in the job that called it.

    Args:
        reason: String. One line.
        trace: String. The traceback.
        may_pass: Boolean. Whether another try with the same values may succeed.
        too_slow: Boolean. Whether the worker was ended for not answering in time.
    """

    def __init__(
        self, reason: str, trace: str = "", *, may_pass: bool = False, too_slow: bool = False
    ) -> None:
        super().__init__(reason)
        self.trace, self.may_pass, self.too_slow = trace or reason, may_pass, too_slow


class Worker:
    """A worker; its methods are generators that yield answers, first those of progress."""

    def call(self, method: str, *arguments: Any) -> Iterator[Any]:
        """Yield a method's answers; a failure is an answer, too."""
        try:
            yield from getattr(self, method)(*arguments)
        except Exception as error:
            self.forget()
            yield _failure(error)

    def ready(self) -> Iterator[None]:
        """Answer once the worker can take a task."""
        yield None

    def forget(self) -> None:
        """Drop what a failed task has left."""


def _failure(error: Exception) -> TrialFailedError:
    """Turn an error into one that can be sent between processes."""
    kind = type(error).__name__
    lines = str(error).strip().splitlines() or ["no message"]
    reason = f"{'diverged' if kind == 'DivergedError' else kind}: {lines[0]}"[:300]
    # Memory may be free again when other trials have ended.
    may_pass = isinstance(error, MemoryError) or kind == "ResourceExhaustedError"
    return TrialFailedError(reason, traceback.format_exc(), may_pass=may_pass)


class WorkerPool(Protocol):
    """Workers, by their names."""

    @property
    def size(self) -> int:
        """How many workers there are."""

    def free(self) -> list[str]:
        """Return the workers that wait for a call."""

    def call(self, worker: str, call: Call) -> None:
        """Call a free worker's method."""

    def wait(self) -> list[tuple[str, Any]]:
        """Wait a moment for answers, and return them with their workers' names."""


Job = Generator[Call | None, Any, None]  # yields calls, is sent answers; None: wait for more
Result = Generator[Call | None, Any, Any]


def ask(call: Call, on_batches: Callable[[BatchesDone], None] = lambda _: None) -> Result:
    """Make a call from within a job; `yield from` returns its answer.

    Raises:
        TrialFailedError: The call failed, or its worker was lost.
    """
    answer = yield call
    while isinstance(answer, BatchesDone):
        on_batches(answer)
        answer = yield None
    if isinstance(answer, TrialFailedError):
        raise answer
    return answer


def run_jobs(
    pool: WorkerPool,
    next_job: Callable[[], Job | None],
    has_more: Callable[[], bool],
    on_turn: Callable[[], None] = lambda: None,
) -> None:
    """Let each worker do one job at a time until there are no more."""
    running: dict[str, Job] = {}
    try:
        while running or has_more():
            raise_if_requested()
            for worker in pool.free():
                job = None if worker in running else next_job()
                if job is not None:
                    running[worker] = job
                    _send(pool, running, worker, None)
            for worker, answer in pool.wait() if running or has_more() else ():
                if worker in running:
                    _send(pool, running, worker, answer)
            on_turn()
    finally:
        for job in running.values():
            job.close()


def _send(pool: WorkerPool, running: dict[str, Job], worker: str, value: Any) -> None:
    """Send a worker's job the answer to its last call, and make its next call."""
    try:
        call = running[worker].send(value)
    except StopIteration:
        del running[worker]
    else:
        if call is not None:
            pool.call(worker, call)
