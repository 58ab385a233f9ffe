"""A table file (CSV or TSV, perhaps packed) as a stream of rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from ecomcat.errors import UserError
from ecomcat.table.charset import choose_encoding, decode_head
from ecomcat.table.content import HEAD_BYTES, open_content
from ecomcat.table.delimiter import ONE_COLUMN, detect_delimiter, explicit_delimiter, is_blank
from ecomcat.table.lines import Lines

_CELL_CHARACTERS = 1 << 26
_DELIMITER_ADVICE = (
    "set data.delimiter (comma, tab, semicolon, pipe, one character, or none for one text a line)"
)


@dataclass(frozen=True)
class TableFormat:
    """How a table is written.

    Attributes:
        encoding: what its bytes are decoded with, such as `utf-8-sig` or `cp1252`.
        delimiter: one character; a comma for a table of one column, which has none.
    """

    encoding: str
    delimiter: str


class Table:
    """A table that is read row by row, in memory that does not grow with its size.

    Attributes:
        name: what messages call it.
        format: how it is written.
        width: the number of columns, that of its first row.
        leading_blank_lines: the number of blank lines before that row.
        bytes_read: returns how many bytes of its file, as it is stored, have been read; 0 of a
            stream.
    """

    def __init__(
        self,
        name: str,
        text: io.TextIOWrapper,
        delimiter: str,
        bytes_read: Callable[[], int] = lambda: 0,
    ) -> None:
        self.name = name
        self.bytes_read = bytes_read
        self.format = TableFormat(text.encoding, "," if delimiter == ONE_COLUMN else delimiter)
        self._lines = Lines(name, text)
        parsed = self._parse(delimiter)
        numbered = ((number, row) for number, row in enumerate(parsed) if row)
        self.leading_blank_lines, first = next(numbered, (0, []))
        if not first:
            raise _empty(name)
        self.width = len(first)
        self._rows = chain([first], self._widened(parsed))

    @property
    def row_line(self) -> int:
        """Return the line, from 1, where the row that was read last begins."""
        return self._lines.row_start

    def rows(self, *, keep_blank: bool = False) -> Iterator[list[str]]:
        """Return the rows, a header row included.

        There is one reading only: a second call goes on where the first one stopped.

        Args:
            keep_blank: whether a blank line after the first row of a table of one column is an
                empty cell; else, and in a wider table, blank lines are skipped.

        Returns:
            An iterator over lists of `width` cells. Short rows are filled up with empty cells,
            line breaks within cells kept.

        Raises:
            UserError: while iterating, at a row that cannot be read.
        """
        if keep_blank and self.width == 1:
            return (row or [""] for row in self._rows)
        return filter(None, self._rows)

    def _parse(self, delimiter: str) -> Iterator[list[str]]:
        """Yield rows as they stand, blank lines as rows without a cell.

        Meanwhile `_lines.row_start` tells where each begins.
        """
        lines = self._lines
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        try:
            for row in reader:
                yield [] if is_blank(row, lines.last) else row
                lines.row_start = lines.number + 1
        except csv.Error as error:
            raise self._malformed(str(error)) from error

    def _widened(self, rows: Iterator[list[str]]) -> Iterator[list[str]]:
        """Give every row that is not blank the table's width."""
        width = self.width
        for row in rows:
            missing = width - len(row)
            if missing < 0:
                raise UserError(
                    f"{self.name}, line {self._lines.row_start}: expected at most {width} "
                    f"column{'s' if width > 1 else ''}, as in the first row, found {len(row)}. "
                    "Put quotes around a text that contains the delimiter "
                    f"{self.format.delimiter!r}, or {_DELIMITER_ADVICE}."
                )
            yield row + [""] * missing if row and missing else row

    def _malformed(self, reason: str) -> UserError:
        place = f"{self.name}, line {self._lines.row_start}"
        if "field limit" in reason:
            return UserError(
                f"{place}: expected cells of at most {_CELL_CHARACTERS} characters, found a "
                "longer one in the row that begins there. Look for a quote that is not closed."
            )
        found = (
            "a quote that is never closed"
            if "end of data" in reason
            else "text after a closing quote"
        )
        return UserError(
            f"{place}: expected well-formed quotes, found {found} in the row that begins there. "
            f'Close the quote, write "" for a quote within quotes, or {_DELIMITER_ADVICE}.'
        )


@contextmanager
def open_table(
    source: Path | BinaryIO,
    *,
    name: str | None = None,
    encoding: str = "auto",
    delimiter: str = "auto",
    member: str | None = None,
) -> Iterator[Table]:
    """Open a table file, or a stream such as standard input, packed with gzip or zip or not.

    Args:
        source: a path, or a binary stream, which is read but not closed.
        name: what messages call it; by default the file's name or `<stdin>`.
        encoding: an encoding's name; `auto` looks (see `choose_encoding`).
        delimiter: one character or `tab`, `comma`, `semicolon`, `pipe`, `none`; `auto` looks
            (see `detect_delimiter`).
        member: which file of a zip archive to take; by default its only table.

    Yields:
        The table, to be read before the context ends.

    Raises:
        UserError: if the source cannot be read as a table.
    """
    asked = None if delimiter == "auto" else explicit_delimiter(delimiter)
    _allow_long_cells()
    with ExitStack() as stack:
        content = stack.enter_context(open_content(source, name=name, member=member))
        # Only a regular file can be read twice; a named pipe is a path as well.
        twice = isinstance(source, Path) and source.is_file()
        codec = choose_encoding(content, encoding, whole=twice)
        if twice:
            content = stack.enter_context(open_content(source, name=name, member=member))
        head = content.head()
        beginning, complete = decode_head(head, codec), len(head) < HEAD_BYTES
        if complete and not beginning.strip():
            raise _empty(content.name)
        found = asked or detect_delimiter(beginning, content.name, complete=complete)
        text = stack.enter_context(io.TextIOWrapper(content.stream, codec, newline=""))
        yield Table(content.name, text, found, content.position)


def _allow_long_cells() -> None:
    """Raise the parser's limit, which is the process's, so that the longest texts fit."""
    csv.field_size_limit(max(csv.field_size_limit(), _CELL_CHARACTERS))


def _empty(name: str) -> UserError:
    return UserError(
        f"{name}: expected a table with rows, found an empty file. Give a file that has rows."
    )
