"""Where workers are and how they are spoken to: calls go out, answers come in.

A pool knows nothing of trials. This one has a single worker in the search's own process; the
one of `ecomcat.tuning.workers.cluster` has many, in processes that may be on other machines.
"""

from __future__ import annotations

import math
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from ecomcat.tuning.workers.messages import WorkerLost

LOCAL_WORKER = "w0"


@dataclass(frozen=True)
class Answer:
    """What a worker's method returned, or that the worker was lost."""

    worker: str
    value: Any


class WorkerPool(Protocol):
    """Workers by their names."""

    def free(self) -> list[str]:
        """Return the workers that wait for a call."""

    def call(
        self, worker: str, method: str, *arguments: Any, within_seconds: float = math.inf
    ) -> None:
        """Call a free worker's method; it is ended when it takes longer."""

    def wait(self) -> Sequence[Answer]:
        """Wait for answers, at most about a second; there may be none."""

    def close(self) -> None:
        """End all workers."""


class LocalPool:
    """One worker in this process; it computes while it is waited for.

    Args:
        make_worker: makes the worker, and another when one was ended.
    """

    def __init__(self, make_worker: Callable[[], Any]) -> None:
        self._make_worker = make_worker
        self._worker = make_worker()
        self._calls: deque[tuple[str, tuple[Any, ...], float]] = deque()

    def free(self) -> list[str]:
        """Return the worker's name unless a call waits for it."""
        return [] if self._calls else [LOCAL_WORKER]

    def call(
        self, worker: str, method: str, *arguments: Any, within_seconds: float = math.inf
    ) -> None:
        """Note a call."""
        self._calls.append((method, arguments, within_seconds))

    def wait(self) -> Sequence[Answer]:
        """Make the call that was noted."""
        if not self._calls:
            return []
        method, arguments, seconds = self._calls.popleft()
        try:
            with _alarm(seconds):
                return [Answer(LOCAL_WORKER, getattr(self._worker, method)(*arguments))]
        except _TooSlowError:
            self._worker = self._make_worker()
            return [Answer(LOCAL_WORKER, WorkerLost("no answer in time", too_slow=True))]

    def close(self) -> None:
        """Forget the worker's calls."""
        self._calls.clear()


class _TooSlowError(BaseException):
    """Raised into a call that takes too long; no handler of `Exception` takes it for its own."""


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Interrupt the block after some time, as far as Python code can be interrupted."""
    if not math.isfinite(seconds) or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(_signal: int, _frame: object) -> None:
        raise _TooSlowError

    former = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-3))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
