"""No other web site can ask through its visitor's browser, under whatever name."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tests.serving.pets import pets_app


def post(app, host="127.0.0.1:8000", **headers):
    client = TestClient(app, base_url="http://127.0.0.1:8000")
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/predict", json={"text": "dog"}, headers={"Host": host, **names})


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://127.0.0.1:8000"}, 200),
        ({"Origin": "https://127.0.0.1:8000"}, 200),
        ({"Origin": "http://127.0.0.1:8000", "Sec_Fetch_Site": "same-origin"}, 200),
        ({"Sec_Fetch_Site": "none"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:8001"}, 403),
        ({"Origin": "http://127.0.0.1"}, 403),
        ({"Origin": "http://localhost:8000"}, 403),
        ({"Origin": "http://127.0.0.1:8000.evil.example"}, 403),
        ({"Origin": "http://evil.example@127.0.0.1:8000"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://[bad"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Origin": "http://127.0.0.1:8000", "Sec_Fetch_Site": "cross-site"}, 403),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else None,
)
@pytest.mark.parametrize("path", ["/predict", "/label"])
def test_a_post_from_another_site_is_refused(headers, status, path):
    client = TestClient(pets_app(), base_url="http://127.0.0.1:8000")
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    names["Content-Type"] = "application/json" if path == "/predict" else "text/csv"
    content = b'{"text": "dog"}' if path == "/predict" else b"text\ndog\n"
    answer = client.post(path, content=content, headers=names)
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost:8000", 200),
        ("LOCALHOST:8000", 200),
        ("[::1]:8000", 200),
        ("127.0.0.1", 400),
        ("127.0.0.1:8001", 400),
        ("evil.example", 400),
        ("evil.example:8000", 400),
        ("localhost.evil.example:8000", 400),
        ("localhost:8000@evil.example", 400),
        ("", 400),
    ],
)
def test_on_the_loopback_only_its_own_names_are_answered(host, status):
    assert post(pets_app(), host).status_code == status


@pytest.mark.parametrize(
    ("allowed", "host", "status"),
    [
        (["models.example"], "models.example", 200),
        (["models.example"], "Models.Example:8000", 200),
        (["models.example:8000"], "models.example:8000", 200),
        (["models.example:8000"], "models.example:9000", 400),
        (["models.example"], "other.example", 400),
        (["models.example"], "127.0.0.1:8000", 400),
        (["*"], "whatever.example", 200),
    ],
)
def test_elsewhere_the_allowed_hosts_are_answered(allowed, host, status):
    app = pets_app(host="0.0.0.0", allowed_hosts=allowed)
    assert post(app, host).status_code == status


def test_an_allowed_host_is_one_more_name_of_the_loopback():
    app = pets_app(allowed_hosts=["models.example"])
    assert post(app, "models.example").status_code == 200
    assert post(app, "127.0.0.1:8000").status_code == 200


def test_a_page_of_an_allowed_host_may_ask():
    app = pets_app(host="0.0.0.0", allowed_hosts=["models.example"])
    own = {"Origin": "https://models.example"}
    assert post(app, "models.example", **own).status_code == 200
    assert post(app, "models.example", Origin="https://other.example").status_code == 403


def test_reading_from_another_site_is_left_to_the_browser_which_has_no_leave():
    client = TestClient(pets_app(), base_url="http://127.0.0.1:8000")
    answer = client.get("/health", headers={"Origin": "http://evil.example"})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
