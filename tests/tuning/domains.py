"""Domains for properties that hold whatever is searched, and what lies within one."""

from __future__ import annotations

import math

from hypothesis import strategies as st

from ecomcat.model.space import Domain, Range, parse_domain, space_size
from ecomcat.option_fields import Rule, Value

INT = Rule("int", 1, 1000)
FLOAT = Rule("float", 0.0, 1.0)
BOOL = Rule("bool")
NAME = Rule("name", names=("last", "max", "mean"))

# One of each kind.
EXAMPLES: dict[str, Domain] = {
    "a whole number": parse_domain(64, INT),
    "a word": parse_domain("max", NAME),
    "whole choices": parse_domain([64, 16, 256], INT),
    "real choices": parse_domain([0.5, 0.1, 0.3], FLOAT),
    "words": parse_domain(["mean", "last"], NAME),
    "true and false": parse_domain([True, False], BOOL),
    "false and true": parse_domain([False, True], BOOL),
    "a whole range": parse_domain("16..64", INT),
    "a stepped whole range": parse_domain("16..250 step 100", INT),
    "a logarithmic whole range": parse_domain("1..1000 log", INT),
    "a real range": parse_domain("0.0..0.6", FLOAT),
    "a stepped real range": parse_domain("0.1..0.5 step 0.1", FLOAT),
    "a logarithmic real range": parse_domain("1e-4..1e-2 log", FLOAT),
}

_whole = st.builds(
    lambda low, steps, step, rest: parse_domain(
        f"{low}..{low + steps * step + rest} step {step}", INT
    ),
    *(st.integers(1, 50), st.integers(2, 12), st.integers(2, 30), st.integers(0, 1)),
)
_whole_log = st.builds(
    lambda low, width: parse_domain(f"{low}..{low + width} log", INT),
    *(st.integers(1, 50), st.integers(1, 12)),
)
_stepped = st.builds(
    lambda low, steps, step: parse_domain(
        f"{low / 100}..{(low + steps * step) / 100} step {step / 100}", FLOAT
    ),
    *(st.integers(0, 40), st.integers(2, 12), st.integers(1, 5)),
)
_continuous = st.builds(
    lambda low, width, log: parse_domain(f"{low / 1000}..{(low + width) / 1000}{log}", FLOAT),
    *(st.integers(1, 500), st.integers(1, 499), st.sampled_from(["", " log"])),
)
finite_domains: st.SearchStrategy[Domain] = st.one_of(
    st.lists(st.integers(1, 1000), min_size=1, max_size=5).map(lambda x: parse_domain(x, INT)),
    st.lists(st.sampled_from(NAME.names), min_size=1).map(lambda x: parse_domain(x, NAME)),
    *(_whole, _whole_log, _stepped),
)
all_domains = finite_domains | _continuous


def spaces(domains: st.SearchStrategy[Domain]) -> st.SearchStrategy[dict[str, Domain]]:
    """Draw one to three hyperparameters."""
    return st.dictionaries(st.sampled_from(["z", "a", "m"]), domains, min_size=1, max_size=3)


def small_spaces(most: int) -> st.SearchStrategy[dict[str, Domain]]:
    """Draw a space of at most so many configurations."""
    return spaces(finite_domains).filter(lambda space: space_size(space) <= most)


def contains(domain: Domain, value: Value) -> bool:
    """Return whether a value is one of a domain's, in its own type."""
    if isinstance(domain, Range) and math.isinf(domain.size):
        return type(value) is float and domain.low <= value <= domain.high
    return any(value == each and type(value) is type(each) for each in domain)
