"""Whether the first row of a table names its columns."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from statistics import median

from ecomcat.errors import UserError

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
_LONGEST_NAME_CHARACTERS = 40
_MUCH_SHORTER = 1 / 4


def folded(cell: str) -> str:
    """Return a cell without the white space around it and without case."""
    return cell.strip().casefold()


def is_text_name(cell: str) -> bool:
    """Tell whether a cell is a usual name of a column of texts, such as `Description`."""
    return _words(cell) in _TEXT_NAMES


def is_label_name(cell: str) -> bool:
    """Tell whether a cell is a usual name of a column of labels, such as `Category`."""
    return _words(cell) in _LABEL_NAMES


def has_header(
    rows: Sequence[Sequence[str]],
    header: str,
    *,
    text: Sequence[int] = (),
    label: int | None = None,
) -> bool:
    """Tell whether the first row is a header.

    With `auto` it is one in four cases only, since a row of data that is taken for a header is
    lost, while a header that is taken for data shows up as a class of one row:

    1. Its cells are 0, 1, 2 and so on, as a data frame without names is written.
    2. One cell is a usual name for a column of texts and another for a column of labels, or
       the label cell is a usual name for its kind and does not occur again as a label.
    3. The text or the label cell is a usual name of either kind, and the label (without one:
       the text) does not occur again.
    4. It looks like names beside the data: all cells are filled and distinct; every text cell
       is one word without a digit and at most a quarter as long as the median text; no cell
       occurs again in its column; and at least half of the other rows share their label with
       another one, so that a label that stands alone is remarkable.

    In all cases its cells are at most 40 characters long. Cells compare without case and
    without the white space around them. What remains in doubt (cases 3 and 4) is a first row
    with a class of its own and a text of one word: callers warn of it.

    Args:
        rows: the beginning of the table.
        header: `true`, `false` or `auto`.
        text: positions of the text columns; if empty, any column may be one.
        label: position of the label column, if there is one.

    Returns:
        True if the first row is a header.

    Raises:
        UserError: if `header` is none of the three.
    """
    if header not in {"auto", "true", "false"}:
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


def is_certain_header(rows: Sequence[Sequence[str]], *, label: int | None = None) -> bool:
    """Tell whether the first row is a header beyond doubt: cases 1 and 2 of `has_header`.

    Args:
        rows: the beginning of the table.
        label: position of the label column, if there is one.

    Returns:
        True if its cells are consecutive numbers or name a text and a label.
    """
    first = rows[0]
    if any(len(cell) > _LONGEST_NAME_CHARACTERS for cell in first):
        return False
    if len(first) > 1 and [cell.strip() for cell in first] == list(map(str, range(len(first)))):
        return True
    if any(map(is_text_name, first)) and any(map(is_label_name, first)):
        return True
    return label is not None and is_label_name(first[label]) and not _recurs(rows, label)


def is_swapped(header: Sequence[str]) -> bool:
    """Tell whether the names of two columns are unmistakably text and label in this order."""
    first, second = header[0], header[-1]
    return (is_text_name(first) and not is_text_name(second)) or (
        is_label_name(second) and not is_label_name(first)
    )


def _has_usual_name(rows: Sequence[Sequence[str]], text: Sequence[int], label: int | None) -> bool:
    """Tell whether a text or label cell is a usual name: case 3 of `has_header`."""
    first = rows[0]
    positions = [*(text or range(len(first))), *([] if label is None else [label])]
    if any(len(cell) > _LONGEST_NAME_CHARACTERS for cell in first):
        return False
    usual = [i for i in positions if is_text_name(first[i]) or is_label_name(first[i])]
    return bool(usual) and not _recurs(rows, usual[0] if label is None else label)


def _looks_like_names(
    rows: Sequence[Sequence[str]], text: Sequence[int], label: int | None
) -> bool:
    """Tell whether the first row stands out as names do: case 4 of `has_header`."""
    first, others = [folded(cell) for cell in rows[0]], rows[1:]
    if not others or not all(first) or len(set(first)) < len(first):
        return False
    if any(len(cell) > _LONGEST_NAME_CHARACTERS for cell in first):
        return False
    if any(_recurs(rows, i) for i in range(len(first))):
        return False
    if label is not None and _share_of_repeats(others, label) < 1 / 2:
        return False
    return all(_stands_out(first[i], others, i) for i in text or [_longest(others)])


def _recurs(rows: Sequence[Sequence[str]], position: int) -> bool:
    """Tell whether the first cell of a column occurs again in it."""
    cell = folded(rows[0][position])
    return any(folded(row[position]) == cell for row in rows[1:])


def _share_of_repeats(rows: Sequence[Sequence[str]], position: int) -> float:
    """Return the share of rows that have their cell in common with another row."""
    counts = Counter(folded(row[position]) for row in rows)
    return sum(count for count in counts.values() if count > 1) / len(rows)


def _stands_out(cell: str, others: Sequence[Sequence[str]], position: int) -> bool:
    """Tell whether a cell is one word, much shorter than the texts below it."""
    usual_length = median(len(row[position].strip()) for row in others)
    return _is_word(cell) and len(cell) <= _MUCH_SHORTER * usual_length


def _is_word(cell: str) -> bool:
    """Tell whether a cell is letters, marks (vowel signs, say) and underscores only."""
    return bool(cell) and all(x == "_" or unicodedata.category(x)[0] in "LM" for x in cell)


def _longest(rows: Sequence[Sequence[str]]) -> int:
    """Return the position of the column of the longest cells, which are likely the texts."""
    return max(range(len(rows[0])), key=lambda i: sum(len(row[i]) for row in rows))


def _words(cell: str) -> str:
    """Return a name in the form of the tables above."""
    return re.sub(r"[\s_\-]+", "_", folded(cell))
