"""The service tells what it serves, and browsers to be strict with it."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from ecomcat.serving.schemas import read_metrics
from tests.serving.pets import LABELS, pets_app

URL = "http://127.0.0.1:8000"


@pytest.fixture
def client():
    return TestClient(pets_app(), base_url=URL)


def test_it_tells_that_it_answers(client):
    answer = client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_it_tells_what_it_serves(client):
    assert client.get("/model").json() == {
        "labels": LABELS,
        "accept": {"min_precision": 0.98, "min_confidence": 0.9},
        "test": {"accuracy": 0.9543, "macro_f1": 0.95, "coverage": {"0.98": {"coverage": 0.8}}},
        "data_source": "pets.csv",
        "versions": {"ecomcat": "1.0", "keras": "3.15"},
        "limits": {
            "max_body_mb": 16,
            "max_batch": 1000,
            "max_text_characters": 100_000,
            "max_explained": 10,
            "max_table_rows": 100_000,
        },
    }


@pytest.mark.parametrize(
    "metrics",
    [{}, {"test": None}, {"test": {"accuracy": "?"}}, {"data": {"source": 3}}],
    ids=["empty", "null", "text", "number"],
)
def test_what_the_figures_do_not_tell_is_null(metrics):
    client = TestClient(pets_app(metrics=metrics), base_url=URL)
    found = client.get("/model").json()
    assert found["test"] == {"accuracy": None, "macro_f1": None, "coverage": None}
    assert found["data_source"] is None


@pytest.mark.parametrize("content", [None, b"", b"{", b"[1]", b"\xff"])
def test_figures_that_cannot_be_read_are_none(tmp_path, content):
    if content is not None:
        (tmp_path / "metrics.json").write_bytes(content)
    assert read_metrics(tmp_path) == {}


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/page.css", "text/css; charset=utf-8"),
        ("/page.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
    ],
)
def test_the_page_needs_nothing_from_another_host(client, path, media_type):
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    without_namespace = answer.text.replace("http://www.w3.org/2000/svg", "")
    assert "http" not in without_namespace
    assert "innerHTML" not in answer.text


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/nothing", "/page/page.js", "/../x"])
def test_what_is_not_there_is_404(client, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/", "/health", "/openapi.json", "/nothing", "/predict"])
def test_every_answer_tells_browsers_to_be_strict(client, path):
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in headers


def test_a_wrong_method_is_told_the_right_one(client):
    answer = client.get("/predict")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
