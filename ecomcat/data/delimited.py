"""Rows of CSV and TSV; an error names the line of the row that cannot be read."""

from __future__ import annotations

import csv
import io
import logging
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, BinaryIO

from ecomcat.config import ReadingConfig
from ecomcat.data.decoding import MAX_LINE_CHARACTERS, Lines
from ecomcat.data.formats import TSV, Chunk, Table, empty_table, row_chunks, share_read
from ecomcat.data.header import HEAD_ROWS, Columns, Head
from ecomcat.data.unpacking import HEAD_BYTES
from ecomcat.errors import UserError, nearest

_ONE_COLUMN = "\uffff"  # the delimiter of a table of one column: no text contains it
_CANDIDATES = (",", "\t", ";", "|")
_WORDS = {
    "comma": ",",
    "tab": "\t",
    "\\t": "\t",
    "semicolon": ";",
    "pipe": "|",
    "none": _ONE_COLUMN,
}
_SEP_LINE = re.compile(r'"?sep=(.)"?(\r\n?|\n)', re.IGNORECASE)
_PEEKED_ROWS = 50
_REGULAR_SHARE = 0.9
_FEW_ROWS = 5
_ADVICE = (
    "set data.delimiter (comma, tab, semicolon, pipe, one character, or none for one text a line), "
    "data.quote_character (none turns quoting off) or data.escape_character"
)

Dialect = dict[str, Any]
"""What `csv.reader` takes."""

logger = logging.getLogger("ecomcat")


def open_delimited(
    file: BinaryIO, lines: Lines, beginning: str, found: str, reading: ReadingConfig
) -> Table:
    """Open CSV or TSV, given its beginning as text."""
    peeked, noted = _peeked(file, lines, beginning)
    dialect = _choose_dialect(peeked, lines.name, found, reading, noted)
    width = _width(lines.name, peeked, dialect)
    rows = _read(lines, dialect, width)
    first = list(islice(rows, HEAD_ROWS)) if width else []
    if not first:
        raise empty_table(lines.name)
    # Blank lines are rows of a table of one column, but not before a header.
    top = next((number for number, row in enumerate(first) if _is_row(row)), 0)

    def chunks(columns: Columns, size: int) -> Iterator[Chunk]:
        return row_chunks(chain(first[top + 1 :] if columns.header else first, rows), size)

    delimiter = dialect["delimiter"]
    return Table(
        name=lines.name,
        format=found,
        head=Head(lines.name, first[top:], str(reading.header).lower()),
        chunks=chunks,
        position=lambda: share_read(file),
        delimiter="," if delimiter == _ONE_COLUMN else delimiter,
    )


def _peeked(file: BinaryIO, lines: Lines, beginning: str) -> tuple[list[str], str | None]:
    """Return the first lines, and the delimiter that a line before them names, which is skipped."""
    peeked = list(io.StringIO(beginning, newline=""))
    sep = _SEP_LINE.fullmatch(peeked[0]) if peeked else None
    if sep:
        next(lines)
        del peeked[0]
    if os.fstat(file.fileno()).st_size > HEAD_BYTES and len(peeked) > 1:
        peeked.pop()  # which may be cut
    return peeked, sep[1] if sep else None


def _width(name: str, lines: Sequence[str], dialect: Dialect) -> int:
    """Return the number of columns of the first row; refuse rows that begin with their names."""
    lenient = {**dialect, "strict": False}
    width = next((len(row) for row in csv.reader(lines, **lenient) if _is_row(row)), 0)
    widths = _widths(lines, dialect)
    if len(widths) > _FEW_ROWS and set(widths[1:]) == {width + 1}:
        raise UserError(
            f"{name}: expected as many names in the first row as there are columns, found {width} "
            f"names above rows of {width + 1} cells, as R writes the names of rows. Put a name (or "
            "an empty cell) before the others, or write the table without row names "
            "(row.names=FALSE)."
        )
    return width


