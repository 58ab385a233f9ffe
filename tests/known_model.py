"""A folder that passes for an export, and a model in it whose answers are known."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ecomcat.export.classifier
from ecomcat.data.cleaning import key_digest, normalized_key
from ecomcat.export.bundle import write_manifest
from ecomcat.export.classifier import Classifier
from ecomcat.model.confidence import Acceptance
from ecomcat.model.taxonomy import LevelAcceptance, taxonomy_of
from ecomcat.text.fields import Fields


class KnowsAllWords:
    """A classifier to whose vocabulary all words belong."""

    def answers(self, texts: Sequence[str]) -> Any:
        return self.probabilities(texts), np.zeros(len(texts))  # type: ignore[attr-defined]


class Known(KnowsAllWords, Classifier):
    """Answer a text with the label that a function gives, or else with the first one."""

    answer: Callable[[str], str | None]

    def probabilities(self, texts: Sequence[str]) -> Any:
        found = [self.answer(text) or self.labels[0] for text in texts]
        return np.eye(len(self.labels), dtype=np.float32)[list(map(self.labels.index, found))]


def put_model(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    answer: Callable[[str], str | None],
    labels: Sequence[str],
    *,
    columns: Sequence[str | int] = ("text",),
    label_columns: Sequence[str | int] = (),
    trained: Sequence[str] = (),
    separator: str | None = None,
) -> None:
    """Put a model that was trained on some columns and texts in a folder, to be loaded there."""
    folder.mkdir()
    config = {"text_columns": columns, "label_columns": label_columns}
    trained_on = {**config, "label_separator": separator}
    (folder / "config.yaml").write_text(json.dumps({"trained_on": trained_on}), encoding="utf-8")
    write_manifest(folder, ["config.yaml"])
    digests = b"".join(sorted(key_digest(normalized_key(text)) for text in trained))
    acceptance = Acceptance(np.full(200, 0.9), np.ones(200, bool), np.zeros(200, np.int64))
    tree = taxonomy_of(labels, separator)
    sure = np.ones((200, 0 if tree is None else tree.depth))
    levels = None if tree is None else LevelAcceptance(tree, sure, sure > 0, acceptance)
    rows, fields = np.frombuffer(digests, dtype=">u8"), Fields(tuple(columns), marked=False)
    opened_from = folder, "auto"
    model = Known(None, None, list(labels), fields, acceptance, rows, opened_from, levels)
    object.__setattr__(model, "answer", answer)
    load = ecomcat.export.classifier.load_classifier
    monkeypatch.setattr(
        ecomcat.export.classifier,
        "load_classifier",
        lambda place, runtime: model if Path(place).name == folder.name else load(place, runtime),
    )
