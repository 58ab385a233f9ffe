"""The command checks its settings, says where it listens, and stops when it is asked to."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest

import ecomcat.export.classifier
from ecomcat import serve
from ecomcat.errors import UserError
from ecomcat.serving.server import listen
from tests.command_line import command_line
from tests.conftest import run_program
from tests.serving.pets import SLOW, STARTED, served_pets, write_export

Refused = Callable[..., str]


@pytest.fixture
def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Refused]:
    """Return a function that runs the command, which must fail, and gives its message."""
    monkeypatch.chdir(tmp_path)
    write_export(tmp_path / "model")

    def open_model(*_arguments: object) -> None:
        raise AssertionError("expected the error before the model is opened")

    monkeypatch.setattr(ecomcat.export.classifier, "load_classifier", open_model)
    with command_line(monkeypatch, capsys) as run_main:

        def run(*arguments: str) -> str:
            ended = run_main(serve.main, *arguments)
            assert (ended.code, ended.output) == (2, "")
            assert "Traceback" not in ended.errors
            return ended.errors

        yield run


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        (["port=70000"], ("port:", "65535", "found 70000")),
        (["min_precision=1.5"], ("min_precision:", "found 1.5")),
        (["max_connections=0", "max_body_mb=0"], ("max_connections:", "max_body_mb:")),
        (["max_upload_seconds=inf"], ("max_upload_seconds:",)),
        (["host=''"], ("host:", "found nothing")),
        (["host=0.0.0.0"], ("allowed_hosts", "none")),
        (["host=no.such.host.invalid", "allowed_hosts=[a]"], ("no.such.host.invalid",)),
        (["model_dir=elsewhere"], ("elsewhere", "no such folder")),
    ],
    ids=" ".join,
)
def test_a_wrong_setting_is_named_with_what_to_do(
    refused: Refused, arguments: list[str], fragments: Sequence[str]
) -> None:
    message = refused(*arguments)
    assert all(fragment in message for fragment in fragments), message


def test_a_port_that_is_taken_is_named_with_what_to_do(refused: Refused) -> None:
    with listen("127.0.0.1", 0) as taken:
        # asyncio turns Nagle's algorithm off only where the protocol is named.
        assert taken.proto == socket.IPPROTO_TCP
        port = taken.getsockname()[1]
        message = refused(f"port={port}")
    assert (
        f"port {port} of 127.0.0.1: Address already in use" in message and "port=NUMBER" in message
    )


def test_a_loopback_of_another_kind_can_be_listened_on() -> None:
    try:
        listener = listen("::1", 0)
    except UserError as error:
        pytest.skip(f"this machine has no IPv6 loopback: {error}")
    with listener:
        assert listener.family == socket.AF_INET6


def test_nothing_on_the_path_of_serving_imports_what_trains(tmp_path: Path) -> None:
    program = (
        "import sys, ecomcat.serve, ecomcat.serving.app, ecomcat.serving.server\n"
        "print(sorted({'tensorflow', 'keras', 'sklearn'} & set(sys.modules)))"
    )
    done = run_program(program, tmp_path)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "words", "settings", "code", "status"),
    [
        (signal.SIGINT, 1, [], 130, 200),
        (signal.SIGTERM, 1, [], 143, 200),
        (signal.SIGTERM, 4, ["max_shutdown_seconds=1"], 143, 503),
    ],
    ids=["Ctrl-C", "SIGTERM", "a request that takes longer"],
)
def test_when_it_is_stopped_a_request_under_way_gets_an_answer(
    tmp_path: Path, number: int, words: int, settings: list[str], code: int, status: int
) -> None:
    answers: list[Any] = []

    def ask(url: str) -> None:
        text = f"a dog, {words * SLOW}"
        answers.append(httpx2.post(f"{url}/predict", json={"text": text}, timeout=30))

    with served_pets(tmp_path, *settings) as (process, url):
        asking = threading.Thread(target=ask, args=[url])
        asking.start()
        assert process.stderr is not None
        assert f"{STARTED}\n" in process.stderr  # after what it says to whoever started it
        process.send_signal(number)
        asking.join(30)
        logged = process.communicate(timeout=30)[1]
    (answer,) = answers
    assert answer.status_code == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    if status == 503:
        assert answer.json()["detail"].startswith("The service was stopped before")
    assert process.returncode == code
    assert logged.splitlines()[-1] in {"Interrupted.", "Terminated."}
    assert "Traceback" not in logged
    assert [path.name for path in tmp_path.iterdir()] == ["pets"]


@pytest.mark.slow
def test_over_a_socket_limits_hold_and_the_reason_arrives(tmp_path: Path) -> None:
    chunks = (b" " * 50_000 for _ in range(100))
    with served_pets(tmp_path, "max_body_mb=1", "max_connections=2") as (_, url):
        with httpx2.Client() as client:
            headers = {"Content-Type": "application/json"}
            answer = client.post(f"{url}/predict", content=chunks, headers=headers)
            assert (answer.status_code, "1 MB" in answer.json()["detail"]) == (413, True)
            answer = client.post(f"{url}/predict", content=b" " * 5_000_000, headers=headers)
            assert answer.status_code == 413
            answer = client.head(f"{url}/health")
            assert (answer.status_code, answer.content) == (200, b"")
        with socket.create_connection(url.removeprefix("http://").split(":")):
            assert httpx2.get(f"{url}/health").status_code == 503
        assert "server" not in answer.headers
