"""Columns of Parquet from JSON objects: their types, and the values in these."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from ecomcat.errors import UserError
from ecomcat.rows.batch import without_surrogates
from ecomcat.rows.json_values import Number, cell_text

_LARGEST_WHOLE = 2**63
_LARGEST_EXACT = 2**53  # whole numbers up to here are exact as 64-bit floats
_LONGEST_DIGITS = 20
_IN_WORDS = {
    pa.int64(): "a whole number",
    pa.float64(): "a number",
    pa.bool_(): "true or false",
}
_CONVERSIONS: dict[pa.DataType, Callable[[Any], Any]] = {
    pa.int64(): int,
    pa.float64(): float,
    pa.bool_(): bool,
}


def infer_schema(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> pa.Schema:
    """Choose the type of each column.

    A column is of whole numbers, of numbers or of true and false where all its values are; every
    other one is of strings, in which what is no text stands as JSON.

    Args:
        names: of the columns.
        rows: objects by which the types are chosen; null and missing members do not count.
    """
    return pa.schema(
        [pa.field(without_surrogates(name), _infer_type(name, rows)) for name in names]
    )


def to_table(
    rows: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    schema: pa.Schema,
    place: Callable[[int], str],
) -> pa.Table:
    """Return objects as a table.

    Args:
        rows: the objects; a missing member becomes null.
        names: of the members that are the columns.
        schema: of these, from `infer_schema`.
        place: says where a row stands, from its position.

    Raises:
        UserError: naming the first row with a value of another type than its column.
    """
    arrays = [
        _column([row.get(name) for row in rows], field, place)
        for name, field in zip(names, schema, strict=True)
    ]
    return pa.table(arrays, schema=schema)


def _infer_type(name: str, rows: Sequence[Mapping[str, Any]]) -> pa.DataType:
    values = [value for row in rows if (value := row.get(name)) is not None]
    types = [kind for kind in _IN_WORDS if values and all(_fits(value, kind) for value in values)]
    return types[0] if types else pa.string()


def _column(values: Sequence[Any], field: pa.Field, place: Callable[[int], str]) -> pa.Array:
    convert: Callable[[Any], Any] = _CONVERSIONS.get(field.type, _string)
    for position, value in enumerate(values):
        if value is not None and field.type in _IN_WORDS and not _fits(value, field.type):
            raise UserError(
                f"{place(position)}: expected {_IN_WORDS[field.type]} in {field.name!r}, as on the "
                f"first lines, found {cell_text(value)[:40]!r}. Write JSON lines or CSV instead of "
                "Parquet, or make the values of this member alike."
            )
    return pa.array([None if value is None else convert(value) for value in values], field.type)


def _string(value: Any) -> str:
    return without_surrogates(cell_text(value))


def _fits(value: Any, kind: pa.DataType) -> bool:
    """Tell whether a value can stand in a column of a type without loss."""
    if pa.types.is_boolean(kind):
        return isinstance(value, bool)
    if not isinstance(value, Number):
        return False
    whole = value.lstrip("-").isdigit()
    if not whole:
        return bool(pa.types.is_floating(kind))
    if len(value) > _LONGEST_DIGITS:
        return False
    limit = _LARGEST_EXACT if pa.types.is_floating(kind) else _LARGEST_WHOLE
    return -limit <= int(value) < limit
