"""Where workers run, and how many: in this process, or placed by Ray here or on a cluster."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from ecomcat.config import SearchConfig
from ecomcat.errors import UserError
from ecomcat.option_fields import AUTO
from ecomcat.process import gpu_names, is_installed, usable_cores
from ecomcat.tuning.jobs import (
    BatchesDone,
    Call,
    Job,
    TrialFailedError,
    Worker,
    WorkerPool,
    run_jobs,
)
from ecomcat.tuning.ray_pool import (
    NoWorkersError,
    RayPool,
    carry_by_value,
    count_gpus,
    gpus_of,
    room_for,
    running_ray,
)

if TYPE_CHECKING:
    from ecomcat.tuning.trial import TrialInputs

logger = logging.getLogger("ecomcat")

Task = TypeVar("Task")


@contextmanager
def open_pool(
    search: SearchConfig, inputs: TrialInputs, tasks: int, *, anyhow: bool = False
) -> Iterator[WorkerPool]:
    """Open the workers of a search or a retraining: this process, or as many as Ray has room for.

    If Ray does not start on this machine, this process trains alone.

    Args:
        search: Configuration of the search.
        inputs: What all trials share.
        tasks: Integer. How many there are.
        anyhow: Boolean. Whether this process trains alone also if a requested cluster cannot be
            used. Defaults to false.

    Raises:
        UserError: The cluster cannot be used, or has no room for a worker.
    """
    from ecomcat.tuning.trial import TrialWorker

    gpus = len(gpu_names())
    if search.cluster is None:
        search = share_gpus(search, gpus)
    with ExitStack() as stack:
        pool: WorkerPool | None = None
        if needs_ray(search, tasks, gpus):
            try:
                stack.enter_context(running_ray(search.cluster, _cores_for(search), gpus))
                pool = _placed_by_ray(search, inputs, tasks, TrialWorker)
            except UserError as error:
                if search.cluster is not None and not anyhow:
                    raise
                logger.warning("%s This process trains alone.", error)
        if isinstance(pool, RayPool):
            stack.callback(pool.close)
        yield pool or LocalPool(TrialWorker(inputs))


def run_all(
    search: SearchConfig,
    inputs: TrialInputs,
    unfinished: Callable[[], list[Task]],
    job_of: Callable[[Task], Job],
) -> None:
    """Do a job for each task that is unfinished, the last one first, until none is left.

    If workers fail, this process continues alone, so that the search's results are not lost.
    """
    waiting: list[Task] = []
    while waiting := unfinished():
        try:
            with open_pool(search, inputs, len(waiting), anyhow=True) as pool:
                run_jobs(
                    pool,
                    lambda: job_of(waiting.pop()) if waiting else None,
                    lambda: bool(waiting),
                )
        except NoWorkersError as error:
            logger.warning("%s This process trains alone.", error)
            search = replace(search, workers=1, cluster=None)


def _cores_for(search: SearchConfig) -> int:
    if search.workers == AUTO:
        return usable_cores()
    return max(usable_cores(), int(search.workers) * search.cores_per_worker)


def _placed_by_ray(
    search: SearchConfig, inputs: TrialInputs, tasks: int, worker_class: type
) -> RayPool | None:
    """Start workers where Ray runs; none on a machine that has no room for two."""
    search = share_gpus(search, count_gpus())
    room = room_for(search)
    if search.cluster is None and room < min(2, tasks):
        logger.warning("There is no room for two workers; this process trains alone.")
        return None
    carry_by_value(inputs.build)
    return RayPool(worker_class, inputs, count_workers(search, room, tasks), search)


def share_gpus(search: SearchConfig, gpus: int) -> SearchConfig:
    """Decide how many GPUs each worker gets, where that is `auto`.

    One; or a part of one, if more workers are requested than there are GPUs.
    """
    if search.gpus_per_worker != AUTO:
        return search
    workers = 1 if search.workers == AUTO else int(search.workers)
    share = 1 / max(1, math.ceil(workers / gpus)) if gpus else 0.0
    return replace(search, gpus_per_worker=share)


def needs_ray(search: SearchConfig, tasks: int, gpus: int = 0) -> bool:
    """Return whether the workers are placed by Ray."""
    if search.workers == AUTO and search.cluster is None:
        room = usable_cores() // search.cores_per_worker
        if share := gpus_of(search):
            room = min(room, int(gpus / share))
        return min(room, tasks) > 1 and is_installed("ray")
    return search.cluster is not None or min(search.workers, tasks) > 1


class LocalPool:
    """One worker in this process, which computes while its caller waits.

    It checks the time whenever it reports progress, so never in the middle of a batch.
    """

    size = 1

    def __init__(self, worker: Worker) -> None:
        self._worker, self._deadline = worker, math.inf
        self._answers: Iterator[Any] | None = None

    def free(self) -> list[str]:
        """Return the worker's name unless it has been called."""
        return ["w0"] if self._answers is None else []

    def call(self, worker: str, call: Call) -> None:
        """Note a call."""
        self._answers = self._worker.call(call.method, *call.arguments)
        self._deadline = time.monotonic() + call.within_seconds

    def wait(self) -> list[tuple[str, Any]]:
        """Compute the next answer."""
        if self._answers is None:
            return []
        answer = next(self._answers)
        if isinstance(answer, BatchesDone) and time.monotonic() > self._deadline:
            answer = TrialFailedError("no answer in time", too_slow=True)
        if not isinstance(answer, BatchesDone):
            self._answers = None
        return [("w0", answer)]


def count_workers(search: SearchConfig, room: int, tasks: int) -> int:
    """Decide how many workers Ray places, and log it.

    Raises:
        UserError: No machine of the cluster has room for one.
    """
    cores, gpus = search.cores_per_worker, gpus_of(search)
    share = f"cores: {cores}, GPUs: {gpus:g}, GB: {search.memory_gb_per_worker:g}"
    if room == 0:
        raise UserError(
            f"Expected a machine with room for a worker ({share}), found none in the cluster. Set "
            "search.cores_per_worker, search.gpus_per_worker or search.memory_gb_per_worker."
        )
    workers = min(room if search.workers == AUTO else int(search.workers), max(1, tasks))
    if workers > room:
        logger.warning("There is room for %d of %d workers.", room, workers)
    if search.cluster is None:
        # On a cluster, which may grow, the others wait.
        workers = min(workers, room)
    place = f"the Ray cluster {search.cluster}" if search.cluster else "this machine"
    logger.info("Workers: %d on %s (each %s).", workers, place, share)
    return workers
