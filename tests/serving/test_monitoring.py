"""What operators watch: counts that Prometheus reads, and whether a request would be answered."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

import ecomcat.export.classifier
from ecomcat.command_config import ServeCommand
from ecomcat.serving.app import build_app
from ecomcat.serving.problems import PROBLEM_JSON
from ecomcat.serving.queue import Answers
from ecomcat.serving.served_model import Model
from tests.serving.pets import METRICS, URL, Pets, client_of, write_export

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def watched(client: TestClient) -> Samples:
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0.0)


def test_requests_answers_and_the_model_are_counted() -> None:
    client = client_of()
    client.post("/predict", json={"texts": ["dog dog dog", "a cat", "?"]})
    client.post("/label", content=b"text\ndog dog dog\n\n", headers={"Content-Type": "text/csv"})
    client.post("/predict", content=b"no JSON", headers={"Content-Type": "application/json"})
    client.get("/page/page.css")
    client.get("/wp-login.php?secret")
    client.request("BREW", "/predict")
    found = watched(client)
    expected: list[tuple[float, str, dict[str, str]]] = [
        (1, "requests_total", {"route": "/predict", "method": "POST", "status": "200"}),
        (1, "requests_total", {"route": "/predict", "method": "POST", "status": "400"}),
        (1, "requests_total", {"route": "/label", "method": "POST", "status": "200"}),
        (1, "requests_total", {"route": "/page", "method": "GET", "status": "200"}),
        (1, "requests_total", {"route": "other", "method": "GET", "status": "404"}),
        (1, "requests_total", {"route": "/predict", "method": "other", "status": "405"}),
        (3, "request_seconds_count", {"route": "/predict"}),
        (2, "texts_total", {"outcome": "accepted"}),
        (1, "texts_total", {"outcome": "unsure"}),
        (2, "texts_total", {"outcome": "empty"}),
        (3, "confidence_count", {}),
        (1, "confidence_bucket", {"le": "0.9"}),
        (2, "batch_texts_count", {}),
        (3, "batch_texts_sum", {}),
        (0, "queue_requests", {}),
    ]
    for count, name, labels in expected:
        assert value(found, f"ecomcat_{name}", **labels) == count, (name, labels, found)
    assert value(found, "process_resident_memory_bytes") > 10e6
    model = client.get("/model").json()
    told = {"version": model["version"], "since": model["since"]}
    assert value(found, "ecomcat_model_info", **told) == 1
    assert "dog" not in client.get("/metrics").text.lower()
    assert "secret" not in client.get("/metrics").text


def test_while_the_model_is_opened_it_lives_but_is_not_ready(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ecomcat.export.classifier, "load_classifier", lambda *_: Pets())
    answers = Answers(ServeCommand(model_dir=str(write_export(tmp_path / "pets"))))
    client = TestClient(build_app(answers, ServeCommand()), base_url=URL)
    assert client.get("/health").status_code == 200
    for path in ("/ready", "/model"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.headers["content-type"] == PROBLEM_JSON
    assert client.post("/predict", json={"text": "dog"}).status_code == 503
    asyncio.run(answers.open())
    assert client.get("/ready").json() == {"status": "ready"}
    assert client.post("/predict", json={"text": "dog"}).status_code == 200


@pytest.mark.parametrize(("jobs", "status"), [(0, 200), (4, 503)])
def test_where_the_queue_is_full_it_is_not_ready(jobs: int, status: int) -> None:
    answers = Answers(ServeCommand(max_queue=4), Model(Pets(), METRICS))
    client = TestClient(build_app(answers, ServeCommand()), base_url=URL)
    answers.jobs = jobs
    assert client.get("/ready").status_code == client.head("/ready").status_code == status
    assert client.get("/health", headers={"Host": "10.0.0.7:8000"}).status_code == 200
    assert value(watched(client), "ecomcat_queue_requests") == jobs
