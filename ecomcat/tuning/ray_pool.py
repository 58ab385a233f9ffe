"""Workers that Ray places, on this machine or on a cluster."""

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
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecomcat.config import SearchConfig
from ecomcat.errors import UserError
from ecomcat.option_fields import AUTO
from ecomcat.process import silenced_stderr
from ecomcat.tuning.jobs import BatchesDone, Call, TrialFailedError

logger = logging.getLogger("ecomcat")

_OBJECT_STORE_BYTES = 512 * 2**20  # for what trials share, and for their results
_MAX_TEMP_PATH = 40  # characters: a socket's path has at most 107, of which Ray needs over 60
# Else a worker without a GPU of its own sees them all: https://github.com/ray-project/ray/issues/54868
_HIDES_GPUS = {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1"}


class NoWorkersError(UserError):
    """Report that none of the workers starts."""


@contextmanager
def running_ray(address: str | None, cores: int, gpus: int = 0) -> Iterator[None]:
    """Run Ray for the block.

    Raises:
        UserError: There is no such cluster, or Ray does not start.
    """
    prepare_environment(address)
    import ray

    # Ray replaces this handler by its own.
    terminated = signal.getsignal(signal.SIGTERM)
    with ExitStack() as stack:
        try:
            options: dict[str, Any] = {"address": address}
            if address is None:
                options = _options_of_this_machine(cores, gpus, stack)
            # Also if it is stopped while it starts.
            stack.callback(ray.shutdown)
            with silenced_stderr():
                ray.init(configure_logging=False, log_to_driver=False, **options)
        except Exception as error:
            raise UserError(
                f"Cannot use Ray ({address or 'on this machine'}): {_reason(error)}. Start a "
                "cluster with 'ray start --head' and join it with search.cluster=auto or its "
                "address, or do without Ray with search.workers=1."
            ) from error
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, terminated)
        yield


def _options_of_this_machine(cores: int, gpus: int, stack: ExitStack) -> dict[str, Any]:
    options = {
        "address": "local",
        "num_cpus": cores,
        "num_gpus": gpus,
        "include_dashboard": False,
        "object_store_memory": _OBJECT_STORE_BYTES,
    }
    if len(os.environ.get("RAY_TMPDIR", tempfile.gettempdir())) > _MAX_TEMP_PATH:
        folder = tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True)
        options["_temp_dir"] = stack.enter_context(folder)
    return options


def prepare_environment(address: str | None) -> None:
    """Set the environment variables that Ray reads once, when it is imported."""
    if "ray" in sys.modules:
        return
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ |= _HIDES_GPUS
    if address is None:
        # Ray's name for "use the loopback", on any system.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        # A token that only this run's processes know, instead of one in the user's home.
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)


def carry_by_value(function: Callable[..., Any]) -> None:
    """Let a function of the user's own module be sent to machines without the module."""
    import ray.cloudpickle

    module = sys.modules[function.__module__]
    file = getattr(module, "__file__", None)
    installed = [Path(sysconfig.get_path(name)) for name in ("purelib", "platlib", "stdlib")]
    if function.__module__.partition(".")[0] == "ecomcat" or file is None:
        return
    if not any(Path(file).is_relative_to(folder) for folder in installed):
        ray.cloudpickle.register_pickle_by_value(module)


def room_for(search: SearchConfig) -> int:
    """Count the workers that fit into the machines of the running Ray, each on one of them."""
    share = {
        "CPU": search.cores_per_worker,
        "GPU": gpus_of(search),
        "memory": search.memory_gb_per_worker * 1e9,
    }
    return sum(
        int(min(machine.get(name, 0) / wanted for name, wanted in share.items() if wanted > 0))
        for machine in _machines()
    )


def _machines() -> list[Mapping[str, float]]:
    import ray

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def count_gpus() -> int:
    """Count the GPUs of the machines of the running Ray."""
    return int(sum(machine.get("GPU", 0) for machine in _machines()))


def gpus_of(search: SearchConfig) -> float:
    """Return how many GPUs each worker gets; 0 before that was decided."""
    return 0.0 if search.gpus_per_worker == AUTO else float(search.gpus_per_worker)


