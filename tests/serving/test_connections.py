"""No connection, however silent or slow, keeps others out."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ecomcat.serving.connections import FewLines
from ecomcat.serving.problems import PROBLEM_JSON
from tests.serving.pets import DOG, Watched, listening_pets, served_pets

HOST = b"Host: 127.0.0.1\r\n"
JSON = b"Content-Type: application/json\r\nContent-Length: 100\r\n"
ANSWERED = b"GET /health HTTP/1.1\r\n" + HOST


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


def received(connection: socket.socket) -> bytes:
    """Return all that comes until the other side closes the connection."""
    connection.settimeout(20)
    found = b""
    with suppress(ConnectionResetError):  # of what was not read any more
        while piece := connection.recv(1 << 16):
            found += piece
    return found


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        ([b""], b""),
        ([b"G"], b""),
        ([b"POST /predict HTTP/1.1\r\n", HOST, b"X-Slow: "], b""),
        ([b"POST /predict HTTP/1.1\r\nX-Long: " + b"x" * 30_000], b"HTTP/1.1 400 Bad Request"),
        (
            [ANSWERED + b"a:b\r\n" * 12_000 + b"\r\n"],
            b"HTTP/1.1 431 Request Header Fields Too Large",
        ),
        ([ANSWERED, *[b"a:b\r\n" * 50] * 3], b"HTTP/1.1 431 Request Header Fields Too Large"),
        ([ANSWERED + b"Content-Length: 101\r\n\r", b"\n" + b"\n" * 100], b"HTTP/1.1 200 OK"),
        ([ANSWERED + b"\r\n"], b"HTTP/1.1 200 OK"),
        ([ANSWERED + b"\r\nGET /he"], b"HTTP/1.1 200 OK"),
        ([ANSWERED + b"Content-Length: 1000\r\n\r\n", b"a", b"b"], b"HTTP/1.1 200 OK"),
        ([b"\x16\x03\x01 TLS\r\n\r\n"], b"HTTP/1.1 400 Bad Request"),
    ],
)
def test_a_connection_that_waits_is_closed(pieces: Sequence[bytes], status: bytes) -> None:
    with (
        listening_pets(header_seconds=0.2) as address,
        socket.create_connection(address) as connection,
    ):
        for piece in pieces:
            connection.sendall(piece)
        assert received(connection).partition(b"\r\n")[0] == status


@pytest.mark.parametrize("size", [1, 5])
def test_a_header_of_as_many_fields_as_may_be_comes_in_parts_of_any_size(size: int) -> None:
    header = ANSWERED + b"a:b\r\n" * 98 + b"Connection: close\r\n\r\n"
    with listening_pets() as address, socket.create_connection(address) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for begin in range(0, len(header), size):
            connection.sendall(header[begin : begin + size])
            time.sleep(0.0005)
        assert received(connection).startswith(b"HTTP/1.1 200 OK")


def test_bodies_of_tiny_chunks_do_not_keep_others_waiting() -> None:
    head = b"POST /predict HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
    head += b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    with listening_pets() as address, ExitStack() as stack:
        large = [stack.enter_context(socket.create_connection(address)) for _ in range(4)]
        for connection in large:
            connection.sendall(head)
            connection.setblocking(False)
            connection.send(b"1\r\n \r\n" * 50_000)
        assert httpx2.get(f"http://127.0.0.1:{address[1]}/health").status_code == 200
        for connection in large:
            with pytest.raises(BlockingIOError):
                connection.recv(1)


def test_a_body_of_many_chunks_is_answered() -> None:
    pieces = [b'{"text": "dog'] + [b" "] * 5000 + [b'"}']
    with listening_pets() as address:
        url = f"http://127.0.0.1:{address[1]}/predict"
        answer = httpx2.post(
            url, content=iter(pieces), headers={"content-type": "application/json"}
        )
    assert answer.json()["label"] == DOG


def test_what_is_no_http_is_answered_as_other_errors_are() -> None:
    with listening_pets() as address, socket.create_connection(address) as connection:
        connection.sendall(b"no HTTP\r\n\r\n")
        head, _, body = received(connection).partition(b"\r\n\r\n")
    assert f"content-type: {PROBLEM_JSON}".encode() in head.lower()
    assert b"x-content-type-options: nosniff" in head.lower()
    assert b'"status":400' in body


def test_beyond_the_limit_health_has_a_place_and_all_else_is_told_to_come_again() -> None:
    classifier, answers = Watched(), []

    def ask(url: str) -> None:
        answers.append(httpx2.post(f"{url}/predict", json={"text": "dog"}, timeout=20))

    with listening_pets(classifier, max_connections=1) as address, ExitStack() as stack:
        url = f"http://127.0.0.1:{address[1]}"
        asking = threading.Thread(target=ask, args=[url])
        asking.start()
        assert classifier.entered.wait(20)
        for _ in range(50):  # more than there are spare places
            stack.enter_context(socket.create_connection(address))
        refused = httpx2.post(f"{url}/predict", json={"text": "dog"})
        health = httpx2.get(f"{url}/health")
        classifier.go.set()
        asking.join()
    assert (refused.status_code, refused.headers["content-type"]) == (503, PROBLEM_JSON)
    assert (refused.headers["retry-after"], refused.headers["connection"]) == ("1", "close")
    assert (health.status_code, health.headers["connection"]) == (200, "close")
    assert answers[0].status_code == 200


@pytest.mark.parametrize(
    "sent", [b"", b"POST /pre", b"POST /predict HTTP/1.1\r\n" + HOST + JSON + b"\r\n{"]
)
def test_a_connection_that_keeps_it_waiting_gives_way_to_one_that_asks(sent: bytes) -> None:
    with (
        listening_pets(max_connections=2, min_silent_seconds=0.0) as address,
        ExitStack() as stack,
    ):
        for _ in range(20):
            stack.enter_context(socket.create_connection(address)).sendall(sent)
        url = f"http://127.0.0.1:{address[1]}"
        assert httpx2.post(f"{url}/predict", json={"text": "dog"}).status_code == 200


@pytest.mark.slow
def test_where_file_descriptors_are_few_it_answers_and_the_log_stays_short(tmp_path: Path) -> None:
    with served_pets(tmp_path, max_files=128) as (process, url), ExitStack() as stack:
        port = int(url.rpartition(":")[2])
        for _ in range(400):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        assert httpx2.get(f"{url}/health").status_code == 200
        process.terminate()
        _, logged = process.communicate(timeout=30)
    assert len(logged.splitlines()) < 20, logged


@pytest.mark.parametrize(
    ("lines", "passed"),
    [
        ([("a", ())] * 5, 1),
        ([("a %d", (1,)), ("a %d", (2,))], 1),
        ([("a", ()), ("b", ()), ("a", ())], 2),
    ],
)
def test_of_lines_of_one_kind_one_is_logged(lines: list[tuple[str, Any]], passed: int) -> None:
    few = FewLines()
    records = [logging.LogRecord("x", 30, "f", 1, words, values, None) for words, values in lines]
    assert sum(map(few.filter, records)) == passed
