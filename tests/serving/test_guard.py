"""No other web site can ask through its visitor's browser, under whatever name."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from ecomcat.serving.problems import PROBLEM_JSON
from tests.serving.pets import client_of

ELSEWHERE = {"host": "0.0.0.0"}


@pytest.mark.parametrize(
    ("origin", "site", "status"),
    [
        (None, None, 200),
        ("http://127.0.0.1:8000", "same-origin", 200),
        (None, "none", 200),
        ("http://evil.example", None, 403),
        ("http://127.0.0.1:8001", None, 403),
        ("http://localhost:8000", None, 403),
        ("http://127.0.0.1:8000.evil.example", None, 403),
        ("http://evil.example@127.0.0.1:8000", None, 403),
        ("null", None, 403),
        ("", None, 403),
        ("http://[bad", None, 403),
        (None, "cross-site", 403),
        ("http://127.0.0.1:8000", "cross-site", 403),
    ],
)
@pytest.mark.parametrize(
    ("path", "media_type", "content"),
    [("/predict", "application/json", b'{"text": "dog"}'), ("/label", "text/csv", b"text\ndog\n")],
)
def test_a_post_from_another_site_is_refused(
    path: str, media_type: str, content: bytes, origin: str | None, site: str | None, status: int
) -> None:
    given = {"Content-Type": media_type, "Origin": origin, "Sec-Fetch-Site": site}
    headers = {name: value for name, value in given.items() if value is not None}
    assert client_of().post(path, content=content, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("settings", "host", "status"),
    [
        ({}, "127.0.0.1:8000", 200),
        ({}, "LOCALHOST:8000", 200),
        ({}, "[::1]:8000", 200),
        ({}, "127.0.0.1", 200),
        ({}, "localhost:9000", 200),  # through a tunnel
        ({}, "127.0.0.2:8000", 200),
        ({"host": "127.0.0.2"}, "127.0.0.2:8000", 200),
        ({}, "[::1]", 200),
        ({}, "127.0.0.2.evil.example", 400),
        ({}, "10.0.0.1:8000", 400),
        ({}, "127.1", 400),
        ({}, "evil.example:8000", 400),
        ({}, "localhost.evil.example:8000", 400),
        ({}, "localhost:8000@evil.example", 400),
        ({}, "", 400),
        ({"allowed_hosts": ["models.example"]}, "models.example", 200),
        ({"allowed_hosts": ["models.example"]}, "127.0.0.1:8000", 200),
        ({**ELSEWHERE, "allowed_hosts": ["models.example"]}, "Models.Example:8000", 200),
        ({**ELSEWHERE, "allowed_hosts": ["models.example:8000"]}, "models.example:8000", 200),
        ({**ELSEWHERE, "allowed_hosts": ["models.example:8000"]}, "models.example:9000", 400),
        ({**ELSEWHERE, "allowed_hosts": ["models.example"]}, "other.example", 400),
        ({**ELSEWHERE, "allowed_hosts": ["models.example"]}, "127.0.0.1:8000", 400),
        ({**ELSEWHERE, "allowed_hosts": ["*"]}, "whatever.example", 200),
    ],
)
def test_only_the_names_of_the_service_are_answered_but_health_by_any(
    settings: dict[str, object], host: str, status: int
) -> None:
    client = client_of(**settings)
    asked: dict[str, Any] = {"headers": {"Host": host}}
    assert client.post("/predict", json={"text": "dog"}, **asked).status_code == status
    for path in ("/metrics", "/model"):
        assert client.get(path, **asked).status_code == status
    for path in ("/health", "/ready"):
        assert client.get(path, **asked).status_code == 200
        assert client.head(path, **asked).status_code == 200


@pytest.mark.parametrize("path", ["/", "/health", "/openapi.json", "/nothing", "/predict"])
def test_every_answer_tells_browsers_to_be_strict(path: str) -> None:
    headers = client_of().get(path, headers={"Origin": "http://evil.example"}).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([(f"x-{number}", "y") for number in range(3000)], 431),
        ([("a", "b")] * 3000, 431),
        ([(f"x-{number}", "y") for number in range(60)], 200),
        ([("range", "bytes=-")], 200),
        ([("range", f"bytes={'0-0,' * 3000}1-1")], 200),
        ([("range", "bytes=0-10"), ("if-range", "junk")], 200),
    ],
)
def test_a_header_of_very_many_fields_is_refused_and_no_answer_comes_in_parts(
    headers: list[tuple[str, str]], status: int
) -> None:
    for path in ("/", "/health", "/page/page.css"):
        answer = client_of().get(path, headers=httpx2.Headers(headers))
        assert answer.status_code == status
        if status != 200:
            assert answer.headers["content-type"] == PROBLEM_JSON
