"""What the first row and the cells of a table tell: names or data, texts or labels."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from statistics import median

from ecomcat.errors import UserError, name_five

_MAX_NAME_CHARACTERS = 40

_TEXT_NAMES = frozenset(
    {
        *("text", "texts", "content", "body", "document", "sentence", "review", "comment"),
        *("title", "description", "message", "summary", "item_description"),
        *("product_description", "product_title", "product_name", "product_text"),
    }
)
_LABEL_NAMES = frozenset(
    {
        *("label", "labels", "category", "categories", "class", "classes", "target"),
        *("topic", "sentiment", "tag", "intent", "genre"),
        *("product_category", "category_name", "class_name", "label_name"),
    }
)
_INDEX_NAME = re.compile(r"\s*|Unnamed: \d+|__index_level_\d+__")
_MUCH_SHORTER = 1 / 4

Rows = Sequence[Sequence[str]]


def has_header(
    rows: Rows, header: str = "auto", *, text: Sequence[int] = (), label: int | None = None
) -> bool:
    """Tell whether the first row is a header.

    A row of data that is taken for a header is lost, while a header that is taken for data shows
    up as a class of one row. So with `auto` it is one only where it is certain, or a text or a
    label has a usual name that does not occur again, or names stand beside the data: all cells
    are filled and distinct, and none occurs again in its column; every text cell is one word, at
    most a quarter as long as the median text; and at least half of the other rows share their
    label with another one. Callers warn of the last two.

    Args:
        rows: The beginning of the table.
        header: String. `"true"`, `"false"`, or `"auto"` to look.
        text: Positions of the text columns; if empty, any column may be one.
        label: Integer. Position of the label column, if there is one.

    >>> has_header([["label", "text"], ["Toys", "A red ball"]])
    True
    """
    if header not in ("auto", "true", "false"):
        raise UserError(
            f"data.header: expected auto, true or false, found {header!r}. Set it to one of these."
        )
    if header != "auto" or any(len(cell) > _MAX_NAME_CHARACTERS for cell in rows[0]):
        return header == "true"
    first = rows[0]
    places = [*(text or range(len(first))), *([] if label is None else [label])]
    usual = [i for i in places if is_text_name(first[i]) or is_label_name(first[i])]
    return (
        is_certain_header(rows, label)
        or (bool(usual) and not _recurs(rows, usual[0] if label is None else label))
        or _looks_like_names(rows, text, label)
    )


def is_certain_header(rows: Rows, label: int | None) -> bool:
    """Tell whether the first row is a header beyond doubt.

    Its cells are 0, 1, 2 and so on, as a data frame without names is written; or it has an index
    without a name; or one cell is a usual name of texts and another of labels; or the label has a
    usual name, and does not occur again.
    """
    first = rows[0]
    if len(first) > 1:
        if [cell.strip() for cell in first] == list(map(str, range(len(first)))):
            return True
        if len(rows) > 1 and counts_rows(rows, 0):
            return True
    if any(map(is_text_name, first)) and any(map(is_label_name, first)):
        return True
    return label is not None and is_label_name(first[label]) and not _recurs(rows, label)


def _looks_like_names(rows: Rows, text: Sequence[int], label: int | None) -> bool:
    first, others = [folded(cell) for cell in rows[0]], rows[1:]
    if not others or not all(first) or len(set(first)) < len(first):
        return False
    if any(_recurs(rows, i) for i in range(len(first))):
        return False
    if label is not None:
        counts = Counter(folded(row[label]) for row in others)
        if 2 * sum(count for count in counts.values() if count > 1) < len(others):
            return False
    # Without a text column it is the longest.
    longest = max(range(len(first)), key=lambda i: sum(len(row[i]) for row in others))
    return all(_stands_out(first[i], [row[i] for row in others]) for i in text or [longest])


def _stands_out(cell: str, others: Sequence[str]) -> bool:
    """Tell whether a cell is one word, much shorter than the texts below it."""
    # Letters, marks (vowel signs, say) and underscores.
    is_word = all(x == "_" or unicodedata.category(x)[0] in "LM" for x in cell)
    return is_word and len(cell) <= _MUCH_SHORTER * median(len(other.strip()) for other in others)


def _recurs(rows: Rows, position: int) -> bool:
    """Tell whether the first cell of a column occurs again in it."""
    cell = folded(rows[0][position])
    return any(folded(row[position]) == cell for row in rows[1:])


def counts_rows(rows: Rows, position: int) -> bool:
    """Tell whether a column without a name numbers the rows, as data frames are written."""
    body = [row[position] for row in rows[1:]]
    counted = [str(i) for i in range(len(body))], [str(i + 1) for i in range(len(body))]
    return _INDEX_NAME.fullmatch(rows[0][position]) is not None and body in counted


def is_text_name(cell: str) -> bool:
    """Tell whether a cell is a usual name of a column of texts, such as `Description`."""
    return re.sub(r"[\s_\-]+", "_", folded(cell)) in _TEXT_NAMES


def is_label_name(cell: str) -> bool:
    """Tell whether a cell is a usual name of a column of labels, such as `Category`."""
    return re.sub(r"[\s_\-]+", "_", folded(cell)) in _LABEL_NAMES


def folded(cell: str) -> str:
    """Return a cell without case and without the white space around it."""
    return cell.strip().casefold()


def list_names(names: Sequence[str]) -> str:
    """Return the names of columns in words."""
    return name_five(repr(shortened(name)) for name in names)


def shortened(cell: str) -> str:
    """Return a cell on one line, cut to 40 characters."""
    text = " ".join(cell.split())
    if len(text) <= _MAX_NAME_CHARACTERS:
        return text
    return text[: _MAX_NAME_CHARACTERS - 1] + "…"
