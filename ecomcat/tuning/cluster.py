"""Workers as actors of Ray, on this machine or on a cluster."""

from __future__ import annotations

import logging
import math
import os
import re
import secrets
import signal
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecomcat.errors import UserError
from ecomcat.process import silenced_stderr
from ecomcat.tuning.tasks import BatchesDone, TrialFailure
from ecomcat.tuning.workers import Answer, Call, too_slow

logger = logging.getLogger("ecomcat")

_OBJECT_STORE_BYTES = 512 * 2**20  # what trials share, and what their outcomes pass through
_MAX_TEMP_PATH = 40  # characters: a socket's path has at most 107, of which Ray needs over 60
_WAIT_SECONDS = 1.0
_PLACING_SECONDS = 300.0  # in which one of the workers is to be placed
_MAX_FAILED_STARTS = 3  # in a row, after which the reason is taken for a lasting one


@contextmanager
def running_ray(address: str | None, cores: int) -> Iterator[None]:
    """Run Ray for the block.

    Raises:
        UserError: There is no such cluster, or Ray does not start.
    """
    prepare_environment(address)
    import ray

    # Ray puts a handler of its own in this one's place.
    terminated = signal.getsignal(signal.SIGTERM)
    options: dict[str, Any] = {"address": address, "log_to_driver": False}
    with ExitStack() as stack:
        if address is None:
            options |= {"address": "local", "num_cpus": cores, "include_dashboard": False}
            options["object_store_memory"] = _OBJECT_STORE_BYTES
            if len(os.environ.get("RAY_TMPDIR", tempfile.gettempdir())) > _MAX_TEMP_PATH:
                folder = tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True)
                options["_temp_dir"] = stack.enter_context(folder)
        try:
            with silenced_stderr():
                ray.init(configure_logging=False, **options)
        except Exception as error:
            place = f"the Ray cluster at {address!r}" if address else "Ray on this machine"
            reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
            raise UserError(
                f"Cannot use {place}: {reason}. Start a cluster with 'ray start --head' and join "
                "it with search.cluster=auto or its address, or do without Ray with "
                "search.workers=1."
            ) from error
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, terminated)
        stack.callback(ray.shutdown)
        yield


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


@dataclass(frozen=True)
class Share:
    """What of a machine one worker is given.

    Args:
        cores: Integer. Processor cores; TensorFlow computes in as many threads.
        gpus: Float. Graphics processors, or a fraction of one.
        memory_gb: Float. Main memory in 10^9 bytes, which bounds how many workers a machine takes.
    """

    cores: int = 1
    gpus: float = 0.0
    memory_gb: float = 2.0

    def options(self) -> dict[str, float]:
        """Return Ray's options of an actor."""
        return {"num_cpus": self.cores, "num_gpus": self.gpus, "memory": self.memory_gb * 1e9}


def room_for(share: Share) -> int:
    """Count the workers that fit into the machines of the running Ray, each on one of them."""
    import ray

    wanted = {"CPU": share.cores, "GPU": share.gpus, "memory": share.memory_gb * 1e9}
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return sum(
        int(min(machine.get(name, 0.0) / each for name, each in wanted.items() if each > 0))
        for machine in machines
    )


@dataclass
class _Actor:
    """A worker: what Ray calls it, the answers that are waited for, and until when."""

    handle: Any
    answers: Any
    deadline: float = math.inf
    started: bool = False


