"""How a search shows while it runs: a table in a terminal, lines in a log, and the time left."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from rich.cells import cell_len
from screen import Now, Screen, Shown, a_trial, now

from ecomcat.commands import SearchCommand
from ecomcat.config import FinalConfig
from ecomcat.tuning.budget import seconds_after_trials
from ecomcat.tuning.records import COMPLETED, CUT_SHORT, FAILED, PRUNED, TrialRecord

__all__ = ["now"]  # a fixture, which pytest finds here

MARKUP = [":smile:", "[bold]x[/bold]", "[/]", "[red]", "x[/q]", "c:\\[b]\\"]
BEST = TrialRecord("0002", {}, status=COMPLETED, objective=0.7)


@pytest.fixture
def terminal() -> Screen:
    return Screen(width=100)


class Log(Screen):
    """A console of a log, and the lines that go there."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        super().__init__()
        self._caplog = caplog

    @property
    def lines(self) -> list[str]:
        return self._caplog.messages


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Log:
    caplog.set_level(logging.INFO, "ecomcat")
    return Log(caplog)


# In a terminal


def test_the_table_shows_how_each_trial_goes_and_no_other_lines(terminal: Screen) -> None:
    shown = Shown(terminal)
    with shown.progress.live():
        shown.run(0, 0.7)
        shown.run(1, 0.4, PRUNED, "pruned after epoch 1")
        shown.run(2, 0.6, CUT_SHORT, "time")
        shown.run(3, 0.9, FAILED, "ValueError: too wide")
        running = shown.begin(a_trial(4, lstm_units=128))
        shown.epoch(running, 0.5)
        shown.epoch(running, 0.65)
        shown.begin(a_trial(5, dropout=0.123456))
    assert terminal.trials() == [
        ["0004", "running", "2/4", "0.6500", "15", "lstm_units=128", "dropout=0.25"],
        ["0005", "running", "0/4", "0", "lstm_units=64", "dropout=0.123"],
        ["0003", "failed", "1/4", "7", "lstm_units=64", "dropout=0.25"],
        ["0002", "cut", "short", "1/4", "0.6000", "7", "lstm_units=64", "dropout=0.25"],
        ["0001", "pruned", "1/4", "0.4000", "7", "lstm_units=64", "dropout=0.25"],
        ["0000", "completed", "1/4", "0.7000", "7", "lstm_units=64", "dropout=0.25"],
    ]
    assert terminal.last[-1].startswith("4 of 10 trials, best macro-F1 0.7000 (trial 0000), about")
    assert not [line for line in terminal.lines if line.startswith("trial 0")]


def test_before_the_first_trial_begins_it_says_that_workers_start(terminal: Screen) -> None:
    with Shown(terminal, done=3, best=BEST).progress.live():
        pass
    assert terminal.lines[:2] == [
        "Starting workers",
        "3 of 10 trials, best macro-F1 0.7000 (trial 0002), about 10 min 00 s left",
    ]


def test_a_long_epoch_shows_how_far_it_is(terminal: Screen) -> None:
    shown = Shown(terminal)
    with shown.progress.live():
        record = shown.begin(a_trial(0))
        shown.epoch(record, 0.5)
        shown.progress.batches_end(record, 30, 100)
    assert terminal.trials()[0][2] == "1.3/4"


def test_what_tells_trials_apart_comes_first_where_there_is_little_room(terminal: Screen) -> None:
    names = ["max_tokens", "embedding_dim", "lstm_units", "pooling", "dropout"]
    shown = Shown(terminal, names=names)
    with shown.progress.live():
        shown.begin(a_trial(0))
    found = [value.partition("=")[0] for value in terminal.trials()[0][4:]]
    assert found[:3] == ["lstm_units", "embedding_dim", "dropout"]


def test_the_last_that_ended_stand_below_all_that_run(terminal: Screen) -> None:
    shown = Shown(terminal)
    with shown.progress.live():
        for number in range(9):
            shown.run(number, number / 10)
        for number in range(9, 12):
            shown.begin(a_trial(number))
    shown_ids = [int(trial[0]) for trial in terminal.trials()]
    assert shown_ids == [9, 10, 11, 8, 7, 6, 5, 4, 3]


