"""A search that was stopped, at whatever point, goes on as if it had not been."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from formula import configure, peak, run_formula

from ecomcat.tuning.records import TrialRecord

pytestmark = [
    pytest.mark.slow,
    # Keras Tuner calls names that Python renamed.
    pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:getName:DeprecationWarning"),
    # scikit-learn's Gaussian process, when its few points say little.
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

ALGORITHMS = ["tpe", "random", "bayesian", "hyperband", "grid"]
Tried = list[dict[str, Any]]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_goes_on_where_it_stopped_as_if_it_had_not_stopped(algorithm: str, tmp_path: Path) -> None:
    stopped: Tried = []
    space = {"dropout": "0.0..0.6", "learning_rate": "1e-4..1e-2 log"}
    for trials in (3, 4, 9):
        config = configure(algorithm, trials=trials, **space)
        _, records = run_formula(config, tmp_path, tried=stopped)
    assert len(stopped) == len(records) == 9
    at_once: Tried = []
    config = configure(algorithm, trials=9, name="at_once", **space)
    run_formula(config, tmp_path / "at_once", tried=at_once)
    assert stopped == at_once


def test_a_study_without_trials_left_but_with_time_runs_none(tmp_path: Path) -> None:
    tried: Tried = []
    run_formula(configure("random", trials=2), tmp_path, tried=tried)
    run_formula(configure("random", trials=2), tmp_path, tried=tried)
    assert len(tried) == 2


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_interrupted_trial_runs_again_and_the_search_goes_on(
    algorithm: str, tmp_path: Path
) -> None:
    tried: Tried = []
    interrupted = False

    def interrupted_once(values: Mapping[str, Any]) -> float:
        nonlocal interrupted
        if len(tried) == 3 and not interrupted:
            interrupted = True
            raise KeyboardInterrupt
        return peak(values)

    with pytest.raises(KeyboardInterrupt):
        run_formula(configure(algorithm, trials=5), tmp_path, interrupted_once, tried)
    _, records = run_formula(configure(algorithm, trials=5), tmp_path, interrupted_once, tried)
    assert [record.status for record in records] == ["completed"] * 5
    assert tried[2] == tried[3], "the interrupted configuration comes first on resuming"
    assert len(tried) == 6


def test_a_trial_that_is_stopped_in_order_is_begun_as_often_as_it_takes(tmp_path: Path) -> None:
    def stopped(values: Mapping[str, Any]) -> float:
        raise KeyboardInterrupt

    for _ in range(5):
        with pytest.raises(KeyboardInterrupt):
            run_formula(configure("random", trials=1), tmp_path, stopped)
    _, records = run_formula(configure("random", trials=1), tmp_path)
    assert records[0].status == "completed"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(143)])
def test_a_signal_whose_exception_was_lost_ends_the_search_all_the_same(
    tmp_path: Path, error: BaseException
) -> None:
    from ecomcat.process import forget_requests, request_stop

    tried: Tried = []

    def lost(values: Mapping[str, Any]) -> float:
        # As in a finalizer, from which no exception comes out.
        if len(tried) == 3:
            request_stop(error)
        return peak(values)

    try:
        with pytest.raises(type(error)):
            run_formula(configure("random", trials=9), tmp_path, lost, tried)
    finally:
        forget_requests()
    assert len(tried) == 3
    _, records = run_formula(configure("random", trials=9), tmp_path)
    assert [record.status for record in records] == ["completed"] * 9


def test_a_crash_before_the_first_trial_ends_leaves_a_study_that_starts_again(
    tmp_path: Path,
) -> None:
    def interrupted(values: Mapping[str, Any]) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_formula(configure("random", trials=2), tmp_path, interrupted)
    _, records = run_formula(configure("random", trials=2), tmp_path)
    assert [record.status for record in records] == ["completed", "completed"]


@pytest.mark.parametrize("algorithm", ["tpe", "random", "grid"])
def test_a_trial_that_the_state_does_not_know_yet_runs_on_resuming(
    algorithm: str, tmp_path: Path
) -> None:
    """Keras Tuner writes a trial's file before its own state; a run may die in between."""
    tried: Tried = []

    def interrupted(values: Mapping[str, Any]) -> float:
        if len(tried) == 2:
            raise KeyboardInterrupt
        return peak(values)

    run_formula(configure(algorithm, trials=1), tmp_path, interrupted, tried)
    state = (tmp_path / "study" / "oracle.json").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        run_formula(configure(algorithm, trials=2), tmp_path, interrupted, tried)
    (tmp_path / "study" / "oracle.json").write_bytes(state)
    _, records = run_formula(configure(algorithm, trials=3), tmp_path, interrupted, tried)
    assert [record.status for record in records] == ["completed"] * 3


def test_a_trial_whose_end_the_oracle_did_not_hear_of_is_not_run_again(tmp_path: Path) -> None:
    tried: Tried = []
    rules = {"pruner": "median", "warmup_epochs": 1, "min_peers": 3}
    states = []

    class Keeper:
        def trial_begins(self, *_: Any) -> None:
            states.append((tmp_path / "study" / "oracle.json").read_bytes())

        def epoch_ends(self, *_: Any) -> None: ...

        def trial_ends(self, record: TrialRecord) -> None: ...

    config = configure("random", trials=8, **rules)
    _, before = run_formula(config, tmp_path, tried=tried, listeners=[Keeper()])
    (tmp_path / "study" / "oracle.json").write_bytes(states[-1])
    for record in before[-1:]:
        path = tmp_path / "study" / "trials" / record.id / "trial.json"
        path.write_text(path.read_text().replace('"COMPLETED"', '"RUNNING"'))
    _, after = run_formula(config, tmp_path, tried=tried)
    assert len(tried) == 8
    assert after == before
