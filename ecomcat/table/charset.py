"""Which encoding the bytes of a table are in, and whether they are text at all."""

from __future__ import annotations

import codecs
import logging
from collections.abc import Iterable, Iterator
from encodings.aliases import aliases

from ecomcat.errors import UserError, nearest
from ecomcat.table.content import HEAD_BYTES, Content

# The UTF-32 mark begins with the UTF-16 one, so it comes first.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32", "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32", "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8-sig", "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16", "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16", "utf-16-be"),
)
MARKED_ENCODINGS = frozenset(name for _, name, _ in _MARKS)  # of tables that begin with one
_SIGNATURES = (
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"%PDF-1.", "a PDF document"),
    (b"%PDF-2.", "a PDF document"),
    (b"PAR1\x15", "a Parquet file"),
    (b"PK\x03\x04", "a zip archive inside another"),
    (b"\x1f\x8b", "gzip data inside an archive"),
    (b"BZh91AY&SY", "bzip2-compressed data"),
    (b"\xfd7zXZ\x00", "xz-compressed data"),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed data"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x89HDF\r\n", "an HDF5 file"),
)
_UNDEFINED_IN_CP1252 = b"\x81\x8d\x8f\x90\x9d"
_CONTROLS = frozenset(map(chr, range(32))) - frozenset("\t\n\v\f\r")
_TOLERATED_CONTROLS = 4
_TOLERATED_CONTROL_SHARE = 1 / 200


def choose_encoding(content: Content, asked: str, *, whole: bool) -> str:
    """Return the name of the encoding to decode a table with.

    `auto` goes by a byte order mark, else takes UTF-16 where NUL bytes sit in every other
    position, else UTF-8, else cp1252 (latin-1 where cp1252 leaves a byte undefined) with a
    warning.

    Args:
        content: the bytes, of which nothing has been read yet.
        asked: an encoding's name, or `auto`.
        whole: whether to read the stream to its end to make sure of UTF-8; without it the
            first `HEAD_BYTES` decide and stay in the stream.

    Returns:
        A name that `codecs.lookup` knows.

    Raises:
        UserError: if no encoding has the name, or the content is no text.
    """
    if asked != "auto":
        _check_name(asked)
    head = content.head()
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            raise _not_text(content.name, kind)
    marked = _marked(head, asked)
    if marked is None and asked == "auto":
        marked = _utf16_without_mark(head)
    chosen = marked or (asked if asked != "auto" else None)
    # Control characters are the same single bytes in UTF-8, cp1252 and latin-1.
    _refuse_binary(content.name, decode_head(head, chosen or "latin-1"))
    if chosen is not None:
        return chosen
    chunks = _chunks(content) if whole else [head]
    guess = _utf8_or_fallback(chunks, complete=whole or len(head) < HEAD_BYTES)
    if guess != "utf-8":
        logging.getLogger("ecomcat").warning(
            "%s is not valid UTF-8 and is read as %s. If letters come out wrong, name its "
            "encoding: data.encoding=NAME.",
            content.name,
            guess,
        )
    return guess


def decode_head(head: bytes, encoding: str) -> str:
    """Decode the start of a table as well as it goes, for a look at it.

    Args:
        head: up to `HEAD_BYTES` bytes, perhaps cut within a character.
        encoding: a known encoding's name.

    Returns:
        The text, with U+FFFD for what cannot be decoded.
    """
    return codecs.getincrementaldecoder(encoding)(errors="replace").decode(head)


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


def _utf16_without_mark(head: bytes) -> str | None:
    """Recognise UTF-16 by NUL bytes in one of two positions and hardly any in the other."""
    if len(head) % 2:
        return None
    first, second = head[0::2].count(0), head[1::2].count(0)
    if max(first, second) < max(3, 0.4 * len(head) / 2):
        return None
    if min(first, second) > 0.01 * len(head) / 2:
        return None
    return "utf-16-le" if second > first else "utf-16-be"


def _refuse_binary(name: str, text: str) -> None:
    controls = sum(text.count(control) for control in _CONTROLS)
    if controls > max(_TOLERATED_CONTROLS, _TOLERATED_CONTROL_SHARE * len(text)):
        raise _not_text(name, "binary data")


def _not_text(name: str, kind: str) -> UserError:
    return UserError(
        f"{name}: expected a text table (CSV or TSV), found {kind}. "
        "Export the table as CSV in UTF-8 and give that file."
    )


def _chunks(content: Content) -> Iterator[bytes]:
    while chunk := content.stream.read(HEAD_BYTES):
        yield chunk


def _utf8_or_fallback(chunks: Iterable[bytes], *, complete: bool) -> str:
    """Return UTF-8 if the bytes are valid, else the likeliest one-byte encoding."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    valid, undefined = True, False
    for chunk in chunks:
        if valid:
            valid = _decodes(decoder, chunk)
        undefined = undefined or len(chunk.translate(None, _UNDEFINED_IN_CP1252)) < len(chunk)
        if undefined and not valid:
            break
    if valid and complete:
        valid = _decodes(decoder, b"", final=True)
    if valid:
        return "utf-8"
    return "latin-1" if undefined else "cp1252"


def _decodes(decoder: codecs.IncrementalDecoder, data: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(data, final)
    except UnicodeDecodeError:
        return False
    return True
