"""How a search shows while it runs: a table in a terminal, lines in a log, and the time left."""

from __future__ import annotations

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
from terminal_material import Clock, a_log, a_terminal, lines

from ecomcat.command_config import SearchCommand
from ecomcat.config import FinalConfig
from ecomcat.model.metrics import OBJECTIVE
from ecomcat.reporting.live_progress import SearchProgress
from ecomcat.tuning import budget
from ecomcat.tuning.budget import seconds_after_trials
from ecomcat.tuning.records import COMPLETED, CUT_SHORT, FAILED, PRUNED, TrialRecord


def earlier(count: int, seconds: float) -> list[TrialRecord]:
    """Return the trials that an earlier run ended, the last one the best."""
    return [
        TrialRecord(f"{n:04}", {}, status=COMPLETED, objective=0.1 * n, seconds=seconds)
        for n in range(count)
    ]


def a_trial(number: int, **values: Any) -> TrialRecord:
    return TrialRecord(f"{number:04}", {"lstm_units": 64, "dropout": 0.25, **values})


class Shown(SearchProgress):
    """A search of ten trials in ten minutes."""

    def __init__(self, console: Console | None = None, **options: Any) -> None:
        given: dict[str, Any] = {"names": ["lstm_units", "dropout"], **options}
        super().__init__(10, 600.0, console=console or a_terminal(), **given)

    @property
    def last(self) -> list[str]:
        """The lines of the table as it was last drawn."""
        written = lines(self.console)
        heads = [n for n, line in enumerate(written) if line.split()[:2] == ["trial", "status"]]
        return written[heads[-1] :]

    def trials(self) -> list[list[str]]:
        """Return the table's trials, each with the words of its columns."""
        return [line.split() for line in self.last if re.match(r"\d{4} ", line)]

    def begin(self, number: int, epochs: int = 4, **values: Any) -> TrialRecord:
        record = a_trial(number, **values)
        self.trial_begins(record, epochs)
        return record

    def epoch(self, record: TrialRecord, score: float, seconds: float = 7.4) -> None:
        logs = {"loss": 0.5, OBJECTIVE: score, "val_accuracy": score + 0.01, "val_loss": 0.4}
        record.note_epoch(record.epochs + 1, logs)
        record.seconds += seconds
        self.epoch_ends(record, record.epochs, logs)

    def end(self, record: TrialRecord, status: str = COMPLETED, why: str = "") -> None:
        record.status, record.ended = status, why
        if status == FAILED:
            record.objective = record.accuracy = record.loss = None
        self.trial_ends(record)

    def run(self, number: int, score: float, status: str = COMPLETED, why: str = "") -> None:
        """Begin a trial, train one epoch and end it."""
        record = self.begin(number)
        self.epoch(record, score)
        self.end(record, status, why)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Clock:
    stopped = Clock()
    monkeypatch.setattr(time, "monotonic", lambda: stopped.now)
    monkeypatch.setenv("TERM", "xterm")
    caplog.set_level(logging.INFO, "ecomcat")
    return stopped


# In a terminal


def test_the_table_shows_how_each_trial_goes_and_no_other_lines() -> None:
    shown = Shown()
    with shown.live():
        shown.run(0, 0.7)
        shown.run(1, 0.4, PRUNED, "pruned after epoch 1")
        shown.run(2, 0.6, CUT_SHORT, "time")
        shown.run(3, 0.9, FAILED, "ValueError: too wide")
        running = shown.begin(4, lstm_units=128)
        shown.epoch(running, 0.5)
        shown.epoch(running, 0.65)
        shown.batches_end(running, 30, 100)
        shown.begin(5, dropout=0.123456)
        shown.trial_retries(shown.begin(6), "worker lost")
    assert shown.trials() == [
        ["0004", "running", "2.3/4", "0.6500", "15", "lstm_units=128", "dropout=0.25"],
        ["0005", "running", "0/4", "0", "lstm_units=64", "dropout=0.123"],
        ["0003", "failed", "1/4", "7", "lstm_units=64", "dropout=0.25"],
        ["0002", "cut", "short", "1/4", "0.6000", "7", "lstm_units=64", "dropout=0.25"],
        ["0001", "pruned", "1/4", "0.4000", "7", "lstm_units=64", "dropout=0.25"],
        ["0000", "completed", "1/4", "0.7000", "7", "lstm_units=64", "dropout=0.25"],
    ]
    assert shown.last[-1].startswith("4 of 10 trials, best macro-F1 0.7000 (trial 0000), about")
    assert not [line for line in lines(shown.console) if line.startswith("trial 0")]