@dataclass
class _Actor:
    """A worker: Ray's handle, the answers that are expected, and until when."""

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
        search: `SearchConfig`. The resources of each; its cores are the second argument.
    """

    def __init__(self, worker_class: type, shared: Any, workers: int, search: SearchConfig) -> None:
        import ray

        self._cores = search.cores_per_worker
        options: dict[str, Any] = {
            "num_cpus": self._cores,
            "num_gpus": gpus_of(search),
            "memory": search.memory_gb_per_worker * 1e9,
        }
        if search.cluster:
            # Processes on this machine inherit it; elsewhere Keras would choose a backend itself.
            options["runtime_env"] = {"env_vars": {"KERAS_BACKEND": "tensorflow", **_HIDES_GPUS}}
        self._ray, self._shared = ray, ray.put(shared)
        self._actor_class = ray.remote(worker_class).options(**options)
        self._actors = {f"w{number}": self._start() for number in range(workers)}

    def _start(self) -> _Actor:
        handle = self._actor_class.remote(self._shared, self._cores)
        return _Actor(handle, handle.call.remote("ready"))

    @property
    def size(self) -> int:
        """How many workers there are."""
        return len(self._actors)

    def free(self) -> list[str]:
        """Return the workers that have started and wait for a call."""
        return [name for name, actor in self._actors.items() if actor.answers is None]

    def call(self, worker: str, call: Call) -> None:
        """Call a free worker's method; the worker is killed if it takes longer than allowed."""
        actor = self._actors[worker]
        actor.deadline = time.monotonic() + call.within_seconds
        actor.answers = actor.handle.call.remote(call.method, *call.arguments)

    def wait(self) -> list[tuple[str, Any]]:
        """Wait for answers, at most a second."""
        waiting = {
            actor.answers: name for name, actor in self._actors.items() if actor.answers is not None
        }
        # One answer wakes us; other answers that have arrived are taken, too.
        wait = self._ray.wait
        wait(list(waiting), num_returns=1, timeout=1.0, fetch_local=False)
        done, _ = wait(list(waiting), num_returns=len(waiting), timeout=0, fetch_local=False)
        answers = [answer for each in done for answer in self._take(waiting[each])]
        for name, actor in self._actors.items():
            if time.monotonic() > actor.deadline:
                late = TrialFailedError("no answer in time", too_slow=True)
                answers.append(self._replace(name, late))
        return answers

    def close(self) -> None:
        """End all workers."""
        for actor in self._actors.values():
            self._ray.kill(actor.handle)

    def _take(self, worker: str) -> list[tuple[str, Any]]:
        actor = self._actors[worker]
        try:
            value = self._ray.get(next(actor.answers))
        except self._ray.exceptions.RayError as error:
            reason = _reason(error)
            if actor.started:
                lost = TrialFailedError(f"worker lost: {reason}", may_pass=True)
                return [self._replace(worker, lost)]
            logger.warning("Worker %s does not start and is left out: %s", worker, reason)
            del self._actors[worker]
            if not self._actors:
                raise NoWorkersError(
                    f"Expected a worker to start, but none does: {reason}. Is ecomcat installed on "
                    "every machine of the cluster, in this version? search.workers=1 needs none."
                ) from error
            return []
        if not isinstance(value, BatchesDone):
            actor.answers, actor.deadline = None, math.inf
        if actor.started:
            return [(worker, value)]
        actor.started = True
        return []

    def _replace(self, worker: str, answer: TrialFailedError) -> tuple[str, TrialFailedError]:
        """Replace a worker, which may still be alive, and answer for it."""
        self._ray.kill(self._actors[worker].handle)
        self._actors[worker] = self._start()
        return worker, answer


def _reason(error: Exception) -> str:
    """Return the part of Ray's message that says what happened, in one line."""
    message = re.sub(r"\x1b\[\d+m", "", str(error))
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    # An error of a constructor is the last line of a traceback.
    line = lines[-1] if "creation task" in lines[0] else lines[0]
    detail = re.search(r"Worker exit detail: ([^.]*)", message)
    return (detail[1] if detail else line)[:300].rstrip(".")
