"""A server on this machine that answers well, badly or not at all, and the file it has."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

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
