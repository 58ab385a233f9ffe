"""Domains for properties that hold whatever is searched, and what lies within one."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from ecomcat.model.space import Choices, Domain, Range, parse_domain, space_size
from ecomcat.options import Rule, Value

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


@st.composite
def whole_ranges(draw: Callable[..., int]) -> Domain:
    """Draw a range of whole numbers, of at most 13 steps or logarithmic."""
    low, steps, step = draw(st.integers(1, 50)), draw(st.integers(1, 12)), draw(st.integers(1, 30))
    rest = draw(st.integers(0, step - 1))
    if draw(st.booleans()):
        return parse_domain(f"{low}..{low + steps} log", INT)
    return parse_domain(f"{low}..{low + steps * step + rest} step {step}", INT)


@st.composite
def stepped_real_ranges(draw: Callable[..., int]) -> Domain:
    """Draw a range of real numbers with a step, of 3 to 13 values."""
    low, steps, step = draw(st.integers(0, 40)), draw(st.integers(2, 12)), draw(st.integers(1, 5))
    high = low + steps * step
    return parse_domain(f"{low / 100}..{high / 100} step {step / 100}", FLOAT)


@st.composite
def continuous_ranges(draw: Callable[..., int]) -> Domain:
    """Draw a range of real numbers without a step, linear or logarithmic."""
    low, width = draw(st.integers(1, 500)), draw(st.integers(1, 499))
    log = " log" if draw(st.booleans()) else ""
    return parse_domain(f"{low / 1000}..{(low + width) / 1000}{log}", FLOAT)


finite_domains: st.SearchStrategy[Domain] = st.one_of(
    st.lists(st.integers(1, 1000), min_size=1, max_size=5).map(lambda x: parse_domain(x, INT)),
    st.lists(st.floats(0, 1), min_size=1, max_size=5).map(lambda x: parse_domain(x, FLOAT)),
    st.lists(st.sampled_from(NAME.names), min_size=1).map(lambda x: parse_domain(x, NAME)),
    st.lists(st.booleans(), min_size=1, max_size=4).map(lambda x: parse_domain(x, BOOL)),
    whole_ranges(),
    stepped_real_ranges(),
)
all_domains = finite_domains | continuous_ranges()


def spaces(domains: st.SearchStrategy[Domain]) -> st.SearchStrategy[dict[str, Domain]]:
    """Draw one to three hyperparameters."""
    return st.dictionaries(st.sampled_from(["z", "a", "m"]), domains, min_size=1, max_size=3)


def small_spaces(most: int) -> st.SearchStrategy[dict[str, Domain]]:
    """Draw a space of at most so many configurations."""
    return spaces(finite_domains).filter(lambda space: space_size(space) <= most)


def contains(domain: Domain, value: Value) -> bool:
    """Return whether a value is one of a domain's, in its own type."""
    if isinstance(domain, Choices):
        return any(value == choice and type(value) is type(choice) for choice in domain.values)
    return _is_within(domain, value)


def _is_within(domain: Range, value: Value) -> bool:
    kind = int if domain.whole else float
    if isinstance(value, bool) or not isinstance(value, kind):
        return False
    if not domain.low <= value <= domain.high:
        return False
    if domain.step is None:
        return True
    steps = (value - domain.low) / domain.step
    return abs(steps - round(steps)) < 1e-9
