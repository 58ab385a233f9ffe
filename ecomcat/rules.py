"""What a single value of a hyperparameter may be."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Literal

Value = int | float | bool | str
AUTO = "auto"


@dataclass(frozen=True)
class Rule:
    """Bound the values of one hyperparameter.

    Args:
        kind: the type of a value.
        low: smallest number allowed, inclusive.
        high: largest number allowed, inclusive.
        names: the words allowed, for `kind="name"`.
        joined: whether several words may be joined by `+`.
        none: whether the word `none` is allowed, too.
        auto: whether the word `auto` is allowed, for what is decided once the data is known.
    """

    kind: Literal["int", "float", "bool", "name", "any"]
    low: float | None = None
    high: float | None = None
    names: tuple[str, ...] = ()
    joined: bool = False
    none: bool = False
    auto: bool = False

    def check(self, value: object) -> Value:
        """Return the value in the rule's type.

        Args:
            value: what stood in a YAML file or on the command line.

        Raises:
            ValueError: when the value breaks the rule; the message says what was expected.
        """
        if self.auto and value == AUTO:
            return AUTO
        if self.kind == "any":
            if isinstance(value, int | float | bool | str):
                return value
        elif self.kind == "bool":
            if isinstance(value, bool):
                return value
        elif self.kind == "name":
            if isinstance(value, str) and value in self.words():
                return value
            if isinstance(value, str) and self.joined:
                # `mean+max` is `max+mean`.
                ordered = "+".join(sorted(value.split("+"), key=self._position))
                if ordered in self.words():
                    return ordered
        elif isinstance(value, int | float) and not isinstance(value, bool):
            return self._number(value)
        raise ValueError(f"expected {self.expected()}, found {value!r}")

    def words(self) -> list[str]:
        """List every word allowed, for `kind="name"`; joined words in the order of `names`."""
        most = len(self.names) if self.joined else 1
        joined = [
            "+".join(chosen)
            for count in range(1, most + 1)
            for chosen in combinations(self.names, count)
        ]
        return [*joined, "none"] if self.none else joined

    def _position(self, name: str) -> int:
        return self.names.index(name) if name in self.names else len(self.names)

    def _number(self, value: int | float) -> int | float:
        number = float(value) if self.kind == "float" else value
        whole = self.kind == "float" or (isinstance(value, int) or value.is_integer())
        too_low = self.low is not None and number < self.low
        too_high = self.high is not None and number > self.high
        if not whole or too_low or too_high or number != number:
            raise ValueError(f"expected {self.expected()}, found {value!r}")
        return int(number) if self.kind == "int" else number

    def expected(self) -> str:
        """Describe an allowed value for an error message."""
        if self.kind == "bool":
            return "true or false"
        if self.kind == "name":
            words = [*self.names, "none"] if self.none else list(self.names)
            joined = ", or several joined by '+'" if self.joined else ""
            return f"one of {', '.join(words)}{joined}"
        if self.kind == "any":
            return "a number, a word, true or false"
        noun = "a whole number" if self.kind == "int" else "a number"
        auto = " or auto" if self.auto else ""
        return f"{noun} from {self.low:g} to {self.high:g}{auto}"
