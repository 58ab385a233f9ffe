"""The lines of a table's file, in whatever encoding they are."""

from __future__ import annotations

import codecs
import io
import logging
import re
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

from ecomcat.data.unpacking import HEAD_BYTES, head_of
from ecomcat.errors import UserError, nearest

# The UTF-32 mark begins with the UTF-16 one, so it comes first.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_SIGNATURES = {
    b"\x89PNG\r\n": "a PNG image",
    b"%PDF-": "a PDF document",
    b"PAR1": "a Parquet file",
    b"PK\x03\x04": "an archive within an archive",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file",
    b"version https://git-lfs": "a pointer of Git LFS (fetch the file itself with: git lfs pull)",
}
_OF_HOST_NAMES = ("punycode", "idna")  # their time grows with the square of the length
_OTHER_ENCODINGS = ("cp1251", "cp1250", "cp1253", "shift_jis", "gb18030", "euc_kr", "big5")
_BROKEN = re.compile("[\udc80-\udcff]+")
# Bytes that are no usual punctuation or signs in cp1252.
_HIGH_LETTERS = re.compile(
    rb"[\x8a\x8c\x8e\x9a\x9c\x9e\x9f\xa1\xa2\xa4-\xa8\xaa\xac\xad\xaf\xb1-\xb6\xb8-\xba\xbc-\xff]+"
)
MAX_LINE_CHARACTERS = 1 << 26
"""The largest line and cell that is read: an archive of a few kB may hold a huge one."""

_CONTROLS = frozenset(map(chr, range(32))) - frozenset("\t\n\v\f\r")

logger = logging.getLogger("ecomcat")


def choose_encoding(file: BinaryIO, name: str, asked: str, delimiter: str) -> tuple[str, str]:
    """Choose the encoding of a table, and how to handle bytes that do not fit.

    `auto` follows a byte order mark; else it takes UTF-8, with a few broken letters replaced; else
    cp1252 where that is plausible. A warning is logged where the choice is uncertain.

    Args:
        file: The table, which is read to its end.
        name: String. What messages call it.
        asked: String. An encoding's name, or `"auto"`.
        delimiter: String. A control character that may be in the text.
    """
    head = head_of(file)
    chosen = marked_encoding(head)
    if asked != "auto":
        chosen = _with_byte_order(_checked_name(asked), head)
    kind = next((kind for start, kind in _SIGNATURES.items() if head.startswith(start)), "")
    # Control characters are the same single bytes in UTF-8, cp1252 and latin-1.
    text = decode_head(head, chosen or "latin-1")
    controls = sum(text.count(control) for control in _CONTROLS - {delimiter})
    if controls > max(4, len(text) / 200):
        maybe = " (or UTF-16: then set data.encoding=utf-16-le or utf-16-be)" * ("\0" in text)
        kind = kind or f"binary data{maybe}"
    if kind:
        raise UserError(
            f"{name}: expected a text table (CSV or TSV), found {kind}. Export the table as CSV in "
            "UTF-8 and give that file."
        )
    return _guess(name, file) if chosen is None else (chosen, "strict")


def _with_byte_order(encoding: str, head: bytes) -> str:
    """Return an encoding of 2 or 4 bytes with its byte order, where no mark says which."""
    name = codecs.lookup(encoding).name
    width = {"utf-16": 2, "utf-32": 4}.get(name)
    if width is None or marked_encoding(head) == name:
        return encoding
    # The higher byte of spaces, digits and line ends is 0, in any language.
    first, last = head[::width].count(0), head[width - 1 :: width].count(0)
    return f"{name}-{'be' if first > last else 'le'}"


def marked_encoding(head: bytes) -> str | None:
    """Return the encoding of a byte order mark; None where there is none."""
    return next((name for mark, name in _MARKS.items() if head.startswith(mark)), None)


def decode_head(head: bytes, encoding: str) -> str:
    """Decode the start of a table, which may be cut within a character, as well as possible."""
    text = codecs.getincrementaldecoder(encoding)(errors="replace").decode(head)
    return text.removeprefix("\ufeff")


