"""A search that is shown on a screen, which keeps what is written to it."""

from __future__ import annotations

import io
import re
import time
from typing import Any

import pytest
from rich.console import Console

from ecomcat.model.metrics import OBJECTIVE
from ecomcat.reporting.terminal import SearchProgress
from ecomcat.tuning.records import COMPLETED, FAILED, TrialRecord

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
MARKUP = [":smile:", "[bold]x[/bold]", "[/]", "[red]", "x[/q]", "c:\\[b]\\"]


class Now:
    """The time that `time.monotonic` tells, which passes when the test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def pass_by(self, seconds: float) -> None:
        self.seconds += seconds


class Screen:
    """A console that keeps what is written to it."""

    def __init__(self, width: int | None = None) -> None:
        self.written = io.StringIO()
        self.console = Console(
            file=self.written, force_terminal=width is not None, width=width, height=40
        )

    @property
    def lines(self) -> list[str]:
        """What was written, without what steers a terminal."""
        return _CONTROL.sub("", self.written.getvalue()).splitlines()

    @property
    def rows(self) -> list[list[str]]:
        """The words of each line of the table as it was last drawn."""
        words = [line.split() for line in self.lines if line.strip()]
        headings = [number for number, row in enumerate(words) if row[:2] == ["trial", "status"]]
        return words[headings[-1] :]

    def trials(self) -> list[tuple[str, ...]]:
        """Return the table's trials, each with the words of its columns."""
        return [tuple(row) for row in self.rows[1:] if row[0].isdigit() and len(row[0]) == 4]

    def summary(self) -> str:
        return " ".join(self.rows[-1])


def a_trial(number: int, **values: Any) -> TrialRecord:
    return TrialRecord(f"{number:04}", {"lstm_units": 64, "dropout": 0.25, **values})


class Shown:
    """A search of ten trials in ten minutes that is shown on a screen."""

    def __init__(self, screen: Screen, **options: Any) -> None:
        given: dict[str, Any] = {"names": ["lstm_units", "dropout"], **options}
        self.progress = SearchProgress(10, 600.0, console=screen.console, **given)

    def begin(self, record: TrialRecord, epochs: int = 4) -> TrialRecord:
        self.progress.trial_begins(record, epochs)
        return record

    def epoch(self, record: TrialRecord, score: float) -> None:
        logs = {"loss": 0.5, OBJECTIVE: score, "val_accuracy": score + 0.01, "val_loss": 0.4}
        record.note_epoch(record.epochs + 1, logs)
        record.seconds += 7.4
        self.progress.epoch_ends(record, record.epochs, logs)

    def end(self, record: TrialRecord, status: str, why: str = "") -> None:
        record.status, record.ended = status, why
        if status == FAILED:
            record.objective = record.accuracy = record.loss = None
        self.progress.trial_ends(record)

    def run(self, number: int, score: float, status: str = COMPLETED, why: str = "") -> TrialRecord:
        """Begin a trial, train one epoch and end it."""
        record = self.begin(a_trial(number))
        self.epoch(record, score)
        self.end(record, status, why)
        return record


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> Now:
    stopped = Now()
    monkeypatch.setattr(time, "monotonic", lambda: stopped.seconds)
    return stopped


@pytest.fixture(autouse=True)
def terminals_can_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")


@pytest.fixture
def terminal() -> Screen:
    return Screen(width=100)
