"""How soon an exported model answers: from a cold start, in process and over HTTP."""

from __future__ import annotations

import http.client
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.common import (
    add_data_argument,
    data_config,
    describe_machine,
    format_table,
    new_parser,
    positive,
    print_result,
    run_script,
)
from benchmarks.http_load import Load, ask
from ecomcat.data.sources import load_labelled_rows
from ecomcat.errors import UserError
from ecomcat.export.classifier import load_classifier

_COLD_STARTS = 5
_WARM_UP = 50  # texts
_FIRST_ANSWER = """
import sys
from pathlib import Path
from ecomcat.export.classifier import load_classifier
load_classifier(Path(sys.argv[1]), sys.argv[2]).probabilities(["a red lamp"])
"""


@dataclass(frozen=True)
class Speed:
    """One model's figures.

    Args:
        start_seconds: median time from the start of Python to the first answer.
        rows_per_second: of all texts at once, in process.
        latencies_ms: of one text at a time, in process.
        loads: over HTTP, one for each number of clients.
    """

    start_seconds: float
    rows_per_second: float
    latencies_ms: list[float]
    loads: list[Load]


def measure(folder: Path, runtime: str, texts: Sequence[str], clients: Sequence[int]) -> Speed:
    """Measure one model.

    Args:
        folder: the exported model.
        runtime: `onnx` or `keras`.
        texts: asked for one by one and all at once.
        clients: that ask at once over HTTP, a run for each number.

    Raises:
        UserError: when the model cannot be opened or served.
    """
    classifier = load_classifier(folder, runtime)
    classifier.probabilities(texts[:_WARM_UP])
    latencies = []
    for text in texts:
        begin = time.perf_counter()
        classifier.probabilities([text])
        latencies.append(1000 * (time.perf_counter() - begin))
    begin = time.perf_counter()
    classifier.probabilities(texts)
    rate = len(texts) / (time.perf_counter() - begin)
    with _service(folder, runtime) as port:
        ask(port, texts[:_WARM_UP], 1)
        loads = [ask(port, texts, number) for number in clients]
    return Speed(_first_answer_seconds(folder, runtime), rate, latencies, loads)


def _first_answer_seconds(folder: Path, runtime: str) -> float:
    seconds = []
    for _ in range(_COLD_STARTS):
        begin = time.perf_counter()
        command = [sys.executable, "-c", _FIRST_ANSWER, str(folder), runtime]
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


@contextmanager
def _service(folder: Path, runtime: str) -> Iterator[int]:
    """Run `ecomcat.serve` on a free port for the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = [f"model_dir={folder}", f"port={port}", f"runtime={runtime}"]
    command = [sys.executable, "-m", "ecomcat.serve", *arguments]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            _wait_until_ready(port, process)
            yield port
        finally:
            process.send_signal(signal.SIGTERM)


def _wait_until_ready(port: int, process: subprocess.Popen[bytes], most_seconds: int = 60) -> None:
    end = time.monotonic() + most_seconds
    while process.poll() is None and time.monotonic() < end:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/health")
            if connection.getresponse().status == http.client.OK:
                return
        except OSError:
            time.sleep(0.1)
    raise UserError(f"Expected ecomcat.serve to answer on port {port}, found that it does not.")


def speed_table(speeds: dict[str, Speed]) -> str:
    """Write a row a model and runtime."""
    clients = [load.clients for load in next(iter(speeds.values())).loads]
    heads = [f"HTTP, {n} client{'s' if n > 1 else ''}: p50, p99 ms; a second" for n in clients]
    rows = []
    for name, speed in speeds.items():
        p50, p99 = np.percentile(speed.latencies_ms, [50, 99])
        one_text = f"{p50:.2f}, {p99:.2f}"
        start, rate = f"{speed.start_seconds:.2f}", f"{speed.rows_per_second:,.0f}"
        rows.append([name, start, one_text, rate, *map(_describe_load, speed.loads)])
    return format_table(["model", "start s", "one text: p50, p99 ms", "rows/s", *heads], rows)


def _describe_load(load: Load) -> str:
    p50, p99 = np.percentile(load.latencies_ms, [50, 99])
    rate = len(load.latencies_ms) / load.seconds
    failed = f"; {len(load.errors)} errors" if load.errors else ""
    return f"{p50:.1f}, {p99:.1f}; {rate:,.0f}{failed}"


def main() -> None:
    """Run the script."""
    parser = new_parser("answer_speed", "Measure how soon an exported model answers.")
    add_data_argument(parser)
    parser.add_argument(
        "--model-dir",
        type=Path,
        nargs="+",
        default=[Path("model")],
        metavar="FOLDER",
        help="exported models (default: model)",
    )
    parser.add_argument(
        "--runtime", nargs="+", default=["onnx", "keras"], metavar="NAME", help="onnx, keras"
    )
    parser.add_argument(
        "--clients", type=positive, nargs="+", default=[1, 32], metavar="N", help="over HTTP"
    )
    parser.add_argument(
        "--texts", type=positive, default=2000, metavar="N", help="asked for (default: 2000)"
    )
    arguments = parser.parse_args()
    machine = describe_machine()
    rows = load_labelled_rows(data_config(arguments.data)).rows
    # Files are often sorted by category: from all over it.
    step = max(len(rows) // arguments.texts, 1)
    texts = [text for text, _ in rows[::step][: arguments.texts]]
    speeds = {
        f"{folder.name}, {runtime}": measure(folder, runtime, texts, arguments.clients)
        for folder in arguments.model_dir
        for runtime in arguments.runtime
    }
    print_result(machine, speed_table(speeds))


if __name__ == "__main__":
    run_script(main)
