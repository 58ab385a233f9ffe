"""Whatever is no plain HTTP/1.1 is refused once, and nothing hides a second request in a first."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from tests.serving.pets import DOG, listening_pets

BODY = b'{"text": "dog"}'
LENGTH = b"Content-Length: 15\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
HIDDEN = b"GET /reload HTTP/1.1\r\nHost: evil.example\r\n\r\n"
UPGRADE = b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n"


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """Return where pets are served."""
    with listening_pets() as place:
        yield place


def statuses(address: tuple[str, int], sent: bytes) -> list[bytes]:
    """Return the status of each answer, and the body of the last one."""
    received = b""
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(sent)
        try:
            while piece := connection.recv(1 << 16):
                received += piece
        except ConnectionResetError:
            pass
    heads = [line for line in received.split(b"\r\n") if line.rpartition(b"}")[2][:7] == b"HTTP/1."]
    return [head.rpartition(b"}")[2][9:12] for head in heads] + [received.rpartition(b"\r\n")[2]]


def posted(fields: bytes, body: bytes = BODY, ending: bytes = b"\r\n") -> bytes:
    head = b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    return head + b"Content-Type: application/json\r\n" + fields + ending + body


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (posted(LENGTH), 200),
        (posted(LENGTH * 2), 200),
        (posted(LENGTH + b"Content-Length: 5\r\n"), 400),
        (posted(b"Content-Length: +15\r\n"), 400),
        (posted(b"Content-Length: 0xf\r\n"), 400),
        (posted(b"Content-Length: -1\r\n"), 400),
        (posted(b"Content-Length: 1_5\r\n"), 400),
        (posted(b"Content-Length: \r\n"), 400),
        (posted(CHUNKED + LENGTH, b"f\r\n" + BODY + b"\r\n0\r\n\r\n"), 200),
        (posted(CHUNKED * 2, b"f\r\n" + BODY + b"\r\n0\r\n\r\n"), 400),
        (posted(b"Transfer-Encoding: gzip, chunked\r\n"), 400),
        (posted(b"Transfer-Encoding: identity\r\n"), 400),
        (posted(CHUNKED, b"-1\r\n" + BODY), 400),
        (posted(CHUNKED, b"0xf\r\n" + BODY), 400),
        (posted(LENGTH + b"X : y\r\n"), 400),
        (posted(LENGTH + b"X: a\0b\r\n"), 400),
        (posted(LENGTH + b"Host: evil.example\r\n"), 400),
        (posted(LENGTH + b"Expect: 200-maybe\r\n"), 200),
        (posted(LENGTH + b"Connection: Upgrade\r\n" + UPGRADE), 200),
        (b"GET /model HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        (b"GET /model\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ],
)
def test_each_request_has_one_answer(address: tuple[str, int], sent: bytes, expected: int) -> None:
    *found, body = statuses(address, sent)
    assert found == [b"%d" % expected]
    assert json.loads(body)["label" if expected == 200 else "status"] in {DOG, expected}


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: 45\r\n\r\n" + HIDDEN, [b"200"]),
        (b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n" * 20 + HIDDEN, [b"200"] * 20 + [b"400"]),
        (posted(LENGTH) + HIDDEN, [b"200"]),
        (posted(LENGTH + b"Expect: 100-continue\r\n"), [b"100", b"200"]),
    ],
    ids=["in a body", "pipelined", "after the last", "continued"],
)
def test_what_follows_is_a_request_of_its_own_or_none(
    address: tuple[str, int], sent: bytes, expected: list[bytes]
) -> None:
    closing = b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    *found, _ = statuses(address, sent if sent.startswith(b"POST") else sent + closing)
    assert found[: len(expected)] == expected
    assert len(found) <= len(expected) + 1
