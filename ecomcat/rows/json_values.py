"""JSON values as they were written: numbers keep their digits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ecomcat.errors import UserError

_FOUND = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}


class Number(str):
    """A number as it is written, such as `12345678901234567890` or `1.10`."""

    __slots__ = ()


_decode = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=Number).decode
_encode = json.JSONEncoder(ensure_ascii=False).encode


def read_object(line: str, place: str) -> dict[str, Any]:
    """Read a line that holds one JSON object.

    Args:
        line: the line.
        place: where it stands, for messages.

    Returns:
        Its members in their order; numbers as `Number`.

    Raises:
        UserError: if it holds anything else.
    """
    try:
        value = _decode(line)
    except json.JSONDecodeError as error:
        raise UserError(
            f"{place}: expected a JSON object, found a line that is not JSON: {error.msg} at "
            f"character {error.colno}. Mend the line, or remove it."
        ) from error
    except RecursionError as error:
        raise UserError(
            f"{place}: expected a JSON object, found one that is nested too deeply. Remove it."
        ) from error
    if isinstance(value, dict):
        return value
    found = "a number" if isinstance(value, Number) else _FOUND[type(value)]
    advice = " One array is turned into such lines by: jq -c '.[]'." if type(value) is list else ""
    raise UserError(f"{place}: expected a JSON object on each line, found {found}.{advice}")


def json_text(value: Any) -> str:
    """Write a value as JSON, numbers with the digits that they were read with."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        members = (f"{_encode(key)}: {json_text(member)}" for key, member in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(json_text, value)) + "]"
    return _encode(value)


def cell_text(value: Any) -> str:
    """Write a value as a cell: a text as it is, nothing for null, else its JSON."""
    if value is None:
        return ""
    return str(value) if isinstance(value, str) else json_text(value)


def plain_text(value: Any) -> str:
    """Return a text, a number or true or false as a text; nothing for all else."""
    if isinstance(value, bool):
        return json_text(value)
    return value.strip() if isinstance(value, str) else ""


def absence(members: Mapping[str, Any], names: Sequence[str]) -> str:
    """Say why an object has no text; nothing where it has one that is empty.

    Args:
        members: of the object.
        names: of those that should hold the text.
    """
    reasons = []
    for name in names:
        value = members.get(name)
        if name not in members:
            reasons.append(f"no {name}")
        elif value is None:
            reasons.append(f"{name} is null")
        elif isinstance(value, dict | list):
            reasons.append(f"{name} is {'a list' if isinstance(value, list) else 'an object'}")
    return ", ".join(reasons)
