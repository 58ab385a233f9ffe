"""The load on a service, and the table of how soon models answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.answer_speed import Speed, speed_table
from benchmarks.http_load import Load, ask


class _Handler(BaseHTTPRequestHandler):
    """Answers each text, but refuses a bad one."""

    protocol_version = "HTTP/1.1"
    asked: list[str]

    def do_POST(self) -> None:
        text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"]
        self.asked.append(text)
        self.send_response(422 if text == "bad" else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[ThreadingHTTPServer]:
    _Handler.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("clients", [1, 3, 8])
def test_each_text_is_asked_for_once_whatever_the_number_of_clients(service, clients) -> None:
    texts = [f"text {number}" for number in range(7)]
    load = ask(service.server_address[1], texts, clients)
    assert sorted(_Handler.asked) == texts
    assert len(load.latencies_ms) == 7
    assert load.errors == []
    assert load.clients == clients
    assert load.seconds > 0


def test_what_is_no_answer_is_counted(service) -> None:
    load = ask(service.server_address[1], ["good", "bad", "good"], 1)
    assert load.errors == ["status 422"]


def test_a_service_that_is_not_there_is_an_error_for_each_text(service) -> None:
    port = service.server_address[1]
    service.shutdown()
    service.server_close()
    load = ask(port, ["a", "b"], 1)
    assert len(load.errors) == 2


def test_the_table_has_a_row_a_model_with_percentiles_and_errors() -> None:
    loads = [Load(1, 2.0, [1.0, 1.0, 1.0]), Load(32, 1.0, [4.0] * 100, ["status 500"])]
    table = speed_table({"model, onnx": Speed(0.51, 5021.4, [0.5] * 99 + [5.0], loads)})
    head, _, row = table.splitlines()
    assert "HTTP, 1 client: p50, p99 ms; a second" in head
    assert "HTTP, 32 clients" in head
    for cell in (
        "model, onnx",
        "0.51",
        "5,021",
        "0.50, 0.5",
        "1.0, 1.0; 2",
        "4.0, 4.0; 100; 1 errors",
    ):
        assert cell in row
