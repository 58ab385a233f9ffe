"""How soon the commands and an exported model answer: help, import, first answer, files, HTTP."""

from __future__ import annotations

import argparse
import csv
import http.client
import json
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from benchmarks.common import (
    add_numbers,
    describe_machine,
    format_spread,
    format_table,
    log,
    new_parser,
    print_result,
    run_script,
)
from benchmarks.measuring import Usage, run_measured
from benchmarks.quality_methods import load_material
from ecomcat.errors import UserError

COMMANDS = ("search", "train", "evaluate", "predict", "serve", "audit", "report")
_WARM_UP = 50  # texts
_FIRST_ANSWER = """
import sys
from pathlib import Path
from ecomcat.export.classifier import load_classifier
load_classifier(Path(sys.argv[1]), sys.argv[2]).probabilities(["a red lamp"])
"""


def start_table(runs: int) -> str:
    """Time the help of each command and the import of the package, in turns."""
    programs = {
        f"python -m ecomcat.{name} --help": ["-m", f"ecomcat.{name}", "--help"] for name in COMMANDS
    }
    programs = {"import ecomcat": ["-c", "import ecomcat"], **programs}
    seconds: dict[str, list[float]] = {name: [] for name in ["python", *programs]}
    programs = {"python": ["-c", "pass"], **programs}
    for run in range(runs + 1):
        for name, arguments in programs.items():
            wall_seconds = _run([sys.executable, *arguments]).wall_seconds
            # The first run may have to compile the modules and read them from the disk.
            seconds[name] += [wall_seconds] * (run > 0)
    rows = [[name, format_spread(values)] for name, values in seconds.items()]
    return format_table(["from the start of Python to its end", "s"], rows)


def _run(command: Sequence[str]) -> Usage:
    with tempfile.TemporaryDirectory(prefix="speed_") as folder:
        return run_measured(command, Path(folder) / "log.txt")


@dataclass
class Load:
    """What the clients of one run saw, from the first request to the last answer."""

    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    errors: int = 0


