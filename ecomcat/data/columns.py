"""Which columns of a table hold the text and the label: one finder for all commands."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ecomcat.config import DataConfig, ReadingConfig
from ecomcat.data.header import (
    CATEGORY,
    FURTHER,
    GROUP,
    LABEL,
    NUMBER,
    SPLIT,
    TEXT,
    ColumnName,
    Columns,
    Head,
    column_key,
    counts_rows,
    folded,
    is_header,
    is_position,
    usual_kind,
)
from ecomcat.errors import UserError, name_five
from ecomcat.text.fields import PLAIN, Fields

logger = logging.getLogger("ecomcat")

_TEXT_KEY, _LABEL_KEY = "data.text_column", "data.label_column"
_BESIDE = (*FURTHER, CATEGORY, NUMBER)


@dataclass(frozen=True)
class Trained:
    """The columns that a model was trained on, to be found in another table.

    Args:
        fields: `Fields`. The columns, under the names that the model knows.
        asked: The text columns that the user names instead. Defaults to None.
        separator: String between the levels of its labels. Defaults to None, not known.
        labels: The columns of its labels. Defaults to none, not known.
    """

    fields: Fields
    asked: Any = None
    separator: str | None = None
    labels: tuple[ColumnName, ...] = ()


def find_labelled_columns(head: Head, data: DataConfig) -> Columns:
    """Find the text, the label and the further columns of a labelled table.

    Two columns are label and text in this order, unless their usual names say the opposite, the
    label repeats in the second one, or the user names either. For any other table both must be
    named. A column of row numbers without a name does not count.

    Args:
        head: The beginning of the table.
        data: Configuration. Each of its columns is a name, a position from 0, a sequence of these,
            or None; `text_column` may be `Trained`.

    Raises:
        UserError: if a column is missing, ambiguous, used twice or not given.

    >>> head = Head("shop.csv", [["description", "category"], ["A red ball", "Toys"]])
    >>> find_labelled_columns(head, DataConfig()).text_names
    ('description',)
    """
    is_trained = isinstance(data.text_column, Trained)
    trained = data.text_column if is_trained else Trained(PLAIN, data.text_column)
    asked = _asked_columns(head, data, trained)
    table = _labelled_head(head, asked)
    _require_beside(table, trained.fields)
    if not asked[LABEL] and _has_once(table, trained.labels):
        asked[LABEL] = list(trained.labels)
    places = {
        kind: [place for column in asked[kind] for place in table.places(column, column_key(kind))]
        for kind in _BESIDE
        if asked[kind]
    }
    text, label = _completed(
        table,
        _in_order(table, asked[TEXT], trained.fields.texts),
        [place for column in asked[LABEL] for place in table.places(column, _LABEL_KEY)],
        [place for found in places.values() for place in found],
        named=table.named,
    )
    if not text or not label:
        raise _not_given(table, trained, text, label)
    return table.columns(text, label, places, trained.fields if is_trained else None)


def _asked_columns(head: Head, data: DataConfig, trained: Trained) -> dict[str, list[ColumnName]]:
    """Return the columns that are asked for, by kind; those of the text may be as in training."""
    text_column = trained.asked
    if text_column is None and _has_once(head, trained.fields.texts):
        text_column = trained.fields.texts
    return {
        TEXT: _asked(text_column, _TEXT_KEY),
        LABEL: _asked(data.label_column, _LABEL_KEY),
        SPLIT: _asked(data.split_column, column_key(SPLIT), once=True),
        GROUP: _asked(data.group_column, column_key(GROUP), once=True),
        CATEGORY: _asked(data.category_columns, column_key(CATEGORY)),
        NUMBER: _asked(data.number_columns, column_key(NUMBER)),
    }


def _labelled_head(head: Head, asked: Mapping[str, Sequence[ColumnName]]) -> Head:
    """Decide whether a labelled table has a header, by the columns that it probably has."""
    apart = [
        place
        for kind in _BESIDE
        for column in asked[kind]
        for place in head.matches(str(column)) or _positions([column], head)
    ]
    text, label = (_positions(asked[kind], head) for kind in (TEXT, LABEL))
    text, label = _completed(head, text, label, apart, named=False)
    columns = [column for found in asked.values() for column in found]
    return _named_head(head, columns, text, label[0] if label else None)


def _not_given(
    table: Head, trained: Trained, text: Sequence[int], label: Sequence[int]
) -> UserError:
    missing = [key for key, found in ((_TEXT_KEY, text), (_LABEL_KEY, label)) if not found]
    known = trained.labels if text else trained.fields.texts
    lacked = f", or {' + '.join(map(repr, known))} as in training" * bool(known)
    return UserError(
        f"{table.name}: expected {' and '.join(missing)} to be set{lacked} (only two columns "
        f"are taken as label and text without it), found {table.width} column"
        f"{'s' if table.width > 1 else ''}: {table.listing()}. Give names or positions from 0."
    )


def find_text_columns(head: Head, text_column: Any, trained: Fields) -> Columns:
    """Find the text of a table that is to be labelled, and the other columns that a model reads.

    A single column is the text, unless `text_column` names another. Otherwise the text is in the
    columns that `text_column` names; else in those used in training, if the header has their
    names; else, in a table of two columns without a header, at the positions used in training.
    Categories and numbers have the names or positions of training.

    Args:
        head: The beginning of the table.
        text_column: A name, a position from 0, a sequence of these, or None.
        trained: `Fields`. The columns used in training.

    Raises:
        UserError: if a column is missing, ambiguous, used twice or cannot be determined.
    """
    beside = (*trained.categories, *trained.numbers)
    if head.header == "auto" and head.has(beside):
        head = replace(head, header="true", guessed=True)
    table, text = _find_texts(head, text_column, trained.texts)
    _require_beside(table, trained)
    kinds = {CATEGORY: trained.categories, NUMBER: trained.numbers}
    places = {
        kind: [table.place(name, "used in training") for name in names]
        for kind, names in kinds.items()
        if names
    }
    return table.columns(text, (), places, trained)


def _require_beside(table: Head, trained: Fields) -> None:
    """Refuse a table without the columns that a model reads beside the text."""
    beside = (*trained.categories, *trained.numbers)
    missing = [name for name in beside if not _is_there(table, name)]
    if missing:
        raise UserError(
            f"{table.name}: expected the columns {name_five(map(repr, beside))} beside the text, "
            f"as in training, found no {name_five(map(repr, missing))} among {table.listing()}. "
            "Rename the columns in the file, or add them; their cells may be empty."
        )


def _is_there(table: Head, column: ColumnName) -> bool:
    named = table.named and isinstance(column, str) and bool(table.matches(column))
    return named or (is_position(column) and int(column) < table.width)


def _find_texts(
    head: Head, text_column: Any, trained_on: Sequence[ColumnName]
) -> tuple[Head, list[int]]:
    """Decide whether a table that is to be labelled has a header, and find its text."""
    asked = _asked(text_column, _TEXT_KEY)
    names = [column for column in trained_on if isinstance(column, str)]
    table = _unlabelled_head(head, asked, names)
    places = _in_order(table, asked, trained_on)
    if head.width == 1:  # whatever its name is, it is the text
        return table, [0]
    if asked:
        return table, places
    as_trained = table.has(names) if table.named else not names and head.width == 2
    if trained_on and as_trained:
        return table, [table.place(each, "used in training") for each in trained_on]
    if table.named and len(candidates := _candidates(head)) == 1:
        return table, candidates
    advice = ", or data.header=true if the first row names the columns" * (not table.named)
    raise UserError(
        f"{head.name}: expected the text in a single column or in "
        f"{' + '.join(map(repr, trained_on)) or 'a known column'}, as in training, found "
        f"{head.width} columns: {table.listing()}. Set {_TEXT_KEY} to a name or a position from "
        f"0{advice}."
    )


def _unlabelled_head(head: Head, asked: Sequence[ColumnName], names: Sequence[str]) -> Head:
    known = head.has(names)
    if head.width == 1:
        given = [folded(name) for name in (*asked, *names) if isinstance(name, str)]
        known = usual_kind(head.rows[0][0]) == TEXT or folded(head.rows[0][0]) in given
    if head.header == "auto" and known:
        return replace(head, header="true", guessed=True)
    return _named_head(head, asked if head.width > 1 else [], _positions(asked, head), None)


def _has_once(head: Head, names: Sequence[ColumnName]) -> bool:
    return head.has(names) and all(len(head.matches(str(name))) == 1 for name in names)


def _in_order(
    table: Head, asked: Sequence[ColumnName], trained_on: Sequence[ColumnName]
) -> list[int]:
    """Return the places of columns, in the order of training where they are the same ones."""
    places = [place for column in asked for place in table.places(column, _TEXT_KEY)]
    known = [place for name in trained_on for place in table.matches(str(name)) if table.named]
    return known if sorted(known) == sorted(places) else places


def _asked(value: Any, key: str, *, once: bool = False) -> list[ColumnName]:
    """Return the columns that a setting names."""
    if value is None:
        return []
    items = [value] if isinstance(value, str) or not isinstance(value, Sequence) else value
    if any(isinstance(item, bool) or not isinstance(item, str | int) for item in items):
        raise UserError(
            f"{key}: expected a column's name, its position from 0, or a list of these, found "
            f"{value!r}. Set it to one of these."
        )
    if once and len(items) > 1:
        raise UserError(f"{key}: expected one column, found {list(items)}. Give one of them.")
    return list(items)


def _positions(columns: Sequence[ColumnName], head: Head) -> list[int]:
    """Return the columns that are given by a position within the table."""
    return [int(x) for x in columns if is_position(x) and 0 <= int(x) < head.width]


def _candidates(head: Head) -> list[int]:
    """Return all columns except a column of row numbers without a name."""
    return [i for i in range(head.width) if head.width == 1 or not counts_rows(head.rows, i)]


def _completed(
    head: Head, text: list[int], label: list[int], apart: Collection[int], *, named: bool
) -> tuple[list[int], list[int]]:
    """Fill in the columns that are not given, if the table has two besides those in `apart`."""
    others = set(apart).difference(text, label)  # a text may also say which rows are one group
    places = [place for place in _candidates(head) if place not in others]
    if len(places) != 1 + max(len(label), 1) or (text and label) or len(text) > 1:
        return text, label
    if text or label:
        rest = [place for place in places if place not in (*text, *label)]
        return (text, rest[:1]) if text else (rest[:1], label)
    first, second = places
    likelihood = {TEXT: 1, None: 0, LABEL: -1}
    one, other = (likelihood[usual_kind(head.rows[0][i])] for i in places)
    if named and one != other:
        return ([first], [second]) if one > other else ([second], [first])
    body = head.rows[1:] if named else head.rows
    # Labels repeat and texts do not.
    labels, texts = {row[second] for row in body}, {row[first] for row in body}
    swapped = 2 * len(labels) <= min(len(texts), len(body))
    return ([first], [second]) if swapped else ([second], [first])


def _named_head(
    head: Head, asked: Sequence[ColumnName], text: Sequence[int], label: int | None
) -> Head:
    """Decide whether there is a header."""
    if head.header != "auto":
        return head
    named = not all(map(is_position, asked)) or is_header(head, text, label)
    return replace(head, header=str(named).lower(), guessed=True)


def warn_of_other_columns(
    data: ReadingConfig, trained: Sequence[str | int], found: Sequence[str | int]
) -> None:
    """Warn where texts were joined from other columns than in training.

    Args:
        data: How the file was read.
        trained: Columns that the model was trained on.
        found: Columns that the file's texts came from.
    """

    def compared(columns: Sequence[Any]) -> list[str]:
        return [folded(str(column)) for column in columns]

    asked = data.text_column
    differs = len(found) != len(trained)
    if asked not in (None, []):
        named = asked if isinstance(asked, list | tuple) else [asked]
        differs = compared(trained) not in (compared(named), compared(found))
    if differs:
        logger.warning(
            "The text is column %s, but the model was trained on %s: where other columns are "
            "joined, its answers may be worse, and texts that it saw in training cannot be "
            "recognised.",
            " + ".join(map(str, found)),
            " + ".join(map(str, trained)),
        )
