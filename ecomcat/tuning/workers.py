"""Who trains: jobs that call workers, and workers in this process or placed by Ray."""

from __future__ import annotations

import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ecomcat.config import SearchConfig
from ecomcat.options import AUTO
from ecomcat.process import is_installed, raise_if_requested, usable_cores
from ecomcat.tuning.tasks import BatchesDone, TrialFailure

if TYPE_CHECKING:
    from ecomcat.tuning.trial import TrialInputs

logger = logging.getLogger("ecomcat")

LOCAL_WORKER = "w0"


@dataclass(frozen=True)
class Call:
    """What a job asks of its worker.

    Args:
        method: String. Name of the worker's method.
        arguments: Tuple. What it is called with.
        within_seconds: Float. The worker is ended when it takes longer. Defaults to no limit.
    """

    method: str
    arguments: tuple[Any, ...] = ()
    within_seconds: float = math.inf


@dataclass(frozen=True)
class Answer:
    """What a worker's method answered: progress first, the last answer ends the call."""

    worker: str
    value: Any


Job = Generator[Call | None, Any, None]  # yields calls, is sent answers; None: listen on
Result = Generator[Call | None, Any, Any]


class TrialFailedError(Exception):
    """Raised within a job whose call failed."""

    def __init__(self, failure: TrialFailure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


def ask(call: Call, on_batches: Callable[[BatchesDone], None] = lambda _: None) -> Result:
    """Make a call from within a job, where `yield from` gives its answer.

    Raises:
        TrialFailedError: The call failed, or its worker was lost.
    """
    answer = yield call
    while isinstance(answer, BatchesDone):
        on_batches(answer)
        answer = yield None
    if isinstance(answer, TrialFailure):
        raise TrialFailedError(answer)
    return answer


class WorkerPool(Protocol):
    """Workers by their names."""

    @property
    def size(self) -> int:
        """How many workers there are."""

    def free(self) -> list[str]:
        """Return the workers that wait for a call."""

    def call(self, worker: str, call: Call) -> None:
        """Call a free worker's method."""

    def wait(self) -> Sequence[Answer]:
        """Wait for answers, at most about a second; there may be none."""

    def close(self) -> None:
        """End all workers."""


def run_jobs(
    pool: WorkerPool,
    next_job: Callable[[str], Job | None],
    has_more: Callable[[], bool],
    on_turn: Callable[[], None] = lambda: None,
) -> None:
    """Let each worker do one job at a time until there are no more."""
    running: dict[str, Job] = {}

    def send(worker: str, value: Any) -> None:
        try:
            call = running[worker].send(value)
        except StopIteration:
            del running[worker]
        else:
            if call is not None:
                pool.call(worker, call)

    try:
        while running or has_more():
            raise_if_requested()
            for worker in pool.free():
                job = None if worker in running else next_job(worker)
                if job is not None:
                    running[worker] = job
                    send(worker, None)
            for answer in pool.wait() if running or has_more() else ():
                if answer.worker in running:
                    send(answer.worker, answer.value)
            on_turn()
    finally:
        for job in running.values():
            job.close()


@dataclass
class LocalPool:
    """One worker in this process; it computes while it is waited for.

    Args:
        make_worker: Function that makes the worker, and another when one was ended.
    """

    make_worker: Callable[[], Any]
    _answers: Iterator[Any] | None = field(default=None, init=False)
    _deadline: float = field(default=math.inf, init=False)

    def __post_init__(self) -> None:
        self._worker = self.make_worker()
        self.size = 1

    def free(self) -> list[str]:
        """Return the worker's name unless it has been called."""
        return [LOCAL_WORKER] if self._answers is None else []

    def call(self, worker: str, call: Call) -> None:
        """Note a call."""
        self._answers = self._worker.call(call.method, *call.arguments)
        self._deadline = time.monotonic() + call.within_seconds

    def wait(self) -> Sequence[Answer]:
        """Compute the next answer."""
        if self._answers is None:
            return []
        try:
            with _alarm(self._deadline - time.monotonic()):
                answer = next(self._answers)
        except _TooSlowError:
            self._worker = self.make_worker()
            answer = too_slow()
        if not isinstance(answer, BatchesDone):
            self._answers = None
        return [Answer(LOCAL_WORKER, answer)]

    def close(self) -> None:
        """Forget the call."""
        self._answers = None


def too_slow() -> TrialFailure:
    """Return the answer of a worker that was ended since it gave none."""
    return TrialFailure("no answer in time", "no answer in time", may_pass=False, too_slow=True)


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


def needs_ray(search: SearchConfig, tasks: int) -> bool:
    """Return whether the workers are placed by Ray."""
    if search.workers == AUTO and search.cluster is None:
        several = min(usable_cores() // search.cores_per_worker, tasks) > 1
        return several and is_installed("ray")
    return search.cluster is not None or search.workers > 1


@contextmanager
def open_pool(search: SearchConfig, inputs: TrialInputs, tasks: int) -> Iterator[WorkerPool]:
    """Hold the workers of a search or a retraining."""
    from ecomcat.tuning.trial import TrialWorker

    if not needs_ray(search, tasks):
        yield LocalPool(lambda: TrialWorker(inputs))
        return
    from ecomcat.tuning.cluster import RayPool, Share, carry_by_value, room_for, running_ray

    cores = usable_cores()
    if search.workers != AUTO:
        cores = max(cores, search.workers * search.cores_per_worker)
    share = Share(search.cores_per_worker, search.gpus_per_worker, search.memory_gb_per_worker)
    with running_ray(search.cluster, cores):
        carry_by_value(inputs.build)
        room = room_for(share)
        if search.cluster is None and room < min(2, tasks):
            logger.warning("There is no room for two workers; this process trains alone.")
            yield LocalPool(lambda: TrialWorker(inputs))
            return
        # On this machine processes inherit it; elsewhere Keras would choose by itself.
        environment = {"KERAS_BACKEND": "tensorflow"} if search.cluster else {}
        workers = count_workers(search, room, tasks)
        pool = RayPool(TrialWorker, inputs, workers, share, environment)
        try:
            yield pool
        finally:
            pool.close()


def count_workers(search: SearchConfig, room: int, tasks: int) -> int:
    """Decide how many workers Ray places, and log it."""
    wanted = max(1, room) if search.workers == AUTO else int(search.workers)
    workers = min(wanted, max(1, tasks))
    if workers > room:
        logger.warning("There is room for %d of %d workers.", room, workers)
    if search.cluster is None:
        # On a cluster, which may grow, the others wait.
        workers = min(workers, max(1, room))
    logger.info(
        "Workers: %d on %s, of %d %s and %g GB each.",
        workers,
        f"the Ray cluster {search.cluster}" if search.cluster else "this machine",
        search.cores_per_worker,
        "core" if search.cores_per_worker == 1 else "cores",
        search.memory_gb_per_worker,
    )
    return workers
