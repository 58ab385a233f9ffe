"""Fetch one file over HTTP: checked by its git blob id, by one process, never half in place."""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import re
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from ecomcat.errors import UserError


class NoNetworkError(Exception):
    """Report that the server cannot be reached, so that the caller may do without it."""


def check_url(url: str) -> None:
    """Refuse what is not an http or https address with a host.

    Args:
        url: the address as the user gave it.

    Raises:
        UserError: the url has another scheme or no host, or cannot be parsed.
    """
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError as error:
        raise _url_error(url, str(error)) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _url_error(url, "it has another scheme or no host")


def open_url(
    request: urllib.request.Request, connect_seconds: float, stall_seconds: float
) -> http.client.HTTPResponse:
    """Send the request and return the response once its headers are there.

    Args:
        request: an http or https request.
        connect_seconds: limit of the time from looking up the name to the response headers.
        stall_seconds: limit of the server's silence, in the body and while connecting.

    Returns:
        The open response, its body unread; the caller closes it.

    Raises:
        NoNetworkError: the server cannot be reached, does not answer in time, or the proxy
            wants a password.
        UserError: the url cannot be requested.
        urllib.error.HTTPError: the server answers with an error status; the caller closes it.
    """
    answer: Future[http.client.HTTPResponse] = Future()

    def ask() -> None:
        # A fresh opener reads the proxy settings of now, not those of the first call.
        try:
            answer.set_result(urllib.request.build_opener().open(request, timeout=stall_seconds))
        except BaseException as error:
            answer.set_exception(error)

    # A name lookup cannot be interrupted: the thread is left behind when time is up.
    threading.Thread(target=ask, daemon=True).start()
    try:
        return answer.result(connect_seconds)
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            raise
        error.close()
        raise NoNetworkError(f"the proxy refuses {request.full_url}: {error}") from error
    except TimeoutError as error:
        answer.add_done_callback(_discard)
        limit = min(connect_seconds, stall_seconds)
        raise NoNetworkError(f"{request.host} did not answer within {limit:g} seconds") from error
    except (ValueError, http.client.InvalidURL) as error:
        raise _url_error(request.full_url, str(error)) from error
    except (OSError, http.client.HTTPException) as error:
        raise NoNetworkError(f"cannot reach {request.full_url}: {error}") from error


def _discard(answer: Future[http.client.HTTPResponse]) -> None:
    """Close a response that came after nobody waited for it any more."""
    error = answer.exception()
    if error is None:
        answer.result().close()
    elif isinstance(error, urllib.error.HTTPError):
        error.close()


def _url_error(url: str, reason: str) -> UserError:
    """Return the error for an address that cannot be requested."""
    return UserError(
        f"expected an address such as https://example.org/file.csv, found '{url}': {reason}. "
        "Correct the url, with special characters percent-encoded"
    )


_BLOCK_BYTES = 1 << 18
ProgressReport = Callable[[int, int | None], None]
"""Called with the bytes so far and the bytes in total, None when the server does not say."""

_RETRIES = 3


class _BrokenTransferError(Exception):
    """The body ended before all of it arrived."""


def git_blob_id(path: Path) -> str:
    """Return the id under which git stores a file's content.

    Args:
        path: the file, read in blocks.

    Returns:
        The SHA-1 of `blob <length in bytes>`, a NUL and the content, in hexadecimal.
    """
    with path.open("rb") as file:
        length = os.fstat(file.fileno()).st_size
        digest = hashlib.sha1(b"blob %d\0" % length, usedforsecurity=False)
        return hashlib.file_digest(file, lambda: digest).hexdigest()