def test_before_the_first_trial_begins_it_says_that_workers_start() -> None:
    shown = Shown(earlier=earlier(3, 60))
    with shown.live():
        pass
    assert lines(shown.console)[:2] == [
        "Starting workers",
        "3 of 10 trials, best macro-F1 0.2000 (trial 0002), about 7 min 00 s left",
    ]


def test_what_tells_trials_apart_comes_first_and_values_are_shown_as_they_are() -> None:
    shown = Shown(a_terminal(200), names=["extra.kind", "lstm_units", "pooling", "dropout"])
    with shown.live():
        shown.begin(0, **{"extra.kind": "[bold]x[/q]:smile:"})
    found = shown.trials()[0][4:]
    assert found[:3] == ["lstm_units=64", "dropout=0.25", "extra.kind=[bold]x[/q]:smile:"]


@pytest.mark.parametrize("width", [100, 40])
def test_no_line_is_wider_than_the_terminal_nor_the_table_higher(width: int) -> None:
    shown = Shown(a_terminal(width, height=8), names=["lstm_units", "dropout", "extra.kind"])
    with shown.live():
        for number, status in enumerate((COMPLETED, PRUNED, FAILED, *[COMPLETED] * 5)):
            shown.run(number, 0.5, status, "why not")
        shown.epoch(shown.begin(8, **{"extra.kind": "語" * 200}), 0.5)
    assert max(map(cell_len, lines(shown.console))) <= width
    assert len(shown.last) <= 8
    assert "left" in shown.last[-1]


# In a log


@pytest.mark.parametrize("notebook", [False, True], ids=["log", "notebook without ipywidgets"])
def test_in_a_log_and_a_plain_notebook_each_epoch_and_each_end_is_a_line(
    notebook: bool,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    shown = Shown(a_log(notebook=notebook))
    with shown.live():
        record = shown.begin(0)
        shown.epoch(record, 0.5)
        for done in (10, 40, 50):
            clock.now += 20
            shown.batches_end(record, done, 100)
        shown.epoch(record, 0.6123)
        shown.end(record)
        shown.trial_retries(shown.begin(1), "[/] lost")
        shown.run(1, 0.9, FAILED, "word " * 100 + ":smile:")
    assert caplog.messages == [
        "trial 0000 epoch 1/4: loss 0.5000, validation macro-F1 0.5000, accuracy 0.5100",
        "trial 0000 epoch 2: 40%, about 9 min 20 s left",
        "trial 0000 epoch 2/4: loss 0.5000, validation macro-F1 0.6123, accuracy 0.6223",
        "trial 0000 completed: macro-F1 0.6123 after epoch 2 of 2, 15 s, the best so far, about "
        "9 min 00 s left",
        "trial 0001 begins again: [/] lost",
        "trial 0001 epoch 1/4: loss 0.5000, validation macro-F1 0.9000, accuracy 0.9100",
        f"trial 0001 failed: {'word ' * 100}:smile:",
    ]
    assert lines(shown.console) == []


@pytest.mark.parametrize(
    ("before", "trials", "note"),
    [
        (0, [(0.5, COMPLETED), (0.5, COMPLETED)], "best so far 0.5000"),
        (0, [(0.5, COMPLETED), (0.6, COMPLETED)], "the best so far"),
        (0, [(0.9, PRUNED), (0.5, COMPLETED)], "the best so far"),
        (0, [(0.9, CUT_SHORT), (0.5, COMPLETED)], "best so far 0.9000"),
        (8, [(0.6, COMPLETED)], "best so far 0.7000"),
    ],
)
def test_a_log_says_which_trial_is_the_best_so_far(
    caplog: pytest.LogCaptureFixture,
    before: int,
    trials: list[tuple[float, str]],
    note: str,
) -> None:
    shown = Shown(a_log(), earlier=earlier(before, 7))
    for number, (score, status) in enumerate(trials):
        shown.run(number, score, status)
    assert f", {note}, about" in caplog.messages[-1]


# The time left


@pytest.mark.parametrize(
    ("before", "ended", "passed", "left"),
    [
        pytest.param([], 1, 100, "8 min 20 s", id="too slow for all trials"),
        pytest.param(earlier(5, 10), 1, 10, "40 s", id="an earlier run leaves fewer trials"),
        pytest.param([], 2, 700, "0 s", id="the time is up with trials left"),
    ],
)
def test_the_time_left_is_bounded_by_the_pace_and_by_the_study(
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    before: list[TrialRecord],
    ended: int,
    passed: float,
    left: str,
) -> None:
    shown = Shown(a_log(), earlier=before)
    records = [shown.begin(number) for number in range(ended)]
    clock.now += passed
    for record in records:
        shown.epoch(record, 0.5)
        shown.end(record)
    assert caplog.messages[-1].endswith(f", about {left} left")


@pytest.mark.parametrize(
    ("workers", "trials_left", "may_end_early", "left"),
    [
        pytest.param(1, 3, False, "about 3 min 00 s left", id="as long as the earlier ones"),
        pytest.param(2, 3, False, "about 1 min 30 s left", id="two at a time"),
        pytest.param(1, 3, True, "at most about 3 min 00 s left", id="it may end early"),
        pytest.param(1, 1, True, "about 1 min 00 s left", id="the last trial has begun"),
    ],
)
def test_the_trials_of_an_earlier_run_tell_the_pace(
    clock: Clock, workers: int, trials_left: int, may_end_early: bool, left: str
) -> None:
    shown = Shown(earlier=earlier(2, 60))
    ends = {"deadline": clock.now + 600, "may_end_early": may_end_early}
    with shown.live():
        shown.search_begins(workers=workers, trials_left=trials_left, **ends)
        shown.begin(2)
    assert shown.last[-1].endswith(f", {left}")


def search_of(max_epochs: int, **final: Any) -> SearchCommand:
    command = SearchCommand(final=FinalConfig(**final))
    search = replace(command.search, max_epochs=max_epochs, max_minutes=60.0)
    return replace(command, search=search)


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        ({}, 15 + 96 + 0.6 * 70),
        ({"retrain": False}, 15 + 70),
        ({"baseline": False}, 15 + 96),
        ({"use_all_rows": True}, 15 + 2 * 96 + 0.6 * 70),
        ({"learning_curve": True}, 15 + 96 + 0.6 * 70 + 60),
    ],
)
def test_what_follows_the_trials_is_counted(
    options: dict[str, Any], seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "usable_cores", lambda: 2)
    best = a_trial(1, learning_rate_schedule="linear")
    best.epochs, best.seconds, best.objective = 4, 40.0, 0.9
    found = seconds_after_trials(
        search_of(8, **options),
        best,
        training_tokens=1_000_000,
        training_texts=1_000,
        workers=2,
    )
    assert found == pytest.approx(seconds)


