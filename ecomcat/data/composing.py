"""Rows of tables, DataFrames and objects as the texts that a model reads."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice, zip_longest
from typing import TYPE_CHECKING, Any

from ecomcat.data.cells import is_nested, join_levels, join_texts, plain_values, text_of, texts_of
from ecomcat.data.cleaning import labelled_frame, named
from ecomcat.data.header import Columns, Head, folded
from ecomcat.data.numbers import read_number
from ecomcat.errors import UserError, name_five, nearest
from ecomcat.text.fields import Fields, word_name

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger("ecomcat")

Texts = Any
"""A string or an object of fields, a sequence of these, a Series, or a DataFrame."""

_MAX_EXAMPLES = 1000  # different cells that are not numbers


class RowTexts:
    """Compose the texts of a table's rows, chunk by chunk.

    Args:
        columns: `Columns`. The places of the fields in the table.

    Attributes:
        unread: Dictionary of counters, for each column of numbers, of the cells in which no single
            number was found, on one line.
    """

    def __init__(self, columns: Columns) -> None:
        self._columns, self._rows = columns, 0
        self.unread: dict[str | int, Counter[str]] = {n: Counter() for n in columns.fields.numbers}

    def __call__(self, frame: pd.DataFrame) -> list[str]:
        """Return the text of each row of a chunk, whose columns are named by their positions."""
        columns, fields = self._columns, self._columns.fields
        if fields.is_plain:
            return join_texts(frame, columns.text)
        self._rows += len(frame)
        apart = [(place,) for place in columns.text]
        # Columns other than those of training are read as the first one of training.
        places = apart if len(apart) == len(fields.texts) else [columns.text]
        placed = zip(fields.numbers, columns.numbers, strict=True)
        texts = [join_texts(frame, each) for each in places]
        categories = [texts_of(frame[place]) for place in columns.categories]
        numbers = [self._numbers(name, texts_of(frame[place])) for name, place in placed]
        rows = (zip(*cells, strict=True) for cells in (texts, categories, numbers))
        return [fields.compose(*row) for row in zip_longest(*rows, fillvalue=())]

    def labelled(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the texts of a chunk with their labels and the columns `FURTHER`."""
        labels = join_levels(texts_of(frame[place]) for place in self._columns.label)
        further = {name: texts_of(frame[at]) for name, at in self._columns.further.items()}
        return labelled_frame(self(frame), labels, **further)

    def _numbers(self, name: str | int, cells: Sequence[str]) -> list[float | None]:
        numbers = [read_number(cell) for cell in cells]
        for cell, number in zip(cells, numbers, strict=True):
            if number is None:
                counts = self.unread[name]
                shown = " ".join(cell.split())[:40]
                counts[shown if shown in counts or len(counts) < _MAX_EXAMPLES else "…"] += 1
        return numbers

    def log_missing(self) -> None:
        """Log once how many numbers are missing."""
        for name, unread in self.unread.items():
            total = unread.total()
            del unread[""]
            if unread:
                logger.warning(
                    "Column %r: %d of %d cells are empty or hold no single number, and count as "
                    "missing: %s.",
                    *(name, total, self._rows),
                    named(dict(unread.most_common())),
                )


def text_of_object(fields: Fields, row: Mapping[str, Any]) -> str:
    """Return a row as one text; any field may be missing.

    Args:
        fields: `Fields`. What the model reads.
        row: Mapping from the names of columns to texts or numbers.

    Raises:
        UserError: When the model does not know a name, or two names mean the same field.

    >>> text_of_object(Fields(("title",)), {"Title": "A lamp"})
    'A lamp'
    """
    names = list(map(word_name, fields.names))
    values = {word_name(str(name)): text_of(value) for name, value in row.items()}
    if unknown := [str(name)[:60] for name in row if word_name(str(name)) not in names]:
        raise UserError(
            f"Expected fields of {name_five(map(repr, map(str, fields.names)))}, found "
            f"{name_five(map(repr, unknown))}."
            f"{nearest(unknown[0], list(map(str, fields.names)))} Leave out what the model was not "
            "trained on."
        )
    if len(values) < len(row):
        raise UserError(
            f"Expected each field once, found {name_five([repr(str(name)[:60]) for name in row])}. "
            "Names that differ only in case and signs mean one field: leave one of them out."
        )

    def found(columns: Sequence[str | int]) -> list[str]:
        return [values.get(word_name(name), "") for name in columns]

    numbers = map(read_number, found(fields.numbers))
    return fields.compose(found(fields.texts), found(fields.categories), [*numbers])


def composed(rows: Sequence[Any], fields: Fields) -> list[str]:
    """Return texts and objects of fields as texts; a plain text is one of the first column.

    Raises:
        UserError: When an object has a field that the model does not read, or there are lists in
            place of texts.
    """
    _refuse_nested(
        (f"text {number}" if name is None else f"{str(name)[:60]!r} of text {number}", value)
        for number, row in enumerate(rows)
        for name, value in (row.items() if isinstance(row, Mapping) else [(None, row)])
    )
    return [
        text_of_object(fields, row) if isinstance(row, Mapping) else fields.compose([text_of(row)])
        for row in rows
    ]


