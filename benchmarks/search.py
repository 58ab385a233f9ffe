"""What a search's engine gains: CPU seconds until a plain Keras Tuner search's best is reached.

Each cell (a method and a seed) is a process of its own with one thread, so that CPU seconds
compare; it is kept as JSON and not run again, so that a run cut short goes on.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cells import run_cell, sample_rows
from benchmarks.common import (
    digest,
    format_spread,
    format_table,
    new_parser,
    print_result,
    run_script,
)
from ecomcat.errors import UserError

_ROWS = 4_000
_COMMON = {
    "vocabulary_size": 16_000,
    "max_tokens": 250,
    "lstm_tokens": 250,
    "batch_size": 32,
    "epochs": 5,
    "space": {
        "embedding_dim": [32, 64, 128],
        "lstm_units": [16, 32, 48, 64],
        "dropout": [0.2, 0.6],
        "learning_rate": [5e-4, 1e-2],
    },
}
_PLAIN = {"engine": "keras_tuner", "trials": 20}
# Ours is let run longer, so that it is seen when it comes to the same score, or that it does not.
_OURS = {"engine": "ecomcat", "trials": 60, "cpu_seconds": 300, "algorithm": "tpe"}
# The plain network in our terms: the last states alone, and nothing dropped before them.
_SAME_NETWORK = {
    "pooling": "last",
    "embedding_pooling": "none",
    "word_dropout": 0.0,
    "spatial_dropout": 0.0,
    "learning_rate_schedule": "constant",
    "label_smoothing": 0.0,
}
_OUR_NETWORK = {
    "pooling": "max+mean",
    "embedding_pooling": "max+mean",
    "word_dropout": 0.2,
    "spatial_dropout": 0.3,
    "learning_rate_schedule": "linear",
    "label_smoothing": 0.1,
}
RANDOM, SAME_NETWORK, OURS = "Keras Tuner, random", "ecomcat, that network", "ecomcat, its network"
METHODS: dict[str, tuple[dict[str, Any], tuple[int, ...]]] = {
    RANDOM: ({**_PLAIN, "algorithm": "random"}, (1, 2, 3)),
    "Keras Tuner, Bayesian": ({**_PLAIN, "algorithm": "bayesian"}, (1,)),
    "Keras Tuner, Hyperband": ({**_PLAIN, "algorithm": "hyperband"}, (1,)),
    SAME_NETWORK: ({**_OURS, "network": _SAME_NETWORK}, (1, 2, 3)),
    OURS: ({**_OURS, "network": _OUR_NETWORK}, (1, 2, 3)),
}
Points = Sequence[tuple[float, float]]  # CPU seconds since the search began, validation macro-F1


def best_by(points: Points, seconds: float) -> float:
    """Return the best score of the first CPU seconds; 0 where there is none yet."""
    return max((score for at, score in points if at <= seconds), default=0.0)


def first_reached(points: Points, target: float) -> float | None:
    """Return the CPU seconds at which a score was first reached."""
    return next((at for at, score in points if score >= target), None)


def search_table(cells: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Write a row a method.

    Args:
        cells: results of each method's seeds; those of plain random search are the target.
    """
    plain = cells[RANDOM]
    target = statistics.fmean(best_by(cell["points"], float("inf")) for cell in plain)
    plain_seconds = statistics.fmean(cell["cpu_seconds"] for cell in plain)
    equal = min(cell["cpu_seconds"] for found in cells.values() for cell in found)
    rows = []
    for method, found in cells.items():
        reached = [first_reached(cell["points"], target) for cell in found]
        seconds = [at for at in reached if at is not None]
        rows.append(
            [
                method,
                str(len(found)),
                format_spread([cell["cpu_seconds"] for cell in found], 0),
                f"{len(seconds)} of {len(found)}",
                format_spread(seconds, 0) if seconds else "never",
                f"{statistics.fmean(seconds) / plain_seconds:.3f}" if seconds else "",
                format_spread([best_by(cell["points"], equal) for cell in found], 4),
                format_spread([best_by(cell["points"], float("inf")) for cell in found], 4),
            ]
        )
    header = ["method", "seeds", "CPU s in all", f"reached {target:.4f}", "after CPU s"]
    header += [f"of {plain_seconds:.0f} s", f"best by {equal:.0f} CPU s", "best in all"]
    return format_table(header, rows)


def main() -> None:
    """Run the script."""
    parser = new_parser("search", "Compare a search with plain Keras Tuner searches.")
    parser.add_argument("--data", type=Path, required=True, metavar="FILE", help="a labelled file")
    parser.add_argument(
        "--store",
        type=Path,
        default=Path("outputs/benchmarks/search"),
        metavar="FOLDER",
        help="where finished cells and their logs are kept (default: %(default)s)",
    )
    parser.add_argument(
        "--methods", nargs="+", choices=METHODS, default=list(METHODS), help="(default: all)"
    )
    arguments = parser.parse_args()
    if RANDOM not in arguments.methods:
        raise UserError(f"Expected {RANDOM!r} among --methods, which the others are compared with.")
    arguments.store.mkdir(parents=True, exist_ok=True)
    rows = arguments.store.resolve() / "rows.csv"
    sample_rows(arguments.data, rows, _ROWS)
    content = digest([rows.read_bytes()])[:12]
    cells: dict[str, list[dict[str, Any]]] = {}
    for method in arguments.methods:
        setting, seeds = METHODS[method]
        for seed in seeds:
            print(f"{method}, seed {seed}", file=sys.stderr, flush=True)
            whole = {**_COMMON, **setting, "seed": seed, "data": str(rows), "content": content}
            cell = run_cell("search_cell", whole, arguments.store, one_thread=True)
            cells.setdefault(method, []).append(cell)
    print_result(cells[RANDOM][0]["machine"], search_table(cells))


if __name__ == "__main__":
    run_script(main)
