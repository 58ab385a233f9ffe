"""A search that was stopped, at whatever point, goes on as if it had not been."""

from __future__ import annotations

import errno
import itertools
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from formula import ALGORITHMS, configure, peak, run_formula
from trial_records import outline

from ecomcat.errors import UserError
from ecomcat.process import forget_requests, request_stop
from ecomcat.tuning.trial_table import TrialTable

pytestmark = [
    pytest.mark.slow,
    # scikit-learn's Gaussian process, when its few points say little.
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

Tried = list[dict[str, Any]]


def interrupted_at(count: int, tried: Tried, error: BaseException | None = None) -> Any:
    """Return an objective that is interrupted once, in the trial of a number from 1.

    An `error` is one that is lost, as in a finalizer, from which no exception comes out.
    """
    pending = [error or KeyboardInterrupt()]

    def objective(values: Mapping[str, Any]) -> float:
        if len(tried) == count and pending:
            if error is None:
                raise pending.pop()
            request_stop(pending.pop())
        return peak(values)

    return objective


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_goes_on_where_it_stopped_as_if_it_had_not_stopped(algorithm: str, tmp_path: Path) -> None:
    # No more than what the Gaussian process is first asked for, which takes its time.
    total = 7 if algorithm == "bayesian" else 10
    stopped: Tried = []
    space = {"dropout": "0.0..0.6", "learning_rate": "1e-4..1e-2 log"}
    for trials in (3, 4, total):
        config = configure(algorithm, trials=trials, **space)
        _, records = run_formula(config, tmp_path, tried=stopped)
    assert len(stopped) == len(records) == total
    at_once: Tried = []
    config = configure(algorithm, trials=total, name="at_once", **space)
    run_formula(config, tmp_path / "at_once", tried=at_once)
    assert stopped == at_once
    run_formula(config, tmp_path / "at_once", tried=at_once)
    assert len(at_once) == total, "there are no trials left"


@pytest.mark.parametrize(
    ("algorithm", "number", "lost"),
    [
        ("tpe", 1, None),
        ("hyperband", 3, None),
        ("grid", 3, None),
        ("random", 3, KeyboardInterrupt()),
        ("random", 3, SystemExit(143)),
    ],
)
def test_an_interrupted_trial_runs_again_and_the_search_goes_on(
    algorithm: str, number: int, lost: BaseException | None, tmp_path: Path
) -> None:
    tried: Tried = []
    objective = interrupted_at(number, tried, lost)
    try:
        with pytest.raises(type(lost or KeyboardInterrupt())):
            run_formula(configure(algorithm, trials=5), tmp_path, objective, tried)
    finally:
        forget_requests()
    assert len(tried) == number
    _, records = run_formula(configure(algorithm, trials=5), tmp_path, objective, tried)
    assert [record.status for record in records] == ["completed"] * 5
    assert tried[number - 1] == tried[number], "the interrupted configuration comes first"
    assert len(tried) == 6


def test_a_search_that_is_killed_twenty_times_loses_no_trial_and_runs_none_twice(
    tmp_path: Path,
) -> None:
    (tmp_path / "undisturbed").mkdir()
    paths = [str(ROOT), str(ROOT / "tests" / "tuning")]
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "tuning" / "killed_search.py"), str(tmp_path), "20"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_trial_that_the_search_dies_of_again_and_again_fails_in_the_end(tmp_path: Path) -> None:
    config = configure("grid", trials=4, dropout=0.4, max_retries=1)
    for _ in range(3):  # stopped in order, as often as it takes
        with pytest.raises(KeyboardInterrupt):
            run_formula(config, tmp_path, interrupted_at(0, []))
    table = TrialTable(tmp_path / "study")
    # As two runs leave it that are killed in this trial.
    table["0000"].unfinished = 2
    table.save(table["0000"])
    _, records = run_formula(config, tmp_path)
    assert [record.status for record in records] == ["failed", *["completed"] * 3]
    assert records[0].ended == "the search died 2 times while it ran this trial"


def test_a_disk_that_is_full_at_any_write_ends_the_search_and_it_can_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, writes = configure("hyperband", trials=4), iter([False] * 1000)
    real = os.fsync

    def fsync(file: int) -> None:
        if next(writes):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    _, undisturbed = run_formula(config, tmp_path / "undisturbed")
    expected, count = list(map(outline, undisturbed)), 1000 - sum(1 for _ in writes)
    assert count > 20
    for number in range(count):
        writes = itertools.chain([False] * number, [True], itertools.repeat(False))
        with pytest.raises(UserError, match=r"No space left on device\. Make room, and run"):
            run_formula(config, tmp_path / str(number))
        _, records = run_formula(config, tmp_path / str(number))
        assert list(map(outline, records)) == expected, f"the disk was full at write {number}"
