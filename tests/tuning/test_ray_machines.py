"""A cluster of two machines, simulated by Ray: one of them dies in the middle of a search."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from formula import configure, peak, ray_pool, run

from ecomcat.config import SearchConfig
from ecomcat.tuning.listeners import SearchListener

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="needs the cluster extra"),
    # Ray's own, at its start and its end.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def slow_peak(values: Mapping[str, Any]) -> float:
    """Score a configuration in a moment, so that a machine dies in the middle of an epoch."""
    time.sleep(0.2)
    return peak(values)


@pytest.fixture
def cluster() -> Iterator[Any]:
    from ecomcat.tuning.ray_pool import prepare_environment

    prepare_environment(None)
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 100 * 2**20}
    simulated = Cluster(initialize_head=True, head_node_args=head)
    try:
        yield simulated
    finally:
        simulated.shutdown()


def test_a_machine_that_dies_costs_its_trial_one_retry_and_nothing_else(
    cluster: Any, tmp_path: Path
) -> None:
    from ecomcat.tuning.ray_pool import room_for, running_ray

    machine = cluster.add_node(num_cpus=1, object_store_memory=100 * 2**20)
    retried: list[str] = []

    class Killer(SearchListener):
        running: set[str] = set()  # noqa: RUF012
        alive = True

        def trial_begins(self, record: Any, epochs: int) -> None:
            self.running.add(record.id)

        def epoch_ends(self, record: Any, epoch: int, logs: Any) -> None:
            if self.alive and len(self.running) == 2 and epoch == 2:
                cluster.remove_node(machine, allow_graceful=False)
                self.alive = False

        def trial_retries(self, record: Any, reason: str) -> None:
            self.running.discard(record.id)
            retried.append(record.id)

        def trial_ends(self, record: Any) -> None:
            self.running.discard(record.id)

    killer = Killer()
    with running_ray(cluster.address, cores=1):
        assert room_for(SearchConfig(memory_gb_per_worker=0.1)) == 2
        pool = ray_pool(slow_peak)
        try:
            _, records = run(configure("grid", trials=8), tmp_path, pool, [killer])
        finally:
            pool.close()
    assert not killer.alive
    assert [record.status for record in records] == ["completed"] * 8
    assert len(retried) == 1
    assert sum(record.retries for record in records) == 1
