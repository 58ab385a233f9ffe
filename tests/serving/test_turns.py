"""Work has its turn piece by piece: who has asked for least so far comes first."""

from __future__ import annotations

import asyncio
import math
import threading

import pytest

from ecomcat.serving.turns import Job, Lane, StoppedError


def test_the_least_comes_first_and_who_has_had_much_waits() -> None:
    lane, done, started, go = Lane("test"), list[str](), threading.Event(), threading.Event()

    def hold() -> None:
        started.set()
        assert go.wait(10)

    async def many() -> None:
        large, small, later = Job(60), Job(60), Job(60)
        waiting = [asyncio.create_task(lane.run(Job(60), 0, hold))]
        await asyncio.to_thread(started.wait, 10)
        large.spent = 1e5
        for job, cost, name in [
            (large, 1e5, "large"),
            (later, 1.5e5, "later"),
            (small, 1, "small"),
            (small, 1, "small again"),
        ]:
            waiting.append(asyncio.create_task(lane.run(job, cost, done.append, name)))
            await asyncio.sleep(0)
        go.set()
        await asyncio.gather(*waiting)
        assert (large.spent, small.spent, later.spent) == (2e5, 2, 1.5e5)

    asyncio.run(many())
    assert done == ["small", "small again", "later", "large"]
    assert lane.close(10)


def test_who_waits_has_a_turn_before_a_little_smaller_ones_that_come_later() -> None:
    lane, done, started, go = Lane("test"), list[str](), threading.Event(), threading.Event()

    def hold() -> None:
        started.set()
        assert go.wait(10)

    async def two() -> None:
        waiting = [asyncio.create_task(lane.run(Job(60), 0, hold))]
        await asyncio.to_thread(started.wait, 10)
        for cost in (130, 100):
            waiting.append(asyncio.create_task(lane.run(Job(60), cost, done.append, str(cost))))
            await asyncio.sleep(0.1)
        go.set()
        await asyncio.gather(*waiting)

    asyncio.run(two())
    assert done == ["130", "100"]
    assert lane.close(10)


@pytest.mark.parametrize("job", [Job(0), Job(60)], ids=["too late", "stopped"])
def test_what_nobody_waits_for_is_not_begun(job: Job) -> None:
    lane, called = Lane("test"), list[int]()
    job.stop()
    with pytest.raises(StoppedError):
        lane.wait(job, 1, called.append, 1)
    assert not called
    assert lane.close(10)


def test_an_error_is_raised_where_it_is_waited_for_and_the_lane_goes_on() -> None:
    lane, job = Lane("test"), Job(math.inf)
    with pytest.raises(ZeroDivisionError):
        lane.wait(job, 1, divmod, 1, 0)
    assert lane.wait(job, 1, divmod, 7, 2) == (3, 1)
    assert lane.close(10)


def test_it_is_closed_without_waiting_for_what_is_under_way() -> None:
    lane, started, go = Lane("test"), threading.Event(), threading.Event()

    def hold() -> None:
        started.set()
        assert go.wait(10)

    threading.Thread(target=lane.wait, args=[Job(60), 1, hold]).start()
    assert started.wait(10)
    assert not lane.close(0.01)
    go.set()
