"""Choose who trains a search's trials: this process, or workers that Ray places."""

from __future__ import annotations

import importlib.util
import logging
import math
import os
import re
import secrets
import signal
import sys
import sysconfig
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import ray
from ray.exceptions import RayActorError, RayError

from ecomcat.config import AUTO, SearchConfig
from ecomcat.errors import UserError
from ecomcat.process import import_tensorflow, silenced_stderr, usable_cores
from ecomcat.tuning.trial import (
    EpochReport,
    TrialBegun,
    TrialFailure,
    TrialTask,
    WorkerLost,
    describe_failure,
)

if TYPE_CHECKING:
    from ecomcat.model.metrics import Outcome
    from ecomcat.tuning.trial import TrialInputs, TrialTraining

logger = logging.getLogger("ecomcat")

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


class BaseWorker:
    """Hold what all networks share, and TensorFlow with as many threads as are allowed.

    Args:
        inputs: what all trials share.
        threads: that TensorFlow may compute in; None leaves it to TensorFlow. The result does not
            depend on it.
    """

    def __init__(self, inputs: TrialInputs, threads: int | None = None) -> None:
        import_tensorflow()
        if threads is not None:
            _limit_threads(threads)
        self._inputs = inputs

    def ready(self) -> int:
        """Answer, with the number of the process, once the worker can take a network."""
        return os.getpid()


class TrialWorker(BaseWorker):
    """Train trials; each method answers or tells what failed, and raises nothing."""

    _training: TrialTraining | None = None

    def begin(self, task: TrialTask) -> TrialBegun | TrialFailure:
        """Build a trial's network; an unfinished trial before it is forgotten."""
        from ecomcat.tuning.trial import TrialTraining

        self._training = None
        try:
            self._training = TrialTraining(self._inputs, task)
            return TrialBegun(self._training.model.count_params())
        except Exception as error:
            return describe_failure(error)

    def train_epoch(self) -> EpochReport | TrialFailure:
        """Train one epoch of the trial that was begun."""
        assert self._training is not None, "train_epoch without a trial"
        try:
            return self._training.train_epoch()
        except Exception as error:
            self._training = None
            return describe_failure(error)

    def finish(self) -> Outcome | TrialFailure:
        """Return what the trial gave, and forget it."""
        assert self._training is not None, "finish without a trial"
        training, self._training = self._training, None
        try:
            return training.outcome()
        except Exception as error:
            return describe_failure(error)


def _limit_threads(threads: int) -> None:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


_OBJECT_STORE_BYTES = 512 * 2**20  # what trials share, and what their outcomes pass through


def ray_is_installed() -> bool:
    """Return whether the `cluster` extra is there."""
    return importlib.util.find_spec("ray") is not None


@contextmanager
def running_ray(address: str | None, cores: int) -> Iterator[None]:
    """Run Ray for the block.

    Args:
        address: of a cluster, or `auto` for the one that this machine is part of; None starts Ray
            on this machine alone, listening on the loopback and nowhere else.
        cores: that a Ray of this machine alone may give away.

    Raises:
        UserError: when there is no such cluster, or Ray does not start.
    """
    prepare_environment(address)
    import ray

    # Ray puts a handler of its own in this one's place.
    terminated = signal.getsignal(signal.SIGTERM)
    options: dict[str, Any] = {"address": address, "log_to_driver": False}
    if address is None:
        options |= {"address": "local", "num_cpus": cores, "include_dashboard": False}
        options["object_store_memory"] = _OBJECT_STORE_BYTES
    try:
        with silenced_stderr():
            ray.init(configure_logging=False, **options)
    except Exception as error:
        place = f"the Ray cluster at {address!r}" if address else "Ray on this machine"
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise UserError(
            f"Cannot use {place}: {reason}. Start a cluster with 'ray start --head' and join it "
            "with search.cluster=auto or its address, or do without Ray with search.workers=1."
        ) from error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, terminated)
    try:
        yield
    finally:
        ray.shutdown()


