"""The search space: the values, lists and ranges that are given for hyperparameters."""

from __future__ import annotations

import dataclasses
import importlib.util
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ecomcat.errors import UserError
from ecomcat.hyperparameters import ModelConfig
from ecomcat.option_fields import AUTO, Rule, Value

_NUMBER = r"[+-]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?"
_RANGE = re.compile(
    # A range's first number may end in a point only when a digit follows it: 1..5 is 1 to 5.
    rf"\s*(?P<low>[+-]?\d*\.?\d+(?:[eE][+-]?\d+)?)\s*\.\.\s*(?P<high>{_NUMBER})"
    rf"(?:\s+step\s+(?P<step>{_NUMBER}))?(?P<log>\s+log)?\s*"
)
_ROUNDING = 1e-9  # the possible error of 0.3 - 0.1
EXTRA = "extra."
_MIN_BATCHES, _MIN_BATCH_SIZE, _MAX_BATCH_SIZE = 128, 8, 64  # of an epoch; texts


@dataclass(frozen=True)
class Choices(Sequence[Value]):
    """A finite, ordered set of values; a fixed value is a single choice."""

    values: tuple[Value, ...]
    stepped: ClassVar[bool] = True

    @property
    def size(self) -> float:
        """Number of different values."""
        return len(self.values)

    @property
    def fixed(self) -> bool:
        """Whether there is nothing to search."""
        return len(self.values) == 1

    def at(self, share: float) -> Value:
        """Return the value at a fraction, 0 to 1, of the choices."""
        return self.values[min(int(share * len(self)), len(self) - 1)]

    def nearest(self, value: Any) -> Value:
        """Return the choice that is nearest to a value that may be slightly off."""
        if value in self.values:
            return self.values[self.values.index(value)]
        return min(self.values, key=lambda choice: abs(choice - value))

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, position: Any) -> Any:
        return self.values[position]

    def __str__(self) -> str:
        return str(self.values[0]) if self.fixed else f"[{', '.join(map(str, self.values))}]"


@dataclass(frozen=True)
class Range(Sequence[Value]):
    """Numbers from low to high, both included; whole numbers where `whole`.

    Where it has steps or is whole, it is the sequence of its numbers.

    >>> list(Range(16, 64, 16, log=False, whole=True))
    [16, 32, 48, 64]
    """

    low: float
    high: float
    step: float | None
    log: bool
    whole: bool
    fixed: ClassVar[bool] = False

    @property
    def stepped(self) -> bool:
        """Whether its numbers are in steps, each as likely as another."""
        return self.step is not None

    @property
    def size(self) -> float:
        """Number of different values; infinite for real numbers without a step."""
        if self.step is None and not self.whole:
            return math.inf
        return math.floor((self.high - self.low) / (self.step or 1) + _ROUNDING) + 1

    def at(self, share: float) -> Any:
        """Return the number at a fraction, 0 to 1, of the range."""
        if self.stepped:
            return self[min(int(share * len(self)), len(self) - 1)]
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            number = math.exp(low + share * (high - low))
        else:
            number = self.low + share * (self.high - self.low)
        return self.nearest(number)

    def nearest(self, value: Any) -> Any:
        """Return the number of the range that is nearest to one that may be slightly off."""
        number = min(max(float(value), self.low), self.high)
        if self.step is None:
            return round(number) if self.whole else number
        return self[min(round((number - self.low) / self.step), len(self) - 1)]

    def __len__(self) -> int:
        return int(self.size)

    def __getitem__(self, position: Any) -> Any:
        if not 0 <= position < len(self):
            raise IndexError(position)
        number = self.low + position * (self.step or 1)
        # Without the last digits, in which 0.1 + 2 * 0.1 is not 0.3.
        return int(number) if self.whole else min(float(f"{number:.12g}"), self.high)

    def __str__(self) -> str:
        implied = 1 if self.whole else None
        step = f" step {self.step}" if self.step not in (None, implied) else ""
        return f"{self.low}..{self.high}{step}{' log' if self.log else ''}"


Domain = Choices | Range
Key = tuple[Value, ...]


def parse_domain(value: object, rule: Rule) -> Domain:
    """Read a value, a list of choices or a range, as YAML or the command line gives it.

    Raises:
        ValueError: When the grammar or the rule is broken; the message says what was expected.

    >>> str(parse_domain("1e-4..1e-2 log", Rule("float", 0.0, 1.0)))
    '0.0001..0.01 log'
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
    """Make whole numbers real where they are among real ones; refuse other mixtures."""
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


def read_space(model: ModelConfig) -> dict[str, Domain]:
    """Read every hyperparameter of a model configuration, in the schema's order.

    Returns:
        Domains by name; a builder's own, of `model.extra`, are named `extra.<name>`.

    Raises:
        UserError: Naming every hyperparameter that breaks the grammar or its bounds.
    """
    entries = [
        (entry.name, getattr(model, entry.name), entry.metadata["rule"])
        for entry in dataclasses.fields(model)
        if "rule" in entry.metadata
    ]
    entries += [(f"{EXTRA}{name}", value, Rule("any")) for name, value in model.extra.items()]
    domains: dict[str, Domain] = {}
    problems: list[str] = []
    for name, value, rule in entries:
        try:
            domains[name] = parse_domain(value, rule)
        except ValueError as error:
            problems.append(f"model.{name}: {error}.")
    if problems:
        raise UserError("\n".join(problems))
    return domains


def resolve_auto(space: Mapping[str, Domain], training_texts: int) -> dict[str, Domain]:
    """Decide what the configuration leaves to the data: `auto` among the batch sizes.

    Few texts need small batches, or an epoch would hardly move the weights; large batches make
    better use of a processor.
    """
    domain = space["batch_size"]
    if not isinstance(domain, Choices) or AUTO not in domain.values:
        return dict(space)
    batch_size = 2 ** math.floor(math.log2(max(training_texts / _MIN_BATCHES, 1)))
    decided = min(max(batch_size, _MIN_BATCH_SIZE), _MAX_BATCH_SIZE)
    values = dict.fromkeys(decided if value == AUTO else value for value in domain.values)
    return {**space, "batch_size": Choices(tuple(values))}


def space_size(space: Mapping[str, Domain]) -> float:
    """Count the configurations of a space; infinite when a range has real numbers."""
    return math.prod(domain.size for domain in space.values())


def key_of(space: Mapping[str, Domain], values: Mapping[str, Any]) -> Key:
    """Return a key that is equal for equal configurations: its values in the space's order."""
    return tuple(values[name] for name in space)


def require_fixed(space: Mapping[str, Domain]) -> None:
    """Check that nothing is left to search.

    Raises:
        UserError: Naming the hyperparameters that have more than one value.
    """
    searched = [f"model.{name}={domain}" for name, domain in space.items() if not domain.fixed]
    if searched:
        raise UserError(
            "Training without a search needs one value for each hyperparameter; found "
            f"{', '.join(searched)}. Give one value each, or run ecomcat.search."
        )


def builder_problems(build: str) -> Iterator[str]:
    """Yield what is wrong with the dotted path of a function, whose module is not imported."""
    module, _, function = build.rpartition(".")
    try:
        found = importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        found = False
    if not (found and function.isidentifier()):
        yield (
            "model.build: expected the dotted path of a function that builds the network, such "
            f"as ecomcat.model.network.lstm_classifier, found {build!r}."
        )
