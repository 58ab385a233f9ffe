"""A classifier that knows dogs by the word, and predict run with it in place of a model."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow.parquet as pq

import ecomcat.export.bundle
import ecomcat.export.classifier
from ecomcat import predict
from ecomcat.command_config import PredictCommand, PredictOptions
from ecomcat.config import ReadingConfig
from ecomcat.export.explanation import WordWeight
from ecomcat.model.confidence import Promise
from ecomcat.text.fields import Fields

DOG, CAT = ("dogs", 0.75), ("cats", 0.9)


class DogOrCat:
    """Dogs with a confidence of 0.75, everything else is a cat with 0.9."""

    labels = ("cats", "dogs")
    taxonomy = None

    def __init__(
        self,
        *text_columns: str | int,
        thresholds: Sequence[float] = (0.8, 0.8),
        novel_from: float = np.inf,
    ) -> None:
        self.fields = Fields(text_columns or ("text",), marked=False)
        self._thresholds, self._novel_from = np.array(thresholds), novel_from
        self.asked: list[str] = []

    def answers(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        self.asked += texts
        scores = [[0.25, 0.75] if "dog" in text else [0.9, 0.1] for text in texts]
        return np.array(scores, np.float32), np.zeros(len(texts))

    def novel_from(self, max_false_alarms: float) -> float:
        return self._novel_from

    def thresholds(self, promise: Promise) -> np.ndarray:
        return self._thresholds

    def level_thresholds(self, promise: Promise) -> np.ndarray:
        return np.empty((0, len(self.labels)))

    def explain_texts(self, texts: Sequence[str]) -> list[tuple[WordWeight, ...]]:
        """Weigh the first word with 0.5, the next with 0.4, and so on below nothing."""
        return [
            tuple(WordWeight(word, 0.5 - place / 10, ()) for place, word in enumerate(text.split()))
            for text in texts
        ]


def label_file(
    source: Path,
    output: Path,
    *,
    classifier: Any = None,
    data: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
    **settings: Any,
) -> None:
    """Run predict from one file to another."""
    with replaced_model(classifier or DogOrCat()):
        predict.predict(
            PredictCommand(
                input=str(source),
                output=str(output),
                data=ReadingConfig(**data or {}),
                predict=PredictOptions(**options or {}),
                **{"batch_rows": 2, **settings},
            )
        )


@contextmanager
def replaced_model(classifier: Any) -> Iterator[None]:
    """Put a classifier in place of any exported model."""
    with (
        patch.object(ecomcat.export.bundle, "require_export", lambda directory: None),
        patch.object(ecomcat.export.classifier, "load_classifier", lambda *_: classifier),
    ):
        yield


# Files of rows: a dictionary each, all of the same keys

ENDINGS = (".csv", ".tsv", ".jsonl", ".parquet")
READ_BACK = (*ENDINGS, ".csv.gz", ".jsonl.gz")


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read rows in the format of the file's ending, unpacked where they are packed."""
    name = path.name.removesuffix(".gz")
    content = gzip.decompress(path.read_bytes()) if name != path.name else path.read_bytes()
    if name.endswith(".parquet"):
        rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(content)).to_pylist()
        return rows
    text = content.decode("utf-8")
    if name.endswith(".jsonl"):
        return [json.loads(line) for line in text.split("\n")[:-1]]
    delimiter = "\t" if name.endswith(".tsv") else ","
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))
