"""The bytes of a table file as one stream: opened, and unpacked from gzip or zip."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, BinaryIO

from ecomcat.errors import UserError, nearest
from ecomcat.table.archive import DAMAGE, damaged, open_member

HEAD_BYTES = 1 << 20

_GZIP_MAGIC = b"\x1f\x8b"
_ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")


@dataclass(frozen=True)
class Content:
    """The unpacked bytes of a table.

    Attributes:
        name: what messages call it: a file, or a file and its member.
        stream: the bytes, not seekable.
        position: how many bytes of the file, as it is stored, have been read.
    """

    name: str
    stream: io.BufferedReader
    position: Callable[[], int] = lambda: 0

    def head(self) -> bytes:
        """Return up to `HEAD_BYTES` from the start, which must not have been read yet.

        Returns:
            The bytes, left in the stream; fewer than `HEAD_BYTES` only when there are no more.
        """
        return self.stream.peek(HEAD_BYTES)


@contextmanager
def open_content(
    source: Path | BinaryIO, *, name: str | None = None, member: str | None = None
) -> Iterator[Content]:
    """Open a file or stream, through gzip and zip, which their first bytes give away.

    Args:
        source: a path, or a binary stream, which is read but not closed.
        name: what messages call it; by default the file's name or `<stdin>`.
        member: which file of a zip archive to take; by default its only table.

    Yields:
        The unpacked bytes.

    Raises:
        UserError: if it cannot be opened or unpacked, then or while it is being read.
    """
    with ExitStack() as stack:
        packed: BinaryIO
        if isinstance(source, Path):
            packed = stack.enter_context(open_file(source))
            shown = name or source.name
        else:
            packed, shown = source, name or "<stdin>"
        # What is unpacked is read ahead of what is handed out, by 1 MiB at most.
        position = packed.tell if isinstance(source, Path) else lambda: 0
        content = _content(packed, shown)
        if content.head().startswith(_ZIP_MAGICS):
            unzipped, shown = stack.enter_context(open_member(packed, shown, member))
            content = _content(unzipped, shown)
        elif member is not None:
            raise UserError(
                f"{shown}: expected a zip archive because data.member={member} is set, found "
                "another kind of file. Remove data.member, or give the archive."
            )
        if content.head().startswith(_GZIP_MAGIC):
            unpacked = stack.enter_context(gzip.GzipFile(fileobj=content.stream))
            content = _content(unpacked, shown)
        yield replace(content, position=position)


class _FullReads(io.RawIOBase):
    """Reads that fill their buffer where they can, and tell damage in the user's terms."""

    def __init__(self, source: IO[bytes] | gzip.GzipFile, name: str) -> None:
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
        except DAMAGE as error:
            raise damaged(self._name, error) from error
        return filled


def _content(source: IO[bytes] | gzip.GzipFile, name: str) -> Content:
    # The first peek fills the whole buffer by one read: that is what `head` relies on.
    return Content(name, io.BufferedReader(_FullReads(source, name), HEAD_BYTES))


def open_file(path: Path) -> BinaryIO:
    """Open a file, or say why it cannot be."""
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
    except PermissionError as error:
        raise UserError(
            f"{path}: expected a file that may be read, found one that is not open to you. "
            "Change its permissions, or copy it."
        ) from error
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: expected a table file, found a path that cannot be opened ({error}). "
            "Check the path."
        ) from error


def _nearest_file(path: Path) -> str:
    try:
        return nearest(path.name, [entry.name for entry in path.parent.iterdir()])
    except OSError:
        return ""
