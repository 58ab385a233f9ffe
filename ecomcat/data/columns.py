"""Which columns of a table hold the text and the label: one finder for all commands."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ecomcat.data.header import (
    counts_rows,
    folded,
    has_header,
    is_certain_header,
    is_label_name,
    is_text_name,
    list_names,
    shortened,
)
from ecomcat.errors import UserError, name_five, nearest

TEXT, LABEL = "text", "label"
"""Names of the two columns of labelled rows, whatever they are called in their file."""

HEAD_ROWS = 1000
"""Rows that are looked at to find the header and the columns."""

ColumnName = str | int
"""A column's name, or its position from 0."""

_TEXT_KEY, _LABEL_KEY = "data.text_column", "data.label_column"


@dataclass(frozen=True)
class Columns:
    """The columns that are used, by their positions from 0."""

    text: tuple[int, ...]  # whose cells are joined in this order
    label: int | None
    header: tuple[str, ...] | None  # the names of all columns
    text_names: tuple[ColumnName, ...]  # positions where there is no name


@dataclass(frozen=True)
class Trained:
    """The text columns that a model was trained on, which are taken from a table that has them."""

    names: tuple[ColumnName, ...]


@dataclass(frozen=True)
class Head:
    """The beginning of a table, in which columns are looked for."""

    name: str  # what messages call the table
    rows: Sequence[Sequence[str]]
    header: str = "auto"  # "true" or "false" where it is known whether the first row is one
    by_format: bool = False  # whether the format itself names the columns, in the first row

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.rows[0])

    @property
    def named(self) -> bool:
        """Whether the first row is known to name the columns."""
        return self.header == "true"

    def places(self, column: ColumnName, key: str) -> list[int]:
        """Return the position of a column; of several, where a comma stands between names."""
        parts = column.split(",") if isinstance(column, str) else []
        if self.named and len(parts) > 1 and not self.matches(str(column)):
            return [self.place(part.strip(), key) for part in parts]
        return [self.place(column, key)]

    def place(self, column: ColumnName, key: str) -> int:
        """Return the position of a column, given by a name (exact, else folded) or a position."""
        matches = self.matches(column) if self.named and isinstance(column, str) else []
        if len(matches) > 1:
            raise UserError(
                f"{self.name}: expected one column {column!r} ({key}), found {len(matches)}, "
                f"at positions {', '.join(map(str, matches))}. Give one of these positions."
            )
        if matches:
            return matches[0]
        if not is_position(column):
            raise self._unknown(str(column), key)
        if not 0 <= int(column) < self.width:
            raise UserError(
                f"{self.name}: expected {key} to be a position from 0 to "
                f"{self.width - 1}, found {column}. Its columns are: {self.listing()}."
            )
        return int(column)

    def columns(self, text: Sequence[int], label: int | None) -> Columns:
        """Return the columns at some positions, which must differ."""
        if label in text or len(set(text)) < len(text):
            raise UserError(
                f"{self.name}: expected different columns, found {_TEXT_KEY} at position "
                f"{', '.join(map(str, text))}"
                f"{'' if label is None else f' and {_LABEL_KEY} at {label}'}. Its columns are: "
                f"{self.listing()}. Name each column once."
            )
        header = tuple(self.rows[0]) if self.named else None
        return Columns(tuple(text), label, header, tuple(map(self._name_at, text)))

    def has(self, names: Sequence[str]) -> bool:
        """Tell whether the first row, header or not, holds all of some names."""
        return all(self.matches(name) for name in names)

    def listing(self) -> str:
        """Return the columns in words: their names, or positions with an example."""
        if self.named:
            return list_names(self.rows[0])
        examples = [
            next((row[i] for row in self.rows if row[i].strip()), "") for i in range(self.width)
        ]
        return name_five(f"{i} (for example {shortened(x)!r})" for i, x in enumerate(examples))

    def matches(self, name: str) -> list[int]:
        """Return the positions of a name, taken exactly if one is, else without case."""
        first = self.rows[0]
        exact = [i for i, cell in enumerate(first) if cell == name]
        return exact or [i for i, cell in enumerate(first) if folded(cell) == folded(name)]

    def _name_at(self, position: int) -> ColumnName:
        name = self.rows[0][position]
        return name if self.named and name.strip() and len(self.matches(name)) == 1 else position

    def _unknown(self, column: str, key: str) -> UserError:
        names = self.rows[0] if self.named else []
        hint = nearest(column, names) or nearest(folded(column), map(folded, names))
        advice = ""
        if not self.named:
            hint = " The table has no header row: give a position from 0"
            advice = ", or set data.header=true if its first row names the columns."
        elif len(self.rows) > 1 and not self.by_format:
            advice = " If the first row is data, set data.header=false and give positions from 0."
        return UserError(
            f"{self.name}: expected a column {column!r} ({key}), found: {self.listing()}."
            f"{hint}{advice}"
        )


