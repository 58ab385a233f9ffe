"""The columns of a table by the names or positions that a user gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ecomcat.errors import UserError, nearest
from ecomcat.table.header import folded

ColumnName = str | int
"""A column's name, or its position from 0."""

TEXT_KEY = "data.text_column"
LABEL_KEY = "data.label_column"

_EXAMPLE_CHARACTERS = 40
_LISTED_COLUMNS = 30


@dataclass(frozen=True)
class Columns:
    """The columns that are used.

    Attributes:
        text: positions from 0, whose cells are joined in this order.
        label: position from 0, None if there is no label.
        header: the first row as it stands, None if the table has no header.
        text_names: names of the text columns; positions where there is no name.
    """

    text: tuple[int, ...]
    label: int | None
    header: tuple[str, ...] | None
    text_names: tuple[ColumnName, ...]


def text_of(row: Sequence[str], columns: Columns) -> str:
    """Return the text of a row.

    Args:
        row: its cells.
        columns: which of them to join.

    Returns:
        The cells that are not blank, without the white space around them, joined by one space.
    """
    return " ".join(cell for i in columns.text if (cell := row[i].strip()))


def asked_columns(value: object, key: str) -> list[ColumnName]:
    """Return the columns that a user's setting names.

    Args:
        value: None, a name, a position, or a sequence of names and positions.
        key: the setting's key for messages.

    Returns:
        Names and positions, none for None.

    Raises:
        UserError: if it is something else.
    """
    if value is None:
        return []
    items = [value] if isinstance(value, str) or not isinstance(value, Sequence) else value
    if any(isinstance(item, bool) or not isinstance(item, str | int) for item in items):
        raise UserError(
            f"{key}: expected a column's name, its position from 0, or a list of these, found "
            f"{value!r}. Set it to one of these."
        )
    return list(items)


def is_position(column: ColumnName) -> bool:
    """Tell whether a column is given by a number or digits, which a header may yet name."""
    return isinstance(column, int) or (column.isascii() and column.isdecimal())


@dataclass(frozen=True)
class TableHead:
    """The beginning of a table whose columns are looked up.

    Attributes:
        name: the table's name for messages.
        rows: its first rows.
        named: whether the first row is a header.
    """

    name: str
    rows: Sequence[Sequence[str]]
    named: bool

    def position(self, column: ColumnName, key: str) -> int:
        """Return the position of a column.

        Args:
            column: a name, first taken exactly, then without case and outer white space; or a
                position.
            key: the setting's key for messages.

        Returns:
            The position from 0.

        Raises:
            UserError: if there is no such column or more than one.
        """
        matches = self._matches(column) if self.named and isinstance(column, str) else []
        if len(matches) > 1:
            raise UserError(
                f"{self.name}: expected one column {column!r} ({key}), found {len(matches)}, at "
                f"positions {', '.join(map(str, matches))}. Give one of these positions."
            )
        if matches:
            return matches[0]
        if not is_position(column):
            raise self._unknown(str(column), key)
        if not 0 <= int(column) < len(self.rows[0]):
            raise UserError(
                f"{self.name}: expected {key} to be a position from 0 to "
                f"{len(self.rows[0]) - 1}, found {column}. Its columns are: {self.listing()}."
            )
        return int(column)

    def columns(self, text: Sequence[int], label: int | None) -> Columns:
        """Return the columns at some positions.

        Args:
            text: positions of the text columns.
            label: position of the label column, if there is one.

        Returns:
            The columns.

        Raises:
            UserError: if a position occurs twice.
        """
        if label in text or len(set(text)) < len(text):
            raise UserError(
                f"{self.name}: expected different columns, found {TEXT_KEY} at position "
                f"{', '.join(map(str, text))} and {LABEL_KEY} at {label}. Its columns are: "
                f"{self.listing()}. Name each column once."
            )
        return Columns(
            text=tuple(text),
            label=label,
            header=tuple(self.rows[0]) if self.named else None,
            text_names=tuple(map(self.name_at, text)),
        )

    def has_names(self, names: Sequence[str]) -> bool:
        """Tell whether the first row, header or not, holds all of some names."""
        return all(self._matches(name) for name in names)

    def name_at(self, position: int) -> ColumnName:
        """Return a column's name, its position if it has no name of its own."""
        name = self.rows[0][position]
        return name if self.named and name.strip() and len(self._matches(name)) == 1 else position

    def listing(self) -> str:
        """Return the columns in words: their names, or positions with an example."""
        width = len(self.rows[0])
        shown = range(min(width, _LISTED_COLUMNS))
        if self.named:
            listed = [repr(_shortened(self.rows[0][i])) for i in shown]
        else:
            listed = [f"{i} (for example {_shortened(self._example(i))!r})" for i in shown]
        more = width - len(listed)
        return ", ".join(listed) + (f" and {more} more" if more else "")

    def _matches(self, name: str) -> list[int]:
        first = self.rows[0]
        exact = [i for i, cell in enumerate(first) if cell == name]
        return exact or [i for i, cell in enumerate(first) if folded(cell) == folded(name)]

    def _unknown(self, column: str, key: str) -> UserError:
        if not self.named:
            return UserError(
                f"{self.name}: expected {key} to be a position from 0, because the table has no "
                f"header row, found {column!r}. Its columns are: {self.listing()}. Set "
                "data.header=true if its first row names the columns."
            )
        names = self.rows[0]
        hint = nearest(column, names) or nearest(folded(column), map(folded, names))
        # Where there is no other row, names are all that it can hold.
        or_data = " If the first row is data, set data.header=false and give positions from 0."
        return UserError(
            f"{self.name}: expected a column {column!r} ({key}), found: {self.listing()}.{hint}"
            f"{or_data if len(self.rows) > 1 else ''}"
        )

    def _example(self, position: int) -> str:
        return next((row[position] for row in self.rows if row[position].strip()), "")


def _shortened(cell: str) -> str:
    text = " ".join(cell.split())
    if len(text) <= _EXAMPLE_CHARACTERS:
        return text
    return text[: _EXAMPLE_CHARACTERS - 1] + "…"
