"""A request may be only so large, so long and so slow."""

from __future__ import annotations

import asyncio
import json
import tracemalloc

import pytest
from starlette.testclient import TestClient

from tests.serving.pets import pets_app

URL = "http://127.0.0.1:8000"
JSON = {"Content-Type": "application/json"}
MEGABYTE = 10**6


def client(**limits):
    return TestClient(pets_app(**limits), base_url=URL)


def body_of(size):
    """Return a body of JSON of exactly so many bytes."""
    empty = b'{"texts": [""]}'
    return empty[:-4] + b'"' + b"a" * (size - len(empty)) + b'"]}'


@pytest.mark.parametrize(
    ("limits", "asked", "fragments"),
    [
        ({"max_batch": 2}, {"texts": ["a"] * 3}, ("at most 2", "found 3")),
        ({"max_explained": 2}, {"texts": ["a"] * 3, "explain": True}, ("2 with explain",)),
        ({"max_text_characters": 3}, {"text": "🐕🐕🐕a"}, ("text:", "at most 3", "found 4")),
        ({"max_text_characters": 3}, {"texts": ["a", "abcd"]}, ("texts.1:", "at most 3")),
    ],
)
def test_too_many_or_too_long_texts_are_422(limits, asked, fragments):
    answer = client(**limits).post("/predict", json=asked)
    assert answer.status_code == 422
    assert all(fragment in answer.json()["detail"] for fragment in fragments), answer.text


@pytest.mark.parametrize(
    ("limits", "asked"),
    [
        ({"max_batch": 3}, {"texts": ["a"] * 3}),
        ({"max_explained": 3}, {"texts": ["a"] * 3, "explain": True}),
        ({"max_explained": 2}, {"texts": ["a"] * 3}),
        ({"max_text_characters": 3}, {"text": "🐕🐕🐕"}),
    ],
)
def test_exactly_as_many_or_as_long_are_answered(limits, asked):
    assert client(**limits).post("/predict", json=asked).status_code == 200


@pytest.mark.parametrize(("size", "status"), [(MEGABYTE, 200), (MEGABYTE + 1, 413)])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_413_announced_or_not(size, status, chunked):
    body = body_of(size)
    assert len(body) == size
    content = (body[i : i + 60_000] for i in range(0, size, 60_000)) if chunked else body
    limits = {"max_body_mb": 1, "max_text_characters": 2 * MEGABYTE}
    answer = client(**limits).post("/predict", content=content, headers=JSON)
    assert answer.status_code == status, answer.text


def exchange(app, receive, headers=()):
    """Send a POST to /predict piece by piece, and return the status and the JSON of the answer."""
    sent = []
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/predict",
        "raw_path": b"/predict",
        "query_string": b"",
        "root_path": "",
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 1),
        "headers": [
            (b"host", b"127.0.0.1:8000"),
            (b"content-type", b"application/json"),
            *headers,
        ],
    }

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], json.loads(sent[1]["body"])


def test_an_endless_body_is_refused_at_the_limit():
    received = []

    async def receive():
        received.append(100_000)
        return {"type": "http.request", "body": b" " * 100_000, "more_body": True}

    status, _ = exchange(pets_app(max_body_mb=1), receive)
    assert status == 413
    assert sum(received) <= MEGABYTE + 100_000


def test_a_length_that_is_too_large_is_refused_before_anything_is_read():
    async def receive():
        raise AssertionError("read")

    status, _ = exchange(pets_app(), receive, [(b"content-length", b"16000001")])
    assert status == 413


def test_a_body_that_does_not_come_is_408():
    async def receive():
        await asyncio.Event().wait()

    status, answer = exchange(pets_app(max_upload_seconds=0.01), receive)
    assert status == 408
    assert "0.01 seconds" in answer["detail"]


def test_a_client_that_leaves_is_no_fault_of_ours():
    async def receive():
        return {"type": "http.disconnect"}

    assert exchange(pets_app(), receive)[0] == 400


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"texts":[' + b"[]," * 200_000 + b"[]]}", id="no texts"),
        pytest.param(b'{"texts":[' + b'"",' * 200_000 + b'""]}', id="too many texts"),
        pytest.param(
            b"{" + b",".join(b'"a%d":1' % number for number in range(200_000)) + b"}", id="names"
        ),
    ],
)
def test_a_body_of_very_many_mistakes_is_refused_at_the_first(body):
    client = TestClient(pets_app(), base_url="http://127.0.0.1:8000")
    headers = {"Content-Type": "application/json"}
    tracemalloc.start()
    try:
        answer = client.post("/predict", content=body, headers=headers)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert answer.status_code == 422
    assert len(answer.content) < 500
    assert peak_bytes < 120e6  # an error object for each mistake would take many times as much