def _guess(name: str, file: BinaryIO) -> tuple[str, str]:
    """Choose between UTF-8, UTF-8 with faults and cp1252."""
    good = wrong = bad = first_bad = 0
    found = b""
    lines = iter(partial(file.readline, MAX_LINE_CHARACTERS + 1), b"")
    for number, line in enumerate(lines, 1):
        if line.isascii():
            continue
        text = line.decode("utf-8", "surrogateescape")
        good += len(line) - len(text)  # bytes that continue a letter
        if broken := _BROKEN.findall(text):
            wrong += len("".join(broken))
            bad, first_bad = bad + len(broken), first_bad or number
            found += line if len(found) < HEAD_BYTES else b""
    file.seek(0)
    if not bad:
        return "utf-8", "strict"
    if good > wrong:
        logger.warning(
            "%s is UTF-8 with %d broken letter%s, the first in line %d, which %s replaced by "
            "U+FFFD. If the file has another encoding, name it: data.encoding=NAME.",
            *(name, bad, "s" * (bad > 1), first_bad, "are" if bad > 1 else "is"),
        )
        return "utf-8", "replace"
    _refuse_implausible(name, found, first_bad)
    logger.warning(
        "%s is not valid UTF-8 and is read as cp1252. If letters come out wrong, name its "
        "encoding: data.encoding=NAME.",
        name,
    )
    return "cp1252", "strict"


def _refuse_implausible(name: str, found: bytes, line: int) -> None:
    """Refuse to read text as Western European if whole words have only letters beyond ASCII."""
    letters = _HIGH_LETTERS.findall(found)
    words = sum(len(run) for run in letters if len(run) > 2)
    undefined = re.search(rb"[\x81\x8d\x8f\x90\x9d]", found)
    if not undefined and 2 * words <= sum(map(len, letters)):
        return
    likely = []
    for encoding in _OTHER_ENCODINGS:
        runs = re.findall(r"[^\x00-\x7f]+", found.decode(encoding, "replace"))
        if runs and sum(run.isalpha() for run in runs) > 0.9 * len(runs):
            likely.append(encoding)
    raise UserError(
        f"{name}, line {line}: expected UTF-8 or a Western European encoding, found neither. Name "
        f"the file's encoding with data.encoding=NAME; likely: {', '.join(likely) or 'none'}."
    )


def _checked_name(encoding: str) -> str:
    """Refuse a name that no text encoding has."""
    try:
        if codecs.lookup(encoding).name in _OF_HOST_NAMES:
            raise LookupError(encoding)
        "a,b\n".encode(encoding)  # `hex`, `zip` and the like are codecs but no text encodings
        return encoding
    except (LookupError, ValueError, TypeError) as error:
        known = ["auto", "utf-8", "utf-16", "utf-16-le", "cp1252", "latin-1", *_OTHER_ENCODINGS]
        raise UserError(
            f"data.encoding: expected 'auto' or an encoding's name such as utf-8, utf-16 or "
            f"cp1252, found '{encoding}'.{nearest(encoding.lower(), known)}"
        ) from error


class Lines:
    """The lines of a text, counted, each with its end and without a byte order mark before it.

    Args:
        file: The bytes.
        name: String. What messages call it.
        encoding: String. What they are decoded with.
        errors: String. How bytes that cannot be decoded are handled.

    Attributes:
        number: Integer. The number, from 1, of the line that was read last.
    """

    def __init__(self, file: BinaryIO, name: str, encoding: str, errors: str) -> None:
        self.name = name
        self.number = 0
        self._text = io.TextIOWrapper(file, encoding, errors, newline="")
        self._before = ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            line = self._text.readline(MAX_LINE_CHARACTERS + 1)
            # Some programs write two carriage returns: the second one is not a blank line.
            if line == "\r\n" and self._before.endswith("\r"):
                line = self._text.readline(MAX_LINE_CHARACTERS + 1)
        except UnicodeDecodeError as error:
            # The decoder is ahead of the lines: count those that lie before the bad byte.
            number = self.number + 1 + error.object[: error.start].count(b"\n")
            advice = "cp1252" if error.encoding.startswith("utf") else "latin-1"
            raise UserError(
                f"{self.name}, line {number}: expected {self._text.encoding} text, found bytes "
                f"that are not. Name the encoding, for instance data.encoding={advice}, or save "
                "the file as UTF-8."
            ) from error
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > MAX_LINE_CHARACTERS:
            raise UserError(
                f"{self.name}, line {self.number}: expected at most {MAX_LINE_CHARACTERS:,} "
                "characters, found more. Cut the line: only the beginning of a text is read."
            )
        self._before = line
        return line.removeprefix("\ufeff")
