"""The sampler: no repeats, near what was good, and the same however often it resumes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from domains import EXAMPLES, FLOAT, INT, NAME, contains, small_spaces
from hypothesis import given, settings

from ecomcat.model.space import Domain, parse_domain, space_size
from ecomcat.tuning.draws import Key, key_of
from ecomcat.tuning.pruners import Curve
from ecomcat.tuning.tpe import TpeSampler

UNIT = {"x": parse_domain("0.0..1.0", FLOAT)}
SMALL = {
    "units": parse_domain("16..64 step 16", INT),
    "pooling": parse_domain(["max", "mean"], NAME),
    "layers": parse_domain(1, INT),
}
# How a trial ended: its curve and whether it was pruned; None while it runs.
End = tuple[Curve, bool] | None
Ending = Callable[[int, Mapping[str, Any]], End]


class Search:
    """A sampler, and what it has suggested so far."""

    def __init__(self, space: Mapping[str, Domain], seed: int = 1) -> None:
        self.space = space
        self.sampler = TpeSampler(space, seed)
        self.suggested: list[dict[str, Any]] = []
        self.ends: list[End] = []

    @property
    def tried(self) -> set[Key]:
        return {key_of(self.space, values) for values in self.suggested}

    def suggest(self) -> dict[str, Any] | None:
        number = len(self.suggested)
        values = self.sampler.suggest(f"{number:04}", number, self.tried)
        if values is not None:
            self.suggested.append(values)
            self.ends.append(None)
        return values

    def run(self, trials: int, ending: Ending) -> Search:
        """Suggest and end trials one after the other."""
        for _ in range(trials):
            number, values = len(self.suggested), self.suggest()
            assert values is not None
            self.ends[-1] = ending(number, values)
            tell_end(self.sampler, number, self.ends[-1])
        return self

    def resumed(self, seed: int = 1) -> Search:
        """Return a search whose sampler was told of this one's trials."""
        other = Search(self.space, seed)
        other.suggested, other.ends = list(self.suggested), list(self.ends)
        for number, (values, end) in enumerate(zip(self.suggested, self.ends, strict=True)):
            other.sampler.begin(f"{number:04}", values)
            tell_end(other.sampler, number, end)
        return other


def tell_end(sampler: TpeSampler, number: int, end: End) -> None:
    if end is not None:
        curve, pruned = end
        sampler.end(f"{number:04}", curve, pruned=pruned)


def near_0_3(_number: int, values: Mapping[str, Any]) -> End:
    return {1: 0.5, 2: 1 - abs(values["x"] - 0.3)}, False


def by_turns(number: int, values: Mapping[str, Any]) -> End:
    """Let trials be completed, pruned, failed and go on, with a score that follows from values."""
    score = sum(map(ord, "".join(map(str, values.values())))) % 97 / 97
    ends: list[End] = [({1: 0.1, 2: score}, False), ({1: score}, True), ({}, False), None]
    return ends[(0, 1, 0, 2, 3)[number % 5]]


# What is suggested


@pytest.mark.parametrize("trials", [1, 20])
def test_suggestions_lie_within_the_space_and_name_every_hyperparameter(trials: int) -> None:
    search = Search(EXAMPLES).run(trials, by_turns)
    for values in search.suggested:
        assert list(values) == list(EXAMPLES)
        assert all(contains(domain, values[name]) for name, domain in EXAMPLES.items())


@settings(deadline=None, max_examples=20)
@given(small_spaces(12))
def test_no_configuration_is_suggested_twice_and_none_when_all_were(
    space: dict[str, Domain],
) -> None:
    size = int(space_size(space))
    search = Search(space).run(size, by_turns)
    assert len(search.tried) == size
    assert search.suggest() is None
    assert search.suggest() is None


@pytest.mark.parametrize("best", [{"units": 16, "pooling": "mean"}, {"units": 48}])
def test_a_small_space_is_suggested_to_its_end_however_one_sided_the_scores(
    best: Mapping[str, Any],
) -> None:
    def one_sided(_number: int, values: Mapping[str, Any]) -> End:
        return {1: 0.9 if best.items() <= values.items() else 0.1}, False

    search = Search(SMALL).run(8, one_sided)
    assert len(search.tried) == 8
    assert search.suggest() is None


def test_what_others_tried_is_not_suggested_either() -> None:
    sampler = TpeSampler(SMALL, 1)
    tried = {(units, "max", 1) for units in (16, 32, 48, 64)}
    for number in range(20):
        values = sampler.suggest(f"{number:04}", number, tried)
        assert values is not None and values["pooling"] == "mean"


