"""The beginning of a table: its columns, and whether the first row names them."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from ecomcat.errors import UserError, name_five, nearest
from ecomcat.text.fields import PLAIN, Fields, Name

TEXT, LABEL = "text", "label"
"""Names of the two columns of labelled rows, whatever they are called in their file."""

SPLIT, GROUP = FURTHER = "split", "group"
"""Names of columns that say how rows are split, if `data.split_column` and so on name them."""

CATEGORY, NUMBER = "category", "number"
"""Kinds of columns that are read beside texts, if `data.category_columns` and so on name them."""

HEAD_ROWS = 1000
"""Rows that are read to find the header and the columns."""

ColumnName = Name

_MAX_NAME_CHARACTERS = 40
_MUCH_SHORTER = 1 / 4
_INDEX_NAME = re.compile(r"\s*|Unnamed: \d+|__index_level_\d+__")
_USUAL_NAMES = {
    TEXT: (
        *("text", "texts", "content", "body", "document", "sentence", "review", "comment"),
        *("title", "description", "message", "summary", "item_description"),
        *("product_description", "product_title", "product_name", "product_text"),
    ),
    LABEL: (
        *("label", "labels", "category", "categories", "class", "classes", "target"),
        *("topic", "sentiment", "tag", "intent", "genre"),
        *("product_category", "category_name", "class_name", "label_name"),
    ),
}

logger = logging.getLogger("ecomcat")


@dataclass(frozen=True)
class Columns:
    """The columns that are used, by their positions from 0."""

    text: tuple[int, ...]  # their cells are joined in this order
    label: tuple[int, ...] = ()  # several hold one level each
    header: tuple[str, ...] | None = None  # the names of all columns
    text_names: tuple[ColumnName, ...] = ()  # positions where there is no name
    label_names: tuple[ColumnName, ...] = ()
    further: Mapping[str, int] = field(default_factory=dict)  # the given ones of `FURTHER`
    categories: tuple[int, ...] = ()
    numbers: tuple[int, ...] = ()
    fields: Fields = PLAIN  # what a model calls the columns that it reads

    @property
    def used(self) -> list[int]:
        """The positions of text, label and all further columns, each once."""
        beside = (*self.further.values(), *self.categories, *self.numbers)
        return list(dict.fromkeys((*self.text, *self.label, *beside)))


@dataclass(frozen=True)
class Head:
    """The beginning of a table, in which columns are searched."""

    name: str  # what messages call the table
    rows: Sequence[Sequence[str]]
    header: str = "auto"  # "true" or "false" where it is known whether the first row is one
    guessed: bool = False  # whether neither the user nor the format says so

    def __post_init__(self) -> None:
        """Refuse a table without columns or rows."""
        if not self.rows or not self.rows[0]:
            raise UserError(
                f"{self.name}: expected columns and rows, found none. Give a table that has some."
            )

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.rows[0])

    @property
    def named(self) -> bool:
        """Whether the first row is known to name the columns."""
        return self.header == "true"

    def places(self, column: ColumnName, key: str) -> list[int]:
        """Return the position of a column, or of several whose names a comma separates."""
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
        if is_position(column) and 0 <= int(column) < self.width:
            return int(column)
        hint = "; data.header=true or data.header=false says whether the first row has names"
        raise UserError(
            f"{self.name}: expected a column {column!r} ({key}), found: {self.listing()}."
            f"{nearest(str(column), self.rows[0])} Give a position from 0 to {self.width - 1} or a "
            f"name{hint * (self.guessed or not self.named)}."
        )

    def columns(
        self,
        text: Sequence[int],
        label: Sequence[int] = (),
        further: Mapping[str, Sequence[int]] | None = None,
        trained: Fields | None = None,
    ) -> Columns:
        """Return the columns at some positions, which must differ.

        A column that is read, such as a title, may also group rows, but the label may not.
        """
        header, others = tuple(self.rows[0]) if self.named else None, dict(further or {})
        names, label_names = (tuple(map(self._name, places)) for places in (text, label))
        keys = " and ".join(map(column_key, (TEXT, LABEL, *others)))
        categories, numbers = (tuple(others.pop(kind, ())) for kind in (CATEGORY, NUMBER))
        found = Columns(
            *(tuple(text), tuple(label), header, names, label_names),
            {name: places[0] for name, places in others.items()},
            *(categories, numbers),
        )
        given = [*label, *others.get(SPLIT, ())]
        taken = [*text, *given, *categories, *numbers]
        counts = Counter([*taken, *set(given) & {*others.get(GROUP, ())}])
        if twice := [self._name(place) for place, count in counts.items() if count > 1]:
            raise UserError(
                f"{self.name}: expected different columns in {keys}, found column "
                f"{name_five(map(repr, twice))} more than once. Its columns are: {self.listing()}. "
                "Name each column once."
            )
        read = [tuple(map(self._name, places)) for places in (categories, numbers)]
        return replace(found, fields=trained or Fields(names, read[0], read[1]))

    def _name(self, place: int) -> ColumnName:
        """Return a column's name, or its position where it has none, to find it again."""
        name = self.rows[0][place]
        is_name = self.named and name.strip() and len(self.matches(name)) == 1
        return name if is_name else place

    def has(self, names: Sequence[ColumnName]) -> bool:
        """Tell whether the first row, unless it is data, holds all of some names."""
        found = [isinstance(name, str) and bool(self.matches(name)) for name in names]
        return self.header != "false" and set(found) == {True}

    def listing(self) -> str:
        """List the columns: their names, or positions with an example."""
        if self.named:
            return list_names(self.rows[0])
        examples = [
            next((row[i] for row in self.rows if row[i].strip()), "") for i in range(self.width)
        ]
        return name_five(f"{i} (for example {_shortened(x)!r})" for i, x in enumerate(examples))

    def matches(self, name: str) -> list[int]:
        """Return the positions of a name: exact matches if there are any, else without case."""
        first = self.rows[0]
        exact = [i for i, cell in enumerate(first) if cell == name]
        return exact or [i for i, cell in enumerate(first) if folded(cell) == folded(name)]