def _refuse_nested(cells: Iterable[tuple[str, Any]]) -> None:
    """Refuse lists and the like among values, which come with their places."""
    nested = [f"{type(value).__name__} in {place}" for place, value in cells if is_nested(value)]
    if nested:
        raise UserError(
            f"Expected strings and numbers as texts and their fields, found {name_five(nested)}. "
            "Join the parts of each to one string, or give each field its own name: "
            "{'title': 'A lamp', 'brand': 'Acme'}."
        )


def as_pandas(table: Any) -> Any:
    """Return a table of another library, such as Polars or pyarrow, as one of pandas."""
    return table.to_pandas() if hasattr(table, "to_pandas") else table


def texts_of_rows(rows: Texts, fields: Fields) -> tuple[list[str], pd.Index | None]:
    """Return rows that are to be labelled as texts, and the index that their answers get.

    Args:
        rows: String, object of fields, sequence of these, Series, or DataFrame. From a DataFrame
            with several columns, those that the model was trained on are read.
        fields: `Fields`. What the model reads.

    Raises:
        UserError: When a DataFrame lacks one of them, an object has others, or something else than
            texts is given.
    """
    rows = as_pandas(rows)
    if hasattr(rows, "columns"):
        return _texts_of_frame(rows, fields), rows.index
    index = rows.index if hasattr(rows, "iloc") else None
    if isinstance(rows, str | Mapping):
        rows = [rows]
    elif index is not None:
        _refuse_row(index, fields)
        rows = plain_values(rows)
    elif not is_nested(rows) or getattr(rows, "ndim", 1) != 1:
        shape = f" of shape {rows.shape}" if hasattr(rows, "shape") else ""
        raise UserError(
            "Expected a string, a list, a Series, an array of one dimension or a DataFrame, found "
            f"{type(rows).__name__}{shape}. Give one text as a string, and of a table one column, "
            "such as table[:, 0], or a DataFrame."
        )
    rows = list(rows)
    if not fields.is_plain and (bare := sum(not isinstance(row, Mapping) for row in rows)):
        logger.warning(
            "Texts without fields: %d. Each is read as the column %r; other fields are missing.",
            *(bare, fields.texts[0]),
        )
    return composed(rows, fields), index


def _refuse_row(index: pd.Index, fields: Fields) -> None:
    """Refuse a Series that is a row of a table: its index holds the names of columns."""
    names = {folded(name) for name in index if isinstance(name, str)}
    columns = [folded(name) for name in fields.texts if isinstance(name, str)]
    if columns and names.issuperset(columns):
        raise UserError(
            "Expected a Series of texts, found a row of a table: its index holds the column "
            f"{name_five(map(repr, fields.texts))}. Give the row as a DataFrame, frame.iloc[[0]], "
            "or texts whose index this is as a list."
        )


def _texts_of_frame(frame: pd.DataFrame, fields: Fields) -> list[str]:
    if frame.shape == (0, 0):  # as pandas makes of an empty list
        return []
    names = list(map(str, frame.columns))
    positions = _positions(names, fields)
    _refuse_nested(
        (f"{names[place]!r} of row {number}", value)
        for place in positions
        for number, value in enumerate(plain_values(frame.iloc[:, place]))
    )
    places = iter(positions)
    kinds = (fields.texts, fields.categories, fields.numbers)
    text, categories, numbers = (tuple(islice(places, len(kind))) for kind in kinds)
    columns = Columns(text or (0,), categories=categories, numbers=numbers, fields=fields)
    compose = RowTexts(columns)
    texts = compose(frame.set_axis(range(frame.shape[1]), axis="columns"))
    compose.log_missing()
    return texts


def _positions(names: Sequence[str], fields: Fields) -> list[int]:
    """Find the columns of a DataFrame that hold the fields, in the order of the fields."""
    wanted = names if len(names) == 1 and fields.is_plain else list(map(str, fields.names))
    head = Head("the DataFrame", [names], "true")
    matches = {name: head.matches(name) for name in wanted}
    lacking = [repr(name) for name, found in matches.items() if len(found) != 1]
    if lacking or not wanted:
        advice = "Give the column of the texts: predict(frame['NAME'])."
        if not fields.is_plain:
            advice = "Add what is missing; its cells may be empty."
        raise UserError(
            f"Expected the columns that the model was trained on ({name_five(wanted)})"
            f"{', or one column' * fields.is_plain}, found {name_five(names)}"
            f"{f', not one {name_five(lacking)}' * bool(lacking)}. {advice}"
        )
    return [place for found in matches.values() for place in found]
