"""What several test files share: running a command as a user does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ecomcat.cli import run
from tests.command_line import Ended, command_line

# Their asserts, too, are to show what they compared.
pytest.register_assert_rewrite("mistakes", "download_server")

ROOT = Path(__file__).parent.parent

TINY_MODEL = (
    "model.vocabulary_size=500",
    "model.max_tokens=[16,32]",
    "model.embedding_dim=8",
    "model.lstm_units=4..8 step 4",
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
    *TINY_MODEL,
)

Completed = subprocess.CompletedProcess[str]
RunCommand = Callable[..., Completed]
RunTask = Callable[..., Ended]


def run_module(
    module: str,
    arguments: Sequence[str],
    folder: Path,
    *,
    text: str | None = None,
    environment: dict[str, str] | None = None,
) -> Completed:
    """Run `python -m module arguments` in a folder, with `text` as standard input."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        input=text,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **(environment or {})},
        timeout=600,
        check=False,
    )


def study_of(folder: Path) -> Path:
    """Return the folder of the one study that was searched there."""
    (study,) = (folder / "outputs" / "search").iterdir()
    return study


def run_program(program: str, folder: Path) -> Completed:
    """Run a program's text in a new interpreter that finds our package."""
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )


@pytest.fixture(scope="session")
def run_command() -> RunCommand:
    """Return a function that runs one of our commands: `run_command("search", [...], folder)`."""

    def run(command: str, arguments: Sequence[str], folder: Path, **options: object) -> Completed:
        return run_module(f"ecomcat.{command}", arguments, folder, **options)  # type: ignore[arg-type]

    return run


@pytest.fixture
def run_task(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[RunTask]:
    """Return a function that runs a command with a task of the test's own, in a folder of its own.

    It is called as `run_task("search", task, *arguments)`.
    """
    monkeypatch.chdir(tmp_path)
    with command_line(monkeypatch, capsys) as run_main:
        yield lambda command, task, *arguments: run_main(partial(run, command, task), *arguments)


@pytest.fixture
def compose(run_task: RunTask) -> Callable[..., Any]:
    """Return a function that gives the configuration that a command's task is called with."""

    def composed(command: str, *arguments: str) -> Any:
        configurations: list[Any] = []
        ended = run_task(command, configurations.append, *arguments)
        assert (ended.code, ended.errors) == (0, "")
        (configuration,) = configurations
        return configuration

    return composed


@pytest.fixture
def refuse(run_task: RunTask) -> Callable[..., str]:
    """Return a function that gives the message of a command line that must be refused."""

    def refused(command: str, *arguments: str) -> str:
        calls: list[Any] = []
        ended = run_task(command, calls.append, *arguments)
        assert calls == []
        assert (ended.code, ended.output) == (2, "")
        assert ended.errors.startswith("Error: ")
        assert "Traceback" not in ended.errors
        return ended.errors

    return refused
