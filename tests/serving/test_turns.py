"""Work has its turn piece by piece: who has asked for least so far comes first."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator

import pytest

from ecomcat.serving.turns import Job, Lane, StoppedError


@pytest.fixture
def lane() -> Iterator[Lane]:
    """Return a lane that is closed at the end of the test, when all its work must be done."""
    lane = Lane("test")
    yield lane
    assert lane.close(10)


@pytest.fixture
def go(lane: Lane) -> threading.Event:
    """Keep the lane busy until this is set."""
    started, event = threading.Event(), threading.Event()
    lane.submit(Job(60), 0, lambda: started.set() or event.wait(10))
    assert started.wait(10)
    return event


def test_the_least_comes_first_and_who_has_had_much_waits(lane: Lane, go: threading.Event) -> None:
    done = list[str]()
    large, small, later = Job(60), Job(60), Job(60)
    large.spent = 1e5
    for job, cost, name in [
        (large, 1e5, "large"),
        (later, 1.5e5, "later"),
        (small, 1, "small"),
        (small, 1, "small again"),
    ]:
        lane.submit(job, cost, done.append, name)
    last = lane.submit(Job(60), 1e9, done.copy)
    go.set()
    last.result()
    assert done == ["small", "small again", "later", "large"]
    assert (large.spent, small.spent, later.spent) == (2e5, 2, 1.5e5)


def test_who_waits_has_a_turn_before_a_little_smaller_ones_that_come_later(
    lane: Lane, go: threading.Event
) -> None:
    done = list[int]()
    for cost in (130, 100):
        last = lane.submit(Job(60), cost, done.append, cost)
        time.sleep(0.1)
    go.set()
    last.result()
    assert done == [130, 100]


@pytest.mark.parametrize("job", [Job(0), Job(60)], ids=["too late", "stopped"])
def test_what_nobody_waits_for_is_not_begun(lane: Lane, job: Job) -> None:
    called = list[int]()
    job.stop()
    with pytest.raises(StoppedError):
        lane.submit(job, 1, called.append, 1).result()
    assert not called


def test_an_error_is_raised_where_it_is_waited_for_and_the_lane_goes_on(lane: Lane) -> None:
    job = Job(math.inf)
    with pytest.raises(ZeroDivisionError):
        lane.submit(job, 1, divmod, 1, 0).result()
    assert lane.submit(job, 1, divmod, 7, 2).result() == (3, 1)


def test_it_is_closed_without_waiting_for_what_is_under_way(
    lane: Lane, go: threading.Event
) -> None:
    assert not lane.close(0.01)
    go.set()
