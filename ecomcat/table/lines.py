"""The decoded lines of a table, counted."""

from __future__ import annotations

import io

from ecomcat.errors import UserError

_LINE_CHARACTERS = 1 << 28


class Lines:
    """The physical lines of a text, with what an error message needs to know of them.

    Attributes:
        last: the line handed out last.
        number: its number from 1.
        row_start: the number of the line where the present row begins, kept by the parser.
    """

    def __init__(self, name: str, text: io.TextIOWrapper) -> None:
        self.last = ""
        self.number = 0
        self.row_start = 1
        self._name = name
        self._text = text

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        try:
            line = self._text.readline(_LINE_CHARACTERS)
        except UnicodeError as error:
            raise self._undecodable(error) from error
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) == _LINE_CHARACTERS:
            raise UserError(
                f"{self._name}, line {self.number}: expected lines shorter than "
                f"{_LINE_CHARACTERS} characters, found a longer one. Check that it is a table."
            )
        self.last = line
        return line

    def _undecodable(self, error: UnicodeError) -> UserError:
        number = self.number + 1
        if isinstance(error, UnicodeDecodeError):
            # The decoder works ahead of the lines: those between lie before the bad byte.
            ahead = error.object[: error.start].decode(error.encoding, "replace")
            number += ahead.count("\n") + ahead.count("\r") - ahead.count("\r\n")
        encoding = self._text.encoding
        advice = "cp1252" if encoding.startswith("utf") else "latin-1"
        return UserError(
            f"{self._name}, line {number}: expected {encoding} text, found bytes that are not. "
            f"Name the encoding, for instance data.encoding={advice}, or save the file as UTF-8."
        )
