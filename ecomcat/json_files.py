"""Read a JSON file of ours with a known shape, or report what is wrong with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from ecomcat.errors import UserError
from ecomcat.files import is_limit, write_json

_KINDS: dict[Any, str] = {
    NoneType: "null",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list",
    dict: "an object",
}


_DIGEST = "digest"


class UnreadableError(UserError):
    """Report a file of ours that is missing or cut, or that has other content."""


def write_with_digest(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file that `read_json` refuses once anything in it has changed."""
    write_json(path, {**content, _DIGEST: _digest(json.loads(json.dumps(content)))})


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def read_json(path: Path, shape: Any) -> Any:
    """Read a JSON file of a known shape.

    Args:
        path: The file.
        shape: The type of its content, such as `list[str]`, a `TypedDict`, or a dataclass, which
            is made of the items that it knows.

    Raises:
        UnreadableError: There is no such file, it has other content, or it has changed since it
            was written with a digest.
    """
    if path.is_fifo() or path.is_char_device():  # which may have no end
        raise UnreadableError(f"Expected a file at {path}, found a pipe or a device.")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        given = value.pop(_DIGEST, None) if isinstance(value, dict) else None
        has_changed = given is not None and given != _digest(value)
    except FileNotFoundError as error:
        raise UnreadableError(f"Expected {path}, found no such file.") from error
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, OSError) and is_limit(error):
            raise
        raise UnreadableError(f"Expected JSON in {path}, found none that is whole.") from error
    if has_changed:
        raise UnreadableError(f"Expected {path} as it was written, found it changed.")
    if fault := next(_faults(value, shape, ""), None):
        raise UnreadableError(f"{path}: {fault}.")
    return _made(value, shape) if isinstance(shape, type) and is_dataclass(shape) else value


def _made(value: dict[str, Any], shape: type[Any]) -> Any:
    names = {field.name for field in fields(shape)}
    return shape(**{name: item for name, item in value.items() if name in names})


def _faults(value: Any, shape: Any, place: str) -> Iterator[str]:
    """Yield what is wrong with a value at a place, such as ` under "curves"`."""
    origin, inner = get_origin(shape), get_args(shape)
    if is_dataclass(shape) or is_typeddict(shape):
        yield from _faults_of_items(value, shape, place)
    elif origin in {Union, UnionType}:
        if all(any(_faults(value, each, place)) for each in inner):
            yield from _faults(value, inner[0], place)
    elif origin in {list, dict}:
        yield from _faults(value, origin, place)
        items = value.values() if isinstance(value, dict) else value
        if isinstance(value, origin):
            for item in items:
                yield from _faults(item, inner[-1], place)
    elif shape is not Any and not _is_of(value, shape):
        yield f"expected {_KINDS[shape]}{place}, found {_KINDS[type(value)]}"


def _faults_of_items(value: Any, shape: Any, place: str) -> Iterator[str]:
    yield from _faults(value, dict, place)
    if not isinstance(value, dict):
        return
    if is_dataclass(shape):
        fixed = (each for each in fields(shape) if each.default_factory is MISSING)
        required = {each.name for each in fixed if each.default is MISSING}
    else:  # `__required_keys__` does not see through annotations that are texts
        hints = get_type_hints(shape, include_extras=True) if shape.__total__ else {}
        required = {name for name, hint in hints.items() if get_origin(hint) is not NotRequired}
    for name in sorted(required - set(value)):
        yield f'expected "{name}"{place}, found none'
    for name, hint in get_type_hints(shape).items():
        if name in value:
            yield from _faults(value[name], hint, f'{place} under "{name}"')


def _is_of(value: Any, kind: type) -> bool:
    if kind in {int, float}:
        allowed = (int, float) if kind is float else int
        return isinstance(value, allowed) and not isinstance(value, bool)
    return isinstance(value, kind)
