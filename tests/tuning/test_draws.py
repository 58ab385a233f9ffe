"""Configurations drawn by chance: within the space, evenly, and none of them twice."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from domains import BOOL, EXAMPLES, FLOAT, INT, NAME, all_domains, contains, small_spaces, spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomcat.config import Rule, Value
from ecomcat.model.space import Domain, parse_domain, space_size
from ecomcat.tuning.draws import Key, draw, draw_untried, exhausted, key_of, nearest_value

UNITS, DROPOUT = parse_domain([16, 32, 64], INT), parse_domain("0.0..0.6", FLOAT)
POOLING = parse_domain(["max", "mean"], NAME)


def chance(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


# Chance


@settings(deadline=None)
@given(spaces(all_domains), st.integers(0, 2**32))
def test_what_is_drawn_lies_within_the_space(space: dict[str, Domain], seed: int) -> None:
    drawn = draw(space, chance(seed))
    assert list(drawn) == list(space)
    assert all(contains(domain, drawn[name]) for name, domain in space.items())


@pytest.mark.parametrize("domain", EXAMPLES.values(), ids=EXAMPLES)
def test_the_same_chance_draws_the_same(domain: Domain) -> None:
    assert draw({"x": domain}, chance()) == draw({"x": domain}, chance())


def shares_of(domain: Domain, count: int = 4000) -> dict[Value, float]:
    """Return how often each value is drawn."""
    random = chance()
    drawn = [draw({"x": domain}, random)["x"] for _ in range(count)]
    return {value: drawn.count(value) / count for value in set(drawn)}


@pytest.mark.parametrize(
    "name",
    ["whole choices", "words", "true and false", "a stepped whole range", "a stepped real range"],
)
def test_each_value_is_drawn_as_often_as_another(name: str) -> None:
    shares = shares_of(EXAMPLES[name])
    assert len(shares) == EXAMPLES[name].size
    assert min(shares.values()) > 0.8 * max(shares.values())


@pytest.mark.parametrize(
    ("value", "rule", "tenths"),
    [
        ("0.2..0.4", FLOAT, np.linspace(0.2, 0.4, 11)),
        ("1e-7..1e-2 log", FLOAT, np.geomspace(1e-7, 1e-2, 11)),
        ("1..1000 log", INT, np.geomspace(1, 1000, 11)),
    ],
)
def test_a_range_is_drawn_evenly_by_the_logarithm_where_it_says_so(
    value: str, rule: Rule, tenths: np.ndarray
) -> None:
    random, domain = chance(), parse_domain(value, rule)
    drawn = [draw({"x": domain}, random)["x"] for _ in range(4000)]
    counts, _ = np.histogram([float(number) for number in drawn], tenths)
    # The first whole numbers are coarse, and 1 stands for what lies up to 1.5.
    counts = counts[3:] if rule is INT else counts
    assert counts.min() > 300 and counts.max() < 500


def test_both_ends_of_a_logarithmic_range_of_whole_numbers_are_drawn() -> None:
    assert set(shares_of(parse_domain("1..5 log", INT))) == {1, 2, 3, 4, 5}


# None twice


@settings(deadline=None)
@given(small_spaces(40), st.integers(0, 2**32))
def test_every_configuration_of_a_finite_space_comes_once(
    space: dict[str, Domain], seed: int
) -> None:
    random, tried = chance(seed), list[Key]()
    while (drawn := draw_untried(space, tried, random)) is not None:
        assert list(drawn) == list(space)
        assert all(contains(domain, drawn[name]) for name, domain in space.items())
        tried.append(key_of(space, drawn))
        assert len(tried) <= space_size(space)
    assert len(set(tried)) == len(tried) == space_size(space)


def test_the_last_of_many_is_found() -> None:
    space = {"a": parse_domain("1..100", INT), "b": parse_domain("1..100", INT)}
    tried = set(itertools.product(range(1, 101), repeat=2)) - {(37, 73)}
    assert draw_untried(space, tried, chance()) == {"a": 37, "b": 73}


@pytest.mark.parametrize("last", [1, 7, 300])
def test_the_last_of_a_logarithmic_range_is_found(last: int) -> None:
    space = {"x": parse_domain("1..300 log", INT)}
    tried = {(number,) for number in range(1, 301)} - {(last,)}
    assert draw_untried(space, tried, chance()) == {"x": last}
    assert draw_untried(space, tried | {(last,)}, chance()) is None


@pytest.mark.parametrize(
    "space",
    [
        pytest.param({"dropout": DROPOUT}, id="continuous"),
        pytest.param({name: parse_domain("1..1000", INT) for name in "abcdef"}, id="10^18"),
    ],
)
def test_of_a_space_too_large_to_list_there_is_always_another(space: dict[str, Domain]) -> None:
    random, tried = chance(), set[Key]()
    for count in range(1, 101):
        tried.add(key_of(space, draw_untried(space, tried, random) or {}))
        assert len(tried) == count


def test_the_untried_have_the_same_chance_when_they_are_few() -> None:
    space = {"a": parse_domain("1..50", INT), "b": parse_domain("1..50", INT)}
    left = {(3, 7), (3, 8), (40, 1), (50, 50)}
    tried = set(itertools.product(range(1, 51), repeat=2)) - left
    drawn = [draw_untried(space, tried, chance(seed)) for seed in range(80)]
    counts = [drawn.count({"a": a, "b": b}) for a, b in left]
    assert sum(counts) == 80 and min(counts) >= 10


def test_a_space_with_nothing_to_search_has_one_configuration() -> None:
    space = {"units": parse_domain(64, INT), "pooling": parse_domain("max", NAME)}
    assert draw_untried(space, set(), chance()) == {"units": 64, "pooling": "max"}
    assert draw_untried(space, {(64, "max")}, chance()) is None


@pytest.mark.parametrize(
    ("space", "tried", "is_exhausted"),
    [
        ({"units": UNITS, "pooling": POOLING}, 0, False),
        ({"units": UNITS, "pooling": POOLING}, 5, False),
        ({"units": UNITS, "pooling": POOLING}, 6, True),
        ({"units": UNITS, "dropout": DROPOUT}, 1000, False),
        ({"units": parse_domain("1..9 log", INT)}, 8, False),
        ({"units": parse_domain("1..9 log", INT)}, 9, True),
        ({"units": parse_domain(64, INT)}, 1, True),
    ],
)
def test_a_space_is_exhausted_when_all_of_it_was_tried(
    space: dict[str, Domain], tried: int, is_exhausted: bool
) -> None:
    assert exhausted(space, [(number,) for number in range(tried)]) == is_exhausted


# What makes configurations the same


def test_a_key_is_the_values_in_the_spaces_order_and_nothing_else() -> None:
    space = {"units": UNITS, "pooling": POOLING}
    values = {"pooling": "max", "tuner/epochs": 3, "units": 32}
    assert key_of(space, values) == (32, "max")
    assert key_of(dict(reversed(space.items())), values) == ("max", 32)


@pytest.mark.parametrize(
    ("value", "rule", "stands_for", "own"),
    [
        ([64, 16, 256], INT, 64, 64),
        ([64, 16, 256], INT, 16.0, 16),
        ([64, 16, 256], INT, 60.2, 64),
        ([64, 16, 256], INT, 9999, 256),
        ("16..64 step 16", INT, 32.000001, 32),
        ("0.1..0.5 step 0.1", FLOAT, 0.1 + 0.2, 0.3),
        ("0.1..0.5 step 0.1", FLOAT, 0.5000001, 0.5),
        ("0.0..1.0 step 0.5", FLOAT, 1, 1.0),
        (["max", "mean"], NAME, "mean", "mean"),
        ([True, False], BOOL, False, False),
        ([True, False], BOOL, 1, True),
        ("1..1000 log", INT, 7.0, 7),
        ("1..1000 log", INT, np.int64(7), 7),
        ("0.0..0.6", FLOAT, np.float64(0.25), 0.25),
        ("0.0..0.6", FLOAT, 0.123456789, 0.123456789),
        ("1e-4..1e-2 log", FLOAT, 3e-3, 3e-3),
    ],
)
def test_a_number_of_another_form_stands_for_the_nearest_value(
    value: object, rule: Rule, stands_for: object, own: Value
) -> None:
    found = nearest_value(parse_domain(value, rule), stands_for)
    assert (found, type(found)) == (own, type(own))


@settings(deadline=None)
@given(spaces(all_domains), st.integers(0, 2**32))
def test_a_domains_own_values_stand_for_themselves(space: dict[str, Domain], seed: int) -> None:
    drawn = draw(space, chance(seed))
    assert {name: nearest_value(domain, drawn[name]) for name, domain in space.items()} == drawn
