"""How a search shows: plain lines in a log, a live table in a terminal."""

from __future__ import annotations

import io
import re
import time
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from ecomcat.model.scores import OBJECTIVE
from ecomcat.reporting.progress import SearchProgress, describe_values, format_seconds, plain_value
from ecomcat.tuning.study.records import COMPLETED, FAILED, PRUNED, TrialRecord

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
MARKUP = [":smile:", "[bold]x[/bold]", "[/]", "[red]", "x[/q]", "c:\\[b]\\"]


class Now:
    """The time that `time.monotonic` tells, which passes when the test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def pass_by(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> Now:
    stopped = Now()
    monkeypatch.setattr(time, "monotonic", lambda: stopped.seconds)
    return stopped


@pytest.fixture(autouse=True)
def terminals_can_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")


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


# Plain lines


@pytest.fixture
def log() -> Screen:
    return Screen()


def test_in_a_log_each_epoch_and_each_end_is_a_line(log: Screen, now: Now) -> None:
    shown = Shown(log)
    with shown.progress.live() as live:
        assert live is shown.progress
        record = shown.begin(a_trial(0))
        shown.epoch(record, 0.5)
        shown.epoch(record, 0.6123)
        now.pass_by(20)
        shown.end(record, COMPLETED)
    assert log.lines == [
        "trial 0000 epoch 1/4: loss 0.5000, validation macro-F1 0.5000, accuracy 0.5100",
        "trial 0000 epoch 2/4: loss 0.5000, validation macro-F1 0.6123, accuracy 0.6223",
        "trial 0000: macro-F1 0.6123 after epoch 2 of 2, 15 s (best so far), about 3 min 00 s left",
    ]
    assert log.written.getvalue().count("\x1b") == 0


def test_a_log_says_which_is_the_best_so_far(log: Screen) -> None:
    shown = Shown(log)
    for number, score in enumerate((0.5, 0.4, 0.5, 0.6)):
        shown.run(number, score)
    notes = [re.search(r"\(?best so far[ 0-9.]*\)?", line) for line in log.lines]
    assert [note[0] for note in notes if note] == [
        "(best so far)",
        "best so far 0.5000",
        "best so far 0.5000",
        "(best so far)",
    ]


def test_the_best_of_an_earlier_run_counts(log: Screen) -> None:
    best = TrialRecord("0002", {}, status=COMPLETED, objective=0.7)
    Shown(log, done=3, best=best).run(3, 0.6)
    assert "best so far 0.7000" in log.lines[-1]


def test_a_pruned_trial_is_never_the_best(log: Screen) -> None:
    shown = Shown(log)
    shown.run(0, 0.9, PRUNED, "pruned after epoch 1")
    shown.run(1, 0.5)
    _, pruned, _, completed = log.lines
    assert pruned.startswith("trial 0000 pruned: macro-F1 0.9000 after epoch 1 of 1, 7 s, about")
    assert "0.5000 after epoch 1 of 1, 7 s (best so far)" in completed


def test_a_failed_trial_says_why(log: Screen) -> None:
    Shown(log).run(0, 0.9, FAILED, "ValueError: no room for so many units")
    assert log.lines[-1] == "trial 0000 failed: ValueError: no room for so many units"


def test_a_trial_that_begins_again_says_why(log: Screen) -> None:
    shown = Shown(log)
    record = shown.begin(a_trial(0))
    shown.progress.trial_retries(record, "worker lost: it died")
    shown.run(0, 0.5)
    assert log.lines[0] == "trial 0000 begins again: worker lost: it died"
    assert "(best so far)" in log.lines[-1]


@pytest.mark.parametrize("text", MARKUP)
def test_what_went_wrong_is_written_as_it_is(log: Screen, text: str) -> None:
    shown = Shown(log)
    shown.progress.trial_retries(shown.begin(a_trial(0)), text)
    shown.run(1, 0.9, FAILED, text)
    assert log.lines[0] == f"trial 0000 begins again: {text}"
    assert log.lines[-1] == f"trial 0001 failed: {text}"


def test_a_line_of_a_log_is_not_wrapped(log: Screen) -> None:
    Shown(log).run(0, 0.9, FAILED, "word " * 100 + "end")
    assert log.lines[-1].endswith("word end")


# The live table


@pytest.fixture
def terminal() -> Screen:
    return Screen(width=100)


def test_the_table_shows_how_each_trial_goes(terminal: Screen) -> None:
    shown = Shown(terminal)
    with shown.progress.live():
        shown.run(0, 0.7)
        shown.run(1, 0.4, PRUNED, "pruned after epoch 1")
        shown.run(2, 0.9, FAILED, "ValueError: too wide")
        running = shown.begin(a_trial(3, lstm_units=128))
        shown.epoch(running, 0.5)
        shown.epoch(running, 0.65)
        shown.begin(a_trial(4, dropout=0.123456))
    assert terminal.rows[0] == [
        *("trial", "status", "epoch", "macro-F1", "seconds", "hyperparameters")
    ]
    assert terminal.trials() == [
        ("0003", "running", "2/4", "0.6500", "15", "lstm_units=128", "dropout=0.25"),
        ("0004", "running", "0/4", "0", "lstm_units=64", "dropout=0.123"),
        ("0002", "failed", "1/4", "7", "lstm_units=64", "dropout=0.25"),
        ("0001", "pruned", "1/4", "0.4000", "7", "lstm_units=64", "dropout=0.25"),
        ("0000", "completed", "1/4", "0.7000", "7", "lstm_units=64", "dropout=0.25"),
    ]
    assert terminal.summary().startswith("3 of 10 trials, best macro-F1 0.7000 (trial 0000), ")


def test_what_tells_trials_apart_best_comes_first_where_there_is_little_room(
    terminal: Screen,
) -> None:
    names = ["max_tokens", "embedding_dim", "lstm_units", "pooling", "dropout"]
    shown = Shown(terminal, names=names)
    with shown.progress.live():
        shown.begin(a_trial(0))
    found = [value.partition("=")[0] for value in terminal.trials()[0][4:]]
    assert found[:3] == ["lstm_units", "embedding_dim", "dropout"]


def test_the_table_shows_the_last_that_ended_below_all_that_run(terminal: Screen) -> None:
    shown = Shown(terminal)
    with shown.progress.live():
        for number in range(9):
            shown.run(number, number / 10)
        for number in range(9, 12):
            shown.begin(a_trial(number))
    shown_ids = [trial[0] for trial in terminal.trials()]
    assert shown_ids == ["0009", "0010", "0011", "0008", "0007", "0006", "0005", "0004", "0003"]


@pytest.mark.parametrize("begun_again", [False, True])
def test_a_trial_whose_worker_was_lost_is_shown_when_it_begins_again(
    terminal: Screen, begun_again: bool
) -> None:
    shown = Shown(terminal)
    with shown.progress.live():
        shown.progress.trial_retries(shown.begin(a_trial(0)), "worker lost")
        if begun_again:
            shown.begin(a_trial(0))
    found = [trial[:2] for trial in terminal.trials()]
    assert found == ([("0000", "running")] if begun_again else [])


def test_a_study_that_goes_on_shows_what_was_done(terminal: Screen) -> None:
    best = TrialRecord("0002", {}, status=COMPLETED, objective=0.7)
    shown = Shown(terminal, done=3, best=best)
    with shown.progress.live():
        pass
    assert terminal.trials() == []
    assert terminal.summary() == (
        "3 of 10 trials, best macro-F1 0.7000 (trial 0002), about 10 min 00 s left"
    )


def test_before_a_trial_has_completed_there_is_no_best(terminal: Screen) -> None:
    shown = Shown(terminal)
    with shown.progress.live():
        shown.run(0, 0.9, FAILED, "full")
        shown.run(1, 0.9, PRUNED)
    assert terminal.summary().startswith("2 of 10 trials, about ")


def test_no_lines_are_written_between_the_tables(terminal: Screen) -> None:
    shown = Shown(terminal)
    with shown.progress.live():
        shown.run(0, 0.7)
        shown.run(1, 0.9, FAILED, "full")
    assert not [line for line in terminal.lines if line.startswith("trial 0")]


def test_the_table_leaves_the_terminal_as_it_was(terminal: Screen) -> None:
    shown = Shown(terminal)
    with shown.progress.live():
        shown.run(0, 0.7)
    lines = len(terminal.rows)
    written = terminal.written.getvalue()
    assert written.index("\x1b[?25l") < written.index("\x1b[?25h"), "the cursor comes back"
    assert written.endswith("\x1b[1A\x1b[2K" * lines), "and the table's lines are erased"


@pytest.mark.parametrize("text", MARKUP)
def test_values_are_shown_as_they_are(terminal: Screen, text: str) -> None:
    shown = Shown(terminal, names=["extra.kind"])
    with shown.progress.live():
        shown.begin(a_trial(0, **{"extra.kind": text}))
    assert terminal.trials() == [("0000", "running", "0/4", "0", f"extra.kind={text}")]


@pytest.mark.parametrize("width", [100, 40, 20, 1])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    screen = Screen(width)
    shown = Shown(screen, names=["lstm_units", "dropout", "extra.kind"])
    with shown.progress.live():
        for number, status in enumerate((COMPLETED, PRUNED, FAILED)):
            shown.run(number, 0.5, status, "why not")
        shown.epoch(shown.begin(a_trial(3, **{"extra.kind": "語" * 200})), 0.5)
    # Two of its columns are the least that such a letter takes.
    assert max(map(cell_len, screen.lines)) <= max(width, 2)


@pytest.mark.parametrize("width", [40, 80, 100])
def test_many_long_values_leave_the_other_columns_their_room(width: int) -> None:
    screen = Screen(width)
    names = [f"a_hyperparameter_of_a_long_name_{number}" for number in range(10)]
    shown = Shown(screen, names=names)
    with shown.progress.live():
        shown.run(0, 0.7)
        shown.begin(a_trial(1, **dict.fromkeys(names, 0.123456)), 12)
    assert screen.rows[0][:5] == ["trial", "status", "epoch", "macro-F1", "seconds"]
    assert [trial[:4] for trial in screen.trials()] == [
        ("0001", "running", "0/12", "0"),
        ("0000", "completed", "1/4", "0.7000"),
    ]


# The time left


@pytest.mark.parametrize(
    ("done", "ended", "passed", "left"),
    [
        pytest.param(0, 0, 0, "10 min 00 s", id="at first all of it"),
        pytest.param(0, 0, 100, "8 min 20 s", id="it passes"),
        pytest.param(0, 1, 100, "8 min 20 s", id="too slow for all trials"),
        pytest.param(0, 5, 100, "1 min 40 s", id="half of the trials at this pace"),
        pytest.param(5, 0, 100, "8 min 20 s", id="an earlier run says nothing of the pace"),
        pytest.param(5, 1, 10, "40 s", id="but leaves fewer trials"),
        pytest.param(0, 10, 100, "0 s", id="all have ended"),
        pytest.param(0, 0, 700, "0 s", id="the time is up"),
        pytest.param(0, 2, 700, "0 s", id="with trials left"),
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
    assert terminal.summary().endswith(f", about {left} left")


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (1, "1 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (60, "1 min 00 s"),
        (61, "1 min 01 s"),
        (600, "10 min 00 s"),
        (3599, "59 min 59 s"),
        (3599.6, "1 h 00 min"),
        (3600, "1 h 00 min"),
        (3661, "1 h 01 min"),
        (8 * 3600, "8 h 00 min"),
        (86_399, "23 h 59 min"),
        (100 * 3600, "100 h 00 min"),
    ],
)
def test_a_duration_is_written_as_people_read_it(seconds: float, written: str) -> None:
    assert format_seconds(seconds) == written


# Values


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (64, "64"),
        (16000, "16000"),
        (0.3, "0.3"),
        (0.123456, "0.123"),
        (1.5e-3, "0.0015"),
        (1e-7, "1e-07"),
        (1.0, "1"),
        (True, "True"),
        ("max+mean", "max+mean"),
        (None, "None"),
    ],
)
def test_a_real_number_is_written_in_three_digits(value: object, written: str) -> None:
    assert plain_value(value) == written


@pytest.mark.parametrize(
    ("names", "written"),
    [
        ([], ""),
        (["dropout"], "dropout=0.25"),
        (["lstm_units", "dropout"], "lstm_units=64  dropout=0.25"),
    ],
)
def test_the_values_that_may_differ_are_written_in_their_order(
    names: list[str], written: str
) -> None:
    assert describe_values(a_trial(0), names) == written
