"""Downloads where no server answers, or a proxy stands before it."""

from __future__ import annotations

import contextlib
import gc
import re
import socket
import threading
import time
from pathlib import Path

import pytest
from download_server import (
    BODY,
    Server,
    blob_id,
    destination,
    fail,
    hang,
    no_proxy,
    part_of,
    server,
)

from ecomcat.data.download import NoNetworkError, download
from ecomcat.errors import UserError

# Fixtures, which pytest finds here.
__all__ = ["destination", "no_proxy", "server"]


def test_server_silent_before_its_headers_is_no_network(server: Server, destination: Path) -> None:
    server.script = [hang]
    start = time.monotonic()
    with pytest.raises(NoNetworkError, match=r"within 0\.3 seconds"):
        download(server.url, destination, blob_id(BODY), connect_seconds=0.3)
    assert 0.3 <= time.monotonic() - start < 3


def test_slow_name_lookup_is_no_network(destination: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def lookup(*args: object, **kwargs: object) -> None:
        released.wait(10)
        raise socket.gaierror("released")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    start = time.monotonic()
    with pytest.raises(NoNetworkError, match=r"within 0\.3 seconds"):
        download("http://example.invalid/", destination, blob_id(BODY), connect_seconds=0.3)
    assert time.monotonic() - start < 3
    released.set()


def test_unknown_name_is_no_network(destination: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lookup(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "name not known")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    with pytest.raises(NoNetworkError, match="name not known"):
        download("https://example.invalid/", destination, blob_id(BODY))


def test_refused_connection_is_no_network_and_keeps_the_part(destination: Path) -> None:
    part = part_of(destination, BODY[:9])
    with contextlib.closing(socket.socket()) as unheard:
        unheard.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unheard.getsockname()[1]}/file.csv"
        with pytest.raises(NoNetworkError, match=re.escape(url)):
            download(url, destination, blob_id(BODY))
    assert part.read_bytes() == BODY[:9]


def test_proxy_that_wants_a_password_is_no_network(
    server: Server, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    server.script = [fail(407)]
    with pytest.raises(NoNetworkError, match="the proxy refuses"):
        download("http://example.invalid/file.csv", destination, blob_id(BODY))


# Python 3.11 leaves the socket of a refused tunnel to the garbage collector: that happens here,
# where the warning is expected, not in a later test.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_proxy_that_refuses_a_tunnel_is_no_network(
    server: Server, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.server_port}")
    threads = set(threading.enumerate())
    with pytest.raises(NoNetworkError, match="Tunnel connection failed: 403"):
        download("https://example.invalid/file.csv", destination, blob_id(BODY))
    for thread in set(threading.enumerate()) - threads:
        thread.join(10)
    gc.collect()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "file.csv",
        "file:///etc/hosts",
        "ftp://127.0.0.1/file.csv",
        "http://",
        "http://[::1/file.csv",
        "http://127.0.0.1:port/file.csv",
        "http://127.0.0.1/a file.csv",
        "http://127.0.0.1/é.csv",
    ],
)
def test_unusable_url_is_refused(destination: Path, url: str) -> None:
    with pytest.raises(UserError, match=f"such as https://.*'{re.escape(url)}'"):
        download(url, destination, blob_id(BODY))
