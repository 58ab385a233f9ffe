"""Which trials end early: each rule case by case, and what holds whatever trials score."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomcat.tuning.pruners import Curve, HalvingPruner, MedianPruner, NoPruner, Pruner, best_by

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


def ends_at(pruner: Pruner, own: float, peers: Sequence[float]) -> bool:
    """Return whether a trial of one epoch ends, measured against others of one epoch."""
    return pruner.prunes(curve_of(own), [curve_of(peer) for peer in peers])


curves = st.lists(scores, min_size=1, max_size=8).map(lambda drawn: curve_of(*drawn))


# A curve's value


@pytest.mark.parametrize(
    ("curve", "epoch", "best"),
    [
        (curve_of(0.1, 0.3, 0.2), 1, 0.1),
        (curve_of(0.1, 0.3, 0.2), 2, 0.3),
        (curve_of(0.1, 0.3, 0.2), 3, 0.3),
        (curve_of(0.1, 0.3, 0.2), 9, 0.3),
        (curve_of(-0.2, -0.1), 2, -0.1),
        (curve_of(NAN, 0.2), 2, 0.2),
        (curve_of(0.2, NAN), 2, 0.2),
        (curve_of(NAN, 0.2), 1, -math.inf),
        (curve_of(NAN, NAN), 2, -math.inf),
        ({3: 0.5}, 2, -math.inf),
        ({3: 0.5}, 3, 0.5),
        ({}, 3, -math.inf),
    ],
)
def test_a_curves_value_at_an_epoch_is_the_best_number_by_then(
    curve: Curve, epoch: int, best: float
) -> None:
    assert best_by(curve, epoch) == best


# The median rule


@pytest.mark.parametrize(
    ("own", "peers", "ends"),
    [
        pytest.param(0.4, [0.5, 0.6, 0.7], True, id="below all"),
        pytest.param(0.55, [0.5, 0.6, 0.7], True, id="below the median"),
        pytest.param(0.6, [0.5, 0.6, 0.7], False, id="at the median"),
        pytest.param(0.65, [0.5, 0.6, 0.7], False, id="above the median"),
        pytest.param(0.8, [0.5, 0.6, 0.7], False, id="above all"),
        pytest.param(0.49, [0.25, 0.75], True, id="below the middle of two"),
        pytest.param(0.5, [0.25, 0.75], False, id="at the middle of two"),
        pytest.param(0.5, [0.5, 0.5, 0.5], False, id="all the same"),
        pytest.param(0.0, [0.0, 0.0, 0.0], False, id="all worth nothing"),
        pytest.param(NAN, [0.0, 0.0, 0.0], True, id="no number is below every number"),
        pytest.param(0.0, [NAN, NAN, 0.9], False, id="and every number above none"),
        pytest.param(NAN, [NAN, NAN, 0.9], False, id="most have no number"),
        pytest.param(NAN, [NAN, NAN, NAN], False, id="none has a number"),
    ],
)
def test_the_median_rule_ends_what_is_below_the_median(
    own: float, peers: list[float], ends: bool
) -> None:
    assert ends_at(MedianPruner(1, 2), own, peers) == ends


@pytest.mark.parametrize(
    ("own", "peer", "ends"),
    [
        pytest.param([0.7, 0.1], [0.5, 0.6], False, id="the best so far counts, not the last"),
        pytest.param([0.5, 0.5], [0.7, 0.1], True, id="of the others, too"),
        pytest.param([0.3, 0.4], [0.1, 0.2, 0.9], False, id="not what others reached later"),
        pytest.param([0.1, 0.2], [0.3], False, id="nor those that did not come as far"),
    ],
)
def test_trials_are_compared_after_the_same_epoch(
    own: list[float], peer: list[float], ends: bool
) -> None:
    assert MedianPruner(1, 3).prunes(curve_of(*own), [curve_of(*peer)] * 3) == ends


@pytest.mark.parametrize("warmup", [1, 2, 5])
def test_the_median_rule_decides_after_each_epoch_from_the_last_of_the_warm_up(warmup: int) -> None:
    pruner, peers = MedianPruner(warmup, 3), [flat(PERFECT, 8)] * 3
    ended = [epoch for epoch in range(1, 9) if pruner.prunes(flat(HOPELESS, epoch), peers)]
    assert ended == list(range(warmup, 9))


@pytest.mark.parametrize("least", [1, 2, 5])
def test_it_takes_as_many_others_that_came_as_far(least: int) -> None:
    behind = [flat(PERFECT, 1)] * 9
    for pruner in (MedianPruner(2, least), HalvingPruner(2, least, 2)):
        for count in range(8):
            peers = [*behind, *[flat(PERFECT, 2)] * count]
            assert pruner.prunes(flat(HOPELESS, 2), peers) == (count >= least)


# The halving rule


@pytest.mark.parametrize(
    ("warmup", "factor", "rungs"),
    [
        (1, 2, [1, 2, 4, 8, 16]),
        (1, 3, [1, 3, 9]),
        (2, 3, [2, 6, 18]),
        (3, 4, [3, 12]),
        (5, 10, [5]),
        (30, 2, []),
    ],
)
def test_the_halving_rule_decides_at_its_rungs(warmup: int, factor: int, rungs: list[int]) -> None:
    pruner, peers = HalvingPruner(warmup, 4, factor), [flat(PERFECT, 20)] * 4
    ended = [epoch for epoch in range(1, 21) if pruner.prunes(flat(HOPELESS, epoch), peers)]
    assert ended == rungs


@pytest.mark.parametrize(
    ("factor", "peers", "places"),
    [
        (2, 1, 1),
        (2, 2, 1),
        (2, 3, 2),
        (2, 9, 5),
        (3, 1, 1),  # of fewer than three the best goes on
        (3, 4, 1),
        (3, 5, 2),
        (3, 8, 3),
        (4, 10, 2),
        (4, 11, 3),
    ],
)
def test_one_in_so_many_goes_on_from_a_rung(factor: int, peers: int, places: int) -> None:
    pruner = HalvingPruner(1, 1, factor)
    for better in range(peers + 1):
        others = [0.9] * better + [0.1] * (peers - better)
        assert ends_at(pruner, 0.5, others) == (better >= places)


@pytest.mark.parametrize(
    ("own", "peers", "ends"),
    [
        pytest.param(0.5, [0.5, 0.5, 0.5], False, id="all the same"),
        pytest.param(0.5, [0.5, 0.4, 0.3], False, id="level with the best"),
        pytest.param(0.5, [0.6, 0.5, 0.5], True, id="level with the second"),
        pytest.param(NAN, [0.0, NAN, NAN], True, id="no number is below every number"),
        pytest.param(0.0, [NAN, NAN, NAN], False, id="and every number above none"),
        pytest.param(NAN, [NAN, NAN, NAN], False, id="none has a number"),
    ],
)
def test_those_that_are_level_share_a_place(own: float, peers: list[float], ends: bool) -> None:
    assert ends_at(HalvingPruner(1, 1, 3), own, peers) == ends


@settings(deadline=None)
@given(
    halving_pruners,
    st.lists(st.floats(0, 1), min_size=1, max_size=30),
)
def test_of_those_that_come_to_a_rung_the_first_and_the_best_go_on(
    pruner: HalvingPruner, arriving: list[float]
) -> None:
    rung = pruner.warmup_epochs
    goes_on = [
        not pruner.prunes(flat(score, rung), [flat(peer, rung) for peer in arriving[:number]])
        for number, score in enumerate(arriving)
    ]
    assert all(goes_on[: pruner.min_peers]), "there was nothing to measure them against"
    for number, score in enumerate(arriving):
        rank = 1 + sum(peer > score for peer in arriving[:number])
        if rank <= max(1, (number + 1) // pruner.factor):
            assert goes_on[number]
    assert goes_on[arriving.index(max(arriving))]


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("seed", [1, 2])
def test_of_many_that_come_by_chance_one_in_so_many_goes_on(factor: int, seed: int) -> None:
    pruner, arriving = HalvingPruner(1, 4, factor), np.random.default_rng(seed).random(400)
    goes_on = sum(
        not ends_at(pruner, score, list(arriving[:number])) for number, score in enumerate(arriving)
    )
    assert goes_on == pytest.approx(400 / factor, rel=0.15)


def test_of_those_that_come_each_better_than_the_last_all_go_on() -> None:
    pruner, arriving = HalvingPruner(1, 2, 3), [number / 20 for number in range(20)]
    assert not any(
        ends_at(pruner, score, arriving[:number]) for number, score in enumerate(arriving)
    )


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


@settings(deadline=None)
@given(pruners, curves, st.lists(curves, max_size=10))
def test_nothing_ends_before_the_warm_up_is_over_or_with_too_few_others(
    pruner: MedianPruner | HalvingPruner, curve: Curve, peers: list[Curve]
) -> None:
    epoch = max(curve)
    reached = [peer for peer in peers if max(peer) >= epoch]
    if epoch < pruner.warmup_epochs or len(reached) < pruner.min_peers:
        assert not pruner.prunes(curve, peers)


@settings(deadline=None)
@given(pruners, curves, st.lists(curves, max_size=10), st.data())
def test_the_order_of_the_others_is_nothing_to_a_rule(
    pruner: Pruner, curve: Curve, peers: list[Curve], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(peers))
    assert pruner.prunes(curve, peers) == pruner.prunes(curve, shuffled)


@settings(deadline=None)
@given(pruners, curves, st.lists(curves, max_size=10))
def test_those_that_did_not_come_as_far_are_nothing_to_a_rule(
    pruner: Pruner, curve: Curve, peers: list[Curve]
) -> None:
    reached = [peer for peer in peers if max(peer) >= max(curve)]
    assert pruner.prunes(curve, peers) == pruner.prunes(curve, reached)
    assert pruner.prunes(curve, [*peers, {}]) == pruner.prunes(curve, peers)


@settings(deadline=None)
@given(pruners, curves, st.lists(curves, max_size=10), st.floats(0, 1), st.integers(1, 8))
def test_a_better_score_never_ends_a_trial(
    pruner: Pruner, curve: Curve, peers: list[Curve], score: float, epoch: int
) -> None:
    epoch = min(epoch, max(curve))
    better = {**curve, epoch: max(score, best_by(curve, epoch))}
    assert pruner.prunes(curve, peers) or not pruner.prunes(better, peers)


@settings(deadline=None)
@given(pruners, curves, st.lists(curves, max_size=10))
def test_no_number_is_worth_less_than_every_number(
    pruner: Pruner, curve: Curve, peers: list[Curve]
) -> None:
    def plain(curve: Curve) -> Curve:
        return {at: -math.inf if math.isnan(score) else score for at, score in curve.items()}

    assert pruner.prunes(curve, peers) == pruner.prunes(plain(curve), [*map(plain, peers)])


@settings(deadline=None)
@given(curves, st.lists(curves, max_size=10))
def test_without_a_rule_nothing_ends(curve: Curve, peers: list[Curve]) -> None:
    assert not NoPruner().prunes(curve, peers)
