"""Downloads that arrive, at once or resumed."""

from __future__ import annotations

import threading
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
    no_proxy,
    part_of,
    redirect,
    send,
    send_range_of,
    server,
)

from ecomcat.data.download import download, git_blob_id

# Fixtures, which pytest finds here.
__all__ = ["destination", "no_proxy", "server"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", id="empty"),
        pytest.param(b"hello\n", "ce013625030ba8dba906f756967f9e9ca394464a", id="line"),
        pytest.param(bytes(3_000_000), "73e77f405a9ff5ab6f54695cf10e7be6d23c9a4b", id="large"),
    ],
)
def test_blob_id_is_that_of_git(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert git_blob_id(path) == expected


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([send()], id="plain"),
        pytest.param([send(with_length=False)], id="length unknown"),
        pytest.param([redirect, send()], id="redirected"),
        pytest.param([send(at_most=HALF), send()], id="cut once"),
        pytest.param([send(at_most=HALF // 2)] * 3 + [send()], id="cut three times"),
        pytest.param([send(at_most=HALF), send(resumable=False)], id="cut, then no ranges"),
        pytest.param(
            [send(b"x" * len(BODY), at_most=HALF), send(), send()], id="changed while cut"
        ),
    ],
)
def test_fresh_download_arrives(server: Server, destination: Path, script: list[Behaviour]) -> None:
    server.script = script
    download(server.url, destination, blob_id(BODY))
    assert_complete(destination)


@pytest.mark.parametrize(
    ("part", "script", "ranges"),
    [
        pytest.param(BODY[:1000], [send()], ["bytes=1000-"], id="resumed"),
        pytest.param(b"", [send()], [None], id="empty part"),
        pytest.param(BODY[:9], [send(resumable=False)], ["bytes=9-"], id="ranges ignored"),
        pytest.param(BODY, [send()], [f"bytes={len(BODY)}-"], id="complete part"),
        pytest.param(BODY + b"x", [send()], [f"bytes={len(BODY) + 1}-", None], id="part too long"),
        pytest.param(b"x" * 9, [send()], ["bytes=9-", None], id="corrupted part"),
        pytest.param(
            BODY[:9], [send_range_of(1000), send()], ["bytes=9-", "bytes=1009-"], id="short range"
        ),
        pytest.param(
            BODY[:9],
            [send(at_most=HALF), send()],
            ["bytes=9-", f"bytes={9 + HALF}-"],
            id="cut again",
        ),
    ],
)
def test_part_is_resumed_or_replaced(
    server: Server,
    destination: Path,
    part: bytes,
    script: list[Behaviour],
    ranges: list[str | None],
) -> None:
    part_of(destination, part)
    server.script = script
    download(server.url, destination, blob_id(BODY))
    assert_complete(destination)
    assert server.ranges == ranges


def test_good_destination_is_left_alone(server: Server, tmp_path: Path) -> None:
    destination = tmp_path / "file.csv"
    destination.write_bytes(BODY)
    download(server.url, destination, blob_id(BODY))
    assert server.ranges == []
    assert list(tmp_path.iterdir()) == [destination]


def test_destination_with_another_content_is_replaced(server: Server, tmp_path: Path) -> None:
    destination = tmp_path / "file.csv"
    destination.write_bytes(b"old")
    download(server.url, destination, blob_id(BODY))
    assert_complete(destination)


def test_second_of_two_downloads_waits_for_the_first(server: Server, destination: Path) -> None:
    server.script = [send(at_most=HALF, then_hang=True), send()]
    first_is_halfway = threading.Event()

    def run(signal: threading.Event) -> None:
        download(
            server.url,
            destination,
            blob_id(BODY),
            on_progress=lambda done, _total: signal.set() if done >= HALF else None,
        )

    first = threading.Thread(target=run, args=(first_is_halfway,))
    first.start()
    assert first_is_halfway.wait(10)
    second = threading.Thread(target=run, args=(threading.Event(),))
    second.start()
    second.join(0.2)
    assert second.is_alive()
    server.released.set()
    first.join(10)
    second.join(10)
    assert_complete(destination)
    assert server.ranges == [None, f"bytes={HALF}-"]


@pytest.mark.parametrize(("start", "total"), [(0, len(BODY)), (1000, len(BODY)), (0, None)])
def test_progress_rises_from_the_part_to_the_total(
    server: Server, destination: Path, start: int, total: int | None
) -> None:
    part_of(destination, BODY[:start])
    server.script = [send(with_length=total is not None)]
    reports: list[tuple[int, int | None]] = []
    download(
        server.url,
        destination,
        blob_id(BODY),
        on_progress=lambda done, total: reports.append((done, total)),
    )
    assert reports == sorted(reports)
    assert reports[0] == (start, total)
    assert reports[-1] == (len(BODY), total)
