"""Draw configurations from a space by chance or in order, none of them twice."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ecomcat.model.space import Choices, Domain, Range, space_size
from ecomcat.options import Value

Key = tuple[Value, ...]
_COLLISIONS = 100  # draws of tried configurations before the untried ones are listed
_GRID_VALUES = 10  # of a range without a step


def key_of(space: Mapping[str, Domain], values: Mapping[str, Any]) -> Key:
    """Return what makes a configuration the same as another: its values in the space's order."""
    return tuple(values[name] for name in space)


class _Steps(Sequence[float]):
    """The real numbers of a range with a step, made when they are asked for."""

    def __init__(self, domain: Range) -> None:
        self._domain = domain

    def __len__(self) -> int:
        return int(self._domain.size)

    def __getitem__(self, position: Any) -> Any:
        if not 0 <= position < len(self):
            raise IndexError(position)
        number = self._domain.low + position * (self._domain.step or 0.0)
        # Without the last digits, in which 0.1 + 2 * 0.1 is not 0.3.
        return min(float(f"{number:.12g}"), self._domain.high)


def stepped_values(domain: Domain) -> Sequence[Value] | None:
    """Return a finite domain's values in order; None for a range without steps."""
    if isinstance(domain, Choices):
        return domain.values
    if domain.step is None:
        return None
    if domain.whole:
        return range(int(domain.low), int(domain.high) + 1, int(domain.step))
    return _Steps(domain)


def grid_values(domain: Domain) -> Sequence[Value]:
    """Return the values that a grid tries: every one, or ten of a range without a step."""
    values = _all_values(domain) if domain.size <= _GRID_VALUES else stepped_values(domain)
    if values is not None:
        return values
    shares = np.linspace(0, 1, _GRID_VALUES).tolist()
    return list(dict.fromkeys(_at(domain, share) for share in shares))


def grid_configuration(space: Mapping[str, Domain], number: int) -> dict[str, Value] | None:
    """Return the grid's configuration of a number from 0; None past the last.

    The last hyperparameter changes fastest, as in nested loops.
    """
    chosen: dict[str, Value] = {}
    for name, domain in reversed(list(space.items())):
        values = grid_values(domain)
        number, position = divmod(number, len(values))
        chosen[name] = values[position]
    return {name: chosen[name] for name in space} if number == 0 else None


def draw(space: Mapping[str, Domain], random: np.random.Generator) -> dict[str, Value]:
    """Draw each hyperparameter evenly over its domain, by the logarithm where the range says so."""
    return {name: _at(domain, random.random()) for name, domain in space.items()}


def draw_untried(
    space: Mapping[str, Domain], tried: Collection[Key], random: np.random.Generator
) -> dict[str, Value] | None:
    """Draw a configuration that has not been tried, as `draw` does.

    Returns:
        A value for each hyperparameter; None when the space is exhausted.
    """
    if exhausted(space, tried):
        return None
    for _ in range(_COLLISIONS):
        values = draw(space, random)
        if key_of(space, values) not in tried:
            return values
    untried = [key for key in _keys(space) if key not in tried]
    return dict(zip(space, untried[random.integers(len(untried))], strict=True))


def exhausted(space: Mapping[str, Domain], tried: Collection[Key]) -> bool:
    """Return whether every configuration of a finite space has been tried."""
    return len(tried) >= space_size(space)


def nearest_value(domain: Domain, value: Any) -> Value:
    """Return the value of a domain that another, which may be slightly off, stands for."""
    if isinstance(domain, Choices):
        if value in domain.values:
            return domain.values[domain.values.index(value)]
        return min(domain.values, key=lambda choice: abs(choice - value))
    number = min(max(float(value), domain.low), domain.high)
    if domain.step is not None:
        values = stepped_values(domain)
        assert values is not None
        position = round((number - domain.low) / domain.step)
        return values[min(position, len(values) - 1)]
    return round(number) if domain.whole else number


def _keys(space: Mapping[str, Domain]) -> Iterator[Key]:
    """List a finite space."""
    return itertools.product(*(_all_values(domain) for domain in space.values()))


def _all_values(domain: Domain) -> Sequence[Value]:
    values = stepped_values(domain)
    if values is not None:
        return values
    assert isinstance(domain, Range) and domain.whole
    return range(int(domain.low), int(domain.high) + 1)


def _at(domain: Domain, share: float) -> Value:
    """Return the value that stands at a share, 0 to 1, of a domain."""
    values = stepped_values(domain)
    if values is not None:
        return values[min(int(share * len(values)), len(values) - 1)]
    assert isinstance(domain, Range)
    if domain.log:
        low, high = math.log(domain.low), math.log(domain.high)
        number = math.exp(low + share * (high - low))
    else:
        number = domain.low + share * (domain.high - domain.low)
    number = min(max(number, domain.low), domain.high)
    return round(number) if domain.whole else number
