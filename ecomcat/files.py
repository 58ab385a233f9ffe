"""Write files so that a reader sees the old or the new content, never a part of it."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ecomcat.errors import UserError

STANDARD_STREAM = "-"  # what stands for standard input or output
UNFINISHED = ".writing-ecomcat-"  # how the name of a file begins while it is written
_SURROGATE = re.compile("[\ud800-\udfff]")
_ADDED_TO_NAMES = 24  # characters, while something is written
_OF_OUR_FOLDERS = ("manifest.json", "study.json")  # one is in each model's or study's folder
_MAX_LINKS = 40  # that are followed, as Linux does
_MIN_ROOM = 65_536  # free bytes of a disk that does not count as full
_NEW_FILE, _NEW_FOLDER = 0o666, 0o777  # modes, of which the process's mask takes bits away
_IN_THE_WAY = (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY)
_ADVICE = {
    **dict.fromkeys(_IN_THE_WAY, "Move away what stands there"),
    errno.ENOSPC: "Make room",
    errno.EDQUOT: "Make room",
    errno.ENAMETOOLONG: "Choose a shorter name",
    errno.ELOOP: "Fix the link, or name another place",
    errno.EMFILE: "Allow more open files (ulimit -n)",
    errno.ENFILE: "Allow more open files",
    errno.ENOMEM: "Free some memory",
    **dict.fromkeys(
        (errno.EACCES, errno.EPERM, errno.EROFS, errno.EFBIG, errno.EBADF, errno.EIO),
        "Choose a place that you may use",
    ),
}


def expanded(path: str | Path) -> Path:
    """Replace a leading `~` by a home folder; without such a user it is part of the name.

    >>> expanded("~nobody-has-this-name/products.csv").parts[0]
    '~nobody-has-this-name'
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


