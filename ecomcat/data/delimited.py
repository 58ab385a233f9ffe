"""Rows of CSV and TSV, read by pandas: a row that cannot be read is named by its line."""

from __future__ import annotations

import csv
import io
import logging
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from pandas.errors import ParserError

from ecomcat.config import ReadingConfig
from ecomcat.data.content import Lines
from ecomcat.errors import UserError, nearest

ONE_COLUMN = "\uffff"
"""The delimiter of a table of one column: no text holds this character."""

_CANDIDATES = (",", "\t", ";", "|")
_WORDS = {
    "comma": ",",
    "tab": "\t",
    "\\t": "\t",
    "semicolon": ";",
    "pipe": "|",
    "none": ONE_COLUMN,
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


@dataclass(frozen=True)
class Dialect:
    """How the rows of a table are written.

    Args:
        delimiter: String. The character between two cells.
        quote: String. The character around a cell; None where quoting is off.
        escape: String. The character before one that is to be taken as it is, if there is one.
        skip_spaces: Boolean. Whether spaces after a delimiter do not belong to the cell.
    """

    delimiter: str
    quote: str | None
    escape: str | None
    skip_spaces: bool = False

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


def choose_dialect(
    text: str, name: str, reading: ReadingConfig, *, complete: bool
) -> tuple[Dialect, int]:
    r"""Choose how a table is written: by what the user says, else by its first rows.

    The delimiter is, in this order: what a first line such as `sep=;` says, which spreadsheets
    write; a tab, if the file's name ends in `.tsv` or `.tab`; a comma, tab, semicolon or pipe that
    gives at least nine tenths of the first 50 rows the same number, two or more, of columns (of
    several the one that stands beside quotes, then the first; of fewer than five rows in a file
    not named `.csv` one that the first row holds as prose does not: neither before a space nor
    between digits); a comma, if it divides the first row in such a way or cells are quoted, so
    that reading the irregular table says where it is wrong; else none, and commas in the one
    column are punctuation.

    Args:
        text: String. The beginning of the file.
        name: String. The file's name.
        reading: What the user says.
        complete: Boolean. Whether `text` is the whole file; else its last line may be cut.

    Returns:
        The dialect, and the number of lines before the table.
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
    dialect = Dialect(asked or ",", quote, escape)
    if asked is None:
        dialect = _detected(lines, name, dialect, complete)
    spaced = replace(dialect, skip_spaces=True)
    if quote and re.search(f"{re.escape(dialect.delimiter)} +{re.escape(quote)}", text):
        now, then = (_widths(lines, each, complete) for each in (dialect, spaced))
        if 0 not in then and _regularity(then) >= _regularity(now):
            dialect = spaced
    return dialect, int(sep is not None)


def first_row(text: str, dialect: Dialect) -> list[str]:
    """Return the first row that is not blank, perhaps cut; no cells where there is none."""
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=dialect.delimiter, **dialect.options())
    return next((row for row in reader if any(cell.strip() for cell in row) or len(row) > 1), [])


class Rows:
    """The rows of a table, in chunks.

    Args:
        lines: The lines of the table.
        dialect: How it is written.
        width: Integer. The number of columns, that of its first row.
    """

    def __init__(self, lines: Lines, dialect: Dialect, width: int) -> None:
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

        Raises:
            UserError: at a row that cannot be read.
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
            self._warn_of_short_rows()
            return None
        except (ParserError, csv.Error) as error:
            raise self._explained(str(error)) from error
        frame = self._filled(frame.reset_index(drop=True))
        self._warn_of_swallowed_rows(frame)
        self._first = False
        return frame

    def _filled(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Fill up short rows, and drop those of blank lines where there are several columns."""
        last = self._width - 1
        short = frame[last].isna()
        if not short.any():
            return frame
        if self._width == 1:
            return frame.fillna("")
        blank = frame[1].isna() & (frame[0].isna() | (frame[0].str.strip() == ""))
        if (short & ~blank).any():
            self._first_short = self._first_short or self._line_of(int((short & ~blank).argmax()))
            self._short_rows += int((short & ~blank).sum())
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

    def _warn_of_short_rows(self) -> None:
        if self._short_rows:
            logger.warning(
                "%s: %d row%s fewer than %d columns, the first in line %d: their last cells are "
                "empty. A text of several lines needs quotes around it.",
                self._lines.name,
                self._short_rows,
                "s have" if self._short_rows > 1 else " has",
                self._width,
                self._first_short,
            )

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
        place = f"{self._lines.name}, line {line}"
        if "field limit" in reason:
            return UserError(
                f"{place}: expected cells of at most {_MAX_CELL_CHARACTERS} characters, found a "
                "longer one in the row that begins there. Look for a quote that is not closed."
            )
        found = "text after a closing quote"
        if "end of data" in reason:
            found = "a quote that is never closed"
        return UserError(
            f"{place}: expected well-formed quotes, found {found} in the row that begins there. "
            f'Close the quote, write "" for a quote within quotes, or {_ADVICE}.'
        )

    def _too_wide(self, line: int, found: int) -> UserError:
        width, name = self._width, self._lines.name
        widths = _widths(self._lines.recent, self._dialect, complete=True)
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
    """Return the character that a user names."""
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


def _detected(lines: Sequence[str], name: str, dialect: Dialect, complete: bool) -> Dialect:
    """Guess the delimiter, as `choose_dialect` says."""
    if name.lower().removesuffix(".gz").endswith((".tsv", ".tab")):
        return replace(dialect, delimiter="\t")
    dialects = {delimiter: replace(dialect, delimiter=delimiter) for delimiter in _CANDIDATES}
    widths = {each: _widths(lines, dialects[each], complete) for each in _CANDIDATES}
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
    return dialects[","] if irregular else replace(dialect, delimiter=ONE_COLUMN)


def _widths(lines: Sequence[str], dialect: Dialect, complete: bool) -> list[int]:
    """Return the number of columns of the first rows; 0 stands for a row that cannot be."""
    reader = dialect.rows(lines)
    widths: list[int] = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row) or len(row) > 1:
                widths.append(len(row))
            if len(widths) == _PEEKED_ROWS:
                break
    except csv.Error:
        if complete or reader.line_num < len(lines):
            widths.append(0)
        elif not widths:  # even the first row is longer than the text
            widths = [len(row) for row in csv.reader(lines, delimiter=dialect.delimiter)]
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
