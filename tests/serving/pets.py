"""A classifier that knows dogs and cats by their words, and a service of it in its own process."""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from starlette.testclient import TestClient

from ecomcat.command_config import ServeCommand
from ecomcat.export.bundle import write_manifest
from ecomcat.export.explanation import Turn, WordWeight, at_once
from ecomcat.model.confidence import Promise
from ecomcat.model.taxonomy import Taxonomy
from ecomcat.serve import listen
from ecomcat.serving.app import build_app
from ecomcat.serving.connections import Connection, Places
from ecomcat.serving.queue import Answers
from ecomcat.serving.served_model import Model
from ecomcat.text.fields import Fields
from tests.command_line import heed_interrupts
from tests.conftest import ROOT
from tests.known_model import KnowsAllWords

URL = "http://127.0.0.1:8000"
THRESHOLD = 0.9  # from where answers are right 98 % of the time, and no oftener
SLOW = "slowly"  # a text takes its time for each such word
STARTED = "started"  # what is logged when it begins
CAT, DOG, BIRD = LABELS = ["Cats", "Dogs & <wolves>", "Birds"]
PATHS = ["Pets > Cats", "Pets > Dogs & <wolves>", "Wild > Birds > Of prey"]
REACHED = {
    "promised": 0.981,
    "coverage": 0.8,
    "coverage_interval": [0.7, 0.88],
    "precision": 0.99,
    "precision_interval": [0.96, 0.9999],
}
METRICS = {
    "test": {"accuracy": 0.9543, "macro_f1": 0.95, "coverage": {"0.98": REACHED}},
    "data": {"source": "pets.csv"},
    "versions": {"ecomcat": "1.0", "keras": "3.15"},
}
_WORDS = (("cat", "meow"), ("dog", "wolf", "bark"), ("bird", "🐦"))


class Pets(KnowsAllWords):
    """A classifier: the more words of a kind, the surer; nothing known is a cat of 0.5."""

    labels = LABELS
    fields = Fields(("description",))
    taxonomy: Taxonomy | None = None

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        if slow := max(text.count(SLOW) for text in texts):
            sys.stderr.write(f"{STARTED}\n")
            sys.stderr.flush()
            time.sleep(1.5 * slow)
        counts = [[sum(map(text.count, words)) for words in _WORDS] for text in texts]
        powers = np.exp(2.0 * np.array(counts)) * [2, 1, 1]
        return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)

    def novel_from(self, max_false_alarms: float) -> float:
        return 1.0 if max_false_alarms else np.inf

    def thresholds(self, promise: Promise) -> np.ndarray:
        return np.full(len(self.labels), THRESHOLD if promise.min_precision <= 0.98 else np.inf)

    def level_thresholds(self, promise: Promise) -> np.ndarray:
        depth = 0 if self.taxonomy is None else self.taxonomy.depth
        return np.tile(self.thresholds(promise), (depth, 1))

    def explain_texts(
        self, texts: Sequence[str], turn: Turn = at_once
    ) -> list[tuple[WordWeight, ...]]:
        best = turn(self.probabilities, texts).argmax(axis=1)
        return [
            tuple(
                WordWeight(word, 0.4 / rank, tuple(match.span() for match in found))
                for rank, word in enumerate(_WORDS[row], 1)
                if (found := list(re.finditer(word, text)))
            )
            for text, row in zip(texts, best, strict=True)
        ]


class Broken(Pets):
    """A classifier with a fault."""

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        raise ZeroDivisionError("a secret of the inside")


class Watched(Pets):
    """A classifier that waits to be let go, and notes what it was asked."""

    def __init__(self, go: bool = False) -> None:
        self.inside, self.most_inside, self.asked = 0, 0, list[Sequence[str]]()
        self.entered, self.go = threading.Event(), threading.Event()
        if go:
            self.go.set()

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        self.asked.append(texts)
        self.entered.set()
        assert self.go.wait(20)
        self.inside -= 1
        return super().probabilities(texts)

    def explain_texts(
        self, texts: Sequence[str], turn: Turn = at_once
    ) -> list[tuple[WordWeight, ...]]:
        turn(self.probabilities, texts)
        return super().explain_texts(texts, turn)