def ask(port: int, texts: Sequence[str], clients: int) -> Load:
    """Ask for each text once, by clients that wait for their answer before they ask again."""
    load = Load()
    threads = [
        threading.Thread(target=_client, args=(port, texts[number::clients], load))
        for number in range(clients)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load.seconds = time.perf_counter() - began
    return load


def _client(port: int, texts: Sequence[str], load: Load) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/json"}
    for text in texts:
        began = time.perf_counter()
        try:
            connection.request("POST", "/predict", json.dumps({"text": text}), headers)
            answer = connection.getresponse()
            answer.read()
            load.errors += answer.status != http.client.OK
        except (OSError, http.client.HTTPException):
            load.errors += 1
            connection.close()
        load.latencies_ms.append(1000 * (time.perf_counter() - began))
    connection.close()


@contextmanager
def service(folder: Path, runtime: str) -> Iterator[int]:
    """Run `ecomcat.serve` on a free port for the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = [f"model_dir={folder}", f"port={port}", f"runtime={runtime}"]
    command = [sys.executable, "-m", "ecomcat.serve", *arguments]
    with (
        tempfile.TemporaryFile() as log_file,
        subprocess.Popen(command, stdout=log_file, stderr=log_file) as process,
    ):
        try:
            _wait_until_ready(port, process)
            yield port
        finally:
            process.send_signal(signal.SIGTERM)


def _wait_until_ready(port: int, process: subprocess.Popen[bytes], max_seconds: int = 60) -> None:
    end = time.monotonic() + max_seconds
    while process.poll() is None and time.monotonic() < end:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/ready")
            if connection.getresponse().status == http.client.OK:
                return
        except OSError:
            time.sleep(0.1)
    raise UserError(f"Expected ecomcat.serve to answer on port {port}, found that it does not.")


def answer_row(
    folder: Path, runtime: str, texts: Sequence[str], arguments: argparse.Namespace
) -> list[str]:
    """Measure how soon one model answers, in process and over HTTP."""
    from ecomcat.export.classifier import load_classifier

    first_command = [sys.executable, "-c", _FIRST_ANSWER, str(folder), runtime]
    first = [_run(first_command).wall_seconds for _ in range(arguments.runs)]
    classifier = load_classifier(folder, runtime)
    classifier.probabilities(texts[:_WARM_UP])
    latencies = []
    for text in texts:
        began = time.perf_counter()
        classifier.probabilities([text])
        latencies.append(1000 * (time.perf_counter() - began))
    began = time.perf_counter()
    classifier.probabilities(texts)
    rate = len(texts) / (time.perf_counter() - began)
    with service(folder, runtime) as port:
        ask(port, texts[:_WARM_UP], 1)
        loads = [ask(port, texts, number) for number in arguments.clients]
    row = [f"{folder.name}, {runtime}", f"{statistics.median(first):.2f}"]
    return [*row, _percentiles(latencies), f"{rate:,.0f}", *map(_describe_load, loads)]


def _percentiles(latencies_ms: Sequence[float]) -> str:
    return "{:.2f}, {:.2f}".format(*np.percentile(latencies_ms, [50, 99]))


def _describe_load(load: Load) -> str:
    rate = len(load.latencies_ms) / load.seconds
    failed = f"; {load.errors} errors" if load.errors else ""
    return f"{_percentiles(load.latencies_ms)}; {rate:,.0f}{failed}"


def predict_row(
    folder: Path, runtime: str, texts: Sequence[str], rows: int, runs: int
) -> list[str]:
    """Measure `ecomcat.predict` on a CSV file; the rate counts the start of the process, too."""
    with tempfile.TemporaryDirectory(prefix="speed_") as name:
        source = Path(name) / "texts.csv"
        with source.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
            writer.writerows([["text"], *([text] for text in islice(cycle(texts), rows))])
        command = [
            *(sys.executable, "-m", "ecomcat.predict", f"input={source}", f"runtime={runtime}"),
            *(f"output={Path(name) / 'out.csv'}", f"model_dir={folder}", "data.text_column=text"),
        ]
        usages = [run_measured(command, Path(name) / "log.txt") for _ in range(runs)]
    return [
        f"{folder.name}, {runtime}",
        f"{rows:,}",
        format_spread([rows / usage.wall_seconds for usage in usages], 0),
        format_spread([usage.wall_seconds for usage in usages], 1),
        format_spread([usage.cpu_seconds for usage in usages], 1),
        format_spread([usage.peak_gigabytes for usage in usages]),
    ]


def model_tables(arguments: argparse.Namespace) -> Iterator[str]:
    """Measure each model with each runtime: files first, then single texts."""
    material = load_material(arguments.data, 1)
    # Files are often sorted by category: from all over it.
    texts = material.texts[:: max(len(material.texts) // arguments.texts, 1)][: arguments.texts]
    models = [(folder, runtime) for folder in arguments.model_dir for runtime in arguments.runtime]
    predicted = []
    for folder, runtime in models:
        log(f"{folder}, {runtime}: files")
        predicted += [
            predict_row(folder, runtime, material.texts, rows, arguments.runs)
            for rows in arguments.rows
        ]
    yield format_table(["model", "rows", "rows/s", "wall s", "CPU s", "peak GB"], predicted)
    answered = []
    for folder, runtime in models:
        log(f"{folder}, {runtime}: answers")
        answered.append(answer_row(folder, runtime, texts, arguments))
    heads = [f"HTTP, {number} client(s): p50, p99 ms; a second" for number in arguments.clients]
    yield format_table(
        ["model", "first answer s", "one text: p50, p99 ms", "rows/s", *heads], answered
    )


def main() -> None:
    """Run the script."""
    parser = new_parser("speed", "Measure how soon the commands and an exported model answer.")
    parser.add_argument(
        "--model-dir",
        type=Path,
        nargs="*",
        default=[Path("model")],
        metavar="FOLDER",
        help="exported models (default: model); none: the start of the commands alone",
    )
    parser.add_argument(
        "--runtime", nargs="+", default=["onnx"], metavar="NAME", help="onnx, keras (default: onnx)"
    )
    add_numbers(
        parser,
        ("--runs", 5, "of each program"),
        ("--rows", [10_000], "of the files to label"),
        ("--texts", 2000, "asked for one at a time"),
        ("--clients", [1, 32], "that ask over HTTP at the same time"),
    )
    arguments = parser.parse_args()
    machine = describe_machine()
    tables = [start_table(arguments.runs)]
    if arguments.model_dir:
        tables += model_tables(arguments)
    print_result(machine, *tables)


if __name__ == "__main__":
    run_script(main)