def find_labelled_columns(head: Head, text_column: Any, label_column: Any) -> Columns:
    """Find the text and the label of a labelled table.

    Two columns are label and text in this order, unless their usual names say the other way
    round, the label repeats in the second one, or the user names either. Of any other table both
    must be named. A column of row numbers without a name does not count.

    Args:
        head: The beginning of the table.
        text_column: A name, a position from 0, a sequence of these, `Trained`, or None.
        label_column: A name, a position from 0, or None.

    Raises:
        UserError: if a column is missing, ambiguous, used twice or not given.

    >>> head = Head("shop.csv", [["description", "category"], ["A red ball", "Toys"]])
    >>> find_labelled_columns(head, None, None).text_names
    ('description',)
    """
    _require_rows(head)
    if isinstance(text_column, Trained):
        text_column = text_column.names if _holds(head, text_column.names) else None
    texts, labels = _asked(text_column, _TEXT_KEY), _asked(label_column, _LABEL_KEY)
    if len(labels) > 1:
        raise UserError(f"{_LABEL_KEY}: expected one column, found {labels}. Give one of them.")
    guess = _completed(head, _positions(texts, head), _positions(labels, head), named=False)
    table = _named_head(head, [*texts, *labels], *guess)
    text, label = _completed(
        head,
        [place for column in texts for place in table.places(column, _TEXT_KEY)],
        [table.place(column, _LABEL_KEY) for column in labels],
        named=table.named,
    )
    if not text or not label:
        missing = [key for key, found in ((_TEXT_KEY, text), (_LABEL_KEY, label)) if not found]
        raise UserError(
            f"{head.name}: expected {' and '.join(missing)} to be set (only two columns are taken "
            f"as label and text without it), found {head.width} column"
            f"{'s' if head.width > 1 else ''}: {table.listing()}. Give names or positions from 0."
        )
    return table.columns(text, label[0])


def find_text_columns(
    head: Head, text_column: Any, trained_on: Sequence[ColumnName] = ()
) -> Columns:
    """Find the text of a table that is to be labelled.

    A single column is the text. Else `text_column` says which it is, else the columns used in
    training if the header has their names, else, in a table of two columns without a header, the
    positions used in training.

    Args:
        head: The beginning of the table.
        text_column: A name, a position from 0, a sequence of these, or None.
        trained_on: `Columns.text_names` from training.

    Raises:
        UserError: if the text column is missing, ambiguous, used twice or not to be known.
    """
    _require_rows(head)
    asked = _asked(text_column, _TEXT_KEY)
    names = [column for column in trained_on if isinstance(column, str)]
    table = _text_head(head, asked, names)
    if head.width == 1:
        for column in filter(is_position, asked):
            table.place(column, _TEXT_KEY)
        return table.columns([0], None)
    if asked:
        return table.columns([p for column in asked for p in table.places(column, _TEXT_KEY)], None)
    positions = _positions(trained_on, head)
    complete = len(names) + len(positions) == len(trained_on)
    if table.named and names and complete and table.has(names):
        return table.columns([table.place(each, "used in training") for each in trained_on], None)
    if not table.named and not names and head.width == 2 and 0 < len(positions) == len(trained_on):
        return table.columns(positions, None)
    candidates = _candidates(head) if table.named else []
    if len(candidates) == 1:
        return table.columns(candidates, None)
    unseen = head.header == "auto" and names and not table.named
    advice = ", or data.header=true if the first row names the columns" if unseen else ""
    raise UserError(
        f"{head.name}: expected the text in a single column or in "
        f"{' + '.join(map(repr, trained_on)) or 'a known column'}, as in training, found "
        f"{head.width} columns: {table.listing()}. Set {_TEXT_KEY} to a name or a position from "
        f"0{advice}."
    )


