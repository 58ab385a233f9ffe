"""The rows that all methods of `benchmarks.quality` share, and what a method is to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import data_config
from ecomcat.data.dataset import load_dataset
from ecomcat.data.sources import load_labelled_rows
from ecomcat.data.splitting import Split, split_rows

DISTINCT, LEAKY = "distinct", "leaky"


class Rows(NamedTuple):
    """Texts and their class numbers, shape `(texts,)`."""

    texts: list[str]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Material:
    """All rows of one split.

    Args:
        texts: of all three parts.
        labels: their class numbers, shape `(texts,)`.
        classes: names of the classes.
        split: which rows are train, validation and test.
    """

    texts: Sequence[str]
    labels: NDArray[np.int64]
    classes: list[str]
    split: Split

    def rows(self, *parts: str) -> Rows:
        """Return the rows of some parts, and touch no other row."""
        numbers = np.sort(np.concatenate([getattr(self.split, part) for part in parts]))
        return Rows([self.texts[number] for number in numbers], self.labels[numbers])


@dataclass(frozen=True)
class Task:
    """What a method is told besides the rows.

    Args:
        classes: number of classes.
        seed: of the split; whatever a method draws comes from it.
        quick: whether a smaller grid will do.
    """

    classes: int
    seed: int
    quick: bool = False


class Model(Protocol):
    """What a method leaves."""

    def predict(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return class numbers of raw texts."""

    def size(self) -> int:
        """Return the bytes that are deployed."""


class Method(Protocol):
    """How a method is fitted."""

    def choose(self, train: Rows, validation: Rows, task: Task) -> tuple[Mapping[str, Any], Model]:
        """Choose on validation what may be chosen.

        Returns:
            The choice, as JSON can hold it, and its model, fitted on train alone.
        """

    def fit(self, rows: Rows, choice: Mapping[str, Any], task: Task) -> Model:
        """Fit what was chosen on other rows."""


def load_material(protocol: str, path: Path | None, seed: int) -> Material:
    """Read and split the rows.

    Args:
        protocol: `distinct`, as our commands split; or `leaky`, with duplicates left in.
        path: a labelled file; None for the sample.
        seed: of the split.

    Raises:
        UserError: when the rows cannot be had, read or split.
    """
    if protocol == DISTINCT:
        dataset = load_dataset(data_config(path), seed)
        return Material(dataset.texts, dataset.labels, dataset.classes, dataset.split)
    data = data_config(path)
    found = load_labelled_rows(data).rows
    pairs = [(text, label.strip()) for text, label in found if text.strip() and label.strip()]
    names = [label for _, label in pairs]
    classes, numbers = np.unique(names, return_inverse=True)
    split = split_rows(names, data.validation_fraction, data.test_fraction, seed)
    return Material([text for text, _ in pairs], numbers, classes.tolist(), split)