def test_a_trial_whose_worker_was_lost_is_shown_when_it_begins_again(terminal: Screen) -> None:
    shown = Shown(terminal)
    with shown.progress.live():
        shown.run(0, 0.5)
        shown.progress.trial_retries(shown.begin(a_trial(1)), "worker lost")
        assert "1" not in shown.progress._running
        shown.begin(a_trial(1))
    assert [trial[:2] for trial in terminal.trials()] == [
        ["0001", "running"],
        ["0000", "completed"],
    ]


@pytest.mark.parametrize("text", MARKUP)
def test_values_are_shown_as_they_are(terminal: Screen, text: str) -> None:
    shown = Shown(terminal, names=["extra.kind"])
    with shown.progress.live():
        shown.begin(a_trial(0, **{"extra.kind": text}))
    assert terminal.trials() == [["0000", "running", "0/4", "0", f"extra.kind={text}"]]


@pytest.mark.parametrize("width", [100, 40])
def test_no_line_is_wider_than_the_terminal_nor_the_table_higher(width: int) -> None:
    screen = Screen(width)
    screen.console.height = 8
    shown = Shown(screen, names=["lstm_units", "dropout", "extra.kind"])
    with shown.progress.live():
        for number, status in enumerate((COMPLETED, PRUNED, FAILED, *[COMPLETED] * 5)):
            shown.run(number, 0.5, status, "why not")
        shown.epoch(shown.begin(a_trial(8, **{"extra.kind": "語" * 200})), 0.5)
    assert max(map(cell_len, screen.lines)) <= width
    assert len(screen.last) <= 8
    assert "left" in screen.last[-1]


# In a log


def test_in_a_log_each_epoch_and_each_end_is_a_line(log: Screen, now: Now) -> None:
    shown = Shown(log)
    with shown.progress.live():
        record = shown.begin(a_trial(0))
        shown.epoch(record, 0.5)
        shown.epoch(record, 0.6123)
        now.pass_by(20)
        shown.end(record, COMPLETED)
    assert log.lines == [
        "trial 0000 epoch 1/4: loss 0.5000, validation macro-F1 0.5000, accuracy 0.5100",
        "trial 0000 epoch 2/4: loss 0.5000, validation macro-F1 0.6123, accuracy 0.6223",
        "trial 0000 completed: macro-F1 0.6123 after epoch 2 of 2, 15 s, the best so far, about "
        "3 min 00 s left",
    ]


@pytest.mark.parametrize(
    ("trials", "note"),
    [
        ([(0.5, COMPLETED)], "the best so far"),
        ([(0.5, COMPLETED), (0.5, COMPLETED)], "best so far 0.5000"),
        ([(0.5, COMPLETED), (0.6, COMPLETED)], "the best so far"),
        ([(0.9, PRUNED), (0.5, COMPLETED)], "the best so far"),
        ([(0.9, CUT_SHORT), (0.5, COMPLETED)], "best so far 0.9000"),
    ],
)
def test_a_log_says_which_trial_is_the_best_so_far(
    log: Screen, trials: list[tuple[float, str]], note: str
) -> None:
    shown = Shown(log)
    for number, (score, status) in enumerate(trials):
        shown.run(number, score, status)
    assert f", {note}, about" in log.lines[-1]


def test_the_best_of_an_earlier_run_counts(log: Screen) -> None:
    Shown(log, done=3, best=BEST).run(3, 0.6)
    assert "best so far 0.7000" in log.lines[-1]


@pytest.mark.parametrize("text", [*MARKUP, "word " * 100 + "end"])
def test_what_went_wrong_is_written_as_it_is_on_one_line(log: Screen, text: str) -> None:
    shown = Shown(log)
    shown.progress.trial_retries(shown.begin(a_trial(0)), text)
    shown.run(1, 0.9, FAILED, text)
    assert log.lines[0] == f"trial 0000 begins again: {text}"
    assert log.lines[-1] == f"trial 0001 failed: {text}"


# The time left


@pytest.mark.parametrize(
    ("done", "ended", "passed", "left"),
    [
        pytest.param(0, 0, 100, "8 min 20 s", id="at first all of it"),
        pytest.param(0, 1, 100, "8 min 20 s", id="too slow for all trials"),
        pytest.param(0, 5, 100, "1 min 40 s", id="half of the trials at this pace"),
        pytest.param(5, 0, 100, "8 min 20 s", id="an earlier run says nothing of the pace"),
        pytest.param(5, 1, 10, "40 s", id="but leaves fewer trials"),
        pytest.param(0, 2, 700, "0 s", id="the time is up with trials left"),
    ],
)
def test_the_time_left_is_bounded_by_the_pace_and_by_the_study(
    terminal: Screen, now: Now, done: int, ended: int, passed: float, left: str
) -> None:
    shown = Shown(terminal, done=done)
    with shown.progress.live():
        records = [shown.begin(a_trial(number)) for number in range(ended)]
        now.pass_by(passed)
        for record in records:
            shown.epoch(record, 0.5)
            shown.end(record, COMPLETED)
    assert any(line.endswith(f", about {left} left") for line in terminal.lines[-10:])


