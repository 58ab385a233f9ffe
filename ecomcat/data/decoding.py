"""The lines of a table file, in whatever encoding it is."""

from __future__ import annotations

import codecs
import io
import logging
import re
from encodings.aliases import aliases
from typing import IO

from ecomcat.data.packing import HEAD_BYTES, Content
from ecomcat.errors import UserError, nearest

MARKED = ("utf-8-sig", "utf-16", "utf-32")
"""Encodings of tables that begin with a byte order mark."""

_MAX_LINE_CHARACTERS = 1 << 28
_MARK = "\ufeff"
# The UTF-32 mark begins with the UTF-16 one, so it comes first.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32", "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32", "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8-sig", "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16", "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16", "utf-16-be"),
)
_SIGNATURES = {
    b"\x89PNG\r\n": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"%PDF-": "a PDF document",
    b"PAR1": "a Parquet file",
    b"PK\x03\x04": "an archive within an archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file",
    b"SQLite format 3\x00": "an SQLite database",
    b"version https://git-lfs": "a pointer of Git LFS (fetch the file itself with: git lfs pull)",
}
_OTHER_ENCODINGS = ("cp1251", "cp1250", "cp1253", "shift_jis", "gb18030", "euc_kr", "big5")
_BROKEN = re.compile("[\udc80-\udcff]+")
# Bytes that are no usual punctuation or signs in cp1252.
_HIGH_LETTERS = re.compile(
    rb"[\x8a\x8c\x8e\x9a\x9c\x9e\x9f\xa1\xa2\xa4-\xa8\xaa\xac\xad\xaf\xb1-\xb6\xb8-\xba\xbc-\xff]+"
)
_CONTROLS = frozenset(map(chr, range(32))) - frozenset("\t\n\v\f\r")


def choose_encoding(
    content: Content, asked: str, *, whole: bool, delimiter: str = "\t"
) -> tuple[str, str]:
    """Choose what a table is decoded with, and what becomes of bytes that do not fit.

    `auto` goes by a byte order mark; else it takes UTF-8, with a few broken letters replaced; else
    cp1252 where that is plausible. Whatever is not certain is warned of.

    Args:
        content: The bytes, of which nothing has been read yet.
        asked: String. An encoding's name, or `"auto"`.
        whole: Boolean. Whether to read the stream to its end to make sure of UTF-8; else its
            first `HEAD_BYTES` decide and stay in the stream.
        delimiter: String. A control character that may stand in the text.

    Raises:
        UserError: if no encoding has the name, or the content is no text.
    """
    if asked != "auto":
        _check_name(asked)
    head = content.head()
    for signature, kind in _SIGNATURES.items():
        if head.startswith(signature):
            raise _not_text(content.name, kind)
    chosen = _marked(head, asked) or (None if asked == "auto" else asked)
    # Control characters are the same single bytes in UTF-8, cp1252 and latin-1.
    text = decode_head(head, chosen or "latin-1")
    controls = sum(text.count(control) for control in _CONTROLS - {delimiter})
    if controls > max(4, len(text) / 200):
        advice = " (or UTF-16: then set data.encoding=utf-16-le)" if "\0" in text else ""
        raise _not_text(content.name, f"binary data{advice}")
    if chosen is not None:
        return chosen, "strict"
    complete = whole or len(head) < HEAD_BYTES
    return _guess(content.name, content.stream if whole else io.BytesIO(head), complete)


def decode_head(head: bytes, encoding: str) -> str:
    """Decode the start of a table, perhaps cut within a character, as well as it goes."""
    return codecs.getincrementaldecoder(encoding)(errors="replace").decode(head)


