"""The search command as `benchmarks.quality` measures it, and the model that it exports."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import data_overrides, digest
from benchmarks.measuring import Setting, run_measured
from benchmarks.model_parts import LINEAR_PART, NETWORK, WHOLE, answer_by
from benchmarks.quality_methods import Choice, Model, Rows, Task

# Our own methods share one model: the part of it that answers, or all of it.
OURS = {"ecomcat": WHOLE, "network": NETWORK, "linear_part": LINEAR_PART}
_DEPLOYED = ("model.keras", "tokenizer.json")


@dataclass(frozen=True)
class Exported:
    """An exported model, or a part of it: the files that are deployed, and what answers texts."""

    folder: Path
    probabilities: Callable[[Sequence[str]], NDArray[np.float32]]

    def predict(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return class numbers."""
        return self.probabilities(texts).argmax(axis=1)

    def size(self) -> int:
        """Return the number of bytes of the deployed files."""
        return sum((self.folder / name).stat().st_size for name in _DEPLOYED)


@dataclass(frozen=True)
class Ours:
    """The search command as its users run it, and what it exports."""

    setting: Setting

    def choose(self, train: Rows, validation: Rows, task: Task) -> tuple[Choice, Model]:
        """Search, and export weights that were trained on train alone."""
        return {}, self._export("chosen", "final.retrain=false")

    def fit(self, rows: Rows, choice: Choice, task: Task) -> Model:
        """Train what the search found again, on train and validation."""
        return self._export("tested", "final.retrain=true")

    def _export(self, name: str, override: str) -> Model:
        from ecomcat.export.classifier import load_classifier

        store = Path(self.setting["store"])
        part = OURS[self.setting["method"]]
        folder = store / "models" / f"{self._study()}-{name}"
        if part == WHOLE or not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            command = [*self._command(store), f"model_dir={folder}", override]
            run_measured(command, folder.with_name(f"{folder.name}.log"))
        if part == WHOLE:
            return Exported(folder, load_classifier(folder).probabilities)
        return Exported(folder, answer_by(folder, part))

    def _command(self, store: Path) -> list[str]:
        data, setting = self.setting["data"], self.setting
        return [
            *(sys.executable, "-m", "ecomcat.search"),
            *data_overrides(Path(data) if data else None),
            *(f"budget={setting['budget']}", f"seed={setting['split']}"),
            *(f"search.name={self._study()}", f"outputs_dir={store / 'outputs'}"),
            *setting["overrides"],
        ]

    def _study(self) -> str:
        """Return a name that all our methods of a split share, and nothing else."""
        parts = [self.setting[key] for key in ("content", "code", "package", "budget")]
        return f"quality-{self.setting['split']}-{digest([*parts, *self.setting['overrides']])[:8]}"
