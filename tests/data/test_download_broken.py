"""Transfers that break off, stall or bring something else than the file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from download_server import (
    BODY,
    HALF,
    Behaviour,
    Server,
    assert_complete,
    blob_id,
    destination,
    fail,
    hang,
    no_proxy,
    part_of,
    send,
    server,
)

from ecomcat.data.download import download
from ecomcat.errors import UserError

# Fixtures, which pytest finds here.
__all__ = ["destination", "no_proxy", "server"]


@pytest.mark.parametrize("then_hang", [False, True], ids=["closed", "stalled"])
def test_transfer_that_keeps_breaking_off_says_how_far_it_came(
    server: Server, destination: Path, then_hang: bool
) -> None:
    server.script = [send(at_most=1000, then_hang=then_hang)]
    with pytest.raises(UserError, match=f"4000 of {len(BODY)} bytes .* again to resume"):
        download(server.url, destination, blob_id(BODY), stall_seconds=0.3)
    assert server.ranges == [None, "bytes=1000-", "bytes=2000-", "bytes=3000-"]
    assert part_of(destination).read_bytes() == BODY[:4000]
    assert not destination.exists()


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([send(at_most=HALF), send(at_most=0)], id="no new bytes"),
        pytest.param([send(at_most=HALF, then_hang=True), hang], id="server gone"),
    ],
)
def test_transfer_without_progress_is_not_tried_again(
    server: Server, destination: Path, script: list[Behaviour]
) -> None:
    server.script = script
    with pytest.raises(UserError, match=f"{HALF} of {len(BODY)} bytes"):
        download(server.url, destination, blob_id(BODY), connect_seconds=0.3, stall_seconds=0.5)
    assert len(server.ranges) == 2
    assert part_of(destination).read_bytes() == BODY[:HALF]


def test_stalled_transfer_is_resumed(server: Server, destination: Path) -> None:
    server.script = [send(at_most=HALF, then_hang=True), send()]
    download(server.url, destination, blob_id(BODY), stall_seconds=0.3)
    assert_complete(destination)
    assert server.ranges == [None, f"bytes={HALF}-"]


@pytest.mark.parametrize(("part", "requests"), [(None, 1), (b"x" * 9, 2)], ids=["fresh", "resumed"])
def test_wrong_content_is_thrown_away(
    server: Server, destination: Path, part: bytes | None, requests: int
) -> None:
    expected = blob_id(b"another file")
    part_of(destination, part)
    with pytest.raises(UserError, match=f"{expected}, found {blob_id(BODY)}.*data=csv"):
        download(server.url, destination, expected)
    assert len(server.ranges) == requests
    assert not destination.exists()
    assert not part_of(destination).exists()


@pytest.mark.parametrize("status", [403, 404, 416, 500, 503])
def test_http_error_names_url_and_status(server: Server, destination: Path, status: int) -> None:
    server.script = [fail(status)]
    with pytest.raises(UserError, match=f"{re.escape(server.url)}.* {status} "):
        download(server.url, destination, blob_id(BODY))
    assert not destination.exists()
