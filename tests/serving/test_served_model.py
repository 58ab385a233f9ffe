"""A new model takes over between two requests, and only where it answers."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import httpx2
import pytest
from starlette.testclient import TestClient

import ecomcat.export.classifier
from ecomcat.command_config import ServeCommand
from ecomcat.errors import UserError
from ecomcat.export.bundle import write_manifest
from ecomcat.serving.app import build_app
from ecomcat.serving.queue import Answers
from tests.serving.pets import METRICS, URL, Pets, served_pets, write_export


class Plants(Pets):
    """A classifier of another kind."""

    labels: ClassVar = ["Trees", "Herbs", "Ferns"]


def refuse(*_: Any) -> Any:
    raise UserError("Expected the files that the manifest lists, found others.")


def fail(*_: Any) -> Any:
    raise ZeroDivisionError("a secret of the inside")


def ask(client: TestClient) -> str:
    label: str = client.post("/predict", json={"text": "dog"}).json()["label"]
    return label


def reloaded(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    load: Callable[..., Any],
    headers: dict[str, str] | None = None,
    caller: str = "127.0.0.1",
) -> tuple[TestClient, Any]:
    """Serve pets, put another model in their place, and ask to open it."""
    monkeypatch.setattr(ecomcat.export.classifier, "load_classifier", lambda *_: Pets())
    export = write_export(folder / "model")
    config = ServeCommand(model_dir=str(export), allowed_hosts=["models.example"])
    answers = Answers(config)
    asyncio.run(answers.open())
    client = TestClient(build_app(answers, config), base_url=URL, client=(caller, 1))
    before = client.get("/model").json()
    (export / "metrics.json").write_text(json.dumps({**METRICS, "seed": 2}), encoding="utf-8")
    write_manifest(export, ["metrics.json"])
    monkeypatch.setattr(ecomcat.export.classifier, "load_classifier", load)
    answer = client.post("/reload", headers=headers)
    if answer.status_code != 200:
        assert client.get("/model").json() == before
        assert ask(client) == Pets.labels[1]
    return client, answer


def test_a_new_model_answers_and_it_is_told_since_when(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    client, answer = reloaded(tmp_path, monkeypatch, lambda *_: Plants())
    assert (answer.status_code, answer.json()["labels"]) == (200, Plants.labels)
    told = client.get("/model").json()
    assert told == answer.json()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", told["since"])
    assert re.fullmatch("[0-9a-f]{12}", told["version"])
    assert f'version="{told["version"]}"' in client.get("/metrics").text
    assert ask(client) == Plants.labels[1]


@pytest.mark.parametrize(
    ("load", "fragment"),
    [
        (refuse, "the manifest lists"),
        (fail, "the log says why"),
    ],
    ids=["refused", "failed"],
)
def test_where_the_new_one_does_not_answer_the_former_one_serves_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, load: Callable[..., Any], fragment: str
) -> None:
    _, answer = reloaded(tmp_path, monkeypatch, load)
    assert (answer.status_code, fragment in answer.json()["detail"]) == (422, True), answer.text
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("headers", "caller", "status"),
    [
        ({}, "127.0.0.1", 200),
        ({"Host": "localhost"}, "127.0.0.7", 200),
        ({"Host": "[::1]:8000"}, "::1", 200),
        ({}, "::ffff:127.0.0.1", 200),
        ({}, "10.0.0.7", 403),
        ({"Host": "models.example"}, "127.0.0.1", 403),
        ({"X-Forwarded-For": "10.0.0.7"}, "127.0.0.1", 403),
        ({"Via": "1.1 proxy"}, "127.0.0.1", 403),
        ({"Origin": "http://evil.example"}, "127.0.0.1", 403),
    ],
)
def test_only_programs_of_this_machine_may_ask_for_it(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    headers: dict[str, str],
    caller: str,
    status: int,
) -> None:
    _, answer = reloaded(tmp_path, monkeypatch, lambda *_: Plants(), headers, caller)
    assert answer.status_code == status


@pytest.mark.slow
def test_a_changed_link_is_followed_and_no_request_is_lost(tmp_path: Path) -> None:
    link, statuses, ended = tmp_path / "link", list[int](), threading.Event()
    link.symlink_to(write_export(tmp_path / "first"))
    other = write_export(tmp_path / "second", seed=2)
    with served_pets(tmp_path, f"model_dir={link}") as (_, url), httpx2.Client() as client:

        def keep_asking() -> None:
            with httpx2.Client() as own:
                while not ended.is_set():
                    statuses.append(own.post(f"{url}/predict", json={"text": "dog"}).status_code)

        asking = [threading.Thread(target=keep_asking) for _ in range(4)]
        for thread in asking:
            thread.start()
        versions = [client.get(f"{url}/model").json()["version"]]
        new = tmp_path / "new"
        new.symlink_to(other)
        new.replace(link)
        while (found := client.get(f"{url}/model").json()["version"]) == versions[0]:
            pass
        for _ in range(10):
            assert client.post(f"{url}/reload").json()["version"] == found
        ended.set()
        for thread in asking:
            thread.join()
    assert set(statuses) == {200}
