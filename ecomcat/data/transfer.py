"""Transfer a file over HTTP into a part file: resumed after breaks, checked when complete."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from ecomcat.data.connect import NoNetworkError, open_url
from ecomcat.data.progress import ProgressReport
from ecomcat.errors import UserError

_BLOCK_BYTES = 1 << 18
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