def _choose_dialect(
    lines: Sequence[str], name: str, found: str, reading: ReadingConfig, noted: str | None
) -> Dialect:
    """Choose the dialect of a table.

    The delimiter is, in this order: the user's; that of a first line such as `sep=;`, which
    spreadsheets write; a tab, if the file's name ends in `.tsv` or `.tab`; the detected one.
    """
    quote = _character("data.quote_character", reading.quote_character)
    dialect: Dialect = {
        "quotechar": quote,
        "quoting": csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        "escapechar": _character("data.escape_character", reading.escape_character),
        "strict": True,
    }
    ending = name.lower().removesuffix(".gz")[-4:]
    if reading.delimiter != "auto":
        dialect["delimiter"] = _asked_delimiter(reading.delimiter)
    elif noted or found == TSV or ending in (".tsv", ".tab"):
        dialect["delimiter"] = noted or "\t"
    else:
        dialect["delimiter"] = _detected(lines, dialect, named_csv=ending == ".csv")
    mark = f"{re.escape(dialect['delimiter'])} +{re.escape(quote or '')}"
    if quote and any(re.search(mark, line) for line in lines):
        # Spaces before a quote are skipped if the rows are then as regular.
        spaced = {**dialect, "skipinitialspace": True}
        now, then = (_widths(lines, each) for each in (dialect, spaced))
        if 0 not in then and _regularity(then) >= _regularity(now):
            return spaced
    return dialect


def _detected(lines: Sequence[str], dialect: Dialect, *, named_csv: bool) -> str:
    """Guess the delimiter.

    It is a comma, tab, semicolon or pipe that gives at least nine tenths of the first 50 rows the
    same number of columns, two or more. Among several it is the one beside quotes, then the first.
    In a file of fewer than five rows that is not named `.csv`, the first row must contain it
    differently from prose: neither before a space nor between digits. Else it is a comma, if the
    first row contains it in this way or cells are quoted: reading the irregular table then says
    where it is wrong. Else there is none, and commas in the only column are punctuation.
    """
    widths = {each: _widths(lines, {**dialect, "delimiter": each}) for each in _CANDIDATES}
    first = next((line.strip() for line in lines if line.strip()), "")

    def merit(delimiter: str) -> tuple[float, bool]:
        quotes = re.escape(f"{dialect['quotechar'] or ''}\"'")
        mark = re.escape(delimiter)
        beside = re.compile(f"[{quotes}]{mark}|{mark}[{quotes}]")
        return _regularity(widths[delimiter]), any(map(beside.search, lines))

    best = max(_CANDIDATES, key=merit)
    trusted = named_csv or len(widths[best]) >= _FEW_ROWS or _separates(first, best)
    if _regularity(widths[best]) >= _REGULAR_SHARE and trusted:
        return best
    divides_first = widths[","][:1] > [1] and (named_csv or _separates(first, ","))
    quoted = any(line.startswith('"') or ',"' in line for line in lines)
    irregular = divides_first or (quoted and set(widths[","]) != {1})
    return "," if irregular else _ONE_COLUMN


def _widths(lines: Sequence[str], dialect: Dialect) -> list[int]:
    """Return the number of columns of the first rows; 0 for a row that cannot be read."""
    reader = csv.reader(lines, **dialect)
    widths: list[int] = []
    try:
        widths.extend(len(row) for row in islice(filter(_is_row, reader), _PEEKED_ROWS))
    except csv.Error:
        if reader.line_num < len(lines):
            widths.append(0)
        elif not widths:  # even the first row is longer than the text
            return [len(row) for row in csv.reader(lines, delimiter=dialect["delimiter"])]
    return widths


def _regularity(widths: Sequence[int]) -> float:
    """Return the share of rows with the most frequent number of columns, if that is two or more."""
    counts = Counter(width for width in widths if width > 1)
    return max(counts.values(), default=0) / max(1, len(widths))


def _separates(line: str, delimiter: str) -> bool:
    """Tell whether a line contains a delimiter where prose would not contain that character."""
    if delimiter == "\t":
        return delimiter in line
    mark = re.escape(delimiter)
    return re.search(rf"(?<!\d){mark}\S|{mark}[^\s\d]", line) is not None


