"""Declare the options of a configuration: each field has its default, help text and bounds."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import dataclass, field, fields, is_dataclass
from importlib import import_module
from itertools import combinations
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ecomcat.errors import UserError, nearest

MISSING: Any = "???"
"""OmegaConf's word for a value that must be given; importing OmegaConf itself takes long."""

REQUIRED: Any = NO_DEFAULT
"""For a parameter of a class whose YAML file gives it: there is no default in Python."""

Value = int | float | bool | str
AUTO = "auto"
TARGET = "_target_"
_HYPERPARAMETER = "a value, a list such as [32,64] or a range such as 0.1..0.5"
_EXPECTED: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    list: "a list such as [a,b]",
    dict: "a mapping such as {a: 1}",
}


@dataclass(frozen=True)
class Rule:
    """Bound the values of one option.

    Args:
        kind: String. The type of a value.
        low, high: Numbers. The least and the largest that are allowed.
        names: Tuple of strings. The words that are allowed, for `kind="name"`.
        joined: Boolean. Whether several words may be joined by `+`.
        none, auto: Booleans. Whether the word `none`, or `auto`, is allowed, too.
        above, below: Numbers. Bounds that are not allowed themselves.

    >>> Rule("int", 1, 8).check(2.0)
    2
    """

    kind: Literal["int", "float", "bool", "name", "any"]
    low: float | None = None
    high: float | None = None
    names: tuple[str, ...] = ()
    joined: bool = False
    none: bool = False
    auto: bool = False
    above: float | None = None
    below: float | None = None

    def check(self, value: object) -> Value:
        """Return a value of a YAML file or of the command line in the rule's type.

        Raises:
            ValueError: The value breaks the rule; the message says what was expected.
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
            if isinstance(value, str):
                # `mean+max` is `max+mean`.
                for word in self.words():
                    if sorted(word.split("+")) == sorted(value.split("+")):
                        return word
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

    def _number(self, value: int | float) -> int | float:
        whole = self.kind == "int"
        allowed = (
            (isinstance(value, int) or math.isfinite(value))
            and (not whole or value % 1 == 0)
            and (self.low is None or value >= self.low)
            and (self.high is None or value <= self.high)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )
        if not allowed:
            raise ValueError(f"expected {self.expected()}, found {value!r}")
        return int(value) if whole else float(value)

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
        bounds = (("from", self.low), ("above", self.above), ("to", self.high))
        limits = [f"{word} {bound:.10g}" for word, bound in bounds if bound is not None]
        if self.below is not None:
            limits.append(f"and below {self.below:g}")
        noun = "a whole number" if self.kind == "int" else "a number"
        return " ".join([noun, *limits]) + (" or auto" if self.auto else "")


def option(
    default: Any = MISSING,
    help: str = "",
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    below: float | None = None,
    choices: Sequence[str] = (),
    auto: bool = False,
    column: bool = False,
) -> Any:
    """Declare an option of the configuration.

    Args:
        default: Any object. Left out where each YAML file of a group gives its own; `REQUIRED` in
            a class that a YAML file names.
        help: String. What it means, in one line.
        minimum: Number. The least allowed. Bounds that are integers allow whole numbers only.
        maximum: Number. The largest allowed.
        above: Number. Bound that must be exceeded.
        below: Number. Bound that must not be reached.
        choices: Sequence of strings. The words allowed; "true" and "false" allow these, too.
        auto: Boolean. Whether the word `auto` is allowed beside numbers.
        column: Boolean. Whether it names columns of a table, which may hold any letters.
    """
    bounds = (minimum, maximum, above, below)
    rule = None
    if choices:
        rule = Rule("name", names=tuple(choices))
    elif any(bound is not None for bound in bounds):
        real = any(isinstance(bound, float) for bound in bounds)
        kind: Literal["int", "float"] = "float" if real else "int"
        rule = Rule(kind, minimum, maximum, auto=auto, above=above, below=below)
    metadata = {"help": help, "bounds": rule, "column": column}
    if isinstance(default, list | dict):
        return field(default_factory=lambda: copy(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def searchable(rule: Rule, help: str) -> Any:
    """Declare a hyperparameter: a value, a list of choices or a range within the rule."""
    return field(default=MISSING, metadata={"help": help, "rule": rule})


@dataclass(frozen=True)
class Declared:
    """What a schema declares for one key."""

    help: str
    column: bool  # whether it names columns of a table
    kind: Any  # the type of its values; `Any` where only `validate` knows
    optional: bool  # whether it may be null
    expected: str  # such a value, in the words of an error message


def undeclared(key: str) -> Declared:
    """Return what a key holds that the schema does not know, below a mapping of free keys."""
    return Declared("", column=False, kind=Any, optional=True, expected=_expected(key, Any))


def _expected(key: str, kind: Any, *, column: bool = False) -> str:
    if column:
        return "a column's name or position, or a list of them"
    return _EXPECTED.get(kind) or (_HYPERPARAMETER if key.startswith("model.") else "one value")


def declared_options(schema: type, prefix: str = "") -> dict[str, Declared]:
    """Return what a schema declares for each key, by the dotted names of keys."""
    hints = get_type_hints(schema)
    found: dict[str, Declared] = {}
    for entry in fields(schema):
        hint, key = hints[entry.name], f"{prefix}{entry.name}"
        if is_dataclass(hint) and isinstance(hint, type):
            found |= declared_options(hint, f"{key}.")
            continue
        kind = get_args(hint)[0] if isinstance(hint, UnionType) else get_origin(hint) or hint
        rule, column = entry.metadata.get("bounds"), entry.metadata.get("column", False)
        found[key] = Declared(
            entry.metadata["help"],
            column,
            kind,
            optional=isinstance(hint, UnionType) or entry.default is None,
            expected=rule.expected() if rule else _expected(key, kind, column=column),
        )
    return found


def validate(config: Any, problems: Iterable[str] = ()) -> None:
    """Check a configuration's values against what its fields declare.

    A dataclass may have a method `problems()` that yields `(key, message)` for rules between its
    own fields; it is called if each of them alone is right.

    Args:
        config: Dataclass instance, its groups included.
        problems: Iterable of strings. Other problems that the command has found.

    Raises:
        UserError: Naming each value that is wrong, one a line.
    """
    found = [*_problems_of(config), *problems]
    if found:
        raise UserError("\n".join(found))


def _problems_of(config: Any, prefix: str = "") -> Iterator[str]:
    alone: list[str] = []
    for entry in fields(config):
        value, key = getattr(config, entry.name), f"{prefix}{entry.name}"
        if is_dataclass(value):
            yield from _problems_of(value, f"{key}.")
        elif isinstance(value, dict) and TARGET in value:
            alone += target_problems(key, value)
        elif entry.type == "str" and not str(value).strip():
            alone.append(f"{key}: expected a value, found nothing.")
        elif value is not None or entry.default is not None:
            alone += _rule_problems(key, value, entry.metadata.get("bounds"))
    if not alone and hasattr(config, "problems"):
        alone = [f"{prefix}{key}: {message}" for key, message in config.problems()]
    yield from alone


def _rule_problems(key: str, value: Any, rule: Rule | None) -> Iterator[str]:
    if rule is None:
        return
    word = str(value).lower() if rule.kind == "name" and isinstance(value, bool) else value
    try:
        rule.check(word)
    except ValueError as error:
        yield f"{key}: {error}.{nearest(str(value), rule.words())}"


def target_problems(key: str, node: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a node's parameters for the class that its `_target_` names."""
    module, _, name = str(node[TARGET]).rpartition(".")
    try:
        target = getattr(import_module(module), name)
        parameters = inspect.signature(target).parameters
    except (ImportError, AttributeError, TypeError, ValueError):
        yield f"{key}.{TARGET}: expected the dotted path of a class, found {node[TARGET]!r}."
        return
    if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        return
    declared = fields(target) if is_dataclass(target) else ()
    bounds = {entry.name: entry.metadata.get("bounds") for entry in declared}
    for name, value in node.items():
        if name in parameters:
            yield from _rule_problems(f"{key}.{name}", value, bounds.get(name))
        elif not name.startswith("_"):
            there_are = f"one of {', '.join(parameters)}" if parameters else "no parameter"
            yield f"{key}: expected {there_are}, found {name!r}.{nearest(name, parameters)}"


def make(key: str, node: Mapping[str, Any], **given: Any) -> Any:
    """Make the object that a node with `_target_` describes.

    Args:
        key: String. The node's place in the configuration.
        node: Mapping. `_target_` and the parameters that the configuration gives.
        **given: Further arguments that the program itself passes.

    Raises:
        UserError: The class refuses its parameters.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    try:
        return instantiate(dict(node), **given)
    except InstantiationException as error:
        if isinstance(error.__cause__, TypeError | ValueError | UserError):
            raise UserError(f"{key}: {error.__cause__}") from error
        raise
