"""What our search gains over plain Keras Tuner, and how long a whole quick search takes.

Each cell (a method and a seed) computes in one thread, so that CPU seconds compare; it is stored
as JSON and not run again, so that a run cut short goes on.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.common import (
    add_numbers,
    data_overrides,
    describe_machine,
    digest,
    format_spread,
    format_table,
    log,
    new_parser,
    print_result,
    require_file,
    run_script,
    sample_rows,
)
from benchmarks.measuring import (
    CpuWatch,
    Setting,
    require_success,
    run_cell,
    run_measured,
    single_thread,
    stored,
)
from ecomcat.errors import UserError

Points = Sequence[tuple[float, float]]  # CPU seconds since the search began, validation macro-F1

_COMMON = {
    "vocabulary_size": 16_000,
    "batch_size": 32,
    "space": {
        "embedding_dim": [32, 64, 128],
        "lstm_units": [16, 32, 48, 64],
        "dropout": [0.2, 0.6],
        "learning_rate": [5e-4, 1e-2],
    },
}
# The plain network in our terms: the last states alone, and nothing dropped before them.
_SAME_NETWORK = [
    *("model.pooling=last", "model.embedding_pooling=none", "model.word_dropout=0"),
    *("model.spatial_dropout=0", "model.learning_rate_schedule=constant"),
    "model.label_smoothing=0",
]
_OUR_NETWORK = [
    *("model.pooling=max+mean", "model.embedding_pooling=max+mean", "model.word_dropout=0.2"),
    *("model.spatial_dropout=0.3", "model.learning_rate_schedule=linear"),
    "model.label_smoothing=0.1",
]
# What follows a search is not compared.
_NOTHING_MORE = [
    *("final.linear=false", "final.retrain=false", "final.onnx=false"),
    "final.baseline=false",
]
RANDOM = "random"
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    RANDOM: ("Keras Tuner, random", {"algorithm": "random"}),
    "hyperband": ("Keras Tuner, Hyperband", {"algorithm": "hyperband"}),
    "same_network": ("ecomcat, that network", {"overrides": _SAME_NETWORK}),
    "our_network": ("ecomcat, its network", {"overrides": _OUR_NETWORK}),
}
_SECONDS_BETWEEN_LOOKS = 0.25


def search_command(setting: Setting, folder: Path) -> list[str]:
    """Return the command that searches the setting's space with ours."""
    space = setting["space"]
    return [
        *(*single_thread(), sys.executable, "-m", "ecomcat.search"),
        *data_overrides(Path(setting["data"])),
        *("search.name=study", f"outputs_dir={folder}", f"model_dir={folder / 'model'}"),
        *("search.workers=1", "search.max_minutes=600", f"search.max_trials={setting['trials']}"),
        "search.stop_early=false",
        *(f"search.max_epochs={setting['epochs']}", f"search.patience={setting['epochs']}"),
        *(f"model.vocabulary_size={setting['vocabulary_size']}", "model.max_tokens=250"),
        *("model.lstm_tokens=250", f"model.batch_size={setting['batch_size']}"),
        *("model.lstm_layers=1", "model.bidirectional=true"),
        *(f"model.{name}={space[name]}" for name in ("embedding_dim", "lstm_units")),
        "model.dropout={}..{}".format(*space["dropout"]),
        "model.learning_rate={}..{} log".format(*space["learning_rate"]),
        *(*setting["overrides"], *_NOTHING_MORE, f"seed={setting['seed']}"),
    ]


def search_ours(setting: Setting, result: Path) -> dict[str, Any]:
    """Search until the trials or CPU seconds are spent; return a point for each ended trial."""
    log_file = result.with_suffix(".log")
    with tempfile.TemporaryDirectory(prefix="search_") as folder, log_file.open("ab") as stream:
        command = search_command(setting, Path(folder))
        process = subprocess.Popen(command, stdout=stream, stderr=stream)
        try:
            points, epochs = _follow(process, Path(folder) / "search" / "study", setting)
            require_success(process.poll() or 0, command, log_file)
        finally:
            process.terminate()
            process.wait()
    return {"points": points, "epochs": epochs, "cpu_seconds": points[-1][0]}


def _follow(
    process: subprocess.Popen[bytes], study: Path, setting: Setting
) -> tuple[list[tuple[float, float]], int]:
    """Note the CPU seconds at which each trial ended, until the search has had its time."""
    points: list[tuple[float, float]] = []
    epochs, spent, began = 0, 0.0, None
    with CpuWatch() as watch:
        while process.poll() is None and spent < setting["cpu_seconds"]:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
            if not study.exists():
                continue
            began = watch.seconds() if began is None else began
            trials = _ended(study / "trials.csv")
            spent = watch.seconds() - began
            points += [(spent, float(each["val_macro_f1"] or 0)) for each in trials[len(points) :]]
            epochs = sum(int(each["epochs"] or 0) for each in trials)
            if len(points) >= setting["trials"]:
                break
    return points, epochs


def _ended(table: Path) -> list[dict[str, str]]:
    with suppress(FileNotFoundError), table.open(encoding="utf-8", newline="") as stream:
        return [trial for trial in csv.DictReader(stream) if trial["status"] != "running"]
    return []