@pytest.mark.parametrize("part", [0.5, 0.9])
@pytest.mark.parametrize(
    ("trials", "epochs", "final"),
    [(1, 8, {}), (6, 4, {"use_all_rows": True}), (20, 3, {"retrain": False})],
)
def test_with_one_worker_the_time_left_is_within_a_third_from_half_way_on(
    clock: Clock, trials: int, epochs: int, final: dict[str, Any], part: float
) -> None:
    # A trial takes 5 seconds to begin and 10 an epoch; every other one ends an epoch early.
    lengths = [epochs - number % 2 for number in range(trials)]
    retraining = (5 + 12 * epochs) * final.get("retrain", True) * (1 + ("use_all_rows" in final))
    search = sum(5 + 10 * length for length in lengths)
    half, end = clock.now + part * search, clock.now + search + retraining + 65
    after = partial(
        seconds_after_trials,
        search_of(epochs, **final),
        training_tokens=1_000_000,
        training_texts=1_000,
        workers=1,
    )
    shown = Shown(seconds_after=after)
    with shown.live():
        ends = {"deadline": clock.now + 1e5, "may_end_early": False}
        shown.search_begins(workers=1, trials_left=trials, **ends)
        for number, length in enumerate(lengths):
            if clock.now >= half:
                break
            record = shown.begin(number, epochs, learning_rate_schedule="linear")
            clock.now += 5
            record.seconds = 5
            while record.epochs < length and clock.now < half:
                clock.now += 10
                shown.epoch(record, 0.5, seconds=10)
            if record.epochs == length:
                shown.end(record)
    minutes, seconds = re.findall(r"about (?:(\d+) min )?(\d+) s left", shown.last[-1])[0]
    assert 60 * int(minutes or 0) + int(seconds) == pytest.approx(end - clock.now, rel=1 / 3)
