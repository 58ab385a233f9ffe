"""What the first row and the cells of a table tell: names or data, texts or labels."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from statistics import median

from ecomcat.errors import UserError

HEADER_CHOICES = ("auto", "true", "false")
MAX_LISTED = 30

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
_MAX_NAME_CHARACTERS = 40
_MUCH_SHORTER = 1 / 4

Rows = Sequence[Sequence[str]]


def folded(cell: str) -> str:
    """Return a cell without case and without the white space around it."""
    return cell.strip().casefold()


def is_text_name(cell: str) -> bool:
    """Tell whether a cell is a usual name of a column of texts, such as `Description`."""
    return _words(cell) in _TEXT_NAMES


def is_label_name(cell: str) -> bool:
    """Tell whether a cell is a usual name of a column of labels, such as `Category`."""
    return _words(cell) in _LABEL_NAMES


def counts_rows(rows: Rows, position: int) -> bool:
    """Tell whether a column without a name numbers the rows, as data frames are written."""
    body = [row[position] for row in rows[1:]]
    counted = [str(i) for i in range(len(body))], [str(i + 1) for i in range(len(body))]
    return _INDEX_NAME.fullmatch(rows[0][position]) is not None and body in counted


def order_by_names(first: str, second: str) -> bool | None:
    """Tell whether two names are text and label in this order; None if they do not tell."""
    if is_text_name(first) != is_text_name(second):
        return is_text_name(first)
    if is_label_name(first) != is_label_name(second):
        return is_label_name(second)
    return None


def repeats_more(cells: Sequence[str], others: Sequence[str]) -> bool:
    """Tell whether cells repeat as labels do, and others as texts do not."""
    return 2 * len(set(cells)) <= min(len(set(others)), len(cells))


def has_header(
    rows: Rows, header: str = "auto", *, text: Sequence[int] = (), label: int | None = None
) -> bool:
    """Tell whether the first row is a header.

    With `auto` it is one in five cases only, since a row of data that is taken for a header is
    lost, while a header that is taken for data shows up as a class of one row:

    1. Its cells are 0, 1, 2 and so on, as a data frame without names is written.
    2. Its first cell is empty and the cells below it count the rows.
    3. One cell is a usual name for a column of texts and another for a column of labels, or
       the label cell is a usual name for its kind and does not occur again as a label.
    4. The text or the label cell is a usual name of either kind, and the label (without one:
       the text) does not occur again.
    5. It looks like names beside the data: all cells are filled and distinct; every text cell
       is one word without a digit and at most a quarter as long as the median text; no cell
       occurs again in its column; and at least half of the other rows share their label with
       another one, so that a label that stands alone is remarkable.

    Cells of a header are at most 40 characters long, and compare without case and without the
    white space around them. What remains in doubt (cases 4 and 5) is a first row with a class of
    its own and a text of one word: callers warn of it.

    Args:
        rows: The beginning of the table.
        header: String. `"true"`, `"false"`, or `"auto"` to look.
        text: Positions of the text columns; if empty, any column may be one.
        label: Integer. Position of the label column, if there is one.

    >>> has_header([["label", "text"], ["Toys", "A red ball"]])
    True
    """
    if header not in HEADER_CHOICES:
        raise UserError(
            f"data.header: expected auto, true or false, found {header!r}. Set it to one of these."
        )
    if header != "auto":
        return header == "true"
    return (
        is_certain_header(rows, label=label)
        or _has_usual_name(rows, text, label)
        or _looks_like_names(rows, text, label)
    )


def is_certain_header(rows: Rows, *, label: int | None = None) -> bool:
    """Tell whether the first row is a header beyond doubt: cases 1 to 3 of `has_header`."""
    first = rows[0]
    if any(len(cell) > _MAX_NAME_CHARACTERS for cell in first):
        return False
    if len(first) > 1 and [cell.strip() for cell in first] == list(map(str, range(len(first)))):
        return True
    if len(first) > 1 and len(rows) > 1 and counts_rows(rows, 0):
        return True
    if any(map(is_text_name, first)) and any(map(is_label_name, first)):
        return True
    return label is not None and is_label_name(first[label]) and not _recurs(rows, label)


def _has_usual_name(rows: Rows, text: Sequence[int], label: int | None) -> bool:
    first = rows[0]
    positions = [*(text or range(len(first))), *([] if label is None else [label])]
    if any(len(cell) > _MAX_NAME_CHARACTERS for cell in first):
        return False
    usual = [i for i in positions if is_text_name(first[i]) or is_label_name(first[i])]
    return bool(usual) and not _recurs(rows, usual[0] if label is None else label)


def _looks_like_names(rows: Rows, text: Sequence[int], label: int | None) -> bool:
    first, others = [folded(cell) for cell in rows[0]], rows[1:]
    if not others or not all(first) or len(set(first)) < len(first):
        return False
    if any(len(cell) > _MAX_NAME_CHARACTERS for cell in first):
        return False
    if any(_recurs(rows, i) for i in range(len(first))):
        return False
    if label is not None and _share_of_repeats(others, label) < 1 / 2:
        return False
    return all(_stands_out(first[i], others, i) for i in text or [_longest(others)])


def _recurs(rows: Rows, position: int) -> bool:
    """Tell whether the first cell of a column occurs again in it."""
    cell = folded(rows[0][position])
    return any(folded(row[position]) == cell for row in rows[1:])


def _share_of_repeats(rows: Rows, position: int) -> float:
    """Return the share of rows that have their cell in common with another row."""
    counts = Counter(folded(row[position]) for row in rows)
    return sum(count for count in counts.values() if count > 1) / len(rows)


def _stands_out(cell: str, others: Rows, position: int) -> bool:
    """Tell whether a cell is one word, much shorter than the texts below it."""
    usual_length = median(len(row[position].strip()) for row in others)
    # Letters, marks (vowel signs, say) and underscores.
    is_word = all(x == "_" or unicodedata.category(x)[0] in "LM" for x in cell)
    return is_word and len(cell) <= _MUCH_SHORTER * usual_length


def _longest(rows: Rows) -> int:
    """Return the position of the column of the longest cells, which are likely the texts."""
    return max(range(len(rows[0])), key=lambda i: sum(len(row[i]) for row in rows))


def _words(cell: str) -> str:
    """Return a name in the form of the tables above."""
    return re.sub(r"[\s_\-]+", "_", folded(cell))


def list_names(names: Sequence[str]) -> str:
    """Return the names of columns in words, the first thirty of them."""
    shown = [repr(shortened(name)) for name in names]
    more = len(shown) - MAX_LISTED
    return (", ".join(shown[:MAX_LISTED]) or "none") + (f" and {more} more" if more > 0 else "")


def shortened(cell: str) -> str:
    """Return a cell on one line, cut to 40 characters."""
    text = " ".join(cell.split())
    if len(text) <= _MAX_NAME_CHARACTERS:
        return text
    return text[: _MAX_NAME_CHARACTERS - 1] + "…"
