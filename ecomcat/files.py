"""Write files so that a reader sees the old content or the new, never a half."""

from __future__ import annotations

import errno
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ecomcat.errors import UserError

STANDARD_STREAM = "-"  # what stands for standard input or output
UNFINISHED = ".writing-"  # how the name of a file begins while it is written
_SURROGATE = re.compile("[\ud800-\udfff]")


def expanded(path: str | Path) -> Path:
    """Replace a leading `~` by a home folder; without such a user it is part of a name.

    >>> expanded("~nobody-has-this-name/products.csv").parts[0]
    '~nobody-has-this-name'
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


@contextmanager
def atomic_path(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its place when the block ends well.

    Its folder is made where it is missing. A link keeps pointing where it did; a pipe or a device
    is not replaced but written to.

    Args:
        path: The file to write.
        durable: Boolean. Whether it has reached the disk when the block has ended; else a power
            failure may leave an empty file. Defaults to true.

    Raises:
        UserError: The disk is full, or the folder cannot be written to.
    """
    path = path.resolve()
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            yield path
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        # The suffix stays, since Keras picks a file's format by it.
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=UNFINISHED, suffix="".join(path.suffixes[-2:])
        )
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            if durable:
                with temporary.open("rb") as stream:
                    os.fsync(stream.fileno())
            temporary.chmod(0o666 & ~file_mode_mask())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"Cannot write {path}: {write_failure(error)}") from error


def write_failure(error: OSError) -> str:
    """Say why something could not be written, and what to do."""
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    advice = "Make room" if full else "Choose a place that you may write to"
    reason = os.strerror(error.errno) if error.errno else str(error)
    return f"{reason}. {advice}, and run the same command again."


def require_writable(path: Path, key: str) -> None:
    """Check that the folder that a key names can be made or replaced, without making it.

    Raises:
        UserError: A file is in the way, or the place cannot be written to.
    """
    above = next(parent for parent in path.absolute().parents if parent.exists())
    try:
        tempfile.TemporaryFile(dir=above).close()
    except OSError as error:
        raise UserError(
            f"Cannot write to {above}, where {key}={path} would stand: {error.strerror}. Name "
            f"another place with {key}=FOLDER."
        ) from error


def require_output(output: str | None) -> None:
    """Refuse a place where no file can be written, before any work is done.

    Raises:
        UserError: A folder stands there, or the folder that should hold it is missing.
    """
    if not output or output == STANDARD_STREAM:
        return
    path = expanded(output)
    if path.is_dir():
        raise UserError(
            f"Expected a file at output={output}, or - for standard output; found a folder. Name "
            "a file in it."
        )
    if not path.parent.is_dir():
        raise UserError(
            f"Expected output={output} in a folder that exists, found no folder {path.parent}. "
            "Make it first, or name another place with output=FILE."
        )


def file_mode_mask() -> int:
    """Return the process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str, *, durable: bool = True) -> None:
    """Write a UTF-8 text file atomically; lone surrogates are written as JSON escapes them."""
    escaped = _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    with atomic_path(path, durable=durable) as temporary:
        temporary.write_text(escaped, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically, indented and with its keys in the given order."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")
