"""Start Ray on this machine, or join a cluster, and say how many workers it has room for."""

from __future__ import annotations

import importlib.util
import os
import secrets
import signal
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ecomcat.errors import UserError
from ecomcat.quiet import silenced_stderr

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
