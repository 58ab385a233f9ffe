"""Turns of requests: work is done in pieces, and the request with the least work so far is first.

So a small request waits for the current piece and for other small ones, never for all of a large
one. This is the discipline of least attained service: Nuyens and Wierman, "The
foreground-background queue: a survey" (Performance Evaluation 65, 2008). Waiting counts, too:
otherwise many of the smallest requests would leave no turn for a slightly larger one.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count
from queue import PriorityQueue
from typing import ParamSpec, TypeVar

_PER_SECOND = 5000  # characters that each second of waiting counts for

Given = ParamSpec("Given")
Found = TypeVar("Found")


class StoppedError(Exception):
    """Nobody waits for some work any more."""


class Job:
    """A request that is processed.

    Args:
        max_seconds: Float. Time until nobody waits for it any more.

    Attributes:
        spent: Float. How much work was done for it, in characters read.
    """

    def __init__(self, max_seconds: float) -> None:
        self._deadline = time.monotonic() + max_seconds
        self._is_stopped = False
        self.spent = 0.0

    @property
    def seconds_left(self) -> float:
        """How long a client still waits for it."""
        return max(0.0, self._deadline - time.monotonic())

    def stop(self) -> None:
        """Do no more work for it."""
        self._is_stopped = True

    def check(self) -> None:
        """Check that somebody still waits for it.

        Raises:
            StoppedError: Nobody does.
        """
        if self._is_stopped or not self.seconds_left:
            raise StoppedError


class Lane:
    """Threads that do one piece of work after another; the process ends without waiting for them.

    Args:
        name: String. Begins the names of the threads.
        threads: Integer. How many pieces are processed at a time.
    """

    def __init__(self, name: str, threads: int = 1) -> None:
        self._waiting: PriorityQueue[tuple[float, int, Callable[[], bool]]] = PriorityQueue()
        self._numbers = count()
        self._threads = [
            threading.Thread(target=self._work, name=f"{name} {number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(
        self,
        job: Job,
        cost: float,
        function: Callable[Given, Found],
        *args: Given.args,
        **options: Given.kwargs,
    ) -> Future[Found]:
        """Return the future result of a function, which is called when it is the job's turn."""
        future: Future[Found] = Future()

        def work() -> bool:
            if future.set_running_or_notify_cancel():
                try:
                    job.check()
                    job.spent += cost  # before its next piece can be asked for
                    future.set_result(function(*args, **options))
                except BaseException as error:
                    future.set_exception(error)
            return True

        turn = time.monotonic() + (job.spent + cost) / _PER_SECOND
        self._waiting.put((turn, next(self._numbers), work))
        return future

    def close(self, seconds: float = 0.2) -> bool:
        """Begin no more work; return whether all work ended within some seconds."""
        for _ in self._threads:
            self._waiting.put((-math.inf, next(self._numbers), lambda: False))
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while self._waiting.get()[2]():
            pass
