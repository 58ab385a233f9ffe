"""The table in a zip archive."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import PurePosixPath
from typing import IO, BinaryIO

from ecomcat.errors import UserError, nearest

DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
)
"""What reading a damaged file, gzip stream or zip member raises."""

_TABLE_ENDINGS = (".csv", ".tsv", ".txt")


@contextmanager
def open_member(packed: BinaryIO, name: str, member: str | None) -> Iterator[tuple[IO[bytes], str]]:
    """Open a member of a zip archive.

    Args:
        packed: the archive's bytes.
        name: what messages call the archive.
        member: which file to take, with or without its folders; by default the only one that
            ends in `.csv`, `.tsv` or `.txt` and is not hidden.

    Yields:
        The unpacked bytes, and what messages call them.

    Raises:
        UserError: if there is no such member, or it cannot be unpacked.
    """
    with ExitStack() as stack:
        archive = stack.enter_context(_open_archive(packed, name))
        info = _member(archive, name, member)
        shown = f"{name}:{info.filename}"
        yield stack.enter_context(_open_info(archive, info, shown)), shown


def damaged(name: str, error: Exception) -> UserError:
    """Return the error for a file that cannot be read to its end.

    Args:
        name: what messages call it.
        error: what the reading raised, one of `DAMAGE`.

    Returns:
        The error to raise.
    """
    return UserError(
        f"{name}: expected a whole file, found one that cannot be read to its end ({error}). "
        "It is damaged or cut short: download or copy it again."
    )


def _open_archive(packed: BinaryIO, name: str) -> zipfile.ZipFile:
    """Open a zip archive, whose list of members stands at its end."""
    if not packed.seekable():
        raise UserError(
            f"{name}: expected a table, found a zip archive in a stream, which cannot be "
            "unpacked. Give the path of the archive, or unpack it first."
        )
    try:
        return zipfile.ZipFile(packed)
    except DAMAGE as error:
        raise damaged(name, error) from error


def _member(archive: zipfile.ZipFile, name: str, asked: str | None) -> zipfile.ZipInfo:
    """Choose the member that is the table."""
    files = {info.filename: info for info in archive.infolist() if not info.is_dir()}
    if "xl/workbook.xml" in files:
        raise UserError(
            f"{name}: expected a text table (CSV or TSV), found an Excel workbook. "
            "Save its sheet as CSV (UTF-8) and give that file."
        )
    tables = [file for file in files if _is_table(file)]
    if asked is None:
        found = tables
    else:
        found = [asked] if asked in files else [x for x in files if x.endswith(f"/{asked}")]
    if len(found) == 1:
        return files[found[0]]
    listing = ", ".join(tables[:10]) + (" and more" if len(tables) > 10 else "")
    if asked is not None:
        raise UserError(
            f"{name}: expected one member {asked} (data.member), found {len(found)}; its tables "
            f"are: {listing or 'none'}.{nearest(asked, tables)} Set data.member=NAME to one."
        )
    if tables:
        raise UserError(
            f"{name}: expected one table in the archive, found {len(tables)}: {listing}. "
            "Say which with data.member=NAME."
        )
    raise UserError(
        f"{name}: expected a .csv, .tsv or .txt file in the archive, found none. "
        "Give another archive, or name the file in it with data.member=NAME."
    )


def _is_table(member: str) -> bool:
    """Tell a table from what macOS adds to an archive, hidden files, and the rest."""
    path = PurePosixPath(member)
    hidden = "__MACOSX" in path.parts or any(part.startswith(".") for part in path.parts)
    return not hidden and path.suffix.lower() in _TABLE_ENDINGS


def _open_info(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> IO[bytes]:
    if info.flag_bits & 0x1:
        raise UserError(
            f"{name}: expected a file without a password, found an encrypted one. "
            "Unpack the archive and give the path of the unpacked file."
        )
    try:
        return archive.open(info)
    except DAMAGE as error:
        raise damaged(name, error) from error
