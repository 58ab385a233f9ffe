"""The command checks its settings, says where it listens, and stops when it is asked to."""

from __future__ import annotations

import logging
import signal
import socket
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest

import ecomcat.export.classifier
from ecomcat import serve
from ecomcat.command_config import ServeCommand
from ecomcat.errors import UserError
from ecomcat.serve import listen
from ecomcat.serving.queue import Answers
from ecomcat.serving.server import run_server
from tests.conftest import RunMain, run_program
from tests.serving.pets import SLOW, STARTED, Pets, served_pets, write_export


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
        (["port=TAKEN"], ("of 127.0.0.1: Address already in", "port=NUMBER")),
    ],
    ids=" ".join,
)
def test_a_wrong_setting_is_named_with_what_to_do_before_the_model_is_opened(
    run_main: RunMain,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
    fragments: Sequence[str],
) -> None:
    write_export(tmp_path / "model")
    monkeypatch.delattr(ecomcat.export.classifier, "load_classifier")
    with listen("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        ended = run_main(serve.main, *(each.replace("TAKEN", port) for each in arguments))
    assert (ended.code, ended.output) == (2, "")
    assert all(fragment in ended.errors for fragment in fragments), ended.errors


def test_a_loopback_of_another_kind_can_be_listened_on() -> None:
    try:
        listener = listen("::1", 0)
    except UserError as error:
        pytest.skip(f"this machine has no IPv6 loopback: {error}")
    with listener:
        # asyncio turns Nagle's algorithm off only where the protocol is named.
        assert (listener.family, listener.proto) == (socket.AF_INET6, socket.IPPROTO_TCP)


def test_ctrl_c_is_heard_as_soon_as_it_says_that_it_is_ready(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ecomcat.export.classifier, "load_classifier", lambda *_: Pets())
    config = ServeCommand(model_dir=str(write_export(tmp_path / "pets")))
    logged: list[str] = []

    def interrupt(message: str, *_values: str) -> None:
        logged.append(message)
        if message.startswith("Ready at"):
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(logging.getLogger("ecomcat"), "info", interrupt)
    # Programs in a shell's background ignore it, these tests perhaps among them.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with listen("127.0.0.1", 0) as listener, pytest.raises(KeyboardInterrupt):
            run_server(Answers(config), listener, config)
    finally:
        signal.signal(signal.SIGINT, before)
    assert "Stopping, once the requests under way are answered" in logged


def test_nothing_on_the_path_of_serving_imports_what_trains(tmp_path: Path) -> None:
    program = (
        "import sys, ecomcat.serve, ecomcat.serving.app\n"
        "print(sorted({'tensorflow', 'keras', 'sklearn'} & set(sys.modules)))"
    )
    done = run_program(program, tmp_path)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "words", "settings", "code", "status"),
    [
        (signal.SIGINT, 1, [], 130, 200),
        (signal.SIGTERM, 4, ["max_shutdown_seconds=2"], 143, 503),
        (signal.SIGHUP, 1, [], 143, 200),
    ],
    ids=["Ctrl-C", "SIGTERM, and a request that takes longer", "a closed terminal"],
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
        assert f"{STARTED}\n" in process.stderr  # after what it logs for whoever started it
        process.send_signal(number)
        asking.join(30)
        logged = process.communicate(timeout=30)[1]
    (answer,) = answers
    assert (answer.status_code, process.returncode) == (status, code)
    assert status == 200 or answer.json()["detail"].startswith("The service was stopped before")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert logged.splitlines()[-1] in {"Interrupted.", "Terminated."}
    assert "Traceback" not in logged
    assert [path.name for path in tmp_path.iterdir()] == ["pets"]


@pytest.mark.slow
def test_over_a_socket_limits_hold_and_the_reason_arrives(tmp_path: Path) -> None:
    chunks = (b" " * 50_000 for _ in range(100))
    with served_pets(tmp_path, "max_body_mb=1", "max_connections=2") as (_, url):
        with httpx2.Client(headers={"Content-Type": "application/json"}) as client:
            answer = client.post(f"{url}/predict", content=chunks)
            assert (answer.status_code, "1 MB" in answer.json()["detail"]) == (413, True)
            assert client.post(f"{url}/predict", content=b" " * 5_000_000).status_code == 413
            answer = client.head(f"{url}/health")
            assert (answer.status_code, answer.content) == (200, b"")
            assert "server" not in answer.headers
        silent = [socket.create_connection(url.removeprefix("http://").split(":")) for _ in "12"]
        with silent[0], silent[1]:
            assert httpx2.get(f"{url}/health").status_code == 200
