"""The bytes of a table's file, unpacked from gzip, bzip2, xz, zstd or zip, found by its content."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

import pyarrow as pa

from ecomcat.data.formats import format_by_ending
from ecomcat.data.workbooks import is_workbook
from ecomcat.errors import UserError, name_five, nearest
from ecomcat.files import write_failure

HEAD_BYTES = 1 << 20  # that are read to find out how a table is written

_DAMAGE = (
    *(OSError, EOFError, ValueError, RuntimeError),
    *(zlib.error, lzma.LZMAError, zipfile.BadZipFile),
)
_ZIP = re.compile(rb"PK(\x03\x04|\x05\x06|\x07\x08)")
# Each of these returns no more bytes than are requested, however small the archive is.
_PACKINGS: dict[bytes, tuple[str, Callable[[Any], Any]]] = {
    rb"\x1f\x8b": ("gzip", gzip.open),
    rb"BZh[1-9]1AY&SY": ("bzip2", bz2.open),
    rb"\xfd7zXZ\x00": ("xz", lzma.open),
    rb"\x28\xb5\x2f\xfd": ("zstd", lambda stream: pa.input_stream(stream, compression="zstd")),
}
# Python's zipfile unpacks the other methods a whole chunk at a time, which may be a gigabyte.
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@contextmanager
def open_plain(
    source: Path | BinaryIO, name: str, member: str | None
) -> Iterator[tuple[BinaryIO, str]]:
    """Open a table as a file that can be read twice: what is packed is unpacked on disk.

    Args:
        source: A path, or a binary stream, which is read from its position and not closed.
        name: String. What messages call it.
        member: String. The file of a zip archive to take; None for its only table.
    """
    with ExitStack() as stack:
        file = stack.enter_context(_open_path(source)) if isinstance(source, Path) else source
        if file is source or not file.seekable():
            file = stack.enter_context(_copied(file))
        packed = member is not None or packing_of(head_of(file))
        if packed and not is_workbook(file):
            with unpacked(file, name, member) as (stream, name):
                file = stack.enter_context(_copied(stream))
        yield file, name


@contextmanager
def unpacked(packed: BinaryIO, name: str, member: str | None) -> Iterator[tuple[IO[bytes], str]]:
    """Unpack a file of zip, gzip, bzip2, xz or zstd, recognised by its first bytes.

    Raises:
        UserError: if it cannot be unpacked, now or while it is read within the block.
    """
    stream: IO[bytes] = packed
    try:
        with ExitStack() as stack:
            if _ZIP.match(head_of(packed)):
                archive = stack.enter_context(zipfile.ZipFile(packed))
                found = _find_member(archive, name, member)
                stream = stack.enter_context(archive.open(found))
                name = f"{name}:{found}"
            elif member is not None:
                raise UserError(
                    f"{name}: expected a zip archive because data.member={member} is set, found "
                    "another kind of file. Remove data.member, or give the archive."
                )
            if unpack := _unpacking(head_of(stream)):
                stream = unpack[1](stream)
            yield stream, name
    except _DAMAGE as error:
        raise UserError(
            f"{name}: expected a whole file, found one that cannot be read to its end ({error}). "
            "It is damaged or cut short: download or copy it again."
        ) from error


def head_of(file: IO[bytes]) -> bytes:
    """Return up to `HEAD_BYTES` of the start of a file, whose position is then the start."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    file.seek(0)
    return head


def packing_of(head: bytes) -> str | None:
    r"""Return how a file is packed by its first bytes; None where it is not.

    >>> packing_of(b"PK\x03\x04")
    'zip'
    """
    found = _unpacking(head)
    return "zip" if _ZIP.match(head) else found and found[0]


def _unpacking(head: bytes) -> tuple[str, Callable[[Any], Any]] | None:
    return next((each for start, each in _PACKINGS.items() if re.match(start, head)), None)


@contextmanager
def _copied(stream: IO[bytes]) -> Iterator[BinaryIO]:
    """Copy a stream into a file without a name."""
    with tempfile.TemporaryFile() as file:
        try:
            shutil.copyfileobj(stream, file)
        except OSError as error:
            if error.errno is None:  # the packed content is damaged
                raise
            raise UserError(
                f"Cannot copy the table to {tempfile.gettempdir()} (TMPDIR names another folder): "
                f"{write_failure(error)}"
            ) from error
        yield file


def _open_path(path: Path) -> BinaryIO:
    """Open a file, or say why it cannot be opened."""
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UserError(
            f"{path}: expected a table file, found no such file."
            f"{nearest(path.name, beside)} Check the path."
        ) from error
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: expected a table file, found a path that cannot be opened ({error}). "
            "Check the path and its permissions."
        ) from error


def _find_member(archive: zipfile.ZipFile, name: str, asked: str | None) -> str:
    """Choose the member that is the table, and not what macOS adds to an archive."""
    files = [info.filename for info in archive.infolist() if not info.is_dir()]
    hidden = re.compile(r"(^|/)(\.|__MACOSX/)")
    tables = [
        name
        for name in files
        if (format_by_ending(name) or name.lower().endswith(".txt")) and not hidden.search(name)
    ]
    named = [x for x in files if x == asked] or [x for x in files if x.endswith(f"/{asked}")]
    found = tables if asked is None else named
    if len(found) != 1:
        wanted = f"one member {asked}" if asked else "one table in the archive"
        raise UserError(
            f"{name}: expected {wanted}, found {len(found)}; its tables are: {name_five(tables)}."
            f"{nearest(asked or '', tables)} Say which with data.member=NAME."
        )
    if (method := archive.getinfo(found[0]).compress_type) not in _ZIP_METHODS:
        raise UserError(
            f"{name}: expected a zip archive whose files are packed with deflate or not at all, "
            f"found {found[0]} packed with method {method}. Pack it as ordinary zip, or with gzip."
        )
    return found[0]
