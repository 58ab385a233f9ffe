"""Rows of CSV and TSV, read by pandas: a row that cannot be read is named by its line."""

from __future__ import annotations

import csv
import io
import logging
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import pandas as pd
from pandas.errors import ParserError

from ecomcat.config import ReadingConfig
from ecomcat.data.columns import HEAD_ROWS, Columns, Head
from ecomcat.data.content import HEAD_BYTES, Lines
from ecomcat.data.formats import TSV, Chunk, Table, empty_table, pieces, share_read
from ecomcat.errors import UserError, nearest

_ONE_COLUMN = "\uffff"  # the delimiter of a table of one column: no text holds it

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
_MAX_CELL_CHARACTERS = 1 << 26
_ADVICE = (
    "set data.delimiter (comma, tab, semicolon, pipe, one character, or none for one text a line), "
    "data.quote_character (none turns quoting off) or data.escape_character"
)

logger = logging.getLogger("ecomcat")


def open_delimited(
    file: BinaryIO, lines: Lines, beginning: str, found: str, reading: ReadingConfig
) -> Table:
    """Open CSV or TSV, of which the beginning is known as a text."""
    name = lines.name
    complete = os.fstat(file.fileno()).st_size <= HEAD_BYTES
    dialect, before = _choose_dialect(
        beginning, f"{name}.tsv" if found == TSV else name, reading, complete=complete
    )
    for _ in range(before):
        lines.readline()
    reader = csv.reader(
        beginning.splitlines(keepends=True)[before:],
        delimiter=dialect.delimiter,
        **dialect.options(),
    )
    width = next((len(row) for row in reader if _is_row(row)), 0)
    rows = _Rows(lines, dialect, width)
    first = rows.read(HEAD_ROWS) if width else None
    if first is None or first.empty:
        raise empty_table(name)
    # Blank lines are rows of a table of one column, but not before a header.
    top = int((first[0].str.strip() != "").argmax()) if width == 1 else 0

    def chunks(columns: Columns, size: int, _: Sequence[int] | None) -> Iterator[Chunk]:
        yield from pieces(first[top + 1 :] if columns.header else first, size)
        while (frame := rows.read(size)) is not None:
            yield Chunk(frame)

    return Table(
        name=name,
        format=found,
        head=Head(name, first[top:].to_numpy().tolist(), str(reading.header).lower()),
        chunks=chunks,
        position=lambda: share_read(file),
        delimiter="," if dialect.delimiter == _ONE_COLUMN else dialect.delimiter,
    )


@dataclass(frozen=True)
class _Dialect:
    """How the rows of a table are written."""

    delimiter: str
    quote: str | None  # None where quoting is off
    escape: str | None
    skip_spaces: bool = False  # whether spaces after a delimiter belong to no cell

    def rows(self, lines: Sequence[str]) -> Any:
        """Return a `csv.reader` of lines."""
        return csv.reader(lines, strict=True, delimiter=self.delimiter, **self.options())

    def options(self) -> dict[str, Any]:
        """Return what `csv.reader` and `pandas.read_csv` both take."""
        return {
            "quotechar": self.quote,
            "quoting": csv.QUOTE_NONE if self.quote is None else csv.QUOTE_MINIMAL,
            "escapechar": self.escape,
            "skipinitialspace": self.skip_spaces,
        }


def _choose_dialect(
    text: str, name: str, reading: ReadingConfig, *, complete: bool
) -> tuple[_Dialect, int]:
    r"""Choose how a table is written, and how many lines stand before it.

    The delimiter is, in this order: what the user says; what a first line such as `sep=;` says,
    which spreadsheets write; a tab, if the file's name ends in `.tsv` or `.tab`; a comma, tab,
    semicolon or pipe that gives at least nine tenths of the first 50 rows the same number, two or
    more, of columns (of several the one that stands beside quotes, then the first; of fewer than
    five rows in a file not named `.csv` one that the first row holds as prose does not: neither
    before a space nor between digits); a comma, if it divides the first row in such a way or
    cells are quoted, so that reading the irregular table says where it is wrong; else none, and
    commas in the one column are punctuation.
    """
    quote = _character("data.quote_character", reading.quote_character)
    escape = _character("data.escape_character", reading.escape_character)
    sep = _SEP_LINE.match(text)
    asked = None if reading.delimiter == "auto" else _asked_delimiter(reading.delimiter)
    if sep:
        text, asked = text[sep.end() :], asked or sep[1]
    lines = list(io.StringIO(text, newline=""))
    if not complete and len(lines) > 1:
        lines.pop()
    dialect = _Dialect(asked or ",", quote, escape)
    if asked is None:
        dialect = _detected(lines, name, dialect)
    spaced = replace(dialect, skip_spaces=True)
    if quote and re.search(f"{re.escape(dialect.delimiter)} +{re.escape(quote)}", text):
        now, then = (_widths(lines, each) for each in (dialect, spaced))
        if 0 not in then and _regularity(then) >= _regularity(now):
            dialect = spaced
    return dialect, int(sep is not None)


