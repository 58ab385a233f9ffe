"""Workers on two machines that Ray simulates; trials are a formula, and what dies is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from formula import configure, peak, ray_pool, run

from ecomcat.config import SearchConfig
from ecomcat.errors import UserError
from ecomcat.tuning.jobs import Call, Worker
from ecomcat.tuning.listeners import SearchListener

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="needs the cluster extra"),
    # Of a Gaussian process that is fitted to a handful of trials.
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # Ray's own, at its start and its end.
    pytest.mark.filterwarnings("ignore:Tip. In future versions of Ray:FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[Any, Any]]:
    """Join a cluster of two simulated machines, and return it with the second machine."""
    from ecomcat.tuning.ray_pool import prepare_environment, running_ray

    prepare_environment(None)
    os.environ |= {"RAY_worker_niceness": "0"}  # else a busy machine leaves workers no time
    from ray.cluster_utils import Cluster

    each = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
    head = {**each, "num_gpus": 1, "include_dashboard": False}
    simulated = Cluster(initialize_head=True, head_node_args=head)
    try:
        machine, terminated = simulated.add_node(**each), signal.getsignal(signal.SIGTERM)
        with running_ray(simulated.address, cores=1):
            assert signal.getsignal(signal.SIGTERM) is terminated
            yield simulated, machine
    finally:
        simulated.shutdown()


@pytest.fixture
def search(cluster: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Return a function that searches a grid with two workers and ends them."""
    pools = []

    def start(objective: Any, listeners: Sequence[Any] = (), **changes: Any) -> Any:
        pools.append(ray_pool(objective))
        _, records = run(configure("grid", **changes), tmp_path, pools[-1], listeners)
        return records

    yield start
    for pool in pools:
        pool.close()


def test_a_killed_worker_costs_its_trial_one_retry_and_nothing_else(
    search: Any, tmp_path: Path
) -> None:
    def dies_once(values: Mapping[str, Any]) -> float:
        if values["lstm_units"] == 48 and values["dropout"] == 0.4:
            died = tmp_path / "died"
            if not died.exists():
                died.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return peak(values)

    records = search(dies_once, trials=12)
    assert [record.status for record in records] == ["completed"] * 12
    assert [record.retries for record in records if record.objective == pytest.approx(0.9)] == [1]
    assert sum(record.retries for record in records) == 1


def test_a_trial_that_hangs_is_killed_and_the_others_are_run(search: Any) -> None:
    def hangs(values: Mapping[str, Any]) -> float:
        if values["lstm_units"] == 16:
            # Not to be interrupted from within Python.
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            time.sleep(3600)
        return peak(values)

    records = search(hangs, trials=6, trial_max_minutes=1 / 60)
    failed = [record for record in records if record.status == "failed"]
    assert [record.values["lstm_units"] for record in failed] == [16] * 3
    assert {record.ended for record in failed} == {"trial_max_minutes"}
    assert sum(record.status == "completed" for record in records) == 3


def test_workers_that_cannot_start_end_the_search_with_their_reason(
    cluster: Any, tmp_path: Path
) -> None:
    class Broken(Worker):
        def __init__(self, _shared: Any, _cores: int) -> None:
            raise ImportError("no module of that name on this machine")

    from ecomcat.tuning.ray_pool import RayPool

    pool = RayPool(Broken, None, 1, SearchConfig(memory_gb_per_worker=0.1))
    with pytest.raises(UserError, match="none does: ImportError: no module of that name on this"):
        run(configure("random", trials=1), tmp_path, pool)


@pytest.mark.parametrize(("share", "seen"), [(0.0, ""), (0.5, "0"), ("auto", "")])
def test_a_worker_sees_a_gpu_only_where_it_has_one(cluster: Any, share: float, seen: str) -> None:
    class Looking(Worker):
        def __init__(self, _shared: Any, _cores: int) -> None:
            pass

        def devices(self) -> Iterator[Any]:
            yield os.environ.get("CUDA_VISIBLE_DEVICES")

    from ecomcat.tuning.ray_pool import RayPool

    pool = RayPool(Looking, None, 1, SearchConfig(gpus_per_worker=share, memory_gb_per_worker=0.1))
    while not pool.free():
        pool.wait()
    pool.call("w0", Call("devices"))
    while not (answers := pool.wait()):
        pass
    pool.close()
    assert answers == [("w0", seen)]


@pytest.mark.parametrize(("cores", "memory", "room"), [(1, 0.1, 2), (2, 0.1, 0), (1, 1e6, 0)])
def test_there_is_room_for_as_many_workers_as_the_cores_and_memory_of_each_machine_allow(
    cluster: Any, cores: int, memory: float, room: int
) -> None:
    from ecomcat.tuning.ray_pool import room_for

    config = SearchConfig(cores_per_worker=cores, memory_gb_per_worker=memory)
    assert room_for(config) == room


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's list of sockets")
def test_ray_on_this_machine_listens_on_the_loopback_alone(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from ecomcat.tuning.ray_pool import running_ray
def listening():
    lines = [line.split() for name in ("tcp", "tcp6") for line in
             Path("/proc/net", name).read_text().splitlines()[1:]]
    return {line[1] for line in lines if line[3] == "0A"}
before = listening()
with running_ray(None, 1):
    new = listening() - before
loopback = ("0100007F:", "00000000000000000000000001000000:", "0000000000000000FFFF00000100007F:")
print(len(new), [place for place in new if not place.startswith(loopback)])
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    count, _, elsewhere = done.stdout.strip().partition(" ")
    assert int(count) >= 3
    assert elsewhere == "[]"
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == [], "nothing is left in the user's home"


# The last test of this file, since the second machine is then gone.
def test_a_machine_that_dies_costs_its_trial_one_retry_and_nothing_else(
    cluster: Any, search: Any
) -> None:
    simulated, machine = cluster

    def slow_peak(values: Mapping[str, Any]) -> float:
        time.sleep(0.2)  # so that it dies in the middle of an epoch
        return peak(values)

    class Killer(SearchListener):
        running: set[str] = set()  # noqa: RUF012
        alive = True

        def trial_begins(self, record: Any, epochs: int) -> None:
            self.running.add(record.id)

        def epoch_ends(self, record: Any, epoch: int, logs: Any) -> None:
            if self.alive and len(self.running) == 2 and epoch == 2:
                simulated.remove_node(machine, allow_graceful=False)
                self.alive = False

        def trial_ends(self, record: Any) -> None:
            self.running.discard(record.id)

    killer = Killer()
    records = search(slow_peak, [killer], trials=8)
    assert not killer.alive
    assert [record.status for record in records] == ["completed"] * 8
    assert sum(record.retries for record in records) == 1
