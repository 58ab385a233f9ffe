"""A classifier that knows dogs and cats by their words, and a service of it in its own process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from starlette.testclient import TestClient

from ecomcat.commands import ServeCommand
from ecomcat.export.bundle import write_manifest
from ecomcat.serving.answers import Answers
from ecomcat.serving.app import build_app
from tests.command_line import heed_interrupts
from tests.conftest import ROOT

PORT = 8000
THRESHOLD = 0.9  # from where answers are right 98 % of the time, and no oftener
SLOW = "slowly"  # a text takes its time for each such word
STARTED = "started"  # what is said when it begins
LABELS = ["Cats", "Dogs & <wolves>", "Birds"]
METRICS = {
    "test": {"accuracy": 0.9543, "macro_f1": 0.95, "coverage": {"0.98": {"coverage": 0.8}}},
    "data": {"source": "pets.csv"},
    "versions": {"ecomcat": "1.0", "keras": "3.15"},
}
_WORDS = (("cat", "meow"), ("dog", "wolf", "bark"), ("bird", "🐦"))


@dataclass(frozen=True)
class Weight:
    """What a word speaks for."""

    word: str
    weight: float
    spans: tuple[tuple[int, int], ...]


class Pets:
    """A classifier: the more words of a kind, the surer; nothing known is a cat of 0.5."""

    labels = LABELS
    text_columns: tuple[str | int, ...] = ("description",)

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        if slow := max(text.count(SLOW) for text in texts):
            sys.stderr.write(f"{STARTED}\n")
            sys.stderr.flush()
            time.sleep(1.5 * slow)
        rows = []
        for text in texts:
            counts = np.array([sum(text.count(word) for word in words) for words in _WORDS])
            powers = np.exp(2.0 * counts) * [2, 1, 1]
            rows.append(powers / powers.sum())
        return np.array(rows, np.float32)

    def threshold(self, min_precision: float) -> float | None:
        return THRESHOLD if min_precision <= 0.98 else None

    def explain(self, texts: Sequence[str]) -> list[tuple[Weight, ...]]:
        best = self.probabilities(texts).argmax(axis=1)
        return [
            tuple(
                Weight(word, 0.4 / rank, tuple(match.span() for match in found))
                for rank, word in enumerate(_WORDS[row], 1)
                if (found := list(re.finditer(word, text)))
            )
            for text, row in zip(texts, best, strict=True)
        ]


class Broken(Pets):
    """A classifier with a fault."""

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        raise ZeroDivisionError("a secret of the inside")


def pets_app(classifier: Pets | None = None, metrics: Any = METRICS, **settings: Any) -> Any:
    """Build the service of a classifier, by default of pets, with settings that differ."""
    config = ServeCommand(**settings)
    answers = Answers(classifier or Pets(), config.min_precision)
    return build_app(answers, metrics, config, PORT)


def client_of(
    classifier: Pets | None = None, *, raise_server_exceptions: bool = True, **settings: Any
) -> TestClient:
    """Return a client of the service, with settings that differ."""
    return TestClient(
        pets_app(classifier, **settings),
        base_url=f"http://127.0.0.1:{PORT}",
        raise_server_exceptions=raise_server_exceptions,
    )


def write_export(folder: Path) -> Path:
    """Write a folder that passes for an export."""
    folder.mkdir()
    (folder / "metrics.json").write_text(json.dumps(METRICS), encoding="utf-8")
    write_manifest(folder, ["metrics.json"])
    return folder


_PROGRAM = """
import ecomcat.export.classifier
from ecomcat.serve import main
from tests.serving.pets import Pets
ecomcat.export.classifier.load_classifier = lambda directory, runtime: Pets()
main()
"""


@contextmanager
def served_pets(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command on a free port of the loopback; yield the process and its address."""
    export = write_export(folder / "pets")
    command = [sys.executable, "-c", _PROGRAM, f"model_dir={export}", "port=0", *arguments]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        preexec_fn=heed_interrupts,
        text=True,
    )
    try:
        assert process.stderr is not None
        said = ""
        while (ready := re.search(r"http://\S+", said)) is None:
            line = process.stderr.readline()
            assert line, said
            said += line
        yield process, ready[0]
    finally:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()
