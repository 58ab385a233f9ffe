"""What the benchmarks share: tables, the machine in words, and child processes measured."""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import NoReturn

import ecomcat
from ecomcat.config import DataConfig
from ecomcat.errors import UserError

_LOG_LINES_SHOWN = 15
# Linux counts a process's peak memory in KiB, macOS in bytes.
_PEAK_UNIT_BYTES = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Usage:
    """What a child process took.

    Args:
        wall_seconds: from its start to its end.
        cpu_seconds: of all its threads, user and system.
        peak_gigabytes: most resident memory at one time, in 10^9 bytes; where a process starts
            others, the largest of them.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_gigabytes: float


def run_measured(command: Sequence[str], log: Path) -> Usage:
    """Run a command to its end and measure it.

    On Linux a child's peak starts at the peak of its parent, so a script that calls this must
    itself stay small: it may not import TensorFlow.

    Args:
        command: program and arguments.
        log: the file that takes what it prints.

    Raises:
        UserError: when it ends with another exit code than 0, with the last lines it printed.
    """
    began = time.perf_counter()
    with log.open("wb") as stream:
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
    # Popen would else take the child, which wait4 has already reaped, for a running one.
    process.returncode = os.waitstatus_to_exitcode(status)
    require_success(process.returncode, command, log)
    return Usage(
        wall_seconds,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss * _PEAK_UNIT_BYTES / 1e9,
    )


def require_success(exit_code: int, command: Sequence[str], log: Path) -> None:
    """Show how a program ended that failed.

    Args:
        exit_code: of the program.
        command: the program and its arguments.
        log: what it printed.

    Raises:
        UserError: when it failed, with its log's last lines.
    """
    if exit_code == 0:
        return
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    raise UserError(
        f"Expected exit code 0, found {exit_code} from: {' '.join(command)}\n"
        "Mend what its last lines say and run this again:\n" + "\n".join(lines[-_LOG_LINES_SHOWN:])
    )


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align cells in columns, as plain text that is a Markdown table, too.

    Args:
        header: a title a column; the first column is aligned left, the others right.
        rows: as many cells each.
    """
    widths = [max(3, *map(len, column)) for column in zip(header, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        aligned = [
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return f"| {' | '.join(aligned)} |"

    rule = [
        "-" * (width - 1) + ":" if column else "-" * width for column, width in enumerate(widths)
    ]
    return "\n".join([line(header), line(rule), *map(line, rows)])


def format_spread(values: Sequence[float], digits: int = 2) -> str:
    """Write the median and, of several values, the least and the greatest.

    Args:
        values: at least one.
        digits: after the decimal point; groups of three before it are separated.
    """
    median, least, greatest = (
        f"{number:,.{digits}f}" for number in (statistics.median(values), min(values), max(values))
    )
    return median if len(values) == 1 else f"{median} ({least} to {greatest})"


def describe_machine() -> dict[str, str]:
    """Return what a figure depends on besides the code: the machine, the versions and the day."""
    return {
        "cpu": _cpu_model(),
        "cores": str(_usable_cores()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.1f} GB",
        "load before": f"{os.getloadavg()[0]:.2f} (1 minute)",
        "system": platform.system(),
        "python": platform.python_version(),
        **{package: metadata.version(package) for package in ("tensorflow", "keras")},
        "ecomcat": ecomcat.__version__,
        "commit": commit() or "unknown",
        "date": datetime.now().astimezone().date().isoformat(),
    }


def _cpu_model() -> str:
    """Return the processor's name, which Python itself does not tell on Linux."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _usable_cores() -> int:
    """Count the cores that this process may use, which a container may limit."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def commit() -> str | None:
    """Return the checkout's commit, marked when files differ from it; None outside of git."""
    folder = str(Path(__file__).parent)
    command = ["git", "-C", folder, "describe", "--always", "--dirty", "--exclude=*"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.strip()


def print_result(machine: dict[str, str], table: str) -> None:
    """Print a table below the machine that it was measured on."""
    print("; ".join(f"{name}: {value}" for name, value in machine.items()))
    print(f"\n{table}")


def new_parser(script: str, description: str) -> argparse.ArgumentParser:
    """Return a parser that names the script as it is called.

    Args:
        script: the module's name in `benchmarks`.
        description: what is measured, in one sentence.
    """
    return argparse.ArgumentParser(prog=f"python -m benchmarks.{script}", description=description)


def add_data_argument(parser: argparse.ArgumentParser) -> None:
    """Let the caller name a labelled file; without it the project's own sample is taken."""
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FILE",
        help="a labelled file as data=csv reads it; without it the project's generated sample",
    )


def data_config(path: Path | None) -> DataConfig:
    """Return the data configuration of a file, or of the sample."""
    if path is None:
        return DataConfig(name="sample", source={"_target_": "ecomcat.data.sources.SampleSource"})
    return DataConfig(name="csv", path=str(path))


def digest(parts: Iterable[str | bytes]) -> str:
    """Hash parts of which none can run into the next."""
    whole = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        whole.update(hashlib.sha256(content).digest())
    return whole.hexdigest()


def positive(text: str) -> int:
    """Read a whole number of at least 1, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {number}")
    return number


def run_script(main: Callable[[], None]) -> NoReturn:
    """Call a script's main function; end with 2 for what the user can mend, 130 on Ctrl-C."""
    try:
        main()
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        sys.exit(130)
    sys.exit(0)
