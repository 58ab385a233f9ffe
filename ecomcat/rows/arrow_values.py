"""Arrow columns as texts, as cells of a CSV file and as JSON."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import pyarrow as pa
from pyarrow import types

from ecomcat.errors import UserError
from ecomcat.table.column_lookup import TEXT_KEY

_encode = json.JSONEncoder(ensure_ascii=False).encode


def require_text(field: pa.Field, source: str, keys: str = TEXT_KEY) -> None:
    """Refuse a column that holds no texts: lists, objects.

    Args:
        field: of the column.
        source: what messages call the input.
        keys: by which the column was or may be chosen.

    Raises:
        UserError: if it is one.
    """
    if types.is_nested(_plain(field.type)):
        raise UserError(
            f"{source}: expected a column of texts, found {field.name!r} of type {field.type}. "
            f"Set {keys} to a column of texts."
        )


def texts_of(column: pa.ChunkedArray) -> list[str | None]:
    """Return a column's texts; numbers and times as they are written, None for null."""
    kind = _plain(column.type)
    if _is_binary(kind):
        # Some writers leave out that bytes are text.
        return [_decoded(value) for value in column.to_pylist()]
    try:
        values = column.to_pylist() if _is_string(kind) else _written(column)
    except UnicodeDecodeError:  # a file may hold bytes in a column of texts that are none
        values = [_decoded(value) for value in column.cast(pa.large_binary()).to_pylist()]
    return list(values)


def plain_texts_of(column: pa.ChunkedArray) -> list[str | None]:
    """Return a column's texts as a label or a text to train on: what is no number is None."""
    if not types.is_floating(_plain(column.type)):
        return texts_of(column)
    # As JSON has them: Arrow leaves the `.0` of a whole number out.
    values = column.to_pylist()
    return [None if value is None or math.isnan(value) else str(value) for value in values]


def cells_of(column: pa.ChunkedArray) -> list[str]:
    """Return a column's values as cells: nothing for null, bytes as base64, lists as JSON."""
    if _has_literals(_plain(column.type)):
        values: list[str | None] = texts_of(column)
    else:
        values = [
            None if value is None else value if isinstance(value, str) else _literal(value)
            for value in (_scalar(value) for value in column.to_pylist())
        ]
    return ["" if value is None else value for value in values]


def literals_of(column: pa.ChunkedArray) -> list[str]:
    """Return a column's values as JSON: null also for numbers that are none, bytes as base64."""
    kind = _plain(column.type)
    if types.is_floating(kind):
        values = column.to_pylist()
        return [
            written if written is not None and math.isfinite(value) else "null"
            for value, written in zip(values, _written(column), strict=True)
        ]
    if types.is_integer(kind) or types.is_decimal(kind) or types.is_boolean(kind):
        return ["null" if written is None else written for written in _written(column)]
    if _has_literals(kind):
        return [_encode(text) for text in texts_of(column)]
    return [_literal(value) for value in column.to_pylist()]


def _plain(kind: pa.DataType) -> pa.DataType:
    """Return the type of the values of a dictionary or an extension."""
    if isinstance(kind, pa.BaseExtensionType):
        return _plain(kind.storage_type)
    return _plain(kind.value_type) if types.is_dictionary(kind) else kind


def _has_literals(kind: pa.DataType) -> bool:
    """Tell whether Arrow writes values of a type as texts."""
    return not (
        types.is_nested(kind) or _is_binary(kind) or types.is_duration(kind) or types.is_null(kind)
    )


def _is_string(kind: pa.DataType) -> bool:
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _is_binary(kind: pa.DataType) -> bool:
    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_binary_view(kind)
        or types.is_fixed_size_binary(kind)
    )


def _written(column: pa.ChunkedArray) -> list[str | None]:
    """Return values as Arrow writes them: the fewest digits that give a number back."""
    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    written: list[str | None] = column.cast(pa.string()).to_pylist()
    return written


def _decoded(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")


def _literal(value: Any) -> str:
    """Write a value as JSON."""
    if isinstance(value, dict):
        members = (f"{_encode(str(key))}: {_literal(member)}" for key, member in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_literal, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return "null"
    return _encode(_scalar(value))


def _scalar(value: Any) -> Any:
    """Return what JSON knows as it is, bytes as base64, all else (times, say) as text."""
    if value is None or isinstance(value, bool | int | float | str | dict | list | tuple):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