def is_position(column: ColumnName) -> bool:
    """Tell whether a column is given by a number or digits, which a header may yet name."""
    return isinstance(column, int) or (column.isascii() and column.isdecimal())


def _holds(head: Head, names: Sequence[ColumnName]) -> bool:
    """Tell whether a header holds each of some names once."""
    found = [len(head.matches(name)) if isinstance(name, str) else 0 for name in names]
    return head.header != "false" and bool(head.rows) and set(found) == {1}


def _require_rows(head: Head) -> None:
    if not head.rows or not head.width:
        raise UserError(
            f"{head.name}: expected columns and rows, found none. Give a table that has some."
        )


def _asked(value: Any, key: str) -> list[ColumnName]:
    """Return the columns that a setting names."""
    if value is None:
        return []
    items = [value] if isinstance(value, str) or not isinstance(value, Sequence) else value
    if any(isinstance(item, bool) or not isinstance(item, str | int) for item in items):
        raise UserError(
            f"{key}: expected a column's name, its position from 0, or a list of these, found "
            f"{value!r}. Set it to one of these."
        )
    return list(items)


def _positions(columns: Sequence[ColumnName], head: Head) -> list[int]:
    """Return the columns that are given by a position within the table."""
    return [int(x) for x in columns if is_position(x) and 0 <= int(x) < head.width]


def _candidates(head: Head) -> list[int]:
    """Return the columns that are no numbers of rows without a name."""
    rows = head.rows
    return [i for i in range(head.width) if head.width == 1 or not counts_rows(rows, i)]


def _completed(
    head: Head, text: list[int], label: list[int], *, named: bool
) -> tuple[list[int], list[int]]:
    """Fill in, for a table of two columns, those that are not given."""
    places = _candidates(head)
    if len(places) != 2 or (text and label) or len(text) > 1:
        return text, label
    if text or label:
        rest = [place for place in places if place not in (*text, *label)]
        return (text, rest[:1]) if text else (rest[:1], label)
    first, second = places
    if named:
        one, other = head.rows[0][first], head.rows[0][second]
        if is_text_name(one) != is_text_name(other):
            return ([first], [second]) if is_text_name(one) else ([second], [first])
        if is_label_name(one) != is_label_name(other):
            return ([first], [second]) if is_label_name(other) else ([second], [first])
    body = head.rows[1:] if named else head.rows
    # Labels repeat and texts do not.
    labels, texts = {row[second] for row in body}, {row[first] for row in body}
    swapped = 2 * len(labels) <= min(len(texts), len(body))
    return ([first], [second]) if swapped else ([second], [first])


def _text_head(head: Head, asked: Sequence[ColumnName], names: Sequence[str]) -> Head:
    """Decide whether a table that is to be labelled has a header."""
    first = folded(head.rows[0][0])
    if head.width == 1:
        given = [folded(name) for name in (*asked, *names) if isinstance(name, str)]
        known = is_text_name(first) or first in given
        asked = []  # whatever its name is, it is the text
    else:
        known = bool(names) and head.has(names)
    if head.header == "auto" and known:
        return replace(head, header="true")
    return _named_head(head, asked, _positions(asked, head), [])


def _named_head(
    head: Head, asked: Sequence[ColumnName], text: Sequence[int], label: Sequence[int]
) -> Head:
    """Decide whether there is a header, and warn where that is a guess."""
    if head.header == "auto" and not all(map(is_position, asked)):
        return replace(head, header="true")
    position = label[0] if label else None
    named = has_header(head.rows, head.header, text=text, label=position)
    if head.header == "auto" and named and not is_certain_header(head.rows, position):
        logging.getLogger("ecomcat").warning(
            "%s: the first row (%s) is taken for a header. If it is data, set data.header=false.",
            head.name,
            list_names(head.rows[0]),
        )
    return replace(head, header=str(named).lower())