def test_trials_that_run_count_for_what_they_have_done(log: Screen, now: Now) -> None:
    shown = Shown(log)
    half = shown.begin(a_trial(1))
    shown.epoch(half, 0.5, seconds=20)
    now.pass_by(60)
    done = shown.begin(a_trial(0))
    shown.epoch(done, 0.6, seconds=40)
    shown.end(done, COMPLETED)
    # One and a half trials in a minute: eight and a half more take 340 seconds.
    assert log.lines[-1].endswith("about 5 min 40 s left")


def test_before_a_trial_has_ended_its_epochs_count(log: Screen, now: Now) -> None:
    shown = Shown(log)
    shown.progress.search_begins(workers=2, trials_left=2, deadline=now.seconds + 3600)
    first, second = (shown.begin(a_trial(number)) for number in range(2))
    now.pass_by(40)
    shown.epoch(first, 0.5)
    shown.progress.batches_end(second, 50, 100)
    assert log.lines[-1] == "trial 0001 epoch 1: 50%"
    now.pass_by(60)
    shown.end(first, PRUNED)
    # One trial of 7 seconds has ended, and the other has begun without a time so far.
    assert log.lines[-1].endswith("about 1 min 40 s left")


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
def test_what_follows_the_trials_is_counted(
    log: Log, options: dict[str, Any], seconds: float
) -> None:
    command = search_of(8, **options)
    best = a_trial(1, learning_rate_schedule="linear")
    best.epochs, best.seconds, best.objective = 4, 40.0, 0.9
    found = seconds_after_trials(command, best, training_tokens=1_000_000, workers=2)
    assert found == pytest.approx(seconds)
    Shown(log, done=9, best=best, seconds_after=lambda _best: 90.0).run(9, 0.5)
    assert log.lines[-1].endswith("about 1 min 30 s left")


def search_of(max_epochs: int, **final: Any) -> SearchCommand:
    command = SearchCommand(final=FinalConfig(**{"step": {}, **final}))
    return replace(command, search=replace(command.search, max_epochs=max_epochs))


@pytest.mark.parametrize("part", [0.5, 0.7, 0.9, 1.0])
@pytest.mark.parametrize(
    ("trials", "epochs", "final"),
    [(1, 8, {}), (6, 4, {}), (6, 4, {"use_all_rows": True}), (20, 3, {"retrain": False})],
)
def test_with_one_worker_the_time_left_is_within_a_third_from_half_way_on(
    terminal: Screen, now: Now, trials: int, epochs: int, final: dict[str, Any], part: float
) -> None:
    # A trial takes 5 seconds to begin and 10 an epoch; every other one ends an epoch early.
    lengths = [epochs - number % 2 for number in range(trials)]
    retraining = (5 + 12 * epochs) * final.get("retrain", True) * (1 + ("use_all_rows" in final))
    search = sum(5 + 10 * length for length in lengths)
    half, end = now.seconds + part * search, now.seconds + search + retraining + 30
    after = partial(
        seconds_after_trials, search_of(epochs, **final), training_tokens=1_000_000, workers=1
    )
    shown = Shown(terminal, seconds_after=after)
    with shown.progress.live():
        shown.progress.search_begins(workers=1, trials_left=trials, deadline=now.seconds + 1e5)
        for number, length in enumerate(lengths):
            if now.seconds >= half:
                break
            record = shown.begin(a_trial(number, learning_rate_schedule="linear"), epochs)
            now.pass_by(5)
            record.seconds = 5
            while record.epochs < length and now.seconds < half:
                now.pass_by(10)
                shown.epoch(record, 0.5, seconds=10)
            if record.epochs == length:
                shown.end(record, COMPLETED)
    minutes, seconds = re.findall(r"about (?:(\d+) min )?(\d+) s left", terminal.last[-1])[0]
    assert 60 * int(minutes or 0) + int(seconds) == pytest.approx(end - now.seconds, rel=1 / 3)
