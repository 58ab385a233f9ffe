"""A request may be only so large, so long and so slow, and must hold what is expected."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.serving.pets import DOG, Asked, client_of, peak_bytes, pets_app

JSON = {"Content-Type": "application/json"}
MEGABYTE = 10**6


@pytest.mark.parametrize(
    ("body", "status", "fragments"),
    [
        (b"", 400, ("JSON",)),
        (b"\xff\xfe\x00", 400, ("JSON",)),
        (b"[" * 100_000, 400, ("JSON",)),
        (b"9" * 10_000, 400, ("JSON",)),
        (b"[]", 422, ("object", "a list")),
        (b"{}", 422, ("text or texts", "neither")),
        (b'{"text": NaN}', 422, ("text:", "nan")),
        (b'{"text": 3}', 422, ("text:", "string", "found 3")),
        (b'{"text": null}', 422, ("text:", "null")),
        (b'{"texts": []}', 422, ("texts:", "at least 1 item", "a list")),
        (b'{"texts": "dog"}', 422, ("texts:", "list", "a text")),
        (b'{"texts": ["a", 3]}', 422, ("texts.1:", "string", "found 3")),
        (b'{"texts": ["a", null]}', 422, ("a valid string or an object of fields, found null",)),
        (b'{"text": "a", "texts": ["a"]}', 422, ("exclude each other",)),
        (b'{"text": "a", "expalin": true}', 422, ("expalin",)),
        (rb'{"text": "a", "\ud800": true}', 422, ("?",)),
        (b'{"text": "a", "explain": 1}', 422, ("explain:", "found 1")),
        (b'{"text": "a", "min_precision": 0}', 422, ("min_precision:", "greater than 0")),
        (b'{"text": "a", "min_precision": 1e999}', 422, ("min_precision:", "a number")),
        (b'{"text": "a", "top_k": 0}', 422, ("top_k:", "greater than or equal to 1", "found 0")),
        (b'{"text": "a", "top_k": "most"}', 422, ("top_k:", "integer or 'all', found a text")),
        (b'{"text": "a", "min_precision": true}', 422, ("min_precision:", "true or false")),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else None,
)
def test_what_is_no_request_is_refused_with_the_reason(
    body: bytes, status: int, fragments: Sequence[str]
) -> None:
    answer = client_of().post("/predict", content=body, headers=JSON)
    detail = answer.json()["detail"]
    assert answer.status_code == status
    assert all(fragment in detail for fragment in fragments), detail


@pytest.mark.parametrize(
    "body",
    [
        rb'{"text": "dog \ud800"}',
        b'{"text": "dog \xed\xa0\x80"}',
        rb'{"text": "dog \u0000"}',
        '{"text": "dog"}'.encode("utf-16"),
        b'{"text": "cat", "text": "dog"}',
        b'\xef\xbb\xbf{"text": "dog"}',
    ],
    ids=["surrogate", "surrogate bytes", "NUL", "utf-16", "twice", "mark"],
)
def test_odd_characters_are_answered_in_valid_json(body: bytes) -> None:
    answer = client_of().post("/predict", content=body, headers=JSON)
    assert answer.status_code == 200, answer.text
    assert json.loads(answer.content.decode("utf-8"))["label"] == DOG


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 415),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "Application/JSON; charset=utf-8"}, 200),
        ({**JSON, "Content-Encoding": "gzip"}, 415),
    ],
)
def test_a_body_is_plain_json_by_its_headers(headers: dict[str, str], status: int) -> None:
    answer = client_of().post("/predict", content=b'{"text": "dog"}', headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("limits", "asked", "fragments"),
    [
        ({"max_batch": 2}, {"texts": ["a"] * 2}, None),
        ({"max_batch": 2}, {"texts": ["a"] * 3}, ("at most 2,", "found 3")),
        ({"max_explained": 2}, {"texts": ["a"] * 3}, None),
        ({"max_explained": 2}, {"texts": ["a"] * 2, "explain": True}, None),
        ({"max_explained": 2}, {"texts": ["a"] * 3, "explain": True}, ("2 with explain",)),
        ({"max_text_characters": 3}, {"text": "🐕🐕🐕"}, None),
        ({"max_text_characters": 3}, {"text": "🐕🐕🐕a"}, ("at most 3", "found 4")),
        ({"max_text_characters": 3}, {"texts": ["a", "abcd"]}, ("Text 1:", "at most 3")),
    ],
)
def test_texts_may_be_so_many_and_so_long(
    limits: dict[str, Any], asked: dict[str, Any], fragments: Sequence[str] | None
) -> None:
    answer = client_of(**limits).post("/predict", json=asked)
    assert answer.status_code == (200 if fragments is None else 422)
    assert all(fragment in answer.json()["detail"] for fragment in fragments or ()), answer.text


@pytest.mark.parametrize(("size", "status"), [(MEGABYTE, 200), (MEGABYTE + 1, 413)])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_413_however_it_is_sent(
    size: int, status: int, chunked: bool
) -> None:
    body = b'{"text": "' + b"a" * (size - 12) + b'"}'
    content: Any = (body[i : i + 60_000] for i in range(0, size, 60_000)) if chunked else body
    client = client_of(max_body_mb=1, max_text_characters=2 * MEGABYTE)
    assert client.post("/predict", content=content, headers=JSON).status_code == status


def exchange(receive: Callable[[], Any], size: int = 0, **settings: Any) -> int:
    """Send a POST to /predict piece by piece, and return the status of the answer."""
    asked = Asked("/predict", b"", **{"content-length": str(size)})
    asked.receive = receive  # type: ignore[method-assign]
    return asyncio.run(asked.of(pets_app(**settings)))


def test_an_endless_body_is_refused_at_the_limit() -> None:
    received = []

    async def receive() -> Any:
        received.append(100_000)
        return {"type": "http.request", "body": b" " * 100_000, "more_body": True}

    assert exchange(receive, max_body_mb=1) == 413
    assert sum(received) <= MEGABYTE + 100_000


def test_a_length_that_is_too_large_is_refused_before_anything_is_read() -> None:
    async def receive() -> Any:
        raise AssertionError("read")

    assert exchange(receive, 16_000_001) == 413


def test_a_body_that_does_not_come_and_a_client_that_leaves_are_no_fault_of_ours() -> None:
    async def leave() -> Any:
        return {"type": "http.disconnect"}

    assert exchange(asyncio.Event().wait, max_upload_seconds=0.01) == 408
    assert exchange(leave) == 400


@pytest.mark.parametrize(
    "body",
    [
        b'{"texts":[' + b"[]," * 999 + b"[]]}",
        b'{"texts":[' + b'"",' * 200_000 + b'""]}',
        b"{" + b",".join(b'"a%d":1' % number for number in range(200_000)) + b"}",
    ],
    ids=["no texts", "too many texts", "names"],
)
def test_a_body_of_very_many_mistakes_is_refused_at_the_first(body: bytes) -> None:
    client = client_of(max_request_seconds=600.0)  # the trace takes time of its own
    answer, peak = peak_bytes(lambda: client.post("/predict", content=body, headers=JSON))
    assert (answer.status_code, len(answer.content) < 500) == (422, True)
    assert peak < 120e6  # an error object for each mistake would take many times as much
