"""A study's time: of all of its runs, and only while one runs."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from ecomcat.tuning.study import Study, StudyClock, active_seconds


class Now:
    """The time that `time.monotonic` tells, which passes when the test says so."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def pass_by(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Now:
    stopped = Now(1000.0)
    monkeypatch.setattr(time, "monotonic", lambda: stopped.seconds)
    return stopped


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path)


def test_a_study_that_was_never_searched_has_taken_no_time(study: Study, now: Now) -> None:
    assert active_seconds(study) == 0.0
    assert StudyClock(study).seconds == 0.0
    assert list(study.directory.iterdir()) == []


def test_seconds_pass(study: Study, now: Now) -> None:
    clock = StudyClock(study)
    now.pass_by(1.5)
    assert clock.seconds == 1.5
    now.pass_by(60)
    assert clock.seconds == 61.5


def test_what_was_saved_is_read(study: Study, now: Now) -> None:
    clock = StudyClock(study)
    now.pass_by(12.34567)
    clock.save()
    assert active_seconds(study) == 12.346
    assert json.loads((study.directory / "clock.json").read_text()) == {"active_seconds": 12.346}


def test_each_run_adds_its_own_and_the_time_between_runs_does_not_count(
    study: Study, now: Now
) -> None:
    for run, total in enumerate((10.0, 20.0, 30.0)):
        clock = StudyClock(study)
        assert clock.seconds == run * 10
        now.pass_by(10)
        assert clock.seconds == total
        clock.save()
        now.pass_by(3600)
        assert active_seconds(study) == total


def test_a_run_on_a_machine_that_was_started_anew_goes_on(study: Study, now: Now) -> None:
    first = StudyClock(study)
    now.pass_by(10)
    first.save()
    now.seconds = 3.0
    second = StudyClock(study)
    now.pass_by(5)
    assert second.seconds == 15.0


@pytest.mark.parametrize(
    ("ticks", "saved"),
    [
        ([], 0.0),
        ([0.0], 0.0),
        ([1.9], 0.0),
        ([2.0], 2.0),
        ([1.0, 0.9], 0.0),
        ([1.0, 1.0], 2.0),
        ([2.0, 1.9], 2.0),
        ([2.5, 2.5], 5.0),
        ([10.0, 1.0], 10.0),
    ],
)
def test_a_tick_writes_when_nothing_was_written_for_two_seconds(
    study: Study, now: Now, ticks: list[float], saved: float
) -> None:
    clock = StudyClock(study)
    for seconds in ticks:
        now.pass_by(seconds)
        clock.tick()
    assert active_seconds(study) == saved


def test_a_tick_after_a_save_waits_again(study: Study, now: Now) -> None:
    clock = StudyClock(study)
    now.pass_by(1.5)
    clock.save()
    now.pass_by(1.5)
    clock.tick()
    assert active_seconds(study) == 1.5
    now.pass_by(0.5)
    clock.tick()
    assert active_seconds(study) == 3.5


def test_a_run_that_is_killed_loses_what_came_after_its_last_tick(study: Study, now: Now) -> None:
    killed = StudyClock(study)
    for _ in range(50):
        now.pass_by(0.5)
        killed.tick()
    now.pass_by(1.5)
    assert StudyClock(study).seconds == 24.0
    assert killed.seconds == 26.5
