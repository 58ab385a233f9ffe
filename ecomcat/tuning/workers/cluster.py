"""Workers in processes of their own, placed by Ray: on every core, and on every machine.

The oracle, the study's files and TensorBoard's events stay in the search's own process. What all
trials share goes out once, through Ray's object store; scores, weights and probabilities come
back through it, so that no file system need be shared. A worker is an actor that Ray does not
restart by itself: the tuner must hear of a loss, since the trial is to begin anew.
"""

from __future__ import annotations

import logging
import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError

from ecomcat.errors import UserError
from ecomcat.tuning.workers.messages import WorkerLost
from ecomcat.tuning.workers.pool import Answer

logger = logging.getLogger("ecomcat")

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