def _is_row(row: Sequence[str]) -> bool:
    """Tell whether a row does not come from a blank line."""
    return len(row) > 1 or any(cell.strip() for cell in row)


def _asked_delimiter(asked: str) -> str:
    delimiter = _WORDS.get(asked.lower(), asked)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise UserError(
            "data.delimiter: expected 'auto', one character, or one of tab, comma, semicolon, "
            f"pipe and none (one column), found {asked!r}.{nearest(asked, ['auto', *_WORDS])}"
        )
    return delimiter


def _character(key: str, asked: str | None) -> str | None:
    if asked is None or asked.lower() == "none":
        return None
    if len(asked) != 1 or asked in "\r\n":
        raise UserError(f"{key}: expected one character, or none, found {asked!r}.")
    return asked


def _read(lines: Lines, dialect: Dialect, width: int) -> Iterator[list[str]]:
    """Yield the rows, each with as many cells as the first one.

    Short rows are filled up with empty cells, with a warning at the end. Blank lines are rows only
    in a table of one column.
    """
    short_rows = first_short = 0
    known: set[str] = set()  # some cells at the beginning and the end of rows
    of_several_lines: dict[int, list[str]] = {}  # rows, by the lines where they begin
    for count, (line, row) in enumerate(_parsed(lines, dialect, width), 1):
        if width > 1 and not _is_row(row):
            continue
        if len(row) < width and width > 1:
            short_rows, first_short = short_rows + 1, first_short or line
        if len(known) < HEAD_ROWS:
            known.update(row[:1], row[-1:])
        row += [""] * (width - len(row))
        if lines.number > line and width > 1:
            of_several_lines[line] = row
        if count % HEAD_ROWS == 0:
            _warn_of_swallowed_rows(of_several_lines, lines.name, known, dialect)
            of_several_lines.clear()
        yield row
    _warn_of_swallowed_rows(of_several_lines, lines.name, known, dialect)
    if short_rows:
        logger.warning(
            "%s: %d of the rows have fewer than %d columns, the first in line %d: their last cells "
            "are empty. A text of several lines needs quotes around it.",
            *(lines.name, short_rows, width, first_short),
        )


def _parsed(lines: Lines, dialect: Dialect, width: int) -> Iterator[tuple[int, list[str]]]:
    """Yield each row, which is at most as wide as the first one, with the line where it begins."""
    # The parser's limit is the process's.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_CHARACTERS))
    line = lines.number + 1
    try:
        for row in csv.reader(lines, **dialect):
            if len(row) > width:
                raise UserError(
                    f"{lines.name}, line {line}: expected at most {width} column"
                    f"{'s' if width > 1 else ''}, as in the first row, found {len(row)}. Put "
                    "quotes around a text that contains the delimiter "
                    f"{dialect['delimiter']!r}, or {_ADVICE}."
                )
            yield line, row
            line = lines.number + 1
    except csv.Error as error:
        closed = "expected after" in str(error)
        found = "text after a closing quote" if closed else "a quote that is never closed"
        raise UserError(
            f"{lines.name}, line {line}: expected well-formed quotes, found {found} in the "
            f'row that begins there. Close the quote, write "" for a quote within quotes, or '
            f"{_ADVICE}."
        ) from error


def _warn_of_swallowed_rows(
    rows: Mapping[int, Sequence[str]], name: str, known: set[str], dialect: Dialect
) -> None:
    """Warn of cells of several lines that mostly look like rows."""
    for line, cell, width in ((n, cell, len(row)) for n, row in rows.items() for cell in row):
        inner = [each.rstrip("\r").split(dialect["delimiter"]) for each in cell.split("\n")[1:-1]]
        alike = [each for each in inner if len(each) == width and known & {each[0], each[-1]}]
        if 2 * len(alike) > len(inner):
            logger.warning(
                "%s, line %d: the quote that opens a cell is closed %d lines later, and the lines "
                "between look like rows. If the quote is text, turn quoting off: "
                "data.quote_character=none.",
                *(name, line, cell.count("\n")),
            )
