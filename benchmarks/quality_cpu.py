"""CPU seconds of a command and of all that it starts, also of processes that outlive it.

Ray's workers are no children of the search, so what the system reports at its end leaves them out.
On Linux this process adopts such orphans and reads what each of its descendants has used so far.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common import require_success
from ecomcat.files import write_text

_LOOK_EVERY_SECONDS, _WRITE_EVERY_SECONDS = 0.5, 5.0
_SET_CHILD_SUBREAPER = 36  # of Linux's prctl


def exit_on_sigterm() -> None:
    """Let SIGTERM raise, so that whoever waits for a child then ends it, too."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))


def run_counted(command: Sequence[str], log: Path, spent: Path) -> float:
    """Run a command to its end.

    Args:
        command: program and arguments.
        log: takes what it prints, after what earlier runs printed.
        spent: a file that keeps the CPU seconds, so that those of a run that was killed count.

    Returns:
        CPU seconds of all its processes and threads, those of earlier runs included.

    Raises:
        UserError: when it ends with another exit code than 0, with the last lines it printed.
    """
    earlier = float(spent.read_text(encoding="utf-8")) if spent.exists() else 0.0
    descendants = Descendants()
    with log.open("ab") as stream:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT
        )
        try:
            _watch(process, descendants, spent, earlier)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        finally:
            total = earlier + descendants.seconds()
            write_text(spent, f"{total:.2f}\n", durable=False)
    require_success(process.returncode, command, log)
    return total


def _watch(
    process: subprocess.Popen[bytes], descendants: Descendants, spent: Path, earlier: float
) -> None:
    written = time.monotonic()
    while process.poll() is None:
        descendants.look()
        if time.monotonic() - written > _WRITE_EVERY_SECONDS:
            write_text(spent, f"{earlier + descendants.seconds():.2f}\n", durable=False)
            written = time.monotonic()
        time.sleep(_LOOK_EVERY_SECONDS)


class Descendants:
    """What this process's descendants have used since this was made."""

    def __init__(self) -> None:
        self._own: dict[tuple[int, str], float] = {}
        self._at_first = _reaped_seconds()
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def look(self) -> None:
        """Note what each descendant has used so far; one that has ended keeps its last figure."""
        found = _processes()
        inside = {os.getpid()}
        while more := {
            pid for pid, (parent, *_) in found.items() if parent in inside and pid not in inside
        }:
            inside |= more
        for pid in inside - {os.getpid()}:
            _, started, seconds = found[pid]
            # A number may be given again to a later process, which starts at another time.
            self._own[pid, started] = seconds

    def seconds(self) -> float:
        """Return all that was seen; at least what the system reports of children that ended."""
        self.look()
        return max(sum(self._own.values()), _reaped_seconds() - self._at_first)


def _reaped_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _processes() -> dict[int, tuple[int, str, float]]:
    """Return each process's parent, its start and its own CPU seconds; none outside of Linux."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            content = path.read_text(encoding="utf-8", errors="replace")
        except OSError:  # it has ended since
            continue
        # After the name, which stands in brackets and may hold anything.
        fields = content.rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        started = fields[19]
        found[int(path.parent.name)] = int(fields[1]), started, ticks / os.sysconf("SC_CLK_TCK")
    return found