def prepare_environment(address: str | None) -> None:
    """Set what Ray reads from the environment, once, when it is imported."""
    if "ray" in sys.modules:
        return
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if address is None:
        # Ray's name for "use the loopback", whatever the system is.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        # A word that this run's processes alone know, instead of one in the user's home.
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def room_for(options: dict[str, float]) -> int:
    """Count the actors that fit into the machines of the running Ray, each on one of them.

    Args:
        options: `num_cpus`, `num_gpus` and `memory` (bytes) of one actor.
    """
    import ray

    wanted = {
        name: options[option]
        for name, option in (("CPU", "num_cpus"), ("GPU", "num_gpus"), ("memory", "memory"))
        if options[option] > 0
    }
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return sum(
        int(min(machine.get(name, 0.0) / amount for name, amount in wanted.items()))
        for machine in machines
    )


def carry_by_value(function: Callable[..., Any]) -> None:
    """Let a function of the user's own module travel to machines that do not have the module."""
    import ray.cloudpickle

    module = sys.modules[function.__module__]
    file = getattr(module, "__file__", None)
    installed = [Path(sysconfig.get_path(name)) for name in ("purelib", "platlib", "stdlib")]
    if function.__module__.partition(".")[0] == "ecomcat" or file is None:
        return
    if not any(Path(file).is_relative_to(folder) for folder in installed):
        ray.cloudpickle.register_pickle_by_value(module)


_WAIT_SECONDS = 1.0
_PLACING_SECONDS = 300.0  # that none of the workers being placed is put up with
_FAILED_STARTS = 3  # in a row, before the reason is taken for a lasting one


@dataclass(frozen=True)
class Share:
    """What of a machine one worker is given.

    Args:
        cores: processor cores; TensorFlow computes in as many threads.
        gpus: graphics processors, or a fraction of one.
        memory_gb: main memory in 10^9 bytes, which bounds how many workers a machine takes.
    """

    cores: int = 1
    gpus: float = 0.0
    memory_gb: float = 2.0

    def options(self) -> dict[str, float]:
        """Return Ray's options of an actor."""
        return {
            "num_cpus": self.cores,
            "num_gpus": self.gpus,
            "memory": self.memory_gb * 1e9,
        }


