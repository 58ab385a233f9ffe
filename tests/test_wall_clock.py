"""Nothing that takes time looks at the wall clock, which may be set while it runs."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ecomcat.console import step
from ecomcat.errors import UserError
from ecomcat.serving.turns import Job, Lane
from ecomcat.tuning.jobs import Call, Worker, ask, run_jobs
from ecomcat.tuning.jobs import Job as TrialJob
from ecomcat.tuning.study import open_study
from ecomcat.tuning.workers import LocalPool

DAY, YEAR = 86_400.0, 365 * 86_400.0


@pytest.fixture(params=[(0, -DAY), (0, YEAR), (-DAY, YEAR)], ids=["back", "forward", "both"])
def jumping_clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the wall clock each time that it is read."""
    shifts, read = itertools.cycle(request.param), time.time
    monkeypatch.setattr(time, "time", lambda: read() + next(shifts))


def wait_for_a_request() -> None:
    lane, job = Lane("test"), Job(60)
    assert lane.submit(job, 1, divmod, 7, 2).result() == (3, 1)
    assert 0 < job.seconds_left <= 60
    assert lane.close(10)


def ask_a_worker() -> None:
    class Adder(Worker):
        def add(self, first: int, second: int) -> Any:
            yield first + second

    answers: list[int] = []

    def job() -> TrialJob:
        answers.append((yield from ask(Call("add", (1, 2), within_seconds=60))))

    jobs = [job()]
    run_jobs(LocalPool(Adder()), lambda: jobs.pop() if jobs else None, lambda: bool(jobs))
    assert answers == [3]


def show_a_step() -> None:
    with step("Counting", total=9, draw=False) as advance:
        for _ in range(9):
            advance()


@pytest.mark.usefixtures("jumping_clock")
@pytest.mark.parametrize("waiting", [wait_for_a_request, ask_a_worker, show_a_step])
def test_a_deadline_and_a_step_under_way_do_not_see_the_clock_being_set(
    waiting: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "ecomcat")
    waiting()
    assert caplog.text == "", "nothing took a second"


@pytest.mark.usefixtures("jumping_clock")
def test_a_study_is_held_while_the_clock_is_set(tmp_path: Path) -> None:
    with (
        open_study(tmp_path, "mine", {}, overwrite=False),
        pytest.raises(UserError, match="Another run holds the study"),
        open_study(tmp_path, "mine", {}, overwrite=False),
    ):
        pass
    with open_study(tmp_path, "mine", {}, overwrite=False) as study:
        assert study.name == "mine"


@pytest.mark.slow
@pytest.mark.usefixtures("jumping_clock")
def test_a_search_runs_its_trials_and_counts_its_time_while_the_clock_is_set(
    tmp_path: Path,
) -> None:
    from tests.tuning.formula import configure, run_formula

    config = configure("tpe", trials=4, max_minutes=60.0, trial_max_minutes=60.0)
    result, records = run_formula(config, tmp_path)
    assert [record.status for record in records] == ["completed"] * 4
    assert 0 <= result.seconds < 3600
    assert all(0 <= record.seconds < 3600 for record in records)