def _guess(name: str, stream: IO[bytes], complete: bool) -> tuple[str, str]:
    """Choose between UTF-8, UTF-8 with faults and cp1252."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    good = wrong = bad = first_bad = 0
    found = b""
    for number, line in enumerate(stream, 1):
        text = decoder.decode(line)
        good += len(line) - len(text)  # bytes that continue a letter
        try:
            text.encode()
        except UnicodeEncodeError:
            broken = _BROKEN.findall(text)
            wrong += len("".join(broken))
            bad, first_bad = bad + len(broken), first_bad or number
            found += line if len(found) < HEAD_BYTES else b""
    if complete and decoder.decode(b"", final=True):
        wrong += 1
        bad, first_bad = bad + 1, first_bad or number
        found += line
    if not bad:
        return "utf-8", "strict"
    log = logging.getLogger("ecomcat")
    if good > wrong:
        log.warning(
            "%s is UTF-8 with %d broken letter%s, the first in line %d, which %s replaced by "
            "U+FFFD. If the file has another encoding, name it: data.encoding=NAME.",
            *(name, bad, "s" * (bad > 1), first_bad, "are" if bad > 1 else "is"),
        )
        return "utf-8", "replace"
    _refuse_implausible(name, found, first_bad)
    log.warning(
        "%s is not valid UTF-8 and is read as cp1252. If letters come out wrong, name its "
        "encoding: data.encoding=NAME.",
        name,
    )
    return "cp1252", "strict"


def _refuse_implausible(name: str, found: bytes, line: int) -> None:
    """Refuse to take for Western European what has whole words of letters beyond ASCII."""
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


def _check_name(encoding: str) -> None:
    """Refuse a name that no text encoding has."""
    try:
        known = codecs.lookup(encoding)
        "a".encode(encoding)  # `hex`, `zip` and the like are codecs but no text encodings
        codecs.getincrementaldecoder(known.name)().decode(b"a,b")
        decode_head("é,b\n".encode("latin-1"), encoding)  # `idna` knows no way round a mistake
    except (LookupError, ValueError, TypeError) as error:
        names = {"auto", "utf-8"} | {
            name.replace("_", "-") for pair in aliases.items() for name in pair
        }
        raise UserError(
            f"data.encoding: expected 'auto' or an encoding's name such as utf-8, utf-16 or "
            f"cp1252, found '{encoding}'.{nearest(encoding.lower(), sorted(names))}"
        ) from error


def _marked(head: bytes, asked: str) -> str | None:
    """Return the encoding of a byte order mark, if it is asked for or left open."""
    for mark, name, bare in _MARKS:
        if head.startswith(mark):
            return name if asked == "auto" or codecs.lookup(asked).name == bare else None
    return None


def _not_text(name: str, kind: str) -> UserError:
    return UserError(
        f"{name}: expected a text table (CSV or TSV), found {kind}. "
        "Export the table as CSV in UTF-8 and give that file."
    )


class Lines(io.TextIOBase):
    """The lines of a text, counted, with those that have been read since `forget`.

    Args:
        content: The bytes.
        encoding: String. What they are decoded with.
        errors: String. What becomes of bytes that cannot be decoded.

    Attributes:
        number: Integer. The number, from 1, of the line that was read last.
        recent: List of the lines that have been read since `forget`.
    """

    def __init__(self, content: Content, encoding: str, errors: str) -> None:
        self.name = content.name
        self.number = 0
        self.recent: list[str] = []
        self._text = io.TextIOWrapper(content.stream, encoding, errors, newline="")

    def readable(self) -> bool:
        """Return True."""
        return True

    def forget(self) -> None:
        """Forget the lines that have been read."""
        self.recent.clear()

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]
        """Return the next line with its end, without a byte order mark before it."""
        try:
            line = self._text.readline(_MAX_LINE_CHARACTERS)
            # Some programs write two carriage returns: the rest of such an end is no blank line.
            if line == "\r\n" and self.recent and self.recent[-1].endswith("\r"):
                self.recent[-1] += line
                line = self._text.readline(_MAX_LINE_CHARACTERS)
        except UnicodeError as error:
            raise self._undecodable(error) from error
        if len(line) == _MAX_LINE_CHARACTERS:
            raise UserError(
                f"{self.name}, line {self.number + 1}: expected lines shorter than "
                f"{_MAX_LINE_CHARACTERS} characters, found a longer one. Check that it is a table."
            )
        if line:
            self.number += 1
            line = line.removeprefix(_MARK)
            self.recent.append(line)
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
            f"{self.name}, line {number}: expected {encoding} text, found bytes that are not. "
            f"Name the encoding, for instance data.encoding={advice}, or save the file as UTF-8."
        )
