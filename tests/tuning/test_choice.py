"""Who trains: this process, or workers that Ray places."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from ecomcat.config import SearchConfig
from ecomcat.process import _quota
from ecomcat.tuning import workers as choice


@pytest.mark.parametrize(
    ("search", "cores", "installed", "trials", "expected"),
    [
        ({}, 2, True, 20, True),
        ({}, 2, False, 20, False),  # auto asks for nothing that is not there
        ({}, 1, True, 20, False),
        ({}, 8, True, 1, False),  # one trial needs one worker
        ({"cores_per_worker": 2}, 2, True, 20, False),
        ({"cores_per_worker": 2}, 4, True, 20, True),
        ({"workers": 1}, 8, True, 20, False),
        ({"workers": 1}, 8, False, 20, False),
        ({"workers": 3}, 1, True, 20, True),  # asked for in so many words
        ({"cluster": "auto"}, 1, True, 1, True),
        ({"cluster": "auto", "workers": 1}, 1, True, 1, True),
    ],
)
def test_ray_is_used_where_several_workers_are_wanted_or_a_cluster_is(
    monkeypatch: pytest.MonkeyPatch,
    search: dict[str, Any],
    cores: int,
    installed: bool,
    trials: int,
    expected: bool,
) -> None:
    monkeypatch.setattr(choice, "usable_cores", lambda: cores)
    monkeypatch.setattr(choice, "ray_is_installed", lambda: installed)
    assert choice.needs_ray(SearchConfig(**search), trials) is expected


@pytest.mark.parametrize(
    ("workers", "room", "trials", "expected"),
    [
        ("auto", 4, 20, 4),
        ("auto", 4, 3, 3),  # more would have nothing to do
        ("auto", 0, 20, 1),  # and the pool says why it does not start
        (6, 4, 20, 4),
        (6, 4, 2, 2),
    ],
)
def test_as_many_workers_as_there_is_room_and_work_for(
    caplog: pytest.LogCaptureFixture, workers: Any, room: int, trials: int, expected: int
) -> None:
    caplog.set_level("INFO", "ecomcat")
    assert choice._count(SearchConfig(workers=workers), room, trials) == expected
    assert f"Workers: {expected} on this machine" in caplog.text
    assert ("There is room for" in caplog.text) is ((workers == 6 and trials == 20) or room == 0)


def test_on_a_cluster_which_may_grow_workers_wait_for_room(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "ecomcat")
    assert choice._count(SearchConfig(workers=6, cluster="auto"), 4, 20) == 6
    assert "There is room for 4 of 6 workers." in caplog.text


@pytest.mark.parametrize(
    ("content", "cores"),
    [
        ("max 100000", sys.maxsize),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("50000 100000", 1),
        ("something else", sys.maxsize),
        (None, sys.maxsize),
    ],
)
def test_a_containers_share_of_the_processors_is_seen(
    tmp_path: Path, content: str | None, cores: int
) -> None:
    limit = tmp_path / "cpu.max"
    if content is not None:
        limit.write_text(content)
    assert _quota(limit) == cores
