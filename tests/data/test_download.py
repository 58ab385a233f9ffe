"""Downloads from a server on this machine that answers well, badly or not at all."""

from __future__ import annotations

import contextlib
import errno
import gc
import hashlib
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ecomcat.data.connect import NoNetworkError
from ecomcat.data.download import download
from ecomcat.data.transfer import git_blob_id
from ecomcat.errors import UserError

BODY = bytes(range(256)) * 4000
HALF = len(BODY) // 2


def blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0%s" % (len(content), content)).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Answers each request with the next behaviour of the server's script."""

    server: Server

    def do_GET(self) -> None:
        self.server.ranges.append(self.headers.get("Range"))
        script = self.server.script
        behave = script.pop(0) if len(script) > 1 else script[0]
        behave(self)

    def do_CONNECT(self) -> None:
        self.send_error(403)

    def log_message(self, *args: object) -> None:
        """Keep the test output quiet."""


Behaviour = Callable[[Handler], None]


class Server(ThreadingHTTPServer):
    """A server of one file; `ranges` records the Range header of every request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: list[Behaviour] = [send()]
        self.ranges: list[str | None] = []
        self.released = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}/file.csv"

    def handle_error(self, *args: object) -> None:
        """Ignore clients that hang up."""


def send(
    body: bytes = BODY,
    *,
    at_most: int | None = None,
    then_hang: bool = False,
    resumable: bool = True,
    with_length: bool = True,
) -> Behaviour:
    """Answer with the file or the rest of it, cut after `at_most` bytes."""

    def behave(handler: Handler) -> None:
        wanted = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        start = int(wanted[1]) if wanted and resumable else 0
        if start and start >= len(body):
            handler.send_error(416)
            return
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if with_length:
            handler.send_header("Content-Length", str(len(body) - start))
        handler.end_headers()
        handler.wfile.write(body[start:][:at_most])
        if then_hang:
            handler.wfile.flush()
            handler.server.released.wait(10)

    return behave


def send_range_of(length: int) -> Behaviour:
    """Answer a Range request with only the next `length` bytes, as some caches do."""

    def behave(handler: Handler) -> None:
        start = int(handler.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        block = BODY[start : start + length]
        handler.send_response(206)
        last = start + len(block) - 1
        handler.send_header("Content-Range", f"bytes {start}-{last}/{len(BODY)}")
        handler.send_header("Content-Length", str(len(block)))
        handler.end_headers()
        handler.wfile.write(block)

    return behave


def hang(handler: Handler) -> None:
    handler.server.released.wait(10)


def fail(status: int) -> Behaviour:
    return lambda handler: handler.send_error(status)


def redirect(handler: Handler) -> None:
    handler.send_response(302)
    handler.send_header("Location", "/elsewhere.csv")
    handler.end_headers()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    return tmp_path / "data" / "file.csv"


def part_of(destination: Path, content: bytes | None = None) -> Path:
    """Return the path of the part file, written first if there is content."""
    part = destination.with_name("file.csv.part")
    if content is not None:
        part.parent.mkdir(exist_ok=True)
        part.write_bytes(content)
    return part


def assert_complete(destination: Path) -> None:
    assert destination.read_bytes() == BODY
    assert not part_of(destination).exists()


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


def test_server_silent_before_its_headers_is_no_network(server: Server, destination: Path) -> None:
    server.script = [hang]
    start = time.monotonic()
    with pytest.raises(NoNetworkError, match=r"within 0\.3 seconds"):
        download(server.url, destination, blob_id(BODY), connect_seconds=0.3)
    assert 0.3 <= time.monotonic() - start < 3


def test_slow_name_lookup_is_no_network(destination: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def lookup(*args: object, **kwargs: object) -> None:
        released.wait(10)
        raise socket.gaierror("released")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    start = time.monotonic()
    with pytest.raises(NoNetworkError, match=r"within 0\.3 seconds"):
        download("http://example.invalid/", destination, blob_id(BODY), connect_seconds=0.3)
    assert time.monotonic() - start < 3
    released.set()


def test_unknown_name_is_no_network(destination: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lookup(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "name not known")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    with pytest.raises(NoNetworkError, match="name not known"):
        download("https://example.invalid/", destination, blob_id(BODY))


def test_refused_connection_is_no_network_and_keeps_the_part(destination: Path) -> None:
    part = part_of(destination, BODY[:9])
    with contextlib.closing(socket.socket()) as unheard:
        unheard.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unheard.getsockname()[1]}/file.csv"
        with pytest.raises(NoNetworkError, match=re.escape(url)):
            download(url, destination, blob_id(BODY))
    assert part.read_bytes() == BODY[:9]


def test_proxy_that_wants_a_password_is_no_network(
    server: Server, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    server.script = [fail(407)]
    with pytest.raises(NoNetworkError, match="the proxy refuses"):
        download("http://example.invalid/file.csv", destination, blob_id(BODY))


# Python 3.11 leaves the socket of a refused tunnel to the garbage collector: that happens here,
# where the warning is expected, not in a later test.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_proxy_that_refuses_a_tunnel_is_no_network(
    server: Server, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.server_port}")
    threads = set(threading.enumerate())
    with pytest.raises(NoNetworkError, match="Tunnel connection failed: 403"):
        download("https://example.invalid/file.csv", destination, blob_id(BODY))
    for thread in set(threading.enumerate()) - threads:
        thread.join(10)
    gc.collect()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "file.csv",
        "file:///etc/hosts",
        "ftp://127.0.0.1/file.csv",
        "http://",
        "http://[::1/file.csv",
        "http://127.0.0.1:port/file.csv",
        "http://127.0.0.1/a file.csv",
        "http://127.0.0.1/é.csv",
    ],
)
def test_unusable_url_is_refused(destination: Path, url: str) -> None:
    with pytest.raises(UserError, match=f"such as https://.*'{re.escape(url)}'"):
        download(url, destination, blob_id(BODY))


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