class _Rows:
    """The rows of a table, in chunks."""

    def __init__(self, lines: Lines, dialect: _Dialect, width: int) -> None:
        # The parser's limit is the process's.
        csv.field_size_limit(max(csv.field_size_limit(), _MAX_CELL_CHARACTERS))
        self._lines, self._dialect, self._width = lines, dialect, width
        self._first = True
        self._short_rows = self._first_short = 0
        self._reader: Any = None

    def read(self, size: int) -> pd.DataFrame | None:
        """Return the next rows, of strings, in columns numbered from 0; None at the end.

        Short rows are filled up with empty cells, with a warning at the end. Blank lines are rows
        only of a table of one column.
        """
        self._lines.recent.clear()
        try:
            if self._reader is None:
                self._reader = pd.read_csv(
                    self._lines,
                    engine="python",  # strict about quotes, and no value loses a NUL
                    sep=self._dialect.delimiter,
                    header=None,
                    names=range(self._width),
                    dtype=object,
                    na_filter=False,
                    skip_blank_lines=False,
                    iterator=True,
                    **self._dialect.options(),
                )
            frame: pd.DataFrame = self._reader.get_chunk(size)
        except StopIteration:
            if self._short_rows:
                logger.warning(
                    "%s: %d of the rows have fewer than %d columns, the first in line %d: their "
                    "last cells are empty. A text of several lines needs quotes around it.",
                    *(self._lines.name, self._short_rows, self._width, self._first_short),
                )
            return None
        except (ParserError, csv.Error) as error:
            raise self._explained(str(error)) from error
        frame = self._filled(frame.reset_index(drop=True))
        self._warn_of_swallowed_rows(frame)
        self._first = False
        return frame

    def _filled(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Fill up short rows, and drop those of blank lines where there are several columns."""
        short = frame[self._width - 1].isna()
        if not short.any():
            return frame
        if self._width == 1:
            return frame.fillna("")
        blank = frame[1].isna() & (frame[0].isna() | (frame[0].str.strip() == ""))
        short &= ~blank
        if short.any():
            self._first_short = self._first_short or self._line_of(int(short.argmax()))
            self._short_rows += int(short.sum())
        return frame[~blank].fillna("").reset_index(drop=True)

    def _line_of(self, row: int) -> int:
        """Return the line where a row of the present chunk begins."""
        reader = self._dialect.rows(self._lines.recent)
        for _ in range(row):
            next(reader)
        return self._start + int(reader.line_num) + 1

    @property
    def _start(self) -> int:
        return self._lines.number - len(self._lines.recent)

    def _warn_of_swallowed_rows(self, frame: pd.DataFrame) -> None:
        """Warn of a cell of several lines most of which look like rows."""
        one_line_each = len(frame) == len(self._lines.recent)
        if self._width == 1 or self._dialect.quote is None or one_line_each:
            return
        firsts, lasts = set(frame[0]), set(frame[self._width - 1])
        for position in frame.columns:
            for row, cell in enumerate(frame[position]):
                inner = cell.split("\n")[1:-1] if "\n" in cell else []
                cells = [line.rstrip("\r").split(self._dialect.delimiter) for line in inner]
                alike = [x for x in cells if len(x) == self._width]
                if len([x for x in alike if x[0] in firsts or x[-1] in lasts]) * 2 > len(inner):
                    logger.warning(
                        "%s, line %d: the quote that opens a cell is closed %d lines later, and "
                        "what stands between looks like rows. If it is text, turn quoting off: "
                        "data.quote_character=none.",
                        self._lines.name,
                        self._line_of(row),
                        cell.count("\n"),
                    )

    def _explained(self, reason: str) -> UserError:
        """Say which row cannot be read, and why."""
        line, reader = self._start + 1, self._dialect.rows(self._lines.recent)
        try:
            for row in reader:
                if len(row) > self._width:
                    return self._too_wide(line, len(row))
                line = self._start + reader.line_num + 1
        except csv.Error as error:
            reason = str(error)
        found = "text after a closing quote"
        if "field limit" in reason or "end of data" in reason:
            found = "a quote that is never closed"
        return UserError(
            f"{self._lines.name}, line {line}: expected well-formed quotes, found {found} in the "
            f'row that begins there. Close the quote, write "" for a quote within quotes, or '
            f"{_ADVICE}."
        )

    def _too_wide(self, line: int, found: int) -> UserError:
        width, name = self._width, self._lines.name
        widths = _widths(self._lines.recent, self._dialect)
        if self._first and len(widths) > _FEW_ROWS and set(widths[1:]) == {width + 1}:
            return UserError(
                f"{name}: expected as many names in the first row as there are columns, found "
                f"{width} names above rows of {width + 1} cells, as R writes the names of rows. "
                "Put a name (or an empty cell) before the others, or write the table without row "
                "names (row.names=FALSE)."
            )
        return UserError(
            f"{name}, line {line}: expected at most {width} column{'s' if width > 1 else ''}, as "
            f"in the first row, found {found}. Put quotes around a text that contains the "
            f"delimiter {self._dialect.delimiter!r}, or {_ADVICE}."
        )


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


def _detected(lines: Sequence[str], name: str, dialect: _Dialect) -> _Dialect:
    """Guess the delimiter, as `_choose_dialect` says."""
    if name.lower().removesuffix(".gz").endswith((".tsv", ".tab")):
        return replace(dialect, delimiter="\t")
    dialects = {delimiter: replace(dialect, delimiter=delimiter) for delimiter in _CANDIDATES}
    widths = {each: _widths(lines, dialects[each]) for each in _CANDIDATES}
    first = next((line.strip() for line in lines if line.strip()), "")
    named_csv = name.lower().removesuffix(".gz").endswith(".csv")

    def merit(delimiter: str) -> tuple[float, bool]:
        pairs = [(delimiter + quote, quote + delimiter) for quote in (dialect.quote or '"', "'")]
        beside = any(pair in line for line in lines for both in pairs for pair in both)
        return _regularity(widths[delimiter]), beside

    best = max(_CANDIDATES, key=merit)
    trusted = named_csv or len(widths[best]) >= _FEW_ROWS or _separates(first, best)
    if _regularity(widths[best]) >= _REGULAR_SHARE and trusted:
        return dialects[best]
    divides_first = widths[","][:1] > [1] and (named_csv or _separates(first, ","))
    quoted = any(line.startswith('"') or ',"' in line for line in lines)
    irregular = divides_first or (quoted and any(width != 1 for width in widths[","]))
    return dialects[","] if irregular else replace(dialect, delimiter=_ONE_COLUMN)


def _widths(lines: Sequence[str], dialect: _Dialect) -> list[int]:
    """Return the number of columns of the first rows; 0 stands for a row that cannot be."""
    reader = dialect.rows(lines)
    widths: list[int] = []
    try:
        for row in reader:
            if _is_row(row):
                widths.append(len(row))
            if len(widths) == _PEEKED_ROWS:
                break
    except csv.Error:
        if reader.line_num < len(lines):
            widths.append(0)
        elif not widths:  # even the first row is longer than the text
            return [len(row) for row in csv.reader(lines, delimiter=dialect.delimiter)]
    return widths


def _regularity(widths: Sequence[int]) -> float:
    """Return the share of rows with the most usual number, two or more, of columns."""
    counts = Counter(width for width in widths if width > 1)
    return max(counts.values()) / len(widths) if counts else 0.0


def _separates(line: str, delimiter: str) -> bool:
    """Tell whether a line holds a delimiter as prose would not hold that character."""
    if delimiter == "\t":
        return delimiter in line
    mark = re.escape(delimiter)
    return re.search(rf"(?<!\d){mark}\S|{mark}[^\s\d]", line) is not None


def _is_row(row: Sequence[str]) -> bool:
    """Tell whether a row is none of a blank line."""
    return len(row) > 1 or any(cell.strip() for cell in row)