class Paths(Pets):
    """The same pets, whose categories are paths."""

    labels = PATHS
    taxonomy = Taxonomy(PATHS, " > ")

    def level_thresholds(self, promise: Promise) -> np.ndarray:
        return np.array([[0.85] * 3, [0.9] * 3, [THRESHOLD] * 3])


class Offers(Pets):
    """Pets that are sold: of a title, a description, a brand and a price."""

    fields = Fields(("title", "description"), ("brand",), ("price",))


class Asked:
    """A request in the making: what was sent of the answer, and whether the client is there."""

    def __init__(
        self, path: str, content: bytes, media_type: str = "application/json", **headers: str
    ) -> None:
        given = {"host": "127.0.0.1", "content-type": media_type, **headers}
        fields = [(name.encode(), value.encode()) for name, value in given.items()]
        scope = {"type": "http", "method": "POST", "path": path, "headers": fields}
        self.scope = {**scope, "query_string": b"", "path_params": {}}
        self.content: bytes | None = content
        self.sent: list[Any] = []
        self.left = asyncio.Event()

    async def receive(self) -> Any:
        if self.content is not None:
            content, self.content = self.content, None
            return {"type": "http.request", "body": content, "more_body": False}
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def of(self, app: Any) -> int:
        """Return the status of the answer."""
        await app(self.scope, self.receive, self.send)
        status: int = self.sent[0]["status"]
        return status

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}


def pets_app(classifier: Pets | None = None, metrics: Any = METRICS, **settings: Any) -> Any:
    """Build the service of a classifier, by default of pets, with settings that differ."""
    config = ServeCommand(**settings)
    return build_app(Answers(config, Model(classifier or Pets(), metrics)), config)


def client_of(classifier: Pets | None = None, **settings: Any) -> TestClient:
    """Return a client of the service, with settings that differ."""
    app = pets_app(classifier, **settings)
    return TestClient(app, base_url=URL, raise_server_exceptions=False)


def peak_bytes(call: Callable[[], Any]) -> tuple[Any, int]:
    """Return what a call returns, and the most memory that Python took meanwhile."""
    tracemalloc.start()
    try:
        return call(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def write_export(folder: Path, **more: Any) -> Path:
    """Write a folder that passes for an export, with more in its figures."""
    folder.mkdir()
    (folder / "metrics.json").write_text(json.dumps({**METRICS, **more}), encoding="utf-8")
    write_manifest(folder, ["metrics.json"])
    return folder


@contextmanager
def listening_pets(classifier: Pets | None = None, **places: Any) -> Iterator[tuple[str, int]]:
    """Serve on a free port in a thread of this process; yield the address."""
    config = uvicorn.Config(
        pets_app(classifier),
        http=partial(Connection, Places(**{"max_connections": 8, **places})),
        log_config=None,
        lifespan="off",
        loop="asyncio",
        ws="none",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    with listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, args=[[listener]])
        thread.start()
        try:
            yield listener.getsockname()
        finally:
            server.should_exit = True
            thread.join()


_PROGRAM = """
import ecomcat.export.classifier
from ecomcat.serve import main
from tests.serving.pets import Pets
ecomcat.export.classifier.load_classifier = lambda directory, runtime: Pets()
main()
"""


@contextmanager
def served_pets(
    folder: Path, *arguments: str, max_files: int | None = None
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command on a free port of the loopback; yield the process and its address."""
    export = write_export(folder / "pets")

    def prepare() -> None:
        heed_interrupts()
        if max_files:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max_files, max_files))

    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, f"model_dir={export}", "port=0", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        preexec_fn=prepare,
        text=True,
    )
    try:
        yield process, address_of(process)
    finally:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


def address_of(process: subprocess.Popen[str]) -> str:
    """Return where a service answers, once it says so."""
    assert process.stderr is not None
    logged = ""
    for line in process.stderr:
        logged += line
        if ready := re.search(r"Ready at (http://\S+)", line):
            return ready[1]
    raise AssertionError(f"the service ended: {logged}")
