"""How a search shows while it runs: a table in a terminal, lines in a log, and the time left."""

from __future__ import annotations

import io
import logging
import re
import sys
import time
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from ecomcat.commands import SearchCommand
from ecomcat.config import FinalConfig
from ecomcat.model.metrics import OBJECTIVE
from ecomcat.reporting.progress import SearchProgress
from ecomcat.tuning.budget import seconds_after_trials
from ecomcat.tuning.records import COMPLETED, CUT_SHORT, FAILED, PRUNED, TrialRecord

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
BEST = TrialRecord("0002", {}, status=COMPLETED, objective=0.7)


def a_trial(number: int, **values: Any) -> TrialRecord:
    return TrialRecord(f"{number:04}", {"lstm_units": 64, "dropout": 0.25, **values})


class Shown:
    """A search of ten trials in ten minutes on a console that keeps what is written to it."""

    def __init__(self, console: Console | None = None, **options: Any) -> None:
        self.console = console or a_terminal()
        given: dict[str, Any] = {"names": ["lstm_units", "dropout"], **options}
        self.progress = SearchProgress(10, 600.0, console=self.console, **given)

    @property
    def lines(self) -> list[str]:
        """What was written, without what steers a terminal."""
        assert isinstance(self.console.file, io.StringIO)
        written = _CONTROL.sub("", self.console.file.getvalue())
        return [line.rstrip() for line in written.splitlines()]

    @property
    def last(self) -> list[str]:
        """The lines of the table as it was last drawn."""
        heads = [n for n, line in enumerate(self.lines) if line.split()[:2] == ["trial", "status"]]
        return [line for line in self.lines[heads[-1] :] if line]

    def trials(self) -> list[list[str]]:
        """Return the table's trials, each with the words of its columns."""
        return [line.split() for line in self.last if re.match(r"\d{4} ", line)]

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

    def run(self, number: int, score: float, status: str = COMPLETED, why: str = "") -> None:
        """Begin a trial, train one epoch and end it."""
        record = self.begin(a_trial(number))
        self.epoch(record, score)
        self.end(record, status, why)


def a_terminal(width: int = 100, height: int = 40) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=height)


class Now:
    """The time that `time.monotonic` returns, which passes when the test says so."""

    seconds = 1000.0


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Now:
    stopped = Now()
    monkeypatch.setattr(time, "monotonic", lambda: stopped.seconds)
    monkeypatch.setenv("TERM", "xterm")
    caplog.set_level(logging.INFO, "ecomcat")
    return stopped


