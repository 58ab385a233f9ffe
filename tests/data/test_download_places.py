"""Downloads to places that cannot be written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from download_server import (
    BODY,
    Server,
    assert_complete,
    blob_id,
    destination,
    no_proxy,
    part_of,
    server,
)

from ecomcat.data.download import download
from ecomcat.errors import UserError

# Fixtures, which pytest finds here.
__all__ = ["destination", "no_proxy", "server"]


def test_destination_that_is_a_folder_is_refused(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="found the folder"):
        download(server.url, tmp_path, blob_id(BODY))
    assert server.ranges == []


def test_destination_under_a_file_is_refused(server: Server, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(UserError, match=r"expected to write .*data=csv"):
        download(server.url, tmp_path / "data" / "file.csv", blob_id(BODY))


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind this user"
)
def test_read_only_folder_is_refused(server: Server, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="Make its folder writable"):
        download(server.url, tmp_path / "file.csv", blob_id(BODY))


def test_full_disk_keeps_the_part_for_the_next_run(
    server: Server, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(_file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full_disk:
        full_disk.setattr(os, "fsync", fsync)
        with pytest.raises(UserError, match="free some space"):
            download(server.url, destination, blob_id(BODY))
    assert not destination.exists()
    assert part_of(destination).read_bytes() == BODY
    download(server.url, destination, blob_id(BODY))
    assert_complete(destination)
    assert server.ranges == [None, f"bytes={len(BODY)}-"]
