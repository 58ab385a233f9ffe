"""Which trials end early: each rule case by case, and what holds whatever trials score."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from formula import chosen
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomcat.config import SearchConfig
from ecomcat.errors import UserError
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
scores = st.floats(0, 1) | st.just(NAN)
pruners: st.SearchStrategy[Pruner] = st.one_of(
    st.builds(MedianPruner, st.integers(1, 4), st.integers(1, 4)),
    st.builds(HalvingPruner, st.integers(1, 4), st.integers(1, 4), st.integers(2, 4)),
)


def curve_of(*scores: float) -> Curve:
    return dict(enumerate(scores, start=1))


def ends(pruner: Pruner, own: Sequence[float], others: Sequence[Sequence[float]]) -> bool:
    """Return whether a trial of these scores, an epoch each, ends beside the others."""
    return pruner.prunes(curve_of(*own), [curve_of(*other) for other in others])


MEDIAN, HALVING = MedianPruner(1, 2), HalvingPruner(1, 1, 3)


@pytest.mark.parametrize(
    ("pruner", "own", "others", "expected"),
    [
        pytest.param(MEDIAN, [0.4], [[0.5], [0.6], [0.7]], True, id="below all"),
        pytest.param(MEDIAN, [0.6], [[0.5], [0.6], [0.7]], False, id="at the median"),
        pytest.param(MEDIAN, [0.49], [[0.25], [0.75]], True, id="below the middle of two"),
        pytest.param(MEDIAN, [0.5], [[0.25], [0.75]], False, id="at the middle of two"),
        pytest.param(MEDIAN, [NAN], [[0.0]] * 3, True, id="no number is below every number"),
        pytest.param(MEDIAN, [0.0], [[NAN], [NAN], [0.9]], False, id="every number above none"),
        pytest.param(MEDIAN, [NAN], [[NAN]] * 3, False, id="none has a number"),
        pytest.param(MEDIAN, [0.7, 0.1], [[0.5, 0.6]] * 3, False, id="the best counts"),
        pytest.param(MEDIAN, [0.5, 0.5], [[0.7, 0.1]] * 3, True, id="of the others, too"),
        pytest.param(MEDIAN, [0.3, 0.4], [[0.1, 0.2, 0.9]] * 3, False, id="not what came later"),
        pytest.param(MEDIAN, [0.1, 0.2], [[0.3]] * 3, False, id="who did not come as far"),
        pytest.param(HALVING, [0.5], [[0.5]] * 3, False, id="all the same"),
        pytest.param(HALVING, [0.5], [[0.5], [0.4], [0.3]], False, id="level with the best"),
        pytest.param(HALVING, [0.5], [[0.6], [0.5], [0.5]], True, id="level with the second"),
        pytest.param(HALVING, [NAN], [[0.0], [NAN], [NAN]], True, id="halving: no number"),
        pytest.param(HALVING, [NAN], [[NAN]] * 3, False, id="halving: none has a number"),
        pytest.param(NoPruner(), [0.0], [[1.0]] * 9, False, id="no rule"),
    ],
)
def test_a_rule_compares_the_best_after_the_same_epoch(
    pruner: Pruner, own: list[float], others: list[list[float]], expected: bool
) -> None:
    assert ends(pruner, own, others) == expected


@pytest.mark.parametrize(
    ("pruner", "epochs"),
    [
        (MedianPruner(1, 3), list(range(1, 21))),
        (MedianPruner(5, 3), list(range(5, 21))),
        (HalvingPruner(1, 3, 2), [1, 2, 4, 8, 16]),
        (HalvingPruner(2, 3, 3), [2, 6, 18]),
        (HalvingPruner(30, 3, 2), []),
    ],
)
def test_a_rule_decides_after_the_warm_up_or_at_its_rungs_beside_enough_others(
    pruner: Pruner, epochs: list[int]
) -> None:
    for count in (3, 2):
        others = [*[[1.0] * 20] * count, [1.0] * (epochs[0] - 1 if epochs else 0)]
        ended = [epoch for epoch in range(1, 21) if ends(pruner, [0.0] * epoch, others)]
        assert ended == (epochs if count == 3 else [])


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
    for better in range(count + 1):
        others = [[0.9]] * better + [[0.1]] * (count - better)
        assert ends(HalvingPruner(1, 1, factor), [0.5], others) == (better >= places)


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
    ("choice", "identity"),
    [
        ("none", "none"),
        ("median", "median, warmup_epochs 2, min_trials 4"),
        ("halving", "halving, warmup_epochs 2, min_trials 4, factor 3"),
    ],
)
def test_a_yaml_file_names_a_rule_which_names_all_that_it_depends_on(
    choice: str, identity: str
) -> None:
    pruner = make_pruner(SearchConfig(pruner=chosen("search/pruner", choice)))
    assert pruner.identity() == identity


def test_a_yaml_file_without_a_number_that_its_rule_needs_is_refused() -> None:
    node = chosen("search/pruner", "halving")
    del node["factor"]
    with pytest.raises(UserError, match=r"^search\.pruner: .*'factor'"):
        make_pruner(SearchConfig(pruner=node))
