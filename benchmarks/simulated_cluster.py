"""A cluster of simulated machines on this one, whose workers sleep instead of training.

Ray runs a scheduler and an object store for each of them, and a process for each worker, as on
real machines; so the driver has the work of a large search, on a machine of any size.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common import format_table
from benchmarks.formula_worker import FormulaWorker, search_formula
from benchmarks.listening import TrialClock
from ecomcat.config import SearchConfig
from ecomcat.process import import_tensorflow

EPOCHS = 4
_TRIALS_A_WORKER = 4
_CORES_A_MACHINE = 16  # simulated ones
_STORE_BYTES = 150 * 2**20  # of a machine, for what trials leave
_WORKER_GB = 0.05


@dataclass(frozen=True)
class Rate:
    """What one number of workers came to.

    Args:
        trials: run in all.
        seconds: from the first trial's begin to the last one's end.
        cpu_seconds: of the search's own process.
    """

    trials: int
    seconds: float
    cpu_seconds: float


def measure_rates(workers: Sequence[int], trial_seconds: float) -> dict[int, Rate]:
    """Search with each number of workers, on one cluster that has room for the most.

    Args:
        workers: numbers of them.
        trial_seconds: that each trial sleeps.
    """
    import_tensorflow()
    with _cluster(math.ceil(max(workers) / _CORES_A_MACHINE)):
        rates = {}
        for count in workers:
            print(f"{count} workers", file=sys.stderr, flush=True)
            rates[count] = _measure(count, trial_seconds)
        return rates


@contextmanager
def _cluster(machines: int) -> Iterator[None]:
    """Run a cluster whose head has no room for workers, and this many machines that have."""
    from ecomcat.tuning.workers import prepare_environment, running_ray

    prepare_environment(None)
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": _STORE_BYTES}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(machines):
            cluster.add_node(num_cpus=_CORES_A_MACHINE, object_store_memory=_STORE_BYTES)
        with running_ray(cluster.address, cores=1):
            yield
    finally:
        cluster.shutdown()


def _measure(workers: int, trial_seconds: float) -> Rate:
    from ecomcat.tuning.workers import RayPool, Share

    trials = _TRIALS_A_WORKER * workers
    search = SearchConfig(
        algorithm="random",
        max_trials=trials,
        max_minutes=600.0,
        max_epochs=EPOCHS,
        pruner="none",
    )
    pool = RayPool(FormulaWorker, trial_seconds / EPOCHS, workers, Share(memory_gb=_WORKER_GB))
    try:
        _await_all(pool, workers)
        clock, cpu = TrialClock(), time.process_time()
        with tempfile.TemporaryDirectory(prefix="simulated_") as folder:
            search_formula(search, Path(folder), pool, [clock], tensorboard=True)
        return Rate(trials, clock.last_ended - clock.first_began, time.process_time() - cpu)
    finally:
        pool.close()


def _await_all(pool: Any, workers: int) -> None:
    """Wait until every worker has started, which takes this machine its time and is no figure."""
    while len(pool.free()) < workers:
        pool.wait()


def rates_table(rates: Mapping[int, Rate], trial_seconds: float) -> str:
    """Write a row a number of workers; ideal are workers that never wait for the driver."""
    rows = []
    for workers, rate in rates.items():
        ideal = 60 * workers / trial_seconds
        found = 60 * rate.trials / rate.seconds
        rows.append(
            [
                str(workers),
                str(rate.trials),
                f"{ideal:,.1f}",
                f"{found:,.1f}",
                f"{found / ideal:.0%}",
                f"{1000 * rate.cpu_seconds / rate.trials:.0f}",
                f"{rate.cpu_seconds / rate.seconds:.0%}",
            ]
        )
    header = ["workers", "trials", "ideal trials/min", "trials/min", "of ideal"]
    return format_table([*header, "driver's CPU ms a trial", "of a core"], rows)
