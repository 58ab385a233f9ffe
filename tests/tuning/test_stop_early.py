"""When a search ends early, since more trials could bring less than validation can show."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from formula import FormulaWorker, Objective, configure, run, run_formula
from hypothesis import given
from hypothesis import strategies as st
from trial_records import ended

from ecomcat.tuning.jobs import Call
from ecomcat.tuning.listeners import SearchListener
from ecomcat.tuning.records import FAILED, PRUNED, RUNNING, TrialRecord
from ecomcat.tuning.stop_early import Outlook, gain_of_more, outlook

SCORES = st.lists(st.floats(0.1, 1), min_size=2, max_size=5)
FLAT = [0.9412, 0.9405, 0.9409, 0.9411, 0.9402, 0.9408, 0.9410, 0.9407]
RISING = [0.80, 0.82, 0.83, 0.85, 0.86, 0.88, 0.89, 0.91]


def records(scores: list[float], accuracy: float = 0.94) -> list[TrialRecord]:
    found = [ended(number, score) for number, score in enumerate(scores)]
    for record in found:
        record.accuracy = accuracy
    return found


# What more trials would bring


@given(SCORES)
def test_twice_the_trials_gain_what_all_of_them_gained_over_half_up_to_a_perfect_score(
    scores: list[float],
) -> None:
    scores, half = scores * 2, len(scores)
    halves = [max(each) for each in itertools.combinations(scores, half)]
    expected = max(scores) - min(float(np.mean(halves)), max(scores[:half]))
    expected = min(expected, 1 - max(scores))
    assert gain_of_more(scores, len(scores)) == pytest.approx(expected, abs=1e-12)


@given(SCORES, st.integers(0, 50))
def test_more_trials_never_bring_less(scores: list[float], more: int) -> None:
    assert 0 <= gain_of_more(scores, more) <= gain_of_more(scores, more + 1)
    assert gain_of_more(scores, 0) == 0


def test_thousands_of_trials_are_no_trouble() -> None:
    scores = np.random.default_rng(0).normal(0.9, 0.01, 5000).tolist()
    assert 0 < gain_of_more(scores, 5000) < 0.01


# When that is too little


@pytest.mark.parametrize(
    ("scores", "accuracy", "texts", "poor"),
    [
        (FLAT, 0.94, 2000, True),
        (FLAT, 0.94, 2_000_000, False),  # which show the smallest of gains
        (RISING, 0.94, 2000, False),
        ([0.94] * 8, 0.94, 2_000_000, True),
        ([*RISING, 1.0], 1.0, 2000, True),  # nothing is better than right on all texts
    ],
)
def test_the_outlook_is_poor_where_the_gain_is_lost_in_the_noise(
    scores: list[float], accuracy: float, texts: int, poor: bool
) -> None:
    found = outlook(records(scores, accuracy), 8, texts)
    assert found is not None
    assert found.is_poor == poor
    assert found.noise == pytest.approx(np.sqrt(accuracy * (1 - accuracy) / texts))


def test_nothing_is_said_of_few_trials_and_those_that_failed_or_run_are_none() -> None:
    assert outlook(records(FLAT[:7]), 8, 2000) is None
    others = [ended(20, None, FAILED), ended(21, None, RUNNING)]
    assert outlook([*records(FLAT[:7]), *others], 8, 2000) is None
    pruned = [ended(20, 0.5, PRUNED)]
    assert outlook([*records(FLAT[:7]), *pruned], 8, 2000) is not None
    assert outlook([ended(number, 0.5, PRUNED) for number in range(9)], 8, 2000) is None


def test_a_single_trial_is_no_plural() -> None:
    assert ": 1 more trial would raise macro-F1" in str(Outlook(1, gain=0.001, noise=0.02))


# What becomes of a search


class Told(SearchListener):
    """A listener that is told whether a search may end early."""

    def search_begins(self, **search: Any) -> None:
        self.may_end_early = search["may_end_early"]


def test_a_search_ends_early_and_says_why_and_how_to_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "ecomcat")
    # There are 12 configurations, so that no more than 4 trials could follow the first 8.
    config, told = configure("random", trials=50, stop_early=True), Told()
    result, tried = run_formula(config, tmp_path, listeners=[told])
    assert (result.trials, len(tried), told.may_end_early) == (8, 8, True)
    assert result.ended in caplog.messages
    for part in ("The search ends early: 4 more trials", "search.stop_early=false continues"):
        assert part in result.describe()["ended"]
    again, _ = run_formula(configure("random", trials=50, stop_early=True), tmp_path)
    assert again.describe() == {**result.describe(), "seconds": again.describe()["seconds"]}
    more, _ = run_formula(configure("random", trials=12), tmp_path)
    assert (more.trials, more.ended) == (
        12,
        "The space is exhausted: all of its 12 configurations were tried.",
    )


class TwoWorkers:
    """Two workers that answer in turn, so that one has a trial while the other ends its own."""

    size = 2

    def __init__(self, objective: Objective) -> None:
        self._workers = {name: FormulaWorker(objective) for name in "ab"}
        self._asked: dict[str, Any] = {}

    def free(self) -> list[str]:
        return [name for name in self._workers if name not in self._asked]

    def call(self, worker: str, call: Call) -> None:
        self._asked[worker] = self._workers[worker].call(call.method, *call.arguments)

    def wait(self) -> list[tuple[str, Any]]:
        worker = next(iter(self._asked))
        return [(worker, next(self._asked.pop(worker)))]


def test_a_search_goes_on_where_the_trial_still_under_way_makes_more_of_them_worth_it(
    tmp_path: Path,
) -> None:
    seen: list[tuple[Any, ...]] = []

    def the_ninth_is_better(values: Mapping[str, Any]) -> float:
        key = (values["lstm_units"], values["dropout"])
        seen.extend([key] * (key not in seen))
        return 0.5 if seen.index(key) < 8 else 0.9

    config = configure("random", trials=11, stop_early=True)
    result, _ = run(config, tmp_path, TwoWorkers(the_ninth_is_better))
    assert (result.trials, result.ended) == (11, "All trials were run (search.max_trials).")


@pytest.mark.parametrize(("algorithm", "trials"), [("grid", 10), ("hyperband", 10), ("random", 8)])
def test_a_grid_hyperband_and_a_few_trials_go_on_to_their_end(
    algorithm: str, trials: int, tmp_path: Path
) -> None:
    config, told = configure(algorithm, trials=trials, stop_early=True), Told()
    result, _ = run_formula(config, tmp_path, listeners=[told])
    assert (result.trials, result.ended) == (trials, "All trials were run (search.max_trials).")
    assert not told.may_end_early
