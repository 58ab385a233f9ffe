"""Trials a minute by the number of workers, and whether each trial gives the same score.

Each cell (a number of workers and a repeat) is a process of its own, so that TensorFlow is fresh;
it is kept as JSON and not run again. With --simulate, trials that sleep instead of training show
how many workers the search's own process can serve.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cells import run_cell, sample_rows
from benchmarks.common import (
    describe_machine,
    digest,
    format_spread,
    format_table,
    new_parser,
    positive,
    print_result,
    run_script,
)
from ecomcat.errors import UserError

Cells = Mapping[int, Sequence[Mapping[str, Any]]]  # by the number of workers
_SEED = 1
_NUMBERS = (
    ("--rows", 4_000, "random rows of the file to take"),
    ("--trials", 12, "of each search"),
    ("--epochs", 4, "of each trial"),
    ("--repeats", 3, "searches with each number of workers"),
)


def trials_per_minute(cell: Mapping[str, Any]) -> float:
    """Return a search's rate from the first trial's begin to the last one's end."""
    return 60 * len(cell["objectives"]) / float(cell["seconds"])


def same_figures(cells: Cells) -> bool:
    """Return whether every trial has one objective, whoever trained it and whenever."""
    objectives = [cell["objectives"] for found in cells.values() for cell in found]
    return all(each == objectives[0] for each in objectives)


def workers_table(cells: Cells) -> str:
    """Write a row a number of workers; the ratio is that of the medians to the first's."""
    rates = {
        workers: [trials_per_minute(cell) for cell in found] for workers, found in cells.items()
    }
    first = statistics.median(next(iter(rates.values())))
    rows = [
        [
            str(workers),
            format_spread(rates[workers]),
            f"{statistics.median(rates[workers]) / first:.2f}",
            format_spread([cell["seconds"] for cell in found], 0),
            format_spread([cell["start_up_seconds"] for cell in found], 1),
        ]
        for workers, found in cells.items()
    ]
    header = ["workers", "trials/min", f"of {next(iter(rates))} worker(s)", "s in all"]
    return format_table([*header, "s before the first trial"], rows)


def measure(arguments: argparse.Namespace) -> dict[int, list[dict[str, Any]]]:
    """Search with each number of workers in turns, each turn in the other order.

    Raises:
        UserError: when the data is not there or a search fails.
    """
    store = arguments.store.resolve()
    store.mkdir(parents=True, exist_ok=True)
    rows = store / f"rows_{arguments.rows}.csv"
    sample_rows(arguments.data, rows, arguments.rows)
    content = digest([rows.read_bytes()])[:12]
    cells: dict[int, list[dict[str, Any]]] = {workers: [] for workers in arguments.workers}
    for repeat in range(arguments.repeats):
        for workers in list(cells) if repeat % 2 == 0 else reversed(cells):
            print(f"{workers} worker(s), repeat {repeat + 1}", file=sys.stderr, flush=True)
            setting = {
                "data": str(rows),
                "content": content,
                "trials": arguments.trials,
                "epochs": arguments.epochs,
                "workers": workers,
                "repeat": repeat,
                "seed": _SEED,
            }
            cells[workers].append(run_cell("workers_cell", setting, store))
    return cells


def main() -> None:
    """Run the script."""
    parser = new_parser("workers", "Measure trials a minute by the number of workers.")
    parser.add_argument("--data", type=Path, metavar="FILE", help="a labelled file of two columns")
    parser.add_argument(
        "--workers",
        type=positive,
        nargs="+",
        default=[1, 2],
        metavar="N",
        help="numbers of workers to compare (default: 1 2)",
    )
    for name, default, what in _NUMBERS:
        parser.add_argument(
            name,
            type=positive,
            default=default,
            metavar="N",
            help=f"{what} (default: %(default)s)",
        )
    parser.add_argument(
        "--store",
        type=Path,
        default=Path("outputs/benchmarks/workers"),
        metavar="FOLDER",
        help="where finished cells and their logs are kept (default: %(default)s)",
    )
    parser.add_argument(
        "--simulate",
        type=positive,
        nargs="+",
        metavar="N",
        help="numbers of workers of a simulated cluster, whose trials sleep; needs no --data",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=10.0,
        metavar="S",
        help="that a simulated trial sleeps, in 4 epochs (default: %(default)s)",
    )
    arguments = parser.parse_args()
    if arguments.simulate is not None:
        _simulate(arguments)
        return
    if arguments.data is None:
        raise UserError("Expected a labelled file in --data FILE, or --simulate N.")
    cells = measure(arguments)
    print_result(next(iter(cells.values()))[0]["machine"], workers_table(cells))
    print(
        f"\nsame figures: {'yes' if same_figures(cells) else 'no'} ({arguments.trials} trials of "
        f"{arguments.epochs} epochs, {arguments.rows:,} rows; median (least to greatest) of "
        f"{arguments.repeats} searches)"
    )


def _simulate(arguments: argparse.Namespace) -> None:
    from benchmarks.simulated_cluster import measure_rates, rates_table

    machine = describe_machine()
    rates = measure_rates(arguments.simulate, arguments.seconds)
    print_result(machine, rates_table(rates, arguments.seconds))


if __name__ == "__main__":
    run_script(main)
