"""What the scripts share: their options, tables, the machine in words, and the data."""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn

import ecomcat
from ecomcat.config import DataConfig
from ecomcat.errors import UserError
from ecomcat.process import usable_cores

GROUP = "group"  # the column of rows that belong together, in a file of text, category and group


def sample_rows(source: Path, target: Path, rows: int) -> None:
    """Write random rows of a labelled file of two columns without a header, always the same."""
    import pandas as pd

    require_file(source)
    table = pd.read_csv(source, header=None, dtype=str, keep_default_na=False)
    table.sample(min(rows, len(table)), random_state=0).to_csv(target, header=False, index=False)


def require_file(path: Path | None) -> None:
    """Refuse a file that does not exist."""
    if path is not None and not path.is_file():
        raise UserError(f"Expected a labelled file in --data, found none at {path}: fix the path.")


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align cells in columns, the first left, as plain text that is a Markdown table, too."""
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
    """Write the median and, of several values, the smallest and the largest."""
    median, least, greatest = (
        f"{number:,.{digits}f}" for number in (statistics.median(values), min(values), max(values))
    )
    return median if len(values) == 1 else f"{median} ({least} to {greatest})"


def format_p_value(p_value: float) -> str:
    """Write the p-value of a test."""
    return f"{p_value:.3f}".replace("0.000", "< 0.001")


def describe_machine() -> dict[str, str]:
    """Return what a figure depends on besides the code: the machine, the versions and the day."""
    return {
        "cpu": _cpu_model(),
        "cores": str(usable_cores()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.1f} GB",
        "load before": f"{os.getloadavg()[0]:.2f} (1 minute)",
        "system": platform.system(),
        "python": platform.python_version(),
        **{package: metadata.version(package) for package in ("tensorflow", "keras")},
        "ecomcat": ecomcat.__version__,
        "commit": _commit() or "unknown",
        "date": datetime.now().astimezone().date().isoformat(),
    }


def _cpu_model() -> str:
    """Return the processor's name, which Python itself does not give on Linux."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _commit() -> str | None:
    """Return the checkout's commit, marked when files differ from it; None outside of git."""
    folder = str(Path(__file__).parent)
    command = ["git", "-C", folder, "describe", "--always", "--dirty", "--exclude=*"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.strip()


def print_result(machine: Mapping[str, str], *tables: str) -> None:
    """Print tables below the machine that they were measured on."""
    print("; ".join(f"{name}: {value}" for name, value in machine.items()))
    for table in tables:
        print(f"\n{table}")


def log(message: str) -> None:
    """Write a line of progress to standard error."""
    print(message, file=sys.stderr, flush=True)


def new_parser(script: str, description: str, store: bool = False) -> argparse.ArgumentParser:
    """Return a parser with `--data` and, where results are stored, `--store`."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{script}", description=description)
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FILE",
        help="a labelled file as data=csv reads it; without it the project's generated sample",
    )
    if store:
        parser.add_argument(
            "--store",
            type=Path,
            default=Path(f"outputs/benchmarks/{script}"),
            metavar="FOLDER",
            help="where finished cells, studies and logs are stored (default: %(default)s)",
        )
    return parser


def add_numbers(
    parser: argparse.ArgumentParser, *options: tuple[str, int | Sequence[int], str]
) -> None:
    """Add options that take positive whole numbers: name, default (a list: several) and help."""
    for name, default, what in options:
        several: dict[str, Any] = {} if isinstance(default, int) else {"nargs": "+"}
        shown = default if isinstance(default, int) else " ".join(map(str, default))
        what = f"{what} (default: {shown})"
        parser.add_argument(
            name, type=_positive, default=default, metavar="N", help=what, **several
        )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected 1 or more, found {number}")
    return number


def data_config(path: Path | None) -> DataConfig:
    """Return the configuration of a labelled file, or of the sample."""
    if path is None:
        return DataConfig(name="sample", source={"_target_": "ecomcat.data.sources.SampleSource"})
    return DataConfig(name="csv", path=str(path), **_columns(path))


def data_overrides(path: Path | None) -> list[str]:
    """Return the overrides that name a file, or the sample, to one of our commands."""
    if path is None:
        return ["data=sample"]
    columns = [f"data.{option}={name}" for option, name in _columns(path).items()]
    return ["data=csv", f"data.path={path.resolve()}", *columns]


def _columns(path: Path) -> dict[str, str]:
    """Return how a file is read that says which rows belong together."""
    with path.open(encoding="utf-8") as lines:
        grouped = lines.readline().rstrip().split(",") == ["text", "category", GROUP]
    return {"text_column": "text", "group_column": GROUP} if grouped else {}


def digest(parts: Iterable[str | bytes]) -> str:
    """Hash parts of which none can run into the next."""
    whole = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        whole.update(hashlib.sha256(content).digest())
    return whole.hexdigest()


def run_script(main: Callable[[], None]) -> NoReturn:
    """Call a script's main function; end with 2 for what the user can fix, 130 on Ctrl-C."""
    # Raises, so that whoever waits for a program then ends it, too.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    try:
        main()
    except UserError as error:
        log(f"Error: {error}")
        sys.exit(2)
    except KeyboardInterrupt:
        log("Interrupted.")
        sys.exit(130)
    sys.exit(0)
