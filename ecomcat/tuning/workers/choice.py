"""Choose who trains a search's trials: this process, or workers that Ray places."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ecomcat.config import SearchConfig
from ecomcat.errors import UserError
from ecomcat.rules import AUTO
from ecomcat.tuning.workers.pool import LocalPool, WorkerPool
from ecomcat.tuning.workers.ray_runtime import (
    carry_by_value,
    ray_is_installed,
    room_for,
    running_ray,
    usable_cores,
)
from ecomcat.tuning.workers.worker import TrialWorker

if TYPE_CHECKING:
    from ecomcat.tuning.workers.trial import TrialInputs

logger = logging.getLogger("ecomcat")


def needs_ray(search: SearchConfig, trials: int) -> bool:
    """Return whether a search uses workers that Ray places.

    Args:
        search: the configuration.
        trials: most trials that there are to run.

    Raises:
        UserError: when it does and the `cluster` extra is missing.
    """
    if search.workers == AUTO and search.cluster is None:
        several = min(usable_cores() // search.cores_per_worker, trials) > 1
        return several and ray_is_installed()
    wanted = search.cluster is not None or search.workers > 1
    if wanted and not ray_is_installed():
        raise UserError(
            f"Expected the package ray for search.workers={search.workers}"
            f"{f' and search.cluster={search.cluster}' if search.cluster else ''}, found none. "
            'Install it with: pip install "ecomcat[cluster]". Or search in this process alone '
            "with search.workers=1."
        )
    return wanted


@contextmanager
def open_pool(search: SearchConfig, inputs: TrialInputs, trials: int) -> Iterator[WorkerPool]:
    """Hold the workers of a search.

    Args:
        search: the configuration.
        inputs: what all trials share.
        trials: most trials that there are to run; more workers would have nothing to do.
    """
    if not needs_ray(search, trials):
        yield LocalPool(lambda: TrialWorker(inputs))
        return
    cores = usable_cores()
    if search.workers != AUTO:
        cores = max(cores, search.workers * search.cores_per_worker)
    with running_ray(search.cluster, cores):
        from ecomcat.tuning.workers.cluster import RayPool, Share

        carry_by_value(inputs.build)
        share = Share(search.cores_per_worker, search.gpus_per_worker, search.memory_gb_per_worker)
        workers = _count(search, room_for(share.options()), trials)
        pool = RayPool(TrialWorker, inputs, workers, share)
        try:
            yield pool
        finally:
            pool.close()


def _count(search: SearchConfig, room: int, trials: int) -> int:
    """Decide how many workers there are, and say so."""
    wanted = max(1, room) if search.workers == AUTO else int(search.workers)
    workers = min(wanted, max(1, trials))
    place = f"the Ray cluster {search.cluster}" if search.cluster else "this machine"
    logger.info(
        "Workers: %d on %s, of %d %s and %g GB each.",
        workers,
        place,
        search.cores_per_worker,
        "core" if search.cores_per_worker == 1 else "cores",
        search.memory_gb_per_worker,
    )
    if workers > room:
        logger.warning(
            "There is room for %d of %d workers now; the others begin when there is more.",
            room,
            workers,
        )
    return workers
