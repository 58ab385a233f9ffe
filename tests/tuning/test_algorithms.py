"""Configurations drawn at random or in order: within the space, evenly, and none of them twice."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from domains import BOOL, EXAMPLES, FLOAT, INT, NAME, all_domains, contains, small_spaces, spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomcat.model.space import Domain, Key, key_of, parse_domain, space_size
from ecomcat.option_fields import Rule, Value
from ecomcat.tuning.algorithms import (
    draw,
    draw_untried,
    grid_configuration,
    grid_values,
)

UNITS, DROPOUT = parse_domain([16, 32, 64], INT), parse_domain("0.0..0.6", FLOAT)
POOLING = parse_domain(["max", "mean"], NAME)


def generator(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


@settings(deadline=None)
@given(spaces(all_domains), st.integers(0, 2**32))
def test_what_is_drawn_lies_within_the_space_and_follows_the_seed(
    space: dict[str, Domain], seed: int
) -> None:
    drawn = draw(space, generator(seed))
    assert list(drawn) == list(space)
    assert all(contains(domain, drawn[name]) for name, domain in space.items())
    assert drawn == draw(space, generator(seed))
    assert {name: domain.nearest(drawn[name]) for name, domain in space.items()} == drawn


@pytest.mark.parametrize(
    ("domain", "edges"),
    [
        *((EXAMPLES[name], None) for name in ("whole choices", "words", "true and false")),
        (EXAMPLES["a stepped whole range"], None),
        (parse_domain("0.2..0.4", FLOAT), np.linspace(0.2, 0.4, 11)),
        (parse_domain("1e-7..1e-2 log", FLOAT), np.geomspace(1e-7, 1e-2, 11)),
        # The first whole numbers are coarse, and 1 stands for what lies up to 1.5.
        (parse_domain("1..1000 log", INT), np.geomspace(1, 1000, 11)[3:]),
    ],
)
def test_values_are_drawn_evenly_by_the_logarithm_where_the_range_says_so(
    domain: Domain, edges: np.ndarray | None
) -> None:
    random = generator()
    drawn = [draw({"x": domain}, random)["x"] for _ in range(4000)]
    counts = [drawn.count(value) for value in domain] if edges is None else []
    counts = counts or np.histogram([float(number) for number in drawn], edges)[0].tolist()
    assert min(counts) > 0.7 * max(counts)


# None twice


@settings(deadline=None)
@given(small_spaces(40), st.integers(0, 2**32))
def test_every_configuration_of_a_finite_space_comes_once(
    space: dict[str, Domain], seed: int
) -> None:
    random, tried = generator(seed), list[Key]()
    while (drawn := draw_untried(space, tried, random)) is not None:
        assert all(contains(domain, drawn[name]) for name, domain in space.items())
        tried.append(key_of(space, drawn))
        assert len(tried) <= space_size(space)
    assert len(set(tried)) == len(tried) == space_size(space)


def test_the_last_of_many_is_found() -> None:
    space = {"a": parse_domain("1..100", INT), "b": parse_domain("1..100 log", INT)}
    tried = set(itertools.product(range(1, 101), repeat=2)) - {(37, 73)}
    assert draw_untried(space, tried, generator()) == {"a": 37, "b": 73}
    assert draw_untried(space, tried | {(37, 73)}, generator()) is None


@pytest.mark.parametrize(
    ("value", "rule", "stands_for", "own"),
    [
        ([64, 16, 256], INT, 16.0, 16),
        ([64, 16, 256], INT, 9999, 256),
        ("16..64 step 16", INT, 32.000001, 32),
        ("0.1..0.5 step 0.1", FLOAT, 0.1 + 0.2, 0.3),
        ("0.0..1.0 step 0.5", FLOAT, 1, 1.0),
        (["max", "mean"], NAME, "mean", "mean"),
        ([True, False], BOOL, 1, True),
        ("1..1000 log", INT, np.int64(7), 7),
        ("0.0..0.6", FLOAT, np.float64(0.25), 0.25),
        ("1e-4..1e-2 log", FLOAT, 3e-3, 3e-3),
    ],
)
def test_a_number_of_another_form_stands_for_the_nearest_value(
    value: object, rule: Rule, stands_for: object, own: Value
) -> None:
    found = parse_domain(value, rule).nearest(stands_for)
    assert (found, type(found)) == (own, type(own))


# Values in order, and the grid of them


@pytest.mark.parametrize(
    ("value", "rule", "values"),
    [
        ("1..30", INT, range(1, 31)),
        ([64, 16, 256], INT, [64, 16, 256]),
        ("16..250 step 100", INT, [16, 116, 216]),
        ("0.0..0.7 step 0.3", FLOAT, [0.0, 0.3, 0.6]),
        ("0.0..0.9", FLOAT, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]),
        ("1e-7..1e-1 log", FLOAT, [10 ** (-7 + 6 * step / 9) for step in range(10)]),
        ("1..512 log", INT, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]),
        ("1..2 log", INT, [1, 2]),
    ],
)
def test_a_grid_tries_every_value_or_ten_of_a_range_without_a_step(
    value: object, rule: Rule, values: list[float]
) -> None:
    assert list(grid_values(parse_domain(value, rule))) == pytest.approx(list(values))


@settings(deadline=None)
@given(spaces(all_domains))
def test_a_grid_is_every_combination_once_the_last_changes_fastest(
    space: dict[str, Domain],
) -> None:
    expected = itertools.islice(itertools.product(*map(grid_values, space.values())), 50)
    for number, combination in enumerate(expected):
        assert grid_configuration(space, number) == dict(zip(space, combination, strict=True))
    size = math.prod(len(grid_values(domain)) for domain in space.values())
    assert grid_configuration(space, size - 1) is not None
    assert grid_configuration(space, size) is None
