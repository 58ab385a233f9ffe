"""fastText's supervised classifier, with pairs of words."""

from __future__ import annotations

import re
import string
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality_baselines import choose_best
from benchmarks.quality_rows import Model, Rows, Task

_LABEL = "__label__"
_PUNCTUATION = re.compile(f"([{re.escape(string.punctuation)}])")
_BUCKETS = 200_000  # rows of the table that pairs of words and sub-words share
_SUBWORDS = {"none": (0, 0), "3 to 5 letters": (3, 5)}
_GRID = ((0.2, 0.5, 1.0), (10, 25), (50,), tuple(_SUBWORDS))
_QUICK_GRID = ((0.5, 1.0), (10, 25), (50,), ("none",))
MISSING = (
    "fasttext is left out: expected the package fasttext, found none. To have it measured, run: "
    'pip install -c constraints.txt "ecomcat[benchmarks]"'
)


@dataclass(frozen=True)
class FastTextModel:
    """A trained model, deployed as fastText's own binary."""

    model: Any

    def predict(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return class numbers."""
        labels, _ = self.model.predict([one_line(text) for text in texts])
        return np.array([int(found[0].removeprefix(_LABEL)) for found in labels])

    def size(self) -> int:
        """Return the binary's bytes."""
        with tempfile.TemporaryDirectory(prefix="fasttext_") as folder:
            path = Path(folder) / "model.bin"
            self.model.save_model(str(path))
            return path.stat().st_size


class FastText:
    """fastText as its tutorial prepares texts: lower case, punctuation apart."""

    def choose(self, train: Rows, validation: Rows, task: Task) -> tuple[Mapping[str, Any], Model]:
        """Choose the learning rate, the epochs, the width and whether there are sub-words."""
        names = ("lr", "epoch", "dim", "subwords")
        grid = _QUICK_GRID if task.quick else _GRID
        choices = [dict(zip(names, values, strict=True)) for values in product(*grid)]
        return choose_best(self, choices, train, validation, task)

    def fit(self, rows: Rows, choice: Mapping[str, Any], task: Task) -> Model:
        """Train one choice, in one thread, so that it repeats."""
        import fasttext

        shortest, longest = _SUBWORDS[choice["subwords"]]
        with tempfile.TemporaryDirectory(prefix="fasttext_") as folder:
            path = Path(folder) / "train.txt"
            lines = (
                f"{_LABEL}{label} {one_line(text)}\n"
                for text, label in zip(rows.texts, rows.labels, strict=True)
            )
            path.write_text("".join(lines), encoding="utf-8")
            model = fasttext.train_supervised(
                str(path),
                **{name: choice[name] for name in ("lr", "epoch", "dim")},
                minn=shortest,
                maxn=longest,
                wordNgrams=2,
                bucket=_BUCKETS,
                thread=1,
                seed=task.seed,
                verbose=0,
            )
        return FastTextModel(model)


def one_line(text: str) -> str:
    """Return a text in lower case, in one line, its punctuation separated."""
    valid = text.encode("utf-8", "replace").decode("utf-8")
    return " ".join(_PUNCTUATION.sub(r" \1 ", valid.lower()).split())
