"""What a hyperparameter may be: a value, a list of choices or a range.

Grammar, the same in YAML and on the command line:

    64                      a value
    [32, 64, 128]           choices
    16..256 step 16         a range of whole numbers (step 1 unless given)
    0.0..0.6                a range of real numbers (step optional)
    3e-4..1e-2 log          the same, sampled by its logarithm
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from ecomcat.rules import AUTO, Rule, Value

_NUMBER = r"[+-]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(
    # A range's first number may end in a point only when a digit follows it: 1..5 is 1 to 5.
    rf"\s*(?P<low>[+-]?\d*\.?\d+(?:[eE][+-]?\d+)?)\s*\.\.\s*(?P<high>{_NUMBER})"
    rf"(?:\s+step\s+(?P<step>{_NUMBER}))?(?P<log>\s+log)?\s*"
)
_ROUNDING = 1e-9  # by which 0.3 - 0.1 may miss 0.2


@dataclass(frozen=True)
class Choices:
    """A finite, ordered set of values; a fixed value is a single choice."""

    values: tuple[Value, ...]

    @property
    def size(self) -> float:
        """Number of different values."""
        return len(self.values)

    @property
    def fixed(self) -> bool:
        """Whether there is nothing to search."""
        return len(self.values) == 1

    @property
    def highest(self) -> Value:
        """Largest value, for numbers."""
        return max(self.values)

    def __str__(self) -> str:
        return str(self.values[0]) if self.fixed else f"[{', '.join(map(str, self.values))}]"


@dataclass(frozen=True)
class Range:
    """Numbers from low to high, both included; whole numbers where `whole`."""

    low: float
    high: float
    step: float | None
    log: bool
    whole: bool

    @property
    def size(self) -> float:
        """Number of different values; infinite for real numbers without a step."""
        if self.step is None and not self.whole:
            return math.inf
        return math.floor((self.high - self.low) / (self.step or 1) + _ROUNDING) + 1

    @property
    def fixed(self) -> bool:
        """Whether there is nothing to search."""
        return False

    @property
    def highest(self) -> Value:
        """Largest value."""
        if self.step is None:
            return int(self.high) if self.whole else self.high
        reached = self.low + (self.size - 1) * self.step
        return int(reached) if self.whole else reached

    def __str__(self) -> str:
        implied = 1 if self.whole else None
        step = f" step {self.step}" if self.step not in (None, implied) else ""
        return f"{self.low}..{self.high}{step}{' log' if self.log else ''}"


Domain = Choices | Range


def parse_domain(value: object, rule: Rule) -> Domain:
    """Read a value, a list of choices or a range.

    Args:
        value: what stood in a YAML file or on the command line.
        rule: what a single value may be.

    Raises:
        ValueError: when the grammar or the rule is broken; the message says what was expected.
    """
    if isinstance(value, list | tuple):
        if not value:
            raise ValueError("expected at least one choice, found an empty list")
        checked = _of_one_kind([rule.check(choice) for choice in value])
        return Choices(tuple(dict.fromkeys(checked)))
    if isinstance(value, str) and ".." in value and rule.kind in {"int", "float", "any"}:
        return _parse_range(value, rule)
    return Choices((rule.check(value),))


def _of_one_kind(values: list[Value]) -> list[Value]:
    """Make whole numbers real where they stand among real ones; refuse other mixtures."""
    kinds = {type(value) for value in values if value != AUTO}
    if kinds == {int, float}:
        return [float(value) for value in values]
    if len(kinds) > 1:
        raise ValueError(
            "expected choices of one kind, numbers only, words only, or true and false only, "
            f"found {values}"
        )
    return values


def _parse_range(text: str, rule: Rule) -> Domain:
    match = _RANGE.fullmatch(text)
    if match is None:
        raise ValueError(
            f"expected a range such as '16..256 step 16' or '1e-4..1e-2 log', found {text!r}"
        )
    numbers = "".join(filter(None, (match["low"], match["high"], match["step"])))
    whole = rule.kind == "int" or (rule.kind == "any" and not set(".eE").intersection(numbers))
    low, high = (rule.check(_number(match[end], whole)) for end in ("low", "high"))
    assert isinstance(low, int | float) and isinstance(high, int | float)
    if low > high:
        raise ValueError(f"expected the smaller number first, found {text!r}: write {high}..{low}")
    if low == high:
        return Choices((low,))
    step = _number(match["step"], whole) if match["step"] else (1 if whole else None)
    log = match["log"] is not None
    if step is not None and (step <= 0 or step > (high - low) * (1 + _ROUNDING)):
        raise ValueError(f"expected a step between 0 and {high - low:g}, found {text!r}")
    if log and low <= 0:
        raise ValueError(f"expected a log range above 0, found {text!r}")
    if log and match["step"]:
        raise ValueError(f"expected either 'step' or 'log', found both in {text!r}")
    return Range(low, high, None if log else step, log, whole)


def _number(text: str, whole: bool) -> int | float:
    number = float(text)
    if whole and not number.is_integer():
        raise ValueError(f"expected whole numbers, found {text!r}")
    return int(number) if whole else number
