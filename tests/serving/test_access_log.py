"""Each request has a number and, where it is asked for, a line of JSON, without its text."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

import pytest

from ecomcat.serving.access_log import JsonLines
from tests.serving.pets import Broken, Pets, client_of

SECRET = "my secret dog"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("abc-123.DEF:4_5", True),
        ("", False),
        ("two words", False),
        ("x" * 65, False),
        ("%0d%0aSet-Cookie", False),
        ("\u00e9", False),
    ],
)
@pytest.mark.parametrize("path", ["/predict", "/nothing"])
def test_a_short_number_of_the_clients_comes_back_and_else_a_new_one(
    given: str, kept: bool, path: str
) -> None:
    headers = {"X-Request-ID": given.encode("latin-1")}
    client = client_of()
    found = [
        client.post(path, json={"text": "dog"}, headers=headers).headers["x-request-id"]
        for _ in "12"
    ]
    if kept:
        assert found == [given, given]
    else:
        assert all(re.fullmatch("[0-9a-f]{32}", number) for number in found)
        assert len(set(found)) == 2


def lines_of(
    caplog: pytest.LogCaptureFixture, log_format: str, classifier: Pets | None = None
) -> list[dict[str, Any]]:
    """Ask once, and return what is logged."""
    caplog.clear()
    caplog.set_level(logging.INFO, "ecomcat")
    client = client_of(classifier, log_format=log_format)
    headers = {"X-Request-ID": "one"}
    client.post(f"/predict?q={SECRET}", json={"text": SECRET}, headers=headers)
    lines = [JsonLines().format(record) for record in caplog.records]
    assert SECRET not in "".join(lines)
    return [json.loads(line) for line in lines]


def test_a_request_is_a_line_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    (line,) = lines_of(caplog, "json")
    assert line.pop("time").endswith("+00:00")
    assert (line.pop("seconds") >= 0, line.pop("bytes") > 50) == (True, True)
    assert line == {
        "level": "info",
        "message": "Request",
        "id": "one",
        "client": "testclient",
        "method": "POST",
        "path": "/predict",
        "status": 200,
    }


def test_a_fault_is_logged_with_its_number_and_no_request_is_where_nobody_asks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failed, line = lines_of(caplog, "json", Broken())
    assert (failed["message"], line["status"]) == ("Request one failed", 500)
    assert "ZeroDivisionError: a secret" in failed["exception"]
    assert lines_of(caplog, "text") == []
