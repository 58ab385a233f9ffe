"""The value of an override: of the kind that its key holds, and as Hydra reads it."""

from __future__ import annotations

import re
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from ecomcat.errors import UserError
from ecomcat.option_fields import MISSING, Declared

_SCALARS = (bool, int, float, str)
_TRUTH_VALUES = {"true", "false", "yes", "no", "on", "off", "y", "n", "1", "0"}
_INTEGER = re.compile(r"[+-]?[0-9]+")


def hydra_value(key: str, value: str, option: Declared) -> str:
    """Return the value of an override as Hydra reads it.

    Args:
        key: String. The key, such as `"data.path"`.
        value: String. What the user wrote; a text or a column needs no quotes of Hydra's.
        option: What the schema declares for the key.

    Raises:
        UserError: The key holds values of another kind.
    """
    read = _quote(value, option)
    try:
        found = OverridesParser.create().parse_override(f"{key}={read}").value()
        fits = _is_plain(found) and _is_of_kind(found, option)
    except HydraException:
        fits = False
    if not fits:
        raise UserError(f"{key}: expected {option.expected}, found {value!r}.")
    return read


def _is_plain(value: object) -> bool:
    """Tell whether a value is itself, with no sweep of Hydra's in it, which would be several."""
    if isinstance(value, dict):
        return all(isinstance(name, str) and _is_plain(each) for name, each in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value != MISSING and (value is None or isinstance(value, _SCALARS))


def _is_of_kind(value: object, option: Declared) -> bool:
    kind = option.kind
    if value is None:
        return option.optional
    if isinstance(value, str) and "${" in value:
        return True  # an interpolation, which is read later
    if kind is bool:
        return str(value).lower() in _TRUTH_VALUES
    if kind is list:
        return isinstance(value, list) and all(isinstance(each, _SCALARS) for each in value)
    return kind is Any or type(value) is kind or (kind is float and type(value) is int)


def _quote(value: str, option: Declared) -> str:
    """Quote a value of the command line, so that Hydra reads texts and columns as they are."""
    if not (option.kind is str or option.column):
        return value
    if not option.column:
        return _quote_text(value)
    if value.startswith("[") and value.endswith("]"):
        return f"[{','.join(map(_quote_column, _split_list(value[1:-1])))}]"
    return _quote_column(value)


def _split_list(text: str) -> list[str]:
    """Split at the commas outside quotes."""
    quoted_or_plain = r"""\s*((?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^,'"]|['"])*?)\s*(?:,|$)"""
    return [part for part in re.findall(quoted_or_plain, text) if part]


def _quote_column(value: str) -> str:
    return value if _INTEGER.fullmatch(value) else _quote_text(value)


def _quote_text(value: str) -> str:
    if value == "null" or (len(value) >= 2 and value[0] == value[-1] and value[0] in "'\""):
        return value
    # A backslash counts as an escape only before a quote; `${` would be an interpolation.
    escaped = re.sub(r"(\\*)(?='|$)", lambda match: match[1] * 2, value)
    escaped = escaped.replace("'", "\\'")
    return "'" + re.sub(r"(\\*)\$\{", lambda match: match[1] * 2 + r"\${", escaped) + "'"
