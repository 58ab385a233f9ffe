"""How long each command takes to answer `--help`, from the interpreter's start to its end."""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.common import (
    describe_machine,
    format_table,
    new_parser,
    positive,
    print_result,
    run_measured,
    run_script,
)

COMMANDS = ("search", "train", "evaluate", "predict", "serve", "audit", "report")


def measure_help(commands: Sequence[str], runs: int) -> dict[str, list[float]]:
    """Time each command's help, in turns, after one run that is not counted.

    Args:
        commands: names of modules in `ecomcat`.
        runs: counted runs of each.

    Returns:
        Wall seconds of each run by command.
    """
    seconds: dict[str, list[float]] = {command: [] for command in commands}
    with tempfile.TemporaryDirectory() as folder:
        for run in range(runs + 1):
            for command in commands:
                usage = run_measured(help_command(command), Path(folder) / "log.txt")
                # The first run may have to compile the modules and read them from the disk.
                if run > 0:
                    seconds[command].append(usage.wall_seconds)
    return seconds


def help_command(command: str) -> list[str]:
    """Return the program and arguments that print a command's help."""
    return [sys.executable, "-m", f"ecomcat.{command}", "--help"]


def help_table(seconds: Mapping[str, Sequence[float]]) -> str:
    """Write least, median and greatest wall seconds of each command as a table."""
    rows = [
        [
            f"python -m ecomcat.{command} --help",
            *(f"{pick(values):.2f}" for pick in (min, statistics.median, max)),
        ]
        for command, values in seconds.items()
    ]
    return format_table(["command", "least s", "median s", "greatest s"], rows)


def main() -> None:
    """Run the script."""
    parser = new_parser("help_time", "Time the help of each command.")
    parser.add_argument(
        "--runs",
        type=positive,
        default=7,
        metavar="N",
        help="counted runs of each command (default: %(default)s)",
    )
    arguments = parser.parse_args()
    machine = describe_machine()
    print_result(machine, help_table(measure_help(COMMANDS, arguments.runs)))


if __name__ == "__main__":
    run_script(main)
