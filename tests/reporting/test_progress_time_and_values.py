"""How the progress of a search writes the time left, and the values of a trial."""

from __future__ import annotations

import pytest
from screen import Now, Screen, Shown, a_trial, now, terminal, terminals_can_draw

from ecomcat.console import format_seconds
from ecomcat.reporting.terminal import describe_values, plain_value
from ecomcat.tuning.records import COMPLETED

# Fixtures, which pytest finds here.
__all__ = ["now", "terminal", "terminals_can_draw"]


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