@pytest.fixture(params=["log", "notebook"])
def log(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Console:
    """Return a console that cannot be drawn on, as in a notebook without ipywidgets."""
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    return Console(file=io.StringIO(), force_jupyter=request.param == "notebook")


# In a terminal


def test_the_table_shows_how_each_trial_goes_and_no_other_lines() -> None:
    shown = Shown()
    with shown.progress.live():
        shown.run(0, 0.7)
        shown.run(1, 0.4, PRUNED, "pruned after epoch 1")
        shown.run(2, 0.6, CUT_SHORT, "time")
        shown.run(3, 0.9, FAILED, "ValueError: too wide")
        running = shown.begin(a_trial(4, lstm_units=128))
        shown.epoch(running, 0.5)
        shown.epoch(running, 0.65)
        shown.progress.batches_end(running, 30, 100)
        shown.begin(a_trial(5, dropout=0.123456))
    assert shown.trials() == [
        ["0004", "running", "2.3/4", "0.6500", "15", "lstm_units=128", "dropout=0.25"],
        ["0005", "running", "0/4", "0", "lstm_units=64", "dropout=0.123"],
        ["0003", "failed", "1/4", "7", "lstm_units=64", "dropout=0.25"],
        ["0002", "cut", "short", "1/4", "0.6000", "7", "lstm_units=64", "dropout=0.25"],
        ["0001", "pruned", "1/4", "0.4000", "7", "lstm_units=64", "dropout=0.25"],
        ["0000", "completed", "1/4", "0.7000", "7", "lstm_units=64", "dropout=0.25"],
    ]
    assert shown.last[-1].startswith("4 of 10 trials, best macro-F1 0.7000 (trial 0000), about")
    assert not [line for line in shown.lines if line.startswith("trial 0")]


def test_before_the_first_trial_begins_it_says_that_workers_start() -> None:
    shown = Shown(done=3, best=BEST)
    with shown.progress.live():
        pass
    assert shown.lines[:2] == [
        "Starting workers",
        "3 of 10 trials, best macro-F1 0.7000 (trial 0002), about 10 min 00 s left",
    ]


def test_what_tells_trials_apart_comes_first_and_values_are_shown_as_they_are() -> None:
    names = ["extra.kind", "embedding_dim", "lstm_units", "pooling", "dropout"]
    shown = Shown(a_terminal(200), names=names)
    with shown.progress.live():
        shown.begin(a_trial(0, **{"extra.kind": "[bold]x[/q]:smile:"}))
    found = shown.trials()[0][4:]
    assert [each.partition("=")[0] for each in found[:3]] == [
        "lstm_units",
        "embedding_dim",
        "dropout",
    ]
    assert found[3] == "extra.kind=[bold]x[/q]:smile:"


def test_the_last_that_ended_stand_below_all_that_run_or_begin_again() -> None:
    shown = Shown()
    with shown.progress.live():
        for number in range(9):
            shown.run(number, number / 10)
        for number in (9, 11, 10):
            lost = shown.begin(a_trial(number))
        shown.progress.trial_retries(lost, "worker lost")
        shown.begin(a_trial(10))
    assert [int(trial[0]) for trial in shown.trials()] == [9, 11, 10, 8, 7, 6, 5, 4, 3]


@pytest.mark.parametrize("width", [100, 40])
def test_no_line_is_wider_than_the_terminal_nor_the_table_higher(width: int) -> None:
    shown = Shown(a_terminal(width, height=8), names=["lstm_units", "dropout", "extra.kind"])
    with shown.progress.live():
        for number, status in enumerate((COMPLETED, PRUNED, FAILED, *[COMPLETED] * 5)):
            shown.run(number, 0.5, status, "why not")
        shown.epoch(shown.begin(a_trial(8, **{"extra.kind": "語" * 200})), 0.5)
    assert max(map(cell_len, shown.lines)) <= width
    assert len(shown.last) <= 8
    assert "left" in shown.last[-1]


# In a log


def test_in_a_log_and_a_plain_notebook_each_epoch_and_each_end_is_a_line(
    log: Console, now: Now, caplog: pytest.LogCaptureFixture
) -> None:
    shown = Shown(log)
    with shown.progress.live():
        record = shown.begin(a_trial(0))
        shown.epoch(record, 0.5)
        for done in (10, 40, 50):
            now.seconds += 20
            shown.progress.batches_end(record, done, 100)
        shown.epoch(record, 0.6123)
        shown.end(record, COMPLETED)
        shown.progress.trial_retries(shown.begin(a_trial(1)), "[/] lost")
        shown.run(1, 0.9, FAILED, "word " * 100 + ":smile:")
    assert caplog.messages == [
        "trial 0000 epoch 1/4: loss 0.5000, validation macro-F1 0.5000, accuracy 0.5100",
        "trial 0000 epoch 2: 40%",
        "trial 0000 epoch 2/4: loss 0.5000, validation macro-F1 0.6123, accuracy 0.6223",
        "trial 0000 completed: macro-F1 0.6123 after epoch 2 of 2, 15 s, the best so far, about "
        "9 min 00 s left",
        "trial 0001 begins again: [/] lost",
        "trial 0001 epoch 1/4: loss 0.5000, validation macro-F1 0.9000, accuracy 0.9100",
        f"trial 0001 failed: {'word ' * 100}:smile:",
    ]
    assert shown.lines == []


@pytest.mark.parametrize(
    ("best", "trials", "note"),
    [
        (None, [(0.5, COMPLETED)], "the best so far"),
        (None, [(0.5, COMPLETED), (0.5, COMPLETED)], "best so far 0.5000"),
        (None, [(0.5, COMPLETED), (0.6, COMPLETED)], "the best so far"),
        (None, [(0.9, PRUNED), (0.5, COMPLETED)], "the best so far"),
        (None, [(0.9, CUT_SHORT), (0.5, COMPLETED)], "best so far 0.9000"),
        (BEST, [(0.6, COMPLETED)], "best so far 0.7000"),
    ],
)
def test_a_log_says_which_trial_is_the_best_so_far(
    caplog: pytest.LogCaptureFixture,
    best: TrialRecord | None,
    trials: list[tuple[float, str]],
    note: str,
) -> None:
    shown = Shown(Console(file=io.StringIO()), best=best)
    for number, (score, status) in enumerate(trials):
        shown.run(number, score, status)
    assert f", {note}, about" in caplog.messages[-1]


# The time left


@pytest.mark.parametrize(
    ("done", "ended", "passed", "left"),
    [
        pytest.param(0, 1, 100, "8 min 20 s", id="too slow for all trials"),
        pytest.param(5, 0, 100, "8 min 20 s", id="an earlier run says nothing of the pace"),
        pytest.param(5, 1, 10, "40 s", id="but leaves fewer trials"),
        pytest.param(0, 2, 700, "0 s", id="the time is up with trials left"),
    ],
)
def test_the_time_left_is_bounded_by_the_pace_and_by_the_study(
    now: Now, done: int, ended: int, passed: float, left: str
) -> None:
    shown = Shown(done=done)
    with shown.progress.live():
        records = [shown.begin(a_trial(number)) for number in range(ended)]
        now.seconds += passed
        for record in records:
            shown.epoch(record, 0.5)
            shown.end(record, COMPLETED)
    assert any(line.endswith(f", about {left} left") for line in shown.lines[-10:])


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        ({}, 15 + 96 + 15),
        ({"step": {"max_members": 5}}, 15 + 3 * 96 + 15),
        ({"retrain": False}, 15 + 15),
        ({"baseline": False}, 15 + 96),
        ({"use_all_rows": True}, 15 + 2 * 96 + 15),
    ],
)
def test_what_follows_the_trials_is_counted(options: dict[str, Any], seconds: float) -> None:
    command = search_of(8, **options)
    best = a_trial(1, learning_rate_schedule="linear")
    best.epochs, best.seconds, best.objective = 4, 40.0, 0.9
    found = seconds_after_trials(command, best, training_tokens=1_000_000, workers=2)
    assert found == pytest.approx(seconds)


