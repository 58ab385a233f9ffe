"""Which trials end early: each rule case by case, and what holds whatever trials score."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from formula import chosen
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomcat.config import SearchConfig
from ecomcat.tuning.pruners import (
    Curve,
    HalvingPruner,
    MedianPruner,
    NoPruner,
    Pruner,
    best_by,
    make_pruner,
)

NAN = math.nan
HOPELESS, PERFECT = 0.0, 1.0

scores = st.floats(0, 1) | st.just(NAN)
median_pruners = st.builds(MedianPruner, st.integers(1, 4), st.integers(1, 4))
halving_pruners = st.builds(HalvingPruner, st.integers(1, 4), st.integers(1, 4), st.integers(2, 4))
pruners: st.SearchStrategy[MedianPruner | HalvingPruner] = median_pruners | halving_pruners


def curve_of(*scores: float) -> Curve:
    return dict(enumerate(scores, start=1))


def flat(score: float, epochs: int) -> Curve:
    return curve_of(*[score] * epochs)


def ends_at(pruner: Pruner, own: float, others: Sequence[float]) -> bool:
    """Return whether a trial of one epoch ends, measured against others of one epoch."""
    return pruner.prunes(curve_of(own), [curve_of(other) for other in others])


curves = st.lists(scores, min_size=1, max_size=8).map(lambda drawn: curve_of(*drawn))


# A curve's value


# The median rule


@pytest.mark.parametrize(
    ("own", "others", "ends"),
    [
        pytest.param(0.4, [0.5, 0.6, 0.7], True, id="below all"),
        pytest.param(0.6, [0.5, 0.6, 0.7], False, id="at the median"),
        pytest.param(0.49, [0.25, 0.75], True, id="below the middle of two"),
        pytest.param(0.5, [0.25, 0.75], False, id="at the middle of two"),
        pytest.param(NAN, [0.0, 0.0, 0.0], True, id="no number is below every number"),
        pytest.param(0.0, [NAN, NAN, 0.9], False, id="and every number above none"),
        pytest.param(NAN, [NAN, NAN, 0.9], False, id="most have no number"),
        pytest.param(NAN, [NAN, NAN, NAN], False, id="none has a number"),
    ],
)
def test_the_median_rule_ends_what_is_below_the_median(
    own: float, others: list[float], ends: bool
) -> None:
    assert ends_at(MedianPruner(1, 2), own, others) == ends


@pytest.mark.parametrize(
    ("own", "other", "ends"),
    [
        pytest.param([0.7, 0.1], [0.5, 0.6], False, id="the best so far counts, not the last"),
        pytest.param([0.5, 0.5], [0.7, 0.1], True, id="of the others, too"),
        pytest.param([0.3, 0.4], [0.1, 0.2, 0.9], False, id="not what others reached later"),
        pytest.param([0.1, 0.2], [0.3], False, id="nor those that did not come as far"),
    ],
)
def test_trials_are_compared_after_the_same_epoch(
    own: list[float], other: list[float], ends: bool
) -> None:
    assert MedianPruner(1, 3).prunes(curve_of(*own), [curve_of(*other)] * 3) == ends


@pytest.mark.parametrize("warmup", [1, 2, 5])
def test_the_median_rule_decides_after_each_epoch_from_the_last_of_the_warm_up(warmup: int) -> None:
    pruner, others = MedianPruner(warmup, 3), [flat(PERFECT, 8)] * 3
    ended = [epoch for epoch in range(1, 9) if pruner.prunes(flat(HOPELESS, epoch), others)]
    assert ended == list(range(warmup, 9))


@pytest.mark.parametrize("least", [1, 2, 5])
def test_it_takes_as_many_others_that_came_as_far(least: int) -> None:
    behind = [flat(PERFECT, 1)] * 9
    for pruner in (MedianPruner(2, least), HalvingPruner(2, least, 2)):
        for count in range(8):
            others = [*behind, *[flat(PERFECT, 2)] * count]
            assert pruner.prunes(flat(HOPELESS, 2), others) == (count >= least)


# The halving rule


@pytest.mark.parametrize(
    ("warmup", "factor", "rungs"),
    [
        (1, 2, [1, 2, 4, 8, 16]),
        (1, 3, [1, 3, 9]),
        (2, 3, [2, 6, 18]),
        (5, 10, [5]),
        (30, 2, []),
    ],
)
def test_the_halving_rule_decides_at_its_rungs(warmup: int, factor: int, rungs: list[int]) -> None:
    pruner, others = HalvingPruner(warmup, 4, factor), [flat(PERFECT, 20)] * 4
    ended = [epoch for epoch in range(1, 21) if pruner.prunes(flat(HOPELESS, epoch), others)]
    assert ended == rungs


@pytest.mark.parametrize(
    ("factor", "count", "places"),
    [
        (2, 3, 2),
        (2, 9, 5),
        (3, 1, 1),  # of fewer than three the best goes on
        (3, 8, 3),
        (4, 11, 3),
    ],
)
def test_one_in_so_many_goes_on_from_a_rung(factor: int, count: int, places: int) -> None:
    pruner = HalvingPruner(1, 1, factor)
    for better in range(count + 1):
        others = [0.9] * better + [0.1] * (count - better)
        assert ends_at(pruner, 0.5, others) == (better >= places)


@pytest.mark.parametrize(
    ("own", "others", "ends"),
    [
        pytest.param(0.5, [0.5, 0.5, 0.5], False, id="all the same"),
        pytest.param(0.5, [0.5, 0.4, 0.3], False, id="level with the best"),
        pytest.param(0.5, [0.6, 0.5, 0.5], True, id="level with the second"),
        pytest.param(NAN, [0.0, NAN, NAN], True, id="no number is below every number"),
        pytest.param(0.0, [NAN, NAN, NAN], False, id="and every number above none"),
        pytest.param(NAN, [NAN, NAN, NAN], False, id="none has a number"),
    ],
)
def test_those_that_are_level_share_a_place(own: float, others: list[float], ends: bool) -> None:
    assert ends_at(HalvingPruner(1, 1, 3), own, others) == ends


# Whatever trials score


@settings(deadline=None)
@given(pruners, st.integers(1, 8), st.data())
def test_the_best_of_those_that_came_as_far_never_ends(
    pruner: Pruner, epochs: int, data: st.DataObject
) -> None:
    rows = st.lists(scores, min_size=epochs, max_size=epochs).map(lambda drawn: curve_of(*drawn))
    reached = data.draw(st.lists(rows, min_size=1, max_size=10))
    best = max(range(len(reached)), key=lambda number: best_by(reached[number], epochs))
    others = [curve for number, curve in enumerate(reached) if number != best]
    assert not pruner.prunes(reached[best], others)


@pytest.mark.parametrize(
    ("rule", "identity"),
    [
        (NoPruner(), "none"),
        (MedianPruner(1, 2), "median, warmup_epochs 1, min_trials 2"),
        (HalvingPruner(), "halving, warmup_epochs 2, min_trials 4, factor 3"),
    ],
)
def test_a_rule_names_all_that_it_depends_on(rule: Pruner, identity: str) -> None:
    assert rule.identity() == identity
    assert not NoPruner().prunes(flat(HOPELESS, 1), [flat(PERFECT, 1)] * 9)


@pytest.mark.parametrize("choice", ["halving", "median", "none"])
def test_what_a_yaml_file_names_has_the_defaults_of_its_class(choice: str) -> None:
    search = SearchConfig(pruner=chosen("search/pruner", choice))
    pruner = make_pruner(search)
    assert pruner == type(pruner)()
    assert pruner.name == choice
