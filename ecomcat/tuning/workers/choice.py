"""Choose who trains a search's trials: this process, or workers that Ray places."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ecomcat.config import SearchConfig
from ecomcat.cores import usable_cores
from ecomcat.rules import AUTO
from ecomcat.tuning.workers.pool import LocalPool, WorkerPool
from ecomcat.tuning.workers.ray_runtime import (
    carry_by_value,
    ray_is_installed,
    room_for,
    running_ray,
)
from ecomcat.tuning.workers.worker import BaseWorker, TrialWorker

if TYPE_CHECKING:
    from ecomcat.tuning.workers.trial import TrialInputs

logger = logging.getLogger("ecomcat")


def needs_ray(search: SearchConfig, trials: int) -> bool:
    """Return whether a search uses workers that Ray places.

    Args:
        search: the configuration.
        trials: most trials that there are to run.
    """
    if search.workers == AUTO and search.cluster is None:
        several = min(usable_cores() // search.cores_per_worker, trials) > 1
        return several and ray_is_installed()
    return search.cluster is not None or search.workers > 1


@contextmanager
def open_pool(
    search: SearchConfig,
    inputs: TrialInputs,
    trials: int,
    worker: type[BaseWorker] = TrialWorker,
) -> Iterator[WorkerPool]:
    """Hold the workers of a search.

    Args:
        search: the configuration.
        inputs: what all trials share.
        trials: most trials that there are to run; more workers would have nothing to do.
        worker: the class of the workers.
    """
    if not needs_ray(search, trials):
        yield LocalPool(lambda: worker(inputs))
        return
    cores = usable_cores()
    if search.workers != AUTO:
        cores = max(cores, search.workers * search.cores_per_worker)
    with running_ray(search.cluster, cores):
        from ecomcat.tuning.workers.cluster import RayPool, Share

        carry_by_value(inputs.build)
        share = Share(search.cores_per_worker, search.gpus_per_worker, search.memory_gb_per_worker)
        room = room_for(share.options())
        if search.cluster is None and room < min(2, trials):
            logger.warning("There is no room for two workers; this process trains alone.")
            yield LocalPool(lambda: worker(inputs))
            return
        # On this machine processes inherit it; elsewhere Keras would choose by itself.
        environment = {"KERAS_BACKEND": "tensorflow"} if search.cluster else None
        workers = _count(search, room, trials)
        pool = RayPool(worker, inputs, workers, share, environment)
        try:
            yield pool
        finally:
            pool.close()


def _count(search: SearchConfig, room: int, trials: int) -> int:
    """Decide how many workers there are, and say so."""
    wanted = max(1, room) if search.workers == AUTO else int(search.workers)
    workers = min(wanted, max(1, trials))
    if workers > room:
        logger.warning("There is room for %d of %d workers.", room, workers)
    if search.cluster is None:
        # On a cluster, which may grow, the others wait.
        workers = min(workers, max(1, room))
    place = f"the Ray cluster {search.cluster}" if search.cluster else "this machine"
    logger.info(
        "Workers: %d on %s, of %d %s and %g GB each.",
        workers,
        place,
        search.cores_per_worker,
        "core" if search.cores_per_worker == 1 else "cores",
        search.memory_gb_per_worker,
    )
    return workers
