"""The bytes of a table file, through gzip, bzip2, xz, zstd or zip."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO

from ecomcat.errors import UserError, nearest

HEAD_BYTES = 1 << 20

_DAMAGE = (
    *(OSError, EOFError, ValueError, RuntimeError),
    *(zlib.error, lzma.LZMAError, zipfile.BadZipFile),
)
_ZIP = re.compile(rb"PK(\x03\x04|\x05\x06|\x07\x08)")
_PACKINGS: dict[str, Callable[[Any], Any]] = {
    r"\x1f\x8b": lambda stream: gzip.GzipFile(fileobj=stream),
    r"BZh[1-9]1AY&SY": bz2.BZ2File,
    r"\xfd7zXZ\x00": lzma.LZMAFile,
    r"\x28\xb5\x2f\xfd": lambda stream: _open_zstd(stream),
}
_TABLE_ENDINGS = (".csv", ".tsv", ".tab", ".txt", ".jsonl", ".ndjson", ".parquet")


@dataclass(frozen=True)
class Content:
    """The unpacked bytes of a table.

    Args:
        name: String. What messages call it: a file, or a file and its member.
        stream: The bytes, not seekable.
        position: Function that returns how many bytes of the stored file have been read.
    """

    name: str
    stream: io.BufferedReader
    position: Callable[[], int]

    def head(self) -> bytes:
        """Return up to `HEAD_BYTES` from the start, and leave them in the stream."""
        return self.stream.peek(HEAD_BYTES)


@contextmanager
def open_content(packed: BinaryIO, name: str, member: str | None) -> Iterator[Content]:
    """Unpack a stream of zip, gzip, bzip2, xz or zstd, which its first bytes give away.

    Args:
        packed: The stored bytes, which are read from where they stand.
        name: String. What messages call it.
        member: String. The file of a zip archive to take; None for its only table.

    Raises:
        UserError: if it cannot be unpacked, now or while it is read.
    """
    position = packed.tell if packed.seekable() else lambda: 0
    with ExitStack() as stack:
        stream = _buffered(packed, name)
        if _ZIP.match(stream.peek(HEAD_BYTES)) and not is_workbook(packed):
            unzipped, name = stack.enter_context(_open_member(packed, name, member))
            stream = _buffered(unzipped, name)
        elif member is not None and not is_workbook(packed):
            raise UserError(
                f"{name}: expected a zip archive because data.member={member} is set, found "
                "another kind of file. Remove data.member, or give the archive."
            )
        for start, unpack in _PACKINGS.items():
            if re.match(start.encode("latin-1"), stream.peek(HEAD_BYTES)):
                try:
                    stream = _buffered(unpack(stream), name)
                except _DAMAGE as error:
                    raise _damaged(name, error) from error
                break
        yield Content(name, stream, position)


def open_file(path: Path) -> BinaryIO:
    """Open a file, or say why it cannot be opened."""
    try:
        if path.is_dir():
            raise UserError(
                f"{path}: expected a table file, found a folder. Name a file in that folder."
            )
        return path.open("rb")
    except FileNotFoundError as error:
        raise UserError(
            f"{path}: expected a table file, found no such file."
            f"{_nearest_file(path)} Check the path."
        ) from error
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: expected a table file, found a path that cannot be opened ({error}). "
            "Check the path and its permissions."
        ) from error


def is_workbook(packed: BinaryIO) -> bool:
    """Tell whether a stream is an Excel workbook (.xlsx), which is a zip archive."""
    if not packed.seekable():
        return False
    start = packed.tell()
    try:
        packed.seek(0)
        with zipfile.ZipFile(packed) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except _DAMAGE:
        return False
    finally:
        packed.seek(start)


class _FullReads(io.RawIOBase):
    """Reads that fill their buffer where they can, and tell damage in the user's terms."""

    def __init__(self, source: Any, name: str) -> None:
        self._source = source
        self._name = name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        view = memoryview(buffer)
        filled = 0
        try:
            while filled < len(view) and (chunk := self._source.read(len(view) - filled)):
                view[filled : filled + len(chunk)] = chunk
                filled += len(chunk)
        except _DAMAGE as error:
            raise _damaged(self._name, error) from error
        return filled


def _buffered(source: Any, name: str) -> io.BufferedReader:
    # The first peek fills the whole buffer by one read: that is what `Content.head` relies on.
    return io.BufferedReader(_FullReads(source, name), HEAD_BYTES)


def _damaged(name: str, error: Exception) -> UserError:
    return UserError(
        f"{name}: expected a whole file, found one that cannot be read to its end ({error}). "
        "It is damaged or cut short: download or copy it again."
    )


def _open_zstd(stream: io.BufferedReader) -> Any:
    import pyarrow as pa

    return pa.CompressedInputStream(pa.PythonFile(stream, "r"), "zstd")


@contextmanager
def _open_member(
    packed: BinaryIO, name: str, member: str | None
) -> Iterator[tuple[IO[bytes], str]]:
    if not packed.seekable():
        raise UserError(
            f"{name}: expected a table, found a zip archive in a stream, which cannot be "
            "unpacked. Give the path of the archive, or unpack it first."
        )
    with ExitStack() as stack:
        try:
            packed.seek(0)
            archive = stack.enter_context(zipfile.ZipFile(packed))
            found = _find_member(archive, name, member)
            stream = stack.enter_context(archive.open(found))
        except _DAMAGE as error:
            raise _damaged(name, error) from error
        yield stream, f"{name}:{found}"


def _find_member(archive: zipfile.ZipFile, name: str, asked: str | None) -> str:
    """Choose the member that is the table, and not what macOS adds to an archive."""
    files = [info.filename for info in archive.infolist() if not info.is_dir()]
    tables = [file for file in files if _is_table(PurePosixPath(file))]
    if asked is None:
        found = tables
    else:
        found = [asked] if asked in files else [x for x in files if x.endswith(f"/{asked}")]
    if len(found) != 1:
        listing = ", ".join(tables[:5]) + (f" and {len(tables) - 5} more" * (len(tables) > 5))
        wanted = f"one member {asked}" if asked else "one table in the archive"
        raise UserError(
            f"{name}: expected {wanted}, found {len(found)}; its tables are: {listing or 'none'}."
            f"{nearest(asked or '', tables)} Say which with data.member=NAME."
        )
    if archive.getinfo(found[0]).flag_bits & 0x1:
        raise UserError(
            f"{name}: expected a file without a password, found an encrypted one. "
            "Unpack the archive and give the path of the unpacked file."
        )
    return found[0]


def _is_table(path: PurePosixPath) -> bool:
    hidden = "__MACOSX" in path.parts or any(part.startswith(".") for part in path.parts)
    return not hidden and path.suffix.lower() in _TABLE_ENDINGS


def _nearest_file(path: Path) -> str:
    try:
        return nearest(path.name, [entry.name for entry in path.parent.iterdir()])
    except OSError:
        return ""
