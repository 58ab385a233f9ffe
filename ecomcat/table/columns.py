"""Which columns of a table hold the text and the label."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ecomcat.errors import UserError
from ecomcat.table.column_lookup import (
    LABEL_KEY,
    TEXT_KEY,
    ColumnName,
    Columns,
    TableHead,
    asked_columns,
    is_position,
    text_of,
)
from ecomcat.table.header import folded, has_header, is_certain_header, is_swapped, is_text_name

HEAD_ROWS = 1000  # rows looked at to find the header, the columns and what they hold

__all__ = [
    "HEAD_ROWS",
    "Columns",
    "has_header",
    "prediction_columns",
    "text_of",
    "training_columns",
]


def training_columns(
    rows: Sequence[Sequence[str]],
    *,
    header: str,
    text_column: object,
    label_column: object,
    name: str,
) -> Columns:
    """Find the text and the label of a labelled table.

    Two columns are label and text in this order, unless usual names in the header say the other
    way round or the user names either; of any other table both must be named.

    Args:
        rows: the beginning of the table, with the header row if there is one.
        header: `true`, `false` or `auto`: a header if a name is given, else see `has_header`.
        text_column: a name, a position from 0, a sequence of these, or None.
        label_column: a name, a position from 0, or None.
        name: the table's name for messages.

    Returns:
        The columns.

    Raises:
        UserError: if a column is missing, ambiguous, used twice or not given.
    """
    _check_rows(rows, name)
    texts = asked_columns(text_column, TEXT_KEY)
    labels = asked_columns(label_column, LABEL_KEY)
    if len(labels) > 1:
        raise UserError(f"{LABEL_KEY}: expected one column, found {labels}. Give one of them.")
    width = len(rows[0])
    guess = _completed(_positions(texts, width), _positions(labels, width), width, swapped=False)
    head = _head(rows, header, name, [*texts, *labels], *guess)

    swapped = head.named and is_swapped(rows[0])
    text, label = _completed(
        [head.position(column, TEXT_KEY) for column in texts],
        [head.position(column, LABEL_KEY) for column in labels],
        width,
        swapped=swapped,
    )
    if not text or not label:
        missing = [key for key, found in ((TEXT_KEY, text), (LABEL_KEY, label)) if not found]
        raise UserError(
            f"{name}: expected {' and '.join(missing)} to be set (only two columns are taken as "
            f"label and text without it), found {width} column{'s' if width > 1 else ''}: "
            f"{head.listing()}. Give names or positions from 0."
        )
    return head.columns(text, label[0])


def prediction_columns(
    rows: Sequence[Sequence[str]],
    *,
    header: str,
    text_column: object,
    trained_on: Sequence[ColumnName],
    name: str,
) -> Columns:
    """Find the text of a table that is to be labelled.

    A single column is the text. Else `text_column` says which it is, else the names used in
    training if the header has them all, else, in a table of two columns without a header, the
    positions used in training.

    Args:
        rows: the beginning of the table, with the header row if there is one.
        header: `true`, `false` or `auto`: a header if it holds a name that is given or was
            used in training, else see `has_header`; of a single column only these names and
            the usual ones for a text count.
        text_column: a name, a position from 0, a sequence of these, or None.
        trained_on: `Columns.text_names` from training.
        name: the table's name for messages.

    Returns:
        The columns, without a label.

    Raises:
        UserError: if the text column is missing, ambiguous, used twice or not to be known.
    """
    _check_rows(rows, name)
    asked = asked_columns(text_column, TEXT_KEY)
    names = [column for column in trained_on if isinstance(column, str)]
    width = len(rows[0])
    if width == 1:
        return _single_column(rows, header, name, [*asked, *names], asked)
    if header == "auto" and names and TableHead(name, rows, True).has_names(names):
        head = TableHead(name, rows, True)
    else:
        head = _head(rows, header, name, asked, _positions(asked, width), [])

    if asked:
        return head.columns([head.position(column, TEXT_KEY) for column in asked], None)
    if head.named and names and len(names) == len(trained_on) and head.has_names(names):
        return head.columns([head.position(column, "used in training") for column in names], None)
    positions = _positions(trained_on, width)
    if not head.named and not names and width == 2 and 0 < len(positions) == len(trained_on):
        return head.columns(positions, None)
    unseen = header == "auto" and names and not head.named
    advice = ", or data.header=true if the first row names the columns" if unseen else ""
    raise UserError(
        f"{name}: expected the text in a single column or in "
        f"{' + '.join(map(repr, trained_on)) or 'a known column'}, as in training, found "
        f"{width} columns: {head.listing()}. Set {TEXT_KEY} to a name or a position from "
        f"0{advice}."
    )


def _check_rows(rows: Sequence[Sequence[str]], name: str) -> None:
    if not rows:
        raise UserError(f"{name}: expected rows, found none. Give a table that has some.")


def _positions(columns: Sequence[ColumnName], width: int) -> list[int]:
    """Return the columns that are given by a position within the table."""
    return [int(x) for x in columns if is_position(x) and 0 <= int(x) < width]


def _completed(
    text: list[int], label: list[int], width: int, *, swapped: bool
) -> tuple[list[int], list[int]]:
    """Fill in, for a table of two columns, those that are not given."""
    if width != 2 or (text and label) or len(text) > 1:
        return text, label
    if text:
        return text, [1 - text[0]]
    if label:
        return [1 - label[0]], label
    return ([0], [1]) if swapped else ([1], [0])


def _head(
    rows: Sequence[Sequence[str]],
    header: str,
    name: str,
    asked: Sequence[ColumnName],
    text: Sequence[int],
    label: Sequence[int],
) -> TableHead:
    """Decide whether there is a header, and say so where that is a guess."""
    if header == "auto" and not all(map(is_position, asked)):
        return TableHead(name, rows, True)
    position = label[0] if label else None
    named = has_header(rows, header, text=text, label=position)
    if named and header == "auto" and not is_certain_header(rows, label=position):
        logging.getLogger("ecomcat").warning(
            "%s: the first row (%s) is taken for a header. If it is data, set data.header=false.",
            name,
            TableHead(name, rows, True).listing(),
        )
    return TableHead(name, rows, named)


def _single_column(
    rows: Sequence[Sequence[str]],
    header: str,
    name: str,
    known: Sequence[ColumnName],
    asked: Sequence[ColumnName],
) -> Columns:
    """Take the only column as the text, under whatever name."""
    first = rows[0][0]
    is_name = is_text_name(first) or folded(first) in {
        folded(x) for x in known if isinstance(x, str)
    }
    named = is_name if header == "auto" else has_header(rows, header)
    head = TableHead(name, rows, named)
    for column in asked:
        if is_position(column):
            head.position(column, TEXT_KEY)
    return head.columns([0], None)