def is_header(head: Head, text: Sequence[int], label: int | None) -> bool:
    """Tell whether the first row is a header, and warn where that is a guess.

    A row of data that is taken for a header is lost, while a header that is taken for data shows
    up as a class of one row. So it is a header only where that is certain: its cells are 0, 1, 2
    and so on, as a data frame without names is written; or it has an index without a name; or one
    cell is a usual name of texts and another of labels; or the label has a usual name, and does
    not occur again. Or where it is likely: a text (without `text` any column) or a label has a
    usual name that does not occur again, or the cells differ from those below as names do.
    """
    rows, first = head.rows, [folded(cell) for cell in head.rows[0]]
    if any(len(cell) > _MAX_NAME_CHARACTERS for cell in rows[0]):
        return False
    usual = [usual_kind(cell) for cell in first]
    recurs = [any(folded(row[i]) == cell for row in rows[1:]) for i, cell in enumerate(first)]
    numbered = first == list(map(str, range(len(first)))) or (
        len(rows) > 1 and counts_rows(rows, 0)
    )
    if (
        (len(first) > 1 and numbered)
        or {TEXT, LABEL} <= set(usual)
        or (label is not None and usual[label] == LABEL and not recurs[label])
    ):
        return True
    places = [*(text or range(len(first))), *([] if label is None else [label])]
    named = [i for i in places if usual[i]]
    likely = bool(named) and not recurs[named[0] if label is None else label]
    if likely or (not any(recurs) and _are_names(first, rows[1:], text, label)):
        logger.warning(
            "%s: the first row (%s) is taken for a header. If it is data, set data.header=false.",
            head.name,
            list_names(rows[0]),
        )
        return True
    return False


def _are_names(
    first: Sequence[str], others: Sequence[Sequence[str]], text: Sequence[int], label: int | None
) -> bool:
    """Tell whether cells differ from those below them as names do.

    All are filled and distinct, and at least half of the other rows share their label with another
    one; every text cell is one word, at most a quarter as long as the median text.
    """
    if not others or not all(first) or len(set(first)) < len(first):
        return False
    if label is not None:
        counts = Counter(folded(row[label]) for row in others)
        if 2 * sum(count for count in counts.values() if count > 1) < len(others):
            return False
    # Without a text column it is the longest.
    longest = max(range(len(first)), key=lambda i: sum(len(row[i]) for row in others))
    for i in text or [longest]:
        # Letters, marks (vowel signs, say) and underscores.
        is_word = all(x == "_" or unicodedata.category(x)[0] in "LM" for x in first[i])
        shorter = _MUCH_SHORTER * median(len(row[i].strip()) for row in others)
        if not is_word or len(first[i]) > shorter:
            return False
    return True


def counts_rows(rows: Sequence[Sequence[str]], position: int) -> bool:
    """Tell whether a column without a name numbers the rows, as pandas writes data frames."""
    body = [row[position] for row in rows[1:]]
    counted = [str(i) for i in range(len(body))], [str(i + 1) for i in range(len(body))]
    return _INDEX_NAME.fullmatch(rows[0][position]) is not None and body in counted


def column_key(name: str) -> str:
    """Return the configuration key that names columns of a kind.

    >>> column_key("split"), column_key("number")
    ('data.split_column', 'data.number_columns')
    """
    return f"data.{name}_column{'s' * (name in {CATEGORY, NUMBER})}"


def usual_kind(cell: str) -> str | None:
    """Return `TEXT` or `LABEL` where a cell is a usual name of such a column, as `Category` is."""
    name = re.sub(r"[\s_\-]+", "_", folded(cell))
    return next((kind for kind, names in _USUAL_NAMES.items() if name in names), None)


def is_position(column: ColumnName) -> bool:
    """Tell whether a column is given by a number or digits, which may also be a name."""
    return isinstance(column, int) or (column.isascii() and column.isdecimal())


def folded(cell: str) -> str:
    """Return a cell without case and without the white space around it."""
    return cell.strip().casefold()


def list_names(names: Sequence[str]) -> str:
    """List the names of columns for a message."""
    return name_five(repr(_shortened(name)) for name in names)


def _shortened(cell: str) -> str:
    """Return a cell on one line, cut to 40 characters."""
    text, most = " ".join(cell.split()), _MAX_NAME_CHARACTERS
    return text if len(text) <= most else f"{text[: most - 1]}…"
