"""Who trains: this process or workers that Ray places; and jobs that share them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
from formula import configure, inputs

from ecomcat.config import SearchConfig
from ecomcat.errors import UserError
from ecomcat.tuning import workers
from ecomcat.tuning.jobs import (
    BatchesDone,
    Call,
    Job,
    TrialFailedError,
    Worker,
    ask,
    run_jobs,
)
from ecomcat.tuning.workers import LocalPool


@pytest.mark.parametrize(
    ("search", "cores", "gpus", "tasks", "share", "several"),
    [
        ({}, 2, 0, 20, 0.0, True),
        ({}, 1, 0, 20, 0.0, False),
        ({}, 8, 0, 1, 0.0, False),  # one trial needs one worker
        ({"cores_per_worker": 2}, 2, 0, 20, 0.0, False),
        ({"cores_per_worker": 2}, 4, 0, 20, 0.0, True),
        ({"workers": 1}, 8, 0, 20, 0.0, False),
        ({"workers": 3}, 1, 0, 20, 0.0, True),  # asked for in so many words
        ({"cluster": "auto", "workers": 1}, 1, 0, 1, 0.0, True),
        ({}, 16, 1, 20, 1.0, False),  # one trial a GPU: this process has it
        ({}, 16, 4, 20, 1.0, True),
        ({"workers": 3}, 16, 2, 20, 0.5, True),
        ({"workers": 2}, 16, 4, 20, 1.0, True),
        ({"gpus_per_worker": 0.25}, 16, 1, 20, 0.25, True),
        ({"gpus_per_worker": 0}, 16, 1, 20, 0, True),
    ],
)
def test_ray_is_used_where_several_workers_are_wanted_and_fit_or_a_cluster_is_wanted(
    monkeypatch: pytest.MonkeyPatch,
    search: dict[str, Any],
    cores: int,
    gpus: int,
    tasks: int,
    share: float,
    several: bool,
) -> None:
    monkeypatch.setattr(workers, "usable_cores", lambda: cores)
    monkeypatch.setattr(workers, "is_installed", lambda _package: True)
    shared = workers.share_gpus(SearchConfig(**search), gpus)
    assert shared.gpus_per_worker == share
    assert workers.needs_ray(shared, tasks, gpus) is several
    # Without Ray `auto` asks for no worker, and a number or a cluster still does.
    monkeypatch.setattr(workers, "is_installed", lambda _package: False)
    asked = "cluster" in search or search.get("workers", 1) > 1
    assert workers.needs_ray(shared, tasks, gpus) is asked


@pytest.mark.parametrize(
    ("search", "room", "tasks", "expected", "warned"),
    [
        ({}, 4, 20, 4, False),
        ({}, 4, 3, 3, False),  # more would have nothing to do
        ({"workers": 6}, 4, 20, 4, True),
        ({"workers": 6}, 4, 2, 2, False),
        ({"workers": 6, "cluster": "auto"}, 4, 20, 6, True),  # which may grow: they wait
    ],
)
def test_there_are_as_many_workers_as_there_is_room_and_work_for(
    caplog: pytest.LogCaptureFixture,
    search: dict[str, Any],
    room: int,
    tasks: int,
    expected: int,
    warned: bool,
) -> None:
    caplog.set_level("INFO", "ecomcat")
    assert workers.count_workers(SearchConfig(**search), room, tasks) == expected
    assert f"Workers: {expected} on th" in caplog.text
    assert ("There is room for" in caplog.text) is warned
    with pytest.raises(UserError, match=r"\(cores: 1, GPUs: 0, GB: 2\), found none.*cores_per_"):
        workers.count_workers(SearchConfig(**search), 0, tasks)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("search", "anyhow", "alone"),
    [
        ({}, False, True),
        ({"workers": 2}, False, True),
        ({"cluster": "auto"}, False, False),
        ({"cluster": "auto"}, True, True),
    ],
)
def test_where_ray_does_not_start_this_process_trains_unless_a_cluster_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    search: dict[str, Any],
    anyhow: bool,
    alone: bool,
) -> None:
    @contextmanager
    def broken(*_: Any) -> Iterator[None]:
        raise UserError("Cannot use Ray.")
        yield

    monkeypatch.setattr(workers, "running_ray", broken)
    monkeypatch.setattr(workers, "usable_cores", lambda: 4)
    with (
        nullcontext() if alone else pytest.raises(UserError, match="Cannot use Ray"),
        workers.open_pool(
            SearchConfig(**search), inputs(configure("random")), 9, anyhow=anyhow
        ) as pool,
    ):
        assert pool.size == 1
        assert "Cannot use Ray. This process trains alone." in caplog.text


class Adder(Worker):
    """A worker that adds numbers."""

    def add(self, first: int, second: int) -> Iterator[Any]:
        yield BatchesDone(1, 2)
        yield first + second


def test_a_call_that_takes_too_long_is_ended_at_its_next_progress_and_another_one_is_made() -> None:
    answers: list[Any] = []

    def job() -> Job:
        try:
            yield from ask(Call("add", (1, 2), within_seconds=-1.0))
        except TrialFailedError as error:
            answers.append(error.too_slow)
        answers.append((yield from ask(Call("add", (1, 2)))))

    jobs = [job()]
    run_jobs(LocalPool(Adder()), lambda: jobs.pop() if jobs else None, lambda: bool(jobs))
    assert answers == [True, 3]
