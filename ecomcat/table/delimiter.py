"""Which character stands between the columns of a table."""

from __future__ import annotations

import csv
import io
from collections import Counter

from ecomcat.errors import UserError, nearest

CANDIDATES = (",", "\t", ";", "|")
# A lone surrogate: no decoder ever hands one out, so a line is always one cell.
ONE_COLUMN = "\ud800"

_WORDS = {
    "comma": ",",
    "tab": "\t",
    "\\t": "\t",
    "semicolon": ";",
    "pipe": "|",
    "none": ONE_COLUMN,
}
_PEEKED_ROWS = 50
_REGULAR_SHARE = 0.9
_FEW_ROWS = 5


def explicit_delimiter(asked: str) -> str:
    """Return the delimiter that a user named.

    Args:
        asked: one character, or `tab`, `comma`, `semicolon`, `pipe`, or `none` for a file of
            one column.

    Returns:
        One character, `ONE_COLUMN` for `none`.

    Raises:
        UserError: if it is neither, or a quote or line break, which have their own meaning.
    """
    delimiter = _WORDS.get(asked.lower(), asked)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise UserError(
            "data.delimiter: expected 'auto', one character, or one of tab, comma, semicolon, "
            f"pipe and none (one column), found {asked!r}.{nearest(asked, ['auto', *_WORDS])}"
        )
    return delimiter


def detect_delimiter(text: str, name: str, *, complete: bool) -> str:
    r"""Guess the delimiter from a file's name and its first rows.

    1. A name that ends in `.tsv` or `.tab` means a tab.
    2. Else a comma, tab, semicolon or pipe, in this order where they are equal, that gives at
       least nine tenths of the first 50 rows the same number, two or more, of columns. Of
       fewer than five rows in a file not named `.csv` the first must also hold it as prose
       does not: neither before a space nor between digits.
    3. Else a comma, if it divides the first row in such a way, or in any way in a `.csv` file,
       or if some cell is quoted and it divides any row or a quote is malformed: the table is
       irregular, and its reader will say where.
    4. Else the file has one column, and commas in it are punctuation.

    Args:
        text: the beginning of the file.
        name: the file's name.
        complete: whether `text` is the whole file; else its last line may be cut.

    Returns:
        One character, `ONE_COLUMN` for a file of one column.
    """
    ending = name.lower().removesuffix(".gz")
    if ending.endswith((".tsv", ".tab")):
        return "\t"
    lines = list(io.StringIO(text, newline=""))
    if not complete and len(lines) > 1:
        lines.pop()
    widths = {candidate: _widths(lines, candidate, complete) for candidate in CANDIDATES}
    first = next((line.strip() for line in lines if line.strip()), "")
    named_csv = ending.endswith(".csv")

    best = max(CANDIDATES, key=lambda candidate: _regularity(widths[candidate]))
    trusted = named_csv or len(widths[best]) >= _FEW_ROWS or _separates(first, best)
    if _regularity(widths[best]) >= _REGULAR_SHARE and trusted:
        return best
    divides_first = widths[","][:1] > [1] and (named_csv or _separates(first, ","))
    quoted = any(line.startswith('"') or ',"' in line for line in lines)
    if divides_first or (quoted and any(width != 1 for width in widths[","])):
        return ","
    return ONE_COLUMN


def is_blank(row: list[str], line: str) -> bool:
    """Tell whether a row comes from a blank line.

    Args:
        row: the row's cells.
        line: the physical line it was parsed from, the last one if there are several.

    Returns:
        True for a line of white space only; False for a quoted cell that is empty or white
        space.
    """
    return not row or (len(row) == 1 and not row[0].strip() and '"' not in line)


def _widths(lines: list[str], delimiter: str, complete: bool) -> list[int]:
    """Return the number of columns of the first rows; 0 stands for a row that cannot be."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    widths: list[int] = []
    try:
        for row in reader:
            if not is_blank(row, lines[reader.line_num - 1]):
                widths.append(len(row))
            if len(widths) == _PEEKED_ROWS:
                break
    except csv.Error:
        if complete or reader.line_num < len(lines):
            widths.append(0)
        elif not widths:  # even the first row is longer than the text
            widths = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
    return widths


def _regularity(widths: list[int]) -> float:
    """Return the share of rows with the most usual number, two or more, of columns."""
    counts = Counter(width for width in widths if width > 1)
    return max(counts.values()) / len(widths) if counts else 0.0


def _separates(line: str, delimiter: str) -> bool:
    """Tell whether a line holds a delimiter as prose would not hold that character."""
    if delimiter == "\t":
        return delimiter in line
    neighbours = (
        (line[i - 1 : i], line[i + 1 : i + 2]) for i, x in enumerate(line) if x == delimiter
    )
    return any(
        after.strip() and not (before.isdigit() and after.isdigit()) for before, after in neighbours
    )