class RayPool:
    """Workers as Ray actors.

    Args:
        worker_class: Class of the workers.
        shared: Object. The first argument of its constructor, put into the object store once.
        workers: Integer, at least 1. How many.
        share: `Share`. What of a machine each is given; its cores are the second argument.
        environment: Mapping. Variables that the machines' processes would lack otherwise.
    """

    def __init__(
        self,
        worker_class: type,
        shared: Any,
        workers: int,
        share: Share,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        import ray

        self._ray = ray
        options: dict[str, Any] = {**share.options(), "max_restarts": 0}
        if environment:
            # Not where it is empty: Ray prepares a process for it, which takes seconds.
            options["runtime_env"] = {"env_vars": dict(environment)}
        self._actor_class = ray.remote(worker_class).options(**options)
        self._shared, self._share = ray.put(shared), share
        self._failed_starts, self._start_error = 0, ""
        self._placing_since = time.monotonic()
        self._actors = {f"w{number}": self._start() for number in range(workers)}

    def _start(self) -> _Actor:
        handle = self._actor_class.remote(self._shared, self._share.cores)
        return _Actor(handle, handle.call.remote("ready"))

    @property
    def size(self) -> int:
        """How many workers there are."""
        return len(self._actors)

    def free(self) -> list[str]:
        """Return the workers that have started and wait for a call."""
        return [name for name, actor in self._actors.items() if actor.answers is None]

    def call(self, worker: str, call: Call) -> None:
        """Call a free worker's method; the worker is killed when it takes longer than it may."""
        actor = self._actors[worker]
        actor.deadline = time.monotonic() + call.within_seconds
        actor.answers = actor.handle.call.remote(call.method, *call.arguments)

    def wait(self) -> Sequence[Answer]:
        """Wait for answers, at most a second."""
        waiting = {
            actor.answers: name for name, actor in self._actors.items() if actor.answers is not None
        }
        # One answer wakes us; whatever else has come by then is taken along.
        wait = self._ray.wait
        wait(list(waiting), num_returns=1, timeout=_WAIT_SECONDS, fetch_local=False)
        done, _ = wait(list(waiting), num_returns=len(waiting), timeout=0, fetch_local=False)
        answers = [answer for each in done for answer in self._take(waiting[each])]
        answers += [self._end_slow(name) for name in self._too_slow()]
        self._check_placing()
        return answers

    def close(self) -> None:
        """End all workers."""
        for actor in self._actors.values():
            self._ray.kill(actor.handle)
        self._actors.clear()

    def _take(self, worker: str) -> list[Answer]:
        actor = self._actors[worker]
        try:
            value = self._ray.get(next(actor.answers))
        except self._ray.exceptions.RayError as error:
            return self._lose(worker, error)
        if not isinstance(value, BatchesDone):
            actor.answers, actor.deadline = None, math.inf
        if actor.started:
            return [Answer(worker, value)]
        actor.started, self._failed_starts = True, 0
        return []

    def _lose(self, worker: str, error: Exception) -> list[Answer]:
        """Put another worker in a lost one's place, and answer for it."""
        reason, lost = _reason(error), self._actors[worker]
        if not isinstance(error, self._ray.exceptions.RayActorError):
            # It lives, but nobody knows what it holds.
            self._ray.kill(lost.handle)
        if lost.started:
            self._actors[worker] = self._start()
            return [Answer(worker, TrialFailure(f"worker lost: {reason}", reason, may_pass=True))]
        self._failed_starts += 1
        # An error of its own says more than that its process is gone.
        self._start_error = _error_at_start(error) or self._start_error or reason
        if self._failed_starts < _MAX_FAILED_STARTS:
            self._actors[worker] = self._start()
        elif any(actor.started for actor in self._actors.values()):
            logger.warning("Worker %s does not start and is left out: %s", worker, reason)
            del self._actors[worker]
        else:
            raise UserError(
                f"Expected a worker to start, but {self._failed_starts} in a row did not: "
                f"{self._start_error}. Is ecomcat installed on every machine of the cluster, "
                "in this version? search.workers=1 needs no cluster."
            )
        return []

    def _too_slow(self) -> list[str]:
        now = time.monotonic()
        return [name for name, actor in self._actors.items() if now > actor.deadline]

    def _end_slow(self, worker: str) -> Answer:
        self._ray.kill(self._actors[worker].handle)
        self._actors[worker] = self._start()
        return Answer(worker, too_slow())

    def _check_placing(self) -> None:
        """Give up when there is not one worker and none has been placed for minutes."""
        if any(actor.started for actor in self._actors.values()):
            self._placing_since = time.monotonic()
        elif time.monotonic() - self._placing_since > _PLACING_SECONDS:
            free = self._ray.available_resources()
            raise UserError(
                f"Expected room for a worker of {self._share.cores} cores, {self._share.gpus:g} "
                f"GPUs and {self._share.memory_gb:g} GB within {_PLACING_SECONDS / 60:.0f} "
                f"minutes; found {free.get('CPU', 0):g} cores, {free.get('GPU', 0):g} GPUs and "
                f"{free.get('memory', 0) / 1e9:.1f} GB free. Free some, or set "
                "search.cores_per_worker, search.gpus_per_worker or search.memory_gb_per_worker."
            )


def _error_at_start(error: Exception) -> str:
    """Return the error that a worker's constructor raised, in one line; empty without one."""
    lines = str(error).strip().splitlines()
    # A traceback, whose last line is the error.
    return lines[-1].strip()[:300] if lines and "creation task" in lines[0] else ""


def _reason(error: Exception) -> str:
    """Return the part of Ray's message that says what happened, in one line."""
    message = re.sub(r"\x1b\[\d+m", "", str(error))
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    detail = re.search(r"Worker exit detail: ([^.]*)", message)
    return (detail[1] if detail else lines[0])[:300]
