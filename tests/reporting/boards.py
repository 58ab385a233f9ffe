"""TensorBoard serving a folder, and asked over its HTTP API."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any


class Board:
    """A TensorBoard under an address."""

    def __init__(self, address: str) -> None:
        self._address = address

    def __call__(self, path: str, body: dict[str, Any] | None = None, **query: str) -> Any:
        """Ask a plugin, by a question in the address or by a body; return what JSON says."""
        return json.loads(self.read(path, body, **query))

    def read(self, path: str, body: dict[str, Any] | None = None, **query: str) -> bytes:
        data = json.dumps(body).encode() if body is not None else None
        asked = f"?{urllib.parse.urlencode(query)}" if query else ""
        headers = {"Content-Type": "application/json"}
        url = f"{self._address}/data/plugin/{path}{asked}"
        request = urllib.request.Request(url, data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            content: bytes = answer.read()
            return content

    def wait_until(self, plugin: str, loaded: Callable[[Collection[str]], bool]) -> None:
        """Wait until a plugin shows the runs that are looked for, at most a minute."""
        shown: Collection[str] = ()
        for _ in range(120):
            try:
                shown = self(plugin)
                if loaded(shown):
                    return
            except OSError:
                pass
            time.sleep(0.5)
        raise AssertionError(f"TensorBoard shows only {sorted(shown)}")


@contextmanager
def served(logdir: Path) -> Iterator[Board]:
    """Serve a folder on this machine alone."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    process = subprocess.Popen(
        [
            *(sys.executable, "-W", "ignore", "-m", "tensorboard.main", "--logdir", str(logdir)),
            *("--port", port, "--host", "127.0.0.1", "--load_fast=false"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Board(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(30)