def best_by(points: Points, seconds: float) -> float:
    """Return the best score of the first CPU seconds; 0 where there is none yet."""
    return max((score for at, score in points if at <= seconds), default=0.0)


def search_table(cells: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Write a row for each method; the scores of plain random search are to be reached."""
    plain = cells[RANDOM]
    target = statistics.fmean(best_by(cell["points"], float("inf")) for cell in plain)
    equal = min(cell["cpu_seconds"] for found in cells.values() for cell in found)
    rows = []
    for method, found in cells.items():
        reached = [
            next((at for at, score in cell["points"] if score >= target), None) for cell in found
        ]
        seconds = [at for at in reached if at is not None]
        rows.append(
            [
                METHODS[method][0],
                str(len(found)),
                format_spread([cell["cpu_seconds"] / cell["epochs"] for cell in found], 1),
                format_spread([cell["cpu_seconds"] for cell in found], 0),
                f"{len(seconds)} of {len(found)}",
                format_spread(seconds, 0) if seconds else "never",
                format_spread([best_by(cell["points"], equal) for cell in found], 4),
                format_spread([best_by(cell["points"], float("inf")) for cell in found], 4),
            ]
        )
    header = ["method", "seeds", "CPU s an epoch", "CPU s in all", f"reached {target:.4f}"]
    header += ["after CPU s", f"best by {equal:.0f} CPU s", "best in all"]
    return format_table(header, rows)


def measure(arguments: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """Run the cells that were asked for, or read what earlier runs left."""
    store = arguments.store.resolve()
    store.mkdir(parents=True, exist_ok=True)
    rows = store / f"rows_{arguments.rows}.csv"
    sample_rows(arguments.data, rows, arguments.rows)
    shared = {**_COMMON, "data": str(rows), "content": digest([rows.read_bytes()])[:12]}
    shared["epochs"] = arguments.epochs
    cells: dict[str, list[dict[str, Any]]] = {}
    for method in arguments.methods:
        title, own = METHODS[method]
        for seed in arguments.seeds:
            log(f"{title}, seed {seed}")
            setting = {**shared, **own, "seed": seed, "trials": arguments.trials}
            if "overrides" in own:
                # Ours runs longer, so that it is seen when it comes to the same score, if it does.
                setting |= {"trials": 3 * arguments.trials, "cpu_seconds": arguments.cpu_seconds}
                cell = stored(setting, store, partial(search_ours, setting))
            else:
                cell = run_cell("plain_keras_tuner", setting, store, one_thread=True)
            cells.setdefault(method, []).append(cell)
    return cells


def whole_table(arguments: argparse.Namespace) -> str:
    """Run a whole search with `budget=quick` for each seed, and write a row for each."""
    rows = []
    for seed in arguments.whole:
        log(f"budget=quick, seed {seed}")
        with tempfile.TemporaryDirectory(prefix="search_") as name:
            folder = Path(name)
            folders = [f"model_dir={folder / 'model'}", f"outputs_dir={folder / 'outputs'}"]
            command = [sys.executable, "-m", "ecomcat.search", *data_overrides(arguments.data)]
            command += ["budget=quick", f"seed={seed}", *folders, *arguments.overrides]
            usage = run_measured(command, folder / "log.txt")
            metrics = json.loads((folder / "model" / "metrics.json").read_text(encoding="utf-8"))
        times = [f"{seconds / 60:.2f}" for seconds in (usage.wall_seconds, usage.cpu_seconds)]
        score = f"{metrics['validation']['macro_f1']:.4f}"
        trials = str(metrics["search"]["trials"])
        rows.append([str(seed), trials, *times, f"{usage.peak_gigabytes:.2f}", score])
    header = ["seed", "trials", "wall min", "CPU min", "peak GB", "validation macro-F1"]
    return format_table(header, rows)


def main() -> None:
    """Run the script."""
    parser = new_parser("search", "Compare our search with plain Keras Tuner.", store=True)
    parser.add_argument(
        "--methods", nargs="+", choices=METHODS, default=list(METHODS), help="(default: all)"
    )
    parser.add_argument(
        "--whole",
        type=int,
        nargs="+",
        metavar="SEED",
        help=("time whole searches with budget=quick instead, one for each seed"),
    )
    add_numbers(
        parser,
        ("--seeds", [1, 2, 3], "of the searches"),
        ("--rows", 4000, "random rows of the file to take"),
        ("--trials", 20, "of a plain search; ours may run three times as many"),
        ("--epochs", 5, "of a trial"),
        ("--cpu-seconds", 300, "that our search may take"),
    )
    parser.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="of --whole, after --")
    arguments = parser.parse_args()
    require_file(arguments.data)
    machine = describe_machine()
    if arguments.whole:
        print_result(machine, whole_table(arguments))
        return
    if arguments.data is None or RANDOM not in arguments.methods:
        raise UserError(
            f"Expected --data FILE, and {RANDOM} among --methods, with which the others compare."
        )
    cells = measure(arguments)
    print_result(cells[RANDOM][0]["machine"], search_table(cells))


if __name__ == "__main__":
    run_script(main)
