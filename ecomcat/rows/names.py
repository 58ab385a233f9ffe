"""Columns by name, in formats where every column has one: JSON lines and Parquet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ecomcat.errors import UserError, nearest
from ecomcat.table.column_lookup import TEXT_KEY, ColumnName, asked_columns, is_position
from ecomcat.table.header import folded

_LISTED = 30


def choose_text_names(
    names: Sequence[str], *, text_column: object, trained_on: Sequence[ColumnName], source: str
) -> list[int]:
    """Find the columns that hold the text.

    `text_column` says which they are, else they have the names used in training, else there is
    a single column.

    Args:
        names: of all columns.
        text_column: a name (first taken exactly, then without case and outer white space), a
            position from 0, a sequence of these, or None.
        trained_on: names or positions used in training.
        source: what messages call the input.

    Returns:
        Positions, in the order in which the texts are joined.

    Raises:
        UserError: if a column is missing, ambiguous, given twice or not to be known.
    """
    asked = asked_columns(text_column, TEXT_KEY)
    if asked:
        found = [_position(names, column, source) for column in asked]
        if len(set(found)) < len(found):
            raise UserError(
                f"{source}: expected different columns in {TEXT_KEY}, found one more than once: "
                f"{', '.join(map(str, asked))}. Name each column once."
            )
        return found
    known = [_matches(names, column) for column in trained_on if isinstance(column, str)]
    if known and len(known) == len(trained_on) and all(len(matches) == 1 for matches in known):
        return [matches[0] for matches in known]
    if len(names) == 1:
        return [0]
    raise UserError(
        f"{source}: expected the text in a single column or in "
        f"{' + '.join(map(repr, trained_on)) or 'a known column'}, as in training, found "
        f"{len(names)} columns: {listing(names)}. Set {TEXT_KEY} to a name or a position from 0."
    )


def listing(names: Sequence[str]) -> str:
    """Return the names of columns in words."""
    more = len(names) - _LISTED
    shown = ", ".join(map(repr, names[:_LISTED])) or "none"
    return shown + (f" and {more} more" if more > 0 else "")


def refuse_repeated_names(names: Sequence[str], source: str) -> None:
    """Refuse columns of the same name, of which readers of JSON and Parquet see one or none.

    Raises:
        UserError: naming them.
    """
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise UserError(
            f"{source}: expected different names of columns, as JSON and Parquet need them, found "
            f"more than once: {listing(repeated)}. Rename them, or write CSV."
        )


def _position(names: Sequence[str], column: ColumnName, source: str) -> int:
    matches = _matches(names, column) if isinstance(column, str) else []
    if len(matches) > 1:
        raise UserError(
            f"{source}: expected one column {column!r} ({TEXT_KEY}), found {len(matches)}, at "
            f"positions {', '.join(map(str, matches))}. Give one of these positions."
        )
    if matches:
        return matches[0]
    if is_position(column) and 0 <= int(column) < len(names):
        return int(column)
    raise UserError(
        f"{source}: expected a column {column!r} ({TEXT_KEY}), found: {listing(names)}."
        f"{nearest(str(column), names)} Set {TEXT_KEY} to one of these, or to a position from 0."
    )


def _matches(names: Sequence[str], column: str) -> list[int]:
    exact = [i for i, name in enumerate(names) if name == column]
    return exact or [i for i, name in enumerate(names) if folded(name) == folded(column)]
