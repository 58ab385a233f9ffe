"""Optuna's sampler: no repeats, near what was good, the same however often a study resumes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from domains import BOOL, EXAMPLES, FLOAT, INT, NAME, all_domains, contains, small_spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import create_trial

from ecomcat.model.space import Domain, key_of, parse_domain, space_size
from ecomcat.tuning.algorithms import draw
from ecomcat.tuning.records import (
    COMPLETED,
    CUT_SHORT,
    FAILED,
    PRUNED,
    RUNNING,
    TIME,
    TRIAL_TIME,
    TrialRecord,
)
from ecomcat.tuning.tpe import (
    TpeSearch,
    distribution_of,
    from_distribution,
    importances,
    to_distribution,
)

UNIT = {"x": parse_domain("0.0..1.0", FLOAT)}
SMALL = {
    "units": parse_domain("16..64 step 16", INT),
    "pooling": parse_domain(["max", "mean"], NAME),
    "layers": parse_domain(1, INT),
}
# How a trial ends: its status, its score after the last epoch, and why.
End = tuple[str, float | None, str]
Ending = Callable[[int, Mapping[str, Any]], End]


class Oracle:
    """What the algorithm sees of an oracle, and the trials so far."""

    def __init__(self, space: Mapping[str, Domain], seed: int = 1) -> None:
        self.space, self.seed = space, seed
        self.trials: list[TrialRecord] = []
        self.table = SimpleNamespace(records=self.trials)

    def tried(self) -> set[Any]:
        return {key_of(self.space, record.values) for record in self.trials}

    def suggest(self) -> dict[str, Any] | None:
        oracle: Any = self
        values = TpeSearch(startup_trials=6).propose(oracle)
        if values is not None:
            self.trials.append(TrialRecord(f"{len(self.trials):04}", values))
        return values

    def run(self, trials: int, ending: Ending) -> Oracle:
        """Suggest and end trials one after the other."""
        for _ in range(trials):
            values = self.suggest()
            assert values is not None
            record = self.trials[-1]
            record.status, record.objective, record.ended = ending(len(self.trials) - 1, values)
            record.epochs = 0 if record.objective is None else 2
        return self

    @property
    def suggested(self) -> list[dict[str, Any]]:
        return [record.values for record in self.trials]


def near_0_3(values: Mapping[str, Any]) -> End:
    return COMPLETED, 1 - abs(values["x"] - 0.3), ""


def by_turns(number: int, values: Mapping[str, Any]) -> End:
    """Let trials be completed, pruned, fail and go on, with a score that follows from values."""
    score = sum(map(ord, "".join(map(str, values.values())))) % 97 / 97
    status = (COMPLETED, PRUNED, COMPLETED, FAILED, RUNNING)[number % 5]
    return status, score if status in {COMPLETED, PRUNED} else None, ""


# What is suggested


@settings(deadline=None, max_examples=20)
@given(small_spaces(12))
def test_no_configuration_is_suggested_twice_and_none_when_all_were(
    space: dict[str, Domain],
) -> None:
    size = int(space_size(space))
    oracle = Oracle(space).run(size, by_turns)
    assert len(oracle.tried()) == size
    assert oracle.suggest() is None


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param((FAILED, None, ""), id="failed"),
        pytest.param((PRUNED, 0.9, ""), id="pruned, whatever it had reached"),
        pytest.param((CUT_SHORT, 0.9, TRIAL_TIME), id="too slow, whatever it had reached"),
        pytest.param((COMPLETED, 0.3, ""), id="completed with little"),
    ],
)
def test_it_keeps_away_from_where_trials_ended_badly(bad: End) -> None:
    def right_half_is_bad(_number: int, values: Mapping[str, Any]) -> End:
        return bad if values["x"] > 0.5 else near_0_3(values)

    runs = [Oracle(UNIT, seed).run(30, right_half_is_bad).suggested for seed in (1, 2)]
    in_right_half = [values["x"] > 0.5 for run in runs for values in run[10:]]
    assert np.mean(in_right_half) < 0.3


def test_trials_that_the_end_of_the_search_cut_short_teach_nothing() -> None:
    def cut(score: float) -> list[dict[str, Any]]:
        def ending(number: int, values: Mapping[str, Any]) -> End:
            return (CUT_SHORT, score, TIME) if number % 3 == 0 else near_0_3(values)

        return Oracle(UNIT).run(20, ending).suggested

    assert cut(0.0) == cut(1.0)


@pytest.mark.parametrize("space", [EXAMPLES, SMALL], ids=["all kinds", "small"])
def test_a_suggestion_lies_within_the_space_and_follows_from_seed_number_and_trials(
    space: dict[str, Domain],
) -> None:
    at_once = Oracle(space).run(8, by_turns)
    resumed = Oracle(space)
    resumed.trials.extend(Oracle(space).run(3, by_turns).trials)
    assert resumed.run(5, by_turns).suggested == at_once.suggested
    for values in at_once.suggested:
        assert list(values) == list(space)
        assert all(contains(domain, values[name]) for name, domain in space.items())
    if space is EXAMPLES:
        assert Oracle(space, 2).run(8, by_turns).suggested != at_once.suggested


# Optuna's forms of our domains


@settings(deadline=None)
@given(all_domains, st.integers(0, 2**32))
def test_what_is_drawn_goes_to_optuna_and_comes_back(domain: Domain, seed: int) -> None:
    value = draw({"x": domain}, np.random.default_rng(seed))["x"]
    found = to_distribution(domain, value)
    # Optuna refuses a trial with a value that is not the distribution's.
    create_trial(params={"x": found}, distributions={"x": distribution_of(domain)}, value=0.0)
    back = from_distribution(domain, found)
    assert (back, type(back)) == (value, type(value))


# Which hyperparameters made the difference

SPACE = {
    "max_tokens": parse_domain(128, INT),
    "lstm_units": parse_domain("16..256 step 16", INT),
    "bidirectional": parse_domain([True, False], BOOL),
    "pooling": parse_domain(["max", "mean", "last"], NAME),
    "dropout": parse_domain("0.0..0.6", FLOAT),
    "learning_rate": parse_domain("1e-4..1e-2 log", FLOAT),
}
Score = Callable[[Mapping[str, Any]], float]


def trials(
    count: int, score: Score, *, status: str = COMPLETED, first: int = 0
) -> list[TrialRecord]:
    """Return trials drawn at random, with the scores that follow from their values."""
    random, records = np.random.default_rng(first), []
    for number in range(first, first + count):
        values = draw(SPACE, random)
        objective = None if status == FAILED else score(values)
        records.append(TrialRecord(f"{number:04}", values, status=status, objective=objective))
    return records


def by_units(values: Mapping[str, Any]) -> float:
    return 0.5 + float(values["lstm_units"]) / 1000


@pytest.mark.parametrize(
    ("decisive", "score"),
    [
        ("lstm_units", by_units),
        ("pooling", lambda values: {"max": 0.9, "mean": 0.5, "last": 0.7}[values["pooling"]]),
        ("learning_rate", lambda values: 1 + math.log10(values["learning_rate"]) / 10),
    ],
)
def test_what_decides_the_score_has_the_largest_share(decisive: str, score: Score) -> None:
    shares = importances(trials(40, score), SPACE, seed=1)
    assert set(shares) == set(SPACE) - {"max_tokens"}
    assert next(iter(shares)) == decisive
    assert sum(shares.values()) == pytest.approx(1)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)


@pytest.mark.parametrize(
    ("records", "space"),
    [
        pytest.param([], SPACE, id="no trials"),
        pytest.param(trials(7, by_units), SPACE, id="too few"),
        pytest.param(trials(20, lambda _: 0.5), SPACE, id="all the same"),
        pytest.param(trials(20, by_units), {"max_tokens": SPACE["max_tokens"]}, id="one value"),
    ],
)
def test_what_says_too_little_has_no_shares(
    records: list[TrialRecord], space: dict[str, Domain]
) -> None:
    assert importances(records, space, seed=1) == {}


def test_trials_that_did_not_complete_are_left_out() -> None:
    completed = trials(12, by_units)
    others = [
        record
        for first, status in ((20, PRUNED), (40, FAILED), (60, RUNNING), (80, CUT_SHORT))
        for record in trials(20, lambda _: 0.1, status=status, first=first)
    ]
    expected = importances(completed, SPACE, seed=1)
    assert expected and importances([*others, *completed], SPACE, seed=1) == expected
