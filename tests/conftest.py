"""What several test files share: running a command as a user does."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from ecomcat.cli import run
from tests.command_line import Ended, command_line

settings.register_profile("without deadlines", deadline=None)  # no test judges a time
settings.load_profile("without deadlines")

# Tests that are started by nohup ignore this signal, and so would the programs that they start.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

ROOT = Path(__file__).parent.parent

TINY_MODEL = (
    "model.vocabulary_size=500",
    "model.max_tokens=[16,32]",
    "model.embedding_dim=8",
    "model.lstm_units=4..8 step 4",
    "model.bidirectional=false",
    "model.pooling=max",
    "model.embedding_pooling=max",
    "model.learning_rate=1e-2",
    "model.batch_size=32",
)
TINY_SEARCH = (
    "data=sample",
    "data.sample_rows=400",
    "search.max_trials=2",
    "search.max_epochs=2",
    "search.workers=1",
    "final.onnx=false",
    "final.baseline=false",
    *TINY_MODEL,
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that train, so that short ones fill the cores evenly at the end."""
    training = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in training)


def pytest_runtest_setup() -> None:
    """Keep what TensorFlow's modules hold out of garbage collection, which each network begins."""
    if "keras" in sys.modules and not gc.get_freeze_count():
        gc.freeze()


Completed = subprocess.CompletedProcess[str]
RunCommand = Callable[..., Completed]
RunMain = Callable[..., Ended]
RunTask = Callable[..., Ended]


def run_python(
    arguments: Sequence[str],
    folder: Path,
    *,
    text: str | None = None,
    environment: dict[str, str] | None = None,
) -> Completed:
    """Run a new interpreter that finds our package, with `text` as standard input."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        input=text,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        timeout=600,
        check=False,
    )


def run_program(program: str, folder: Path) -> Completed:
    """Run a program's text."""
    return run_python(["-c", program], folder)


def study_of(folder: Path) -> Path:
    """Return the folder of the one study that was searched there."""
    (study,) = (folder / "outputs" / "search").iterdir()
    return study


@pytest.fixture(scope="session")
def run_command() -> RunCommand:
    """Return a function that runs one of our commands: `run_command("search", [...], folder)`."""

    def run_it(command: str, arguments: Sequence[str], folder: Path, **options: Any) -> Completed:
        return run_python(["-m", f"ecomcat.{command}", *arguments], folder, **options)

    return run_it


@pytest.fixture
def run_main(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[RunMain]:
    """Return `run(main, *arguments)`, which runs a command here, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    with command_line(monkeypatch, capsys) as run_in_process:
        yield run_in_process


@pytest.fixture
def run_task(run_main: RunMain) -> RunTask:
    """Return `run_task("search", task, *arguments)`, where the test's own task is called."""
    return lambda command, task, *rest: run_main(partial(run, command, task), *rest)
