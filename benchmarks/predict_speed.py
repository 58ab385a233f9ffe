"""How fast and in how much memory `ecomcat.predict` labels files of several sizes."""

from __future__ import annotations

import csv
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path

from benchmarks.common import (
    Usage,
    add_data_argument,
    data_config,
    describe_machine,
    format_spread,
    format_table,
    new_parser,
    positive,
    print_result,
    run_measured,
    run_script,
)
from ecomcat.data.sources import load_labelled_rows


def write_texts(path: Path, texts: Sequence[str], rows: int) -> None:
    """Write a CSV file of one column, `text`.

    Args:
        path: the file.
        texts: taken in order, and again from the first when they are used up.
        rows: lines below the header.
    """
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
        writer.writerow(["text"])
        writer.writerows([text] for text in islice(cycle(texts), rows))


def predict_command(model_dir: Path, source: Path, target: Path, runtime: str) -> list[str]:
    """Return the program and arguments that label one file."""
    return [
        *(sys.executable, "-m", "ecomcat.predict", f"input={source}", f"output={target}"),
        *(f"model_dir={model_dir}", "data.header=true", "data.delimiter=comma"),
        *("data.encoding=utf-8", f"runtime={runtime}"),
    ]


def measure_predict(
    model_dir: Path, texts: Sequence[str], sizes: Sequence[int], repeats: int, runtime: str = "auto"
) -> dict[int, list[Usage]]:
    """Label a file of each size, in turns.

    Args:
        model_dir: an exported model.
        texts: what the files are made of.
        sizes: rows of each file.
        repeats: runs of each size.
        runtime: `auto`, `onnx` or `keras`.

    Raises:
        UserError: when a run fails.
    """
    usages: dict[int, list[Usage]] = {size: [] for size in sizes}
    with tempfile.TemporaryDirectory(prefix="predict_speed_") as name:
        folder = Path(name)
        for size in usages:
            write_texts(folder / f"{size}.csv", texts, size)
        for _ in range(repeats):
            for size, runs in usages.items():
                command = predict_command(
                    model_dir, folder / f"{size}.csv", folder / "out.csv", runtime
                )
                runs.append(run_measured(command, folder / "log.txt"))
    return usages


def predict_table(usages: Mapping[int, Sequence[Usage]]) -> str:
    """Write a row a size; the rate counts the whole run, the start of the process included."""
    rows = [
        [
            f"{size:,}",
            format_spread([size / run.wall_seconds for run in runs], 0),
            format_spread([run.wall_seconds for run in runs], 1),
            format_spread([run.cpu_seconds for run in runs], 1),
            format_spread([run.peak_gigabytes for run in runs]),
        ]
        for size, runs in usages.items()
    ]
    return format_table(["rows", "rows/s", "wall s", "CPU s", "peak GB"], rows)


def rate_after_start(usages: Mapping[int, Sequence[Usage]]) -> float | None:
    """Return rows a second without the start, from the smallest and the largest file.

    Returns:
        None where there is one size alone, or where the larger file took no longer.
    """
    small, large = min(usages), max(usages)
    seconds = {
        size: statistics.median(run.wall_seconds for run in usages[size]) for size in (small, large)
    }
    more_seconds = seconds[large] - seconds[small]
    return (large - small) / more_seconds if more_seconds > 0 else None


def main() -> None:
    """Run the script."""
    parser = new_parser("predict_speed", "Measure ecomcat.predict from CSV to CSV.")
    add_data_argument(parser)
    parser.add_argument(
        "--model-dir",
        type=Path,
        default=Path("model"),
        metavar="FOLDER",
        help="an exported model (default: %(default)s)",
    )
    parser.add_argument(
        "--rows",
        type=positive,
        nargs="+",
        default=[10_000, 50_000],
        metavar="N",
        help="rows of each file (default: 10000 50000)",
    )
    parser.add_argument(
        "--repeats",
        type=positive,
        default=3,
        metavar="N",
        help="runs of each file (default: %(default)s)",
    )
    parser.add_argument(
        "--runtime", default="auto", metavar="NAME", help="auto, onnx or keras (default: auto)"
    )
    arguments = parser.parse_args()
    machine = describe_machine()
    texts = [text for text, _ in load_labelled_rows(data_config(arguments.data)).rows]
    usages = measure_predict(
        arguments.model_dir, texts, arguments.rows, arguments.repeats, arguments.runtime
    )
    print_result(machine, predict_table(usages))
    rate = rate_after_start(usages)
    if rate is not None:
        print(f"\nOnce the process has started: {rate:,.0f} rows a second.")


if __name__ == "__main__":
    run_script(main)