@dataclass
class Transfer:
    """The file on the server and what has arrived of it in the part file.

    Attributes:
        url: an http or https address.
        destination: where the file shall be in the end, for the messages.
        part: the file that the bytes gather in; what is there already is resumed.
        connect_seconds: limit of the time from looking up the name to the response headers.
        stall_seconds: limit of the server's silence, in the body and while connecting.
        report: called with the bytes so far and in total.
        total_bytes: length of the whole file, None while the server has not said.
        in_one_piece: whether all of the part file came with the latest response.
    """

    url: str
    destination: Path
    part: Path
    connect_seconds: float
    stall_seconds: float
    report: ProgressReport
    total_bytes: int | None = None
    in_one_piece: bool = False

    def complete(self, blob_id: str) -> None:
        """Fill the part file, check it and flush it to disk.

        Args:
            blob_id: the git blob id that the file must have.

        Raises:
            NoNetworkError: the server cannot be reached or does not answer in time.
            UserError: the server refuses, the transfer breaks off repeatedly, or the blob id
                is wrong.
            OSError: the part file cannot be written.
        """
        for _ in range(2):
            self._fill()
            found = git_blob_id(self.part)
            if found == blob_id:
                with self.part.open("rb+") as file:
                    os.fsync(file.fileno())
                return
            self.part.unlink()
            if self.in_one_piece:  # pieces may be of different versions: those get a second go
                break
        raise UserError(
            f"expected {self.url} to have the git blob id {blob_id}, found {found}: the file "
            f"there is another one or was changed on the way. {_by_hand(self.destination)}"
        )

    def _fill(self) -> None:
        """Request what is missing, again after each break that brought new bytes."""
        reason: Exception
        for attempt in range(_RETRIES + 1):
            before = self._size()
            try:
                return self._request_rest()
            except NoNetworkError as error:
                if attempt == 0:
                    raise
                reason = error
            except _BrokenTransferError as error:
                reason = error
            if self._size() <= before:
                break
        total = "an unknown number of" if self.total_bytes is None else self.total_bytes
        raise UserError(
            f"expected all of {self.url}, but the transfer broke off: {self._size()} of {total} "
            f"bytes arrived ({reason}). They are kept in {self.part}: run the same command "
            "again to resume"
        ) from reason

    def _request_rest(self) -> None:
        """Append to the part file what one request brings."""
        offset = self._size()
        headers = {"User-Agent": "ecomcat"} | ({"Range": f"bytes={offset}-"} if offset else {})
        request = urllib.request.Request(self.url, headers=headers)
        try:
            response = open_url(request, self.connect_seconds, self.stall_seconds)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and offset:
                self.in_one_piece = False  # nothing is left to send: the blob id decides
                return
            raise UserError(
                f"expected a file at {self.url}, but the server answered {error.code} "
                f"{error.reason}. Check the url, try again later, or: {_by_hand(self.destination)}"
            ) from error
        with response:
            self._append(response, offset)

    def _append(self, response: http.client.HTTPResponse, offset: int) -> None:
        """Write the body after the first `offset` bytes, or from 0 if it is the whole file."""
        done = offset if response.status == http.HTTPStatus.PARTIAL_CONTENT else 0
        self.in_one_piece = done == 0
        self.total_bytes = total = _total_bytes(response, done)
        with self.part.open("ab") as file:
            file.truncate(done)
            self.report(done, total)
            while total is None or done < total:
                limit = _BLOCK_BYTES if total is None else min(_BLOCK_BYTES, total - done)
                try:
                    block = response.read1(limit)
                except (OSError, http.client.HTTPException) as error:
                    raise _BrokenTransferError(str(error)) from error
                if not block:
                    break
                file.write(block)
                done += len(block)
                self.report(done, total)
        if total is not None and done < total:
            raise _BrokenTransferError("the server closed the connection early")

    def _size(self) -> int:
        """Return the bytes in the part file, 0 when there is none."""
        return self.part.stat().st_size if self.part.exists() else 0


def _total_bytes(response: http.client.HTTPResponse, offset: int) -> int | None:
    """Return the length of the whole file, of which the body is what follows `offset`."""
    # A server may send less than the rest that was asked for: only Content-Range tells.
    stated = re.search(r"/(\d+)$", response.headers.get("Content-Range", ""))
    if stated and offset:
        return int(stated[1])
    return None if response.length is None else offset + response.length


def _by_hand(destination: Path) -> str:
    """Return the advice for a file that cannot be fetched from its url."""
    return (
        f"Download the file by hand to {destination}, or use a file of yours with "
        "`data=csv data.path=FILE`"
    )


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