def test_it_looks_where_trials_were_good() -> None:
    runs = [Search(UNIT, seed).run(25, near_0_3).suggested for seed in range(1, 6)]

    def distance(trials: slice) -> float:
        return float(np.mean([abs(values["x"] - 0.3) for run in runs for values in run[trials]]))

    assert distance(slice(-12, None)) < 0.6 * distance(slice(6))


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_trials_that_run_at_a_time_spread_out(seed: int) -> None:
    def spread(found: list[dict[str, Any]]) -> float:
        numbers = [values["x"] for values in found]
        return float(np.abs(np.subtract.outer(numbers, numbers)).mean())

    search = Search(UNIT, seed).run(14, near_0_3)
    numbers = range(14, 22)
    # Each with the chance of its own number, but blind to the others.
    alone = [
        search.resumed(seed).sampler.suggest("next", number, search.tried) or {}
        for number in numbers
    ]
    together = [search.suggest() or {} for _ in numbers]
    assert spread(together) > 2 * spread(alone)


# How trials end


@pytest.mark.parametrize(
    ("bad", "pruned"),
    [
        pytest.param({}, False, id="failed"),
        pytest.param({1: 0.2}, True, id="pruned"),
        pytest.param({1: 0.2, 2: 0.3}, False, id="completed with little"),
    ],
)
def test_it_keeps_away_from_where_trials_ended_badly(bad: Curve, pruned: bool) -> None:
    def right_half_is_bad(number: int, values: Mapping[str, Any]) -> End:
        return (bad, pruned) if values["x"] > 0.5 else near_0_3(number, values)

    runs = [Search(UNIT, seed).run(30, right_half_is_bad).suggested for seed in range(1, 6)]
    in_right_half = [values["x"] > 0.5 for run in runs for values in run[10:]]
    assert np.mean(in_right_half) < 0.2


def test_a_failed_trial_counts_as_one_that_scored_nothing() -> None:
    def failing(curve: Curve) -> list[dict[str, Any]]:
        def ending(number: int, values: Mapping[str, Any]) -> End:
            return (curve, False) if number % 3 == 0 else near_0_3(number, values)

        return Search(UNIT).run(20, ending).suggested

    assert failing({}) == failing({1: 0.0})
    assert failing({}) != failing({1: 1.0})


def test_a_trial_counts_with_its_best_epoch() -> None:
    def ending_on(*last: float) -> list[dict[str, Any]]:
        def ending(number: int, values: Mapping[str, Any]) -> End:
            score = 1 - abs(values["x"] - 0.3)
            return dict(enumerate([score, *last], start=1)), False

        return Search(UNIT).run(20, ending).suggested

    assert ending_on() == ending_on(0.0) == ending_on(0.1, 0.2)


def test_a_pruned_trial_counts_below_every_completed_one() -> None:
    def left_is_pruned(_number: int, values: Mapping[str, Any]) -> End:
        score = values["x"] / 10
        return ({1: 0.9}, True) if values["x"] < 0.5 else ({1: 0.1, 2: score}, False)

    runs = [Search(UNIT, seed).run(30, left_is_pruned).suggested for seed in range(1, 6)]
    in_left_half = [values["x"] < 0.5 for run in runs for values in run[10:]]
    assert np.mean(in_left_half) < 0.2


# The same again


@pytest.mark.parametrize("space", [UNIT, EXAMPLES, SMALL], ids=["one", "all kinds", "small"])
@pytest.mark.parametrize("trials", [0, 3, 7])
def test_a_sampler_told_of_earlier_trials_suggests_what_one_that_ran_them_would(
    space: dict[str, Domain], trials: int
) -> None:
    lived = Search(space).run(trials, by_turns)
    for _ in range(int(min(space_size(space) - trials, 12))):
        told = lived.resumed()
        lived.run(1, by_turns)
        assert told.suggest() == lived.suggested[-1]


def test_a_resumed_search_goes_on_as_one_that_was_not_interrupted() -> None:
    at_once = Search(EXAMPLES).run(24, by_turns)
    parts = Search(EXAMPLES).run(4, by_turns)
    for trials in (9, 1, 10):
        parts = parts.resumed().run(trials, by_turns)
    assert parts.suggested == at_once.suggested


@pytest.mark.parametrize("trials", [0, 12])
def test_the_seed_and_the_number_decide_all_chance(trials: int) -> None:
    earlier = Search(EXAMPLES).run(trials, by_turns)

    def suggestion(seed: int, number: int) -> dict[str, Any] | None:
        return earlier.resumed(seed).sampler.suggest("next", number, earlier.tried)

    assert suggestion(1, 12) == suggestion(1, 12)
    assert suggestion(1, 12) != suggestion(2, 12)
    assert suggestion(1, 12) != suggestion(1, 13)
