"""A search that is shown on a screen, which keeps what is written to it."""

from __future__ import annotations

import io
import re
import time
from typing import Any

import pytest
from rich.console import Console

from ecomcat.model.metrics import OBJECTIVE
from ecomcat.reporting.progress import SearchProgress
from ecomcat.tuning.records import COMPLETED, FAILED, TrialRecord

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Screen:
    """A console that keeps what is written to it: a log, or a terminal of a width."""

    def __init__(self, width: int | None = None) -> None:
        self.written = io.StringIO()
        self.console = Console(
            file=self.written, force_terminal=width is not None, width=width, height=40
        )

    @property
    def lines(self) -> list[str]:
        """What was written, without what steers a terminal."""
        return [line.rstrip() for line in _CONTROL.sub("", self.written.getvalue()).splitlines()]

    @property
    def last(self) -> list[str]:
        """The lines of the table as it was last drawn."""
        heads = [n for n, line in enumerate(self.lines) if line.split()[:2] == ["trial", "status"]]
        return [line for line in self.lines[heads[-1] :] if line]

    def trials(self) -> list[list[str]]:
        """Return the table's trials, each with the words of its columns."""
        return [line.split() for line in self.last if re.match(r"\d{4} ", line)]


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

    def epoch(self, record: TrialRecord, score: float, seconds: float = 7.4) -> None:
        logs = {"loss": 0.5, OBJECTIVE: score, "val_accuracy": score + 0.01, "val_loss": 0.4}
        record.note_epoch(record.epochs + 1, logs)
        record.seconds += seconds
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


class Now:
    """The time that `time.monotonic` returns, which passes when the test says so."""

    seconds = 1000.0

    def pass_by(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> Now:
    stopped = Now()
    monkeypatch.setattr(time, "monotonic", lambda: stopped.seconds)
    monkeypatch.setenv("TERM", "xterm")
    return stopped
