"""Optuna's forms of our domains: each value goes there and comes back."""

from __future__ import annotations

import numpy as np
import pytest
from domains import BOOL, EXAMPLES, FLOAT, INT, NAME, all_domains
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import create_trial

from ecomcat.config import Rule, Value
from ecomcat.model.space import Domain, parse_domain
from ecomcat.tuning.draws import draw, stepped_values
from ecomcat.tuning.tpe import distribution_of, from_distribution, to_distribution


@pytest.mark.parametrize(
    ("value", "rule", "distribution"),
    [
        ([32, 64, 256], INT, IntDistribution(0, 2)),
        ([0.5, 0.1], FLOAT, IntDistribution(0, 1)),
        ("3..6", INT, IntDistribution(0, 3)),
        ("16..250 step 100", INT, IntDistribution(0, 2)),
        ("0.1..0.5 step 0.1", FLOAT, IntDistribution(0, 4)),
        ("1..1000 log", INT, IntDistribution(1, 1000, log=True)),
        ("0.0..0.6", FLOAT, FloatDistribution(0.0, 0.6)),
        ("1e-4..1e-2 log", FLOAT, FloatDistribution(1e-4, 1e-2, log=True)),
        (["mean", "last"], NAME, CategoricalDistribution(("mean", "last"))),
        ([True, False], BOOL, CategoricalDistribution((True, False))),
    ],
)
def test_numbers_with_steps_become_positions_and_words_stay_words(
    value: object, rule: Rule, distribution: BaseDistribution
) -> None:
    assert distribution_of(parse_domain(value, rule)) == distribution


def test_neighbours_in_size_are_neighbours_whatever_the_order_of_the_choices() -> None:
    domain = parse_domain([64, 16, 256], INT)
    assert [to_distribution(domain, units) for units in (16, 64, 256)] == [0, 1, 2]
    assert [from_distribution(domain, position) for position in range(3)] == [16, 64, 256]


@pytest.mark.parametrize("domain", [parse_domain(64, INT), parse_domain("max", NAME)], ids=str)
def test_of_a_fixed_domain_nothing_is_asked(domain: Domain) -> None:
    (value,) = stepped_values(domain) or ()
    assert from_distribution(domain, None) == value


def require_round_trip(domain: Domain, value: Value) -> None:
    found = to_distribution(domain, value)
    # Optuna refuses a trial with a value that is not the distribution's.
    create_trial(params={"x": found}, distributions={"x": distribution_of(domain)}, value=0.0)
    back = from_distribution(domain, found)
    assert (back, type(back)) == (value, type(value))


@pytest.mark.parametrize("domain", EXAMPLES.values(), ids=EXAMPLES)
def test_each_value_of_a_finite_domain_goes_to_optuna_and_comes_back(domain: Domain) -> None:
    for value in stepped_values(domain) or ():
        require_round_trip(domain, value)


@settings(deadline=None)
@given(all_domains, st.integers(0, 2**32))
def test_what_is_drawn_goes_to_optuna_and_comes_back(domain: Domain, seed: int) -> None:
    require_round_trip(domain, draw({"x": domain}, np.random.default_rng(seed))["x"])