class RayPool:
    """Workers as Ray actors.

    Args:
        worker_class: of the workers.
        shared: the first argument of its constructor, put into the object store once.
        workers: how many, more than none.
        share: what of a machine each is given; the constructor's second argument is its cores.
        environment: variables that the machines' processes would else lack.
    """

    def __init__(
        self,
        worker_class: type,
        shared: Any,
        workers: int,
        share: Share,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._actor_class: Any = ray.remote(worker_class)
        # Ray prepares a process for an environment of its own, which takes seconds.
        self._environment = {"runtime_env": {"env_vars": environment}} if environment else {}
        self._shared = ray.put(shared)
        self._share = share
        self._actors: dict[str, Any] = {}
        self._calls: dict[Any, str] = {}  # what Ray will answer with: worker
        self._deadlines: dict[str, float] = {}
        self._free: set[str] = set()
        self._starting: set[str] = set()
        self._failed_starts = 0
        self._start_error = ""
        self._placing_since = time.monotonic()
        for number in range(workers):
            self._start(f"w{number}")

    def free(self) -> list[str]:
        """Return the workers that have started and wait for a call."""
        return sorted(self._free, key=lambda name: int(name[1:]))

    def call(
        self, worker: str, method: str, *arguments: Any, within_seconds: float = math.inf
    ) -> None:
        """Call a free worker's method; the worker is killed when it takes longer."""
        self._free.discard(worker)
        self._deadlines[worker] = time.monotonic() + within_seconds
        self._calls[getattr(self._actors[worker], method).remote(*arguments)] = worker

    def wait(self) -> Sequence[Answer]:
        """Wait for answers, at most a second."""
        # One answer wakes us; whatever else has come by then is taken along.
        ray.wait(list(self._calls), num_returns=1, timeout=_WAIT_SECONDS, fetch_local=False)
        done, _ = ray.wait(
            list(self._calls), num_returns=len(self._calls), timeout=0, fetch_local=False
        )
        answers = [answer for reference in done for answer in self._answer(reference)]
        answers += [self._end_slow(worker) for worker in self._too_slow()]
        self._check_placing()
        return answers

    def close(self) -> None:
        """End all workers."""
        for actor in self._actors.values():
            ray.kill(actor)
        self._actors.clear()
        self._calls.clear()

    def _answer(self, reference: Any) -> list[Answer]:
        worker = self._calls.pop(reference)
        self._deadlines.pop(worker, None)
        try:
            value = ray.get(reference)
        except RayError as error:
            return self._lose(worker, error)
        self._free.add(worker)
        if worker in self._starting:
            self._starting.discard(worker)
            self._failed_starts = 0
            self._placing_since = time.monotonic()
            return []
        return [Answer(worker, value)]

    def _lose(self, worker: str, error: RayError) -> list[Answer]:
        """Put another worker in a lost one's place, and tell of the loss."""
        reason = _reason(error)
        had_started = worker not in self._starting
        if not had_started:
            self._failed_starts += 1
            # An error of its own says more than that its process is gone.
            self._start_error = _error_at_start(error) or self._start_error or reason
            others = len(self._starting) < len(self._actors)
            if self._failed_starts >= _FAILED_STARTS and others:
                logger.warning("Worker %s does not start and is left out: %s", worker, reason)
                self._starting.discard(worker)
                del self._actors[worker]
                return []
            if self._failed_starts >= _FAILED_STARTS:
                raise UserError(
                    f"Expected a worker to start, but {self._failed_starts} in a row did not: "
                    f"{self._start_error}. Is ecomcat installed on every machine of the cluster, "
                    "in this version? search.workers=1 needs no cluster."
                )
        if not isinstance(error, RayActorError):
            # It lives, but nobody knows what it holds.
            ray.kill(self._actors[worker])
        self._start(worker)
        return [Answer(worker, WorkerLost(reason))] if had_started else []

    def _start(self, worker: str) -> None:
        options = {**self._share.options(), **self._environment, "max_restarts": 0}
        actor = self._actor_class.options(**options).remote(self._shared, self._share.cores)
        self._actors[worker] = actor
        self._starting.add(worker)
        self._calls[actor.ready.remote()] = worker

    def _too_slow(self) -> list[str]:
        now = time.monotonic()
        return [worker for worker, deadline in self._deadlines.items() if now > deadline]

    def _end_slow(self, worker: str) -> Answer:
        self._deadlines.pop(worker)
        self._calls = {call: name for call, name in self._calls.items() if name != worker}
        ray.kill(self._actors[worker])
        self._start(worker)
        return Answer(worker, WorkerLost("no answer in time", too_slow=True))

    def _check_placing(self) -> None:
        """Give up when there is not one worker and none has been placed for minutes."""
        if len(self._starting) < len(self._actors):
            self._placing_since = time.monotonic()
        elif time.monotonic() - self._placing_since > _PLACING_SECONDS:
            free = ray.available_resources()
            raise UserError(
                f"Expected room for a worker of {self._share.cores} cores, {self._share.gpus:g} "
                f"GPUs and {self._share.memory_gb:g} GB within {_PLACING_SECONDS / 60:.0f} "
                f"minutes; found {free.get('CPU', 0):g} cores, {free.get('GPU', 0):g} GPUs and "
                f"{free.get('memory', 0) / 1e9:.1f} GB free. Free some, or set "
                "search.cores_per_worker, search.gpus_per_worker or search.memory_gb_per_worker."
            )


def _error_at_start(error: RayError) -> str:
    """Return the error that a worker's constructor raised, in one line; empty without one."""
    lines = str(error).strip().splitlines()
    # A traceback, whose last line is the error.
    return lines[-1].strip()[:300] if lines and "creation task" in lines[0] else ""


def _reason(error: RayError) -> str:
    """Return the part of Ray's message that says what happened, in one line."""
    message = re.sub(r"\x1b\[\d+m", "", str(error))
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    detail = re.search(r"Worker exit detail: ([^.]*)", message)
    return (detail[1] if detail else lines[0])[:300]


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
