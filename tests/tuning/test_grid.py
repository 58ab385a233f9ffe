"""The values of a domain, and the grid of them."""

from __future__ import annotations

import itertools
import math

import pytest
from domains import BOOL, FLOAT, INT, NAME, all_domains, contains, finite_domains, spaces
from hypothesis import given, settings

from ecomcat.config import Rule, Value
from ecomcat.model.space import Domain, Range, parse_domain
from ecomcat.tuning.draws import grid_configuration, grid_values, stepped_values

UNITS = parse_domain([16, 32, 64], INT)
POOLING = parse_domain(["max", "mean"], NAME)


# The values of a domain


@pytest.mark.parametrize(
    ("value", "rule", "values"),
    [
        (64, INT, [64]),
        ([64, 16, 256], INT, [64, 16, 256]),
        (["mean", "last"], NAME, ["mean", "last"]),
        ([True, False], BOOL, [True, False]),
        ("3..6", INT, [3, 4, 5, 6]),
        ("16..64 step 16", INT, [16, 32, 48, 64]),
        ("16..250 step 100", INT, [16, 116, 216]),
        ("0.1..0.5 step 0.1", FLOAT, [0.1, 0.2, 0.3, 0.4, 0.5]),
        ("0.0..0.7 step 0.3", FLOAT, [0.0, 0.3, 0.6]),
        ("0..1 step 0.25", FLOAT, [0.0, 0.25, 0.5, 0.75, 1.0]),
        ("0.0..0.6", FLOAT, None),
        ("1e-4..1e-2 log", FLOAT, None),
        ("1..9 log", INT, None),
    ],
)
def test_the_values_of_choices_and_of_ranges_with_steps(
    value: object, rule: Rule, values: list[Value] | None
) -> None:
    found = stepped_values(parse_domain(value, rule))
    assert (found if found is None else list(found)) == values
    assert [type(value) for value in found or ()] == [type(value) for value in values or ()]


@settings(deadline=None)
@given(finite_domains)
def test_there_are_as_many_values_as_the_domain_is_large_each_of_them_within(
    domain: Domain,
) -> None:
    values = stepped_values(domain)
    if values is not None:
        assert len(values) == len(set(values)) == domain.size
        assert all(contains(domain, value) for value in values)


@pytest.mark.parametrize(
    ("value", "rule", "values"),
    [
        ([64, 16, 256], INT, [64, 16, 256]),
        ("1..30", INT, range(1, 31)),
        ("0.1..0.5 step 0.1", FLOAT, [0.1, 0.2, 0.3, 0.4, 0.5]),
        ("0.0..0.9", FLOAT, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]),
        ("1e-7..1e-1 log", FLOAT, [10 ** (-7 + 6 * step / 9) for step in range(10)]),
        ("1..512 log", INT, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]),
        ("1..4 log", INT, [1, 2, 3, 4]),
    ],
)
def test_a_grid_tries_every_value_or_ten_of_a_range_without_a_step(
    value: object, rule: Rule, values: list[float]
) -> None:
    assert grid_values(parse_domain(value, rule)) == pytest.approx(list(values))


@settings(deadline=None)
@given(all_domains)
def test_a_grid_keeps_within_a_domain_and_tries_its_ends(domain: Domain) -> None:
    values = grid_values(domain)
    assert len(values) == len(set(values))
    assert all(contains(domain, value) for value in values)
    if isinstance(domain, Range) and stepped_values(domain) is None:
        assert len(values) <= 10
        assert (values[0], values[-1]) == pytest.approx((domain.low, domain.high))


@pytest.mark.parametrize("written", ["0.003..0.1 log", "0.1..0.7", "1e-7..1.0 log"])
def test_the_ends_of_a_range_are_its_own_however_logarithms_are_rounded(written: str) -> None:
    domain = parse_domain(written, FLOAT)
    assert all(contains(domain, value) for value in grid_values(domain))


# The grid


def test_in_a_grid_the_last_hyperparameter_changes_fastest() -> None:
    space = {"units": UNITS, "pooling": POOLING}
    walked = [grid_configuration(space, number) for number in range(8)]
    assert [tuple(found.values()) if found else None for found in walked] == [
        *[(16, "max"), (16, "mean"), (32, "max"), (32, "mean"), (64, "max"), (64, "mean")],
        *[None, None],
    ]
    assert [*(walked[0] or {})] == ["units", "pooling"]


@settings(deadline=None)
@given(spaces(all_domains))
def test_a_grid_is_every_combination_once(space: dict[str, Domain]) -> None:
    expected = itertools.islice(itertools.product(*map(grid_values, space.values())), 50)
    numbers = itertools.count()
    for combination, number in zip(expected, numbers, strict=False):
        assert grid_configuration(space, number) == dict(zip(space, combination, strict=True))
    size = math.prod(len(grid_values(domain)) for domain in space.values())
    assert grid_configuration(space, size - 1) is not None
    assert grid_configuration(space, size) is None
