"""The command checks what it is told, says where it listens, and stops when it is asked to."""

from __future__ import annotations

import importlib.util
import signal
import socket
import subprocess
import sys
import threading

import httpx2
import pytest

import ecomcat.export.classifier
from ecomcat import serve
from ecomcat.errors import UserError
from ecomcat.serving.server import listen
from tests.command_line import command_line
from tests.serving.pets import SLOW, STARTED, served_pets, write_export


@pytest.fixture
def refused(monkeypatch, capsys, tmp_path):
    """Return a function that runs the command, which must fail, and gives its message."""
    monkeypatch.chdir(tmp_path)
    write_export(tmp_path / "model")

    def open_model(*_arguments):
        raise AssertionError("expected the error before the model is opened")

    monkeypatch.setattr(ecomcat.export.classifier, "load_classifier", open_model)
    with command_line(monkeypatch, capsys) as run_main:

        def run(*arguments):
            ended = run_main(serve.main, *arguments)
            assert (ended.code, ended.output) == (2, "")
            assert "Traceback" not in ended.errors
            return ended.errors

        yield run


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        (["port=70000"], ("port:", "65535", "found 70000")),
        (["min_precision=0"], ("min_precision:", "found 0")),
        (["min_precision=1.5"], ("min_precision:", "found 1.5")),
        (["max_batch=0"], ("max_batch:", "a whole number from 1")),
        (["max_connections=0", "max_body_mb=0"], ("max_connections:", "max_body_mb:")),
        (["max_upload_seconds=inf"], ("max_upload_seconds:",)),
        (["host=''"], ("host:", "found nothing")),
        (["host=0.0.0.0"], ("allowed_hosts", "none")),
        (["host=no.such.host.invalid", "allowed_hosts=[a]"], ("no.such.host.invalid",)),
        (["model_dir=elsewhere"], ("elsewhere", "no such folder")),
        (["prot=3"], ("Did you mean 'port'?",)),
        (["port=many"], ("port", "Integer")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_wrong_setting_is_named_with_what_to_do(refused, arguments, fragments):
    message = refused(*arguments)
    assert all(fragment in message for fragment in fragments), message


def test_a_port_that_is_taken_is_named_with_what_to_do(refused):
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        message = refused(f"port={port}")
    assert f"port {port} of 127.0.0.1: it is taken" in message
    assert "port=NUMBER" in message


@pytest.mark.parametrize("missing", ["fastapi", "uvicorn"])
def test_a_missing_package_is_named_with_the_line_that_installs_it(refused, monkeypatch, missing):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == missing else find_spec(name)
    )
    message = refused()
    assert f"expected the package {missing}, found none" in message
    assert 'pip install "ecomcat[serve]"' in message


def test_small_answers_are_sent_at_once():
    # asyncio turns Nagle's algorithm off only where the protocol is named.
    with listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_a_loopback_of_another_kind_can_be_listened_on():
    try:
        listener = listen("::1", 0)
    except UserError as error:
        pytest.skip(f"this machine has no IPv6 loopback: {error}")
    with listener:
        assert listener.family == socket.AF_INET6


def test_nothing_on_the_path_of_serving_imports_what_trains():
    program = (
        "import sys, ecomcat.serve, ecomcat.serving.app, ecomcat.serving.server\n"
        "print(sorted({'tensorflow', 'keras', 'pandas', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "Interrupted."), (signal.SIGTERM, 143, "Terminated.")],
    ids=["Ctrl-C", "SIGTERM"],
)
def test_when_it_is_stopped_a_request_under_way_is_answered(tmp_path, number, code, word):
    answers = []

    def ask(url):
        answers.append(httpx2.post(f"{url}/predict", json={"text": f"a dog, {SLOW}"}, timeout=30))

    with served_pets(tmp_path) as (process, url):
        assert httpx2.get(f"{url}/health").status_code == 200
        asking = threading.Thread(target=ask, args=[url])
        asking.start()
        # After what it says to whoever started it.
        assert f"{STARTED}\n" in process.stderr
        process.send_signal(number)
        asking.join(30)
        said = process.communicate(timeout=30)[1]
        assert [answer.json()["label"] for answer in answers] == ["Dogs & <wolves>"]
        assert process.returncode == code
        assert said.splitlines()[-1] == word
        assert "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["pets"]


@pytest.mark.slow
def test_when_it_is_stopped_a_request_that_takes_longer_is_told(tmp_path):
    answers = []

    def ask(url):
        answers.append(httpx2.post(f"{url}/predict", json={"text": 4 * SLOW}, timeout=30))

    with served_pets(tmp_path, "max_shutdown_seconds=1") as (process, url):
        asking = threading.Thread(target=ask, args=[url])
        asking.start()
        assert f"{STARTED}\n" in process.stderr
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=30)[1]
        asking.join(30)
    (answer,) = answers
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("The service was stopped before this was answered")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "A request was cut off: it took longer than max_shutdown_seconds\n" in said
    assert "Traceback" not in said
    assert process.returncode == 143


@pytest.mark.slow
def test_over_a_socket_limits_hold_and_the_reason_arrives(tmp_path):
    chunks = (b" " * 50_000 for _ in range(100))
    with served_pets(tmp_path, "max_body_mb=1", "max_connections=2") as (_, url):
        with httpx2.Client() as client:
            headers = {"Content-Type": "application/json"}
            answer = client.post(f"{url}/predict", content=chunks, headers=headers)
            assert (answer.status_code, "1 MB" in answer.json()["detail"]) == (413, True)
            answer = client.post(f"{url}/predict", content=b" " * 5_000_000, headers=headers)
            assert answer.status_code == 413
        with socket.create_connection(url.removeprefix("http://").split(":")):
            assert httpx2.get(f"{url}/health").status_code == 503
        assert "server" not in answer.headers
