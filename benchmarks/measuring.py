"""Programs that are measured, and cells of a table whose results are stored."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common import describe_machine, digest
from ecomcat.errors import UserError
from ecomcat.files import write_json

Setting = Mapping[str, Any]

_LOG_LINES_SHOWN = 15
_SECONDS_BETWEEN_LOOKS = 0.5
_SET_CHILD_SUBREAPER = 36  # of Linux's prctl
# Linux counts a process's peak memory in KiB, macOS in bytes.
_PEAK_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024
_ONE_THREAD = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
    *("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
)


class CpuWatch:
    """Count the CPU seconds of all that this process starts while the watch is open.

    Ray's workers are no children of the search that starts them, so what the system reports at its
    end leaves them out. This process adopts such orphans, which Linux alone allows.
    """

    def __init__(self) -> None:
        self._used: dict[tuple[int, float], float] = {}
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> CpuWatch:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._closed.set()
        self._thread.join()

    def seconds(self) -> float:
        """Return the seconds of all processes and threads so far, user and system."""
        self._look()
        return sum(self._used.copy().values())

    def _watch(self) -> None:
        while not self._closed.wait(_SECONDS_BETWEEN_LOOKS):
            self._look()

    def _look(self) -> None:
        import psutil

        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                times = process.cpu_times()
                self._used[process.pid, process.create_time()] = times.user + times.system


@dataclass(frozen=True)
class Usage:
    """What a program took."""

    wall_seconds: float  # from its start to its end
    cpu_seconds: float  # of all its processes and threads, user and system
    peak_gigabytes: float  # of resident memory, 10^9 bytes; of several processes the largest


def run_measured(command: Sequence[str], log: Path) -> Usage:
    """Run a program to its end, append what it prints to a log, and measure it.

    On Linux a program's peak memory starts at the peak of the process that starts it, so a script
    that calls this may not import TensorFlow.

    Raises:
        UserError: When it ends with another exit code than 0, with the last lines it printed.
    """
    began = time.perf_counter()
    with CpuWatch() as watch, log.open("ab") as stream:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        wall_seconds = time.perf_counter() - began
        seen = watch.seconds()
    # Popen would otherwise wait for the child, which wait4 has done already.
    process.returncode = os.waitstatus_to_exitcode(status)
    require_success(process.returncode, command, log)
    cpu_seconds = max(seen, usage.ru_utime + usage.ru_stime)
    return Usage(wall_seconds, cpu_seconds, usage.ru_maxrss * _PEAK_UNIT_BYTES / 1e9)


def require_success(exit_code: int, command: Sequence[str], log: Path) -> None:
    """Raise a UserError with the last lines of the log, if the program failed."""
    if exit_code == 0:
        return
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    raise UserError(
        f"Expected exit code 0, found {exit_code} from: {' '.join(command)}\n"
        "Fix what its last lines say and run this again:\n" + "\n".join(lines[-_LOG_LINES_SHOWN:])
    )


def stored(setting: Setting, store: Path, measure: Callable[[Path], Mapping[str, Any]]) -> Any:
    """Return the result of a cell and its machine, measured now or read from an earlier run.

    Args:
        setting: All that decides the result.
        store: The folder of results and logs.
        measure: Is given the path of the result, without its ending, for files of its own.
    """
    store.mkdir(parents=True, exist_ok=True)
    path = store / f"{digest([json.dumps(setting, sort_keys=True)])[:12]}.json"
    if not path.exists():
        machine = describe_machine()
        result = measure(path.with_suffix(""))
        write_json(path, {"setting": setting, **result, "machine": machine})
    return json.loads(path.read_text(encoding="utf-8"))


def run_cell(module: str, setting: Setting, store: Path, *, one_thread: bool = False) -> Any:
    """Measure a cell by a module of `benchmarks`, in a process of its own, as `stored` does.

    The module is given the setting as JSON and the path of the result.
    """

    def measure(path: Path) -> Mapping[str, Any]:
        found = path.with_suffix(".found")
        module_command = [sys.executable, "-m", f"benchmarks.{module}"]
        environment = single_thread() if one_thread else []
        command = [*environment, *module_command, json.dumps(setting), str(found)]
        run_measured(command, path.with_suffix(".log"))
        result: Mapping[str, Any] = json.loads(found.read_text(encoding="utf-8"))
        found.unlink()
        return result

    return stored(setting, store, measure)


def single_thread() -> list[str]:
    """Return what stands before a command so that NumPy and TensorFlow compute in one thread."""
    return ["env", *(f"{name}=1" for name in _ONE_THREAD)]