@contextmanager
def atomic_path(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside `path` that replaces it when the block ends without an error.

    A missing folder is made, and the permissions and the owner of a replaced file are kept. A
    link keeps pointing where it did. A pipe, a device, or an open file of this process that is
    named by its number (`/dev/stdout`, `/dev/fd/3`) is not replaced but written to.

    Args:
        path: The file to write.
        durable: Boolean. Whether to wait until it has reached the disk; else a power failure may
            leave an empty file. Defaults to true.

    Raises:
        UserError: The disk is full, or the file or its folder cannot be written to.
    """
    try:
        descriptor = _open_descriptor(path)
        if descriptor is not None and (path.is_file() or path.is_socket()):
            with _sent_to(descriptor) as temporary:
                yield temporary
        elif path.exists() and not path.is_file() and not path.is_dir():
            yield path
        else:
            path = followed(path)
            with _replacement(path, durable) as temporary:
                yield temporary
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(f"Cannot write {path}: {write_failure(error)}") from error


@contextmanager
def _replacement(path: Path, durable: bool) -> Iterator[Path]:
    if is_read_only(path):
        raise UserError(
            f"Cannot write {path}, which is read-only. Allow it (chmod u+w), or name another place."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path.parent, UNFINISHED)
    held, temporary = _new_temporary(path)
    try:
        yield temporary
        if durable:
            os.fsync(held)
        copy_permissions(temporary, path)
        temporary.replace(path)
    finally:
        os.close(held)
        temporary.unlink(missing_ok=True)


def _new_temporary(path: Path) -> tuple[int, Path]:
    """Make a file beside a path, and hold it open and locked while its writer lives."""
    while True:
        # The suffix stays, since Keras chooses a file's format by it.
        held, name = tempfile.mkstemp(
            dir=path.parent, prefix=UNFINISHED, suffix="".join(path.suffixes[-2:])
        )
        with suppress(OSError):
            fcntl.flock(held, fcntl.LOCK_EX)
        if Path(name).exists():
            return held, Path(name)
        os.close(held)  # it was removed as abandoned before it was locked


@contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold a lock on a file or folder, if its file system has locks; it ends with the process.

    Args:
        path: The file or folder; it must exist.
        shared: Boolean. Whether others may hold a shared lock, too. Defaults to false.
    """
    held = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(held, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def remove_abandoned(folder: Path, prefix: str) -> None:
    """Remove files and folders with a prefix in a folder that no living process has locked.

    These are what a killed process was writing.
    """
    with suppress(OSError):
        found = [Path(entry.path) for entry in os.scandir(folder) if entry.name.startswith(prefix)]
        for path in found:
            held = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            except OSError:
                continue
            finally:
                os.close(held)


def exchanged(first: Path, second: Path) -> bool:
    """Exchange two folders in one step; return false where the system cannot do that.

    Linux can since 3.15, on most of its file systems: `man 2 renameat2`.
    """
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None)
    if renameat2 is None:
        return False
    done: int = renameat2(here, os.fsencode(first), here, os.fsencode(second), exchange)
    return done == 0


def followed(path: Path) -> Path:
    """Return the absolute path to which links lead, which may not exist yet.

    Raises:
        OSError: They lead in a circle, or a name is too long.
    """
    try:
        return Path(os.path.realpath(path, strict=True))
    except (FileNotFoundError, NotADirectoryError):
        return Path(os.path.realpath(path))


def is_read_only(path: Path) -> bool:
    """Return whether something exists and may not be written to, even by its owner or root."""
    return path.exists() and not (path.stat().st_mode & 0o222 and os.access(path, os.W_OK))


def copy_permissions(new: Path, former: Path) -> None:
    """Give a file or folder the permissions and the owner of the one that it replaces, if any.

    If the group cannot be the same, the new group gets no permissions.
    """
    if not former.exists():
        mask = os.umask(0)  # which can only be read by setting it
        os.umask(mask)
        new.chmod((_NEW_FOLDER if new.is_dir() else _NEW_FILE) & ~mask)
        return
    before = former.stat()
    for owner in ((before.st_uid, -1), (-1, before.st_gid)):
        with suppress(PermissionError):
            os.chown(new, *owner)
    same_group = new.stat().st_gid == before.st_gid
    new.chmod(stat.S_IMODE(before.st_mode) & (0o7777 if same_group else 0o7707))


def _open_descriptor(path: Path) -> int | None:
    """Return the number of the open file of this process that a path like `/dev/stdout` names."""
    for _ in range(_MAX_LINKS):
        folder = os.path.realpath(path.parent)
        if path.name.isdecimal() and folder in {"/dev/fd", f"/proc/{os.getpid()}/fd"}:
            return int(path.name)
        if not path.is_symlink():
            return None
        path = folder / path.readlink()
    return None


@contextmanager
def _sent_to(descriptor: int) -> Iterator[Path]:
    """Yield a path in TMPDIR whose content is copied to an open file at the end of the block."""
    with tempfile.NamedTemporaryFile() as temporary:
        yield Path(temporary.name)
        with Path(temporary.name).open("rb") as content, os.fdopen(os.dup(descriptor), "wb") as end:
            shutil.copyfileobj(content, end)


def is_limit(error: OSError) -> bool:
    """Return whether the machine's limits caused an error, not a file's content."""
    return error.errno in _ADVICE and error.errno not in _IN_THE_WAY


def write_failure(error: OSError) -> str:
    """Say why something could not be written, and what to do."""
    advice = _ADVICE.get(error.errno or 0, _ADVICE[errno.EACCES])
    reason = os.strerror(error.errno) if error.errno else str(error)
    return f"{reason}. {advice}, and run the same command again."


@contextmanager
def explained_limits() -> Iterator[None]:
    """Turn limits of the machine (names, permissions, disk, memory) into errors for the user.

    Raises:
        UserError: The block reached such a limit.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.errno not in _ADVICE:
            raise
        name = "a file" if error.filename is None else error.filename
        raise UserError(f"Cannot use {name}: {write_failure(error)}") from error
    except (MemoryError, ImportError) as error:
        # A library that does not fit into memory raises an ImportError.
        if isinstance(error, ImportError) and "failed to map" not in str(error):
            raise
        raise UserError(
            "Expected more memory than there is. Free some, or let the command take less of it: "
            "fewer workers (search.workers=1), a smaller batch_rows, shorter texts."
        ) from error


def require_writable(path: Path, key: str, inner: str = "") -> None:
    """Check that the folder that a key names can be made or replaced, without making it.

    With `inner`, that this can be written in it.

    Raises:
        UserError: A file is in the way, or the place cannot be written to or is full.
    """
    home, place = path.parts[:1], followed(path / inner)
    if home and home[0].startswith("~") and not Path(home[0]).exists():
        raise UserError(f"Expected a user of this machine in {key}={path}, found none {home[0]}.")
    above = next(parent for parent in place.parents if parent.exists())
    try:
        max_name = os.pathconf(above, "PC_NAME_MAX") - _ADDED_TO_NAMES
        if any(len(os.fsencode(name)) > max_name for name in place.relative_to(above).parts):
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        with tempfile.TemporaryFile(dir=above) as stream:
            stream.write(bytes(_MIN_ROOM))
    except OSError as error:
        raise UserError(
            f"Expected a place that can be written to at {key}={path}, found that nothing can be "
            f"written in {above}: {error.strerror}. Name another with {key}=FOLDER."
        ) from error


def require_output(output: str | None, read: str | None = None, key: str = "output") -> None:
    """Refuse a place where no file can be written, before any work is done.

    Args:
        output: String. The place.
        read: String. The input file, which must not be overwritten. Defaults to none.
        key: String. The setting that names the place. Defaults to `"output"`.

    Raises:
        UserError: The place is a folder, a file of a model or of a study, or the input; or its
            folder is missing.
    """
    if not output or output == STANDARD_STREAM:
        return
    path = expanded(output)
    if path.is_dir():
        raise UserError(
            f"Expected a file at {key}={output}, or - for standard output; found a folder. Name "
            "a file in it."
        )
    if not path.parent.is_dir():
        raise UserError(
            f"Expected {key}={output} in a folder that exists, found no folder {path.parent}. "
            f"Make it first, or name another place with {key}=FILE."
        )
    if is_read_only(followed(path)):
        raise UserError(
            f"Expected a file that may be written to at {key}={output}, found a read-only one. "
            f"Allow it (chmod u+w), or name another place with {key}=FILE."
        )
    source = expanded(read) if read else None
    is_read = bool(source and source.exists() and path.exists() and source.samefile(path))
    beside = any((path.parent / name).exists() for name in _OF_OUR_FOLDERS)
    if is_read or (beside and path.is_file() and path.suffix != ".html"):
        found = "the file that is read" if is_read else "a file of a model or of a study"
        raise UserError(
            f"Expected a place of its own at {key}={output}, found {found}. Name another with "
            f"{key}=FILE."
        )


def write_text(path: Path, text: str, *, durable: bool = True) -> None:
    """Write a UTF-8 text file atomically; lone surrogates are written as JSON escapes them."""
    escaped = _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    with atomic_path(path, durable=durable) as temporary:
        temporary.write_text(escaped, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file atomically, indented and with its keys in the given order."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")