def search_of(max_epochs: int, **final: Any) -> SearchCommand:
    command = SearchCommand(final=FinalConfig(**{"step": {}, **final}))
    return replace(command, search=replace(command.search, max_epochs=max_epochs))


@pytest.mark.parametrize("part", [0.5, 0.7, 0.9, 1.0])
@pytest.mark.parametrize(
    ("trials", "epochs", "final"),
    [(1, 8, {}), (6, 4, {}), (6, 4, {"use_all_rows": True}), (20, 3, {"retrain": False})],
)
def test_with_one_worker_the_time_left_is_within_a_third_from_half_way_on(
    now: Now, trials: int, epochs: int, final: dict[str, Any], part: float
) -> None:
    # A trial takes 5 seconds to begin and 10 an epoch; every other one ends an epoch early.
    lengths = [epochs - number % 2 for number in range(trials)]
    retraining = (5 + 12 * epochs) * final.get("retrain", True) * (1 + ("use_all_rows" in final))
    search = sum(5 + 10 * length for length in lengths)
    half, end = now.seconds + part * search, now.seconds + search + retraining + 30
    after = partial(
        seconds_after_trials, search_of(epochs, **final), training_tokens=1_000_000, workers=1
    )
    shown = Shown(seconds_after=after)
    with shown.progress.live():
        shown.progress.search_begins(workers=1, trials_left=trials, deadline=now.seconds + 1e5)
        for number, length in enumerate(lengths):
            if now.seconds >= half:
                break
            record = shown.begin(a_trial(number, learning_rate_schedule="linear"), epochs)
            now.seconds += 5
            record.seconds = 5
            while record.epochs < length and now.seconds < half:
                now.seconds += 10
                shown.epoch(record, 0.5, seconds=10)
            if record.epochs == length:
                shown.end(record, COMPLETED)
    minutes, seconds = re.findall(r"about (?:(\d+) min )?(\d+) s left", shown.last[-1])[0]
    assert 60 * int(minutes or 0) + int(seconds) == pytest.approx(end - now.seconds, rel=1 / 3)
