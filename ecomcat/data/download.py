"""Fetch one file over HTTP: checked by its git blob id, by one process, never half in place."""

from __future__ import annotations

import errno
from pathlib import Path

from filelock import FileLock

from ecomcat.data.connect import check_url
from ecomcat.data.progress import ProgressReport
from ecomcat.data.transfer import Transfer, git_blob_id
from ecomcat.errors import UserError


def download(
    url: str,
    destination: Path,
    blob_id: str,
    *,
    connect_seconds: float = 15.0,
    stall_seconds: float = 60.0,
    on_progress: ProgressReport | None = None,
) -> None:
    """Put the file at `url` at `destination`, unless it is there already.

    The bytes gather in `<destination>.part`, which a later call resumes, and move into
    place once the blob id is right. Of several processes one downloads; the others wait.
    A destination with another content is replaced.

    Args:
        url: an http or https address.
        destination: the file to make; missing folders are made too.
        blob_id: the git blob id that the file must have.
        connect_seconds: limit of the time from looking up the name to the response headers.
        stall_seconds: limit of the server's silence, in the body and while connecting.
        on_progress: called with the bytes so far and in total; by default nothing.

    Raises:
        NoNetworkError: the server cannot be reached or does not answer in time.
        UserError: the url is not http or https, the server refuses, the transfer breaks
            off repeatedly, the blob id is wrong, or the destination cannot be written.
    """
    check_url(url)
    part = destination.with_name(destination.name + ".part")
    report = on_progress or (lambda _done, _total: None)
    transfer = Transfer(url, destination, part, connect_seconds, stall_seconds, report)
    try:
        if destination.is_dir():
            raise UserError(
                f"expected a file name to download to, found the folder {destination}: "
                "name a file inside it, or move the folder away"
            )
        if _has_blob_id(destination, blob_id):
            return
        destination.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{part}.lock"):
            if not _has_blob_id(destination, blob_id):
                transfer.complete(blob_id)
                part.replace(destination)
    except OSError as error:
        raise _storage_error(error, destination, part) from error


def _has_blob_id(path: Path, blob_id: str) -> bool:
    """Tell whether there is a file of that content."""
    return path.is_file() and git_blob_id(path) == blob_id


def _storage_error(error: OSError, destination: Path, part: Path) -> UserError:
    """Return the error for a destination that cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(
            f"expected space for {destination}, but the disk or quota is full. What arrived is "
            f"kept in {part}: free some space and run the same command again to resume"
        )
    return UserError(
        f"expected to write {destination}, found: {error}. Make its folder writable, or "
        "download the file by hand elsewhere and pass `data=csv data.path=FILE`"
    )
