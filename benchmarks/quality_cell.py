"""Run one cell of `benchmarks.quality`: one method on one split, in a process of its own."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import data_overrides, digest, run_script
from benchmarks.measuring import CpuWatch, Setting, run_measured
from benchmarks.quality_methods import (
    BASELINES,
    Choice,
    Material,
    Method,
    Model,
    Rows,
    Task,
    load_material,
)
from ecomcat.files import write_json
from ecomcat.model.metrics import score_predictions

# Our own methods, and what they ask of the search command; all of a split share one search.
OURS: dict[str, tuple[str, ...]] = {
    "single": ("final=single",),
    "ensemble": ("final=ensemble",),
    "network": ("final=single", "final.linear=false"),
}
_DEPLOYED = ("model.keras", "tokenizer.json")
_PASSES = 3  # over the validation texts, of which the fastest counts


@dataclass(frozen=True)
class Exported:
    """An exported model: the files that are deployed."""

    folder: Path
    classifier: Any

    def predict(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return class numbers."""
        return np.asarray(self.classifier.probabilities(texts).argmax(axis=1))

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
        folder = store / "models" / f"{self._study()}-{self.setting['method']}-{name}"
        folder.parent.mkdir(parents=True, exist_ok=True)
        command = [*self._command(store), f"model_dir={folder}", override]
        run_measured(command, folder.with_name(f"{folder.name}.log"))
        return Exported(folder, load_classifier(folder))

    def _command(self, store: Path) -> list[str]:
        data, setting = self.setting["data"], self.setting
        return [
            *(sys.executable, "-m", "ecomcat.search"),
            *data_overrides(Path(data) if data else None),
            *(f"budget={setting['budget']}", f"seed={setting['split']}"),
            *(f"search.name={self._study()}", f"outputs_dir={store / 'outputs'}"),
            *OURS[setting["method"]],
            *setting["overrides"],
        ]

    def _study(self) -> str:
        """Return a name that all our methods of a split share, and nothing else."""
        parts = [self.setting[key] for key in ("content", "code", "budget")]
        return f"quality-{self.setting['split']}-{digest([*parts, *self.setting['overrides']])[:8]}"


def measure(
    method: Method, material: Material, task: Task, choice: Choice | None
) -> dict[str, Any]:
    """Fit a method and score it.

    Without a choice it chooses on validation and scores validation; no row of test is read then.
    With one it is fitted on train and validation and scored on test.
    """
    began = time.process_time()
    part = "validation" if choice is None else "test"
    with CpuWatch() as watch:
        if choice is None:
            choice, model = method.choose(material.rows("train"), material.rows("validation"), task)
        else:
            model = method.fit(material.rows("train", "validation"), choice, task)
        seconds = time.process_time() - began + watch.seconds()
    texts, labels = material.rows(part)
    predicted = model.predict(texts)
    scores = score_predictions(labels, predicted, material.class_names)
    return {
        "choice": dict(choice),
        "accuracy": scores.accuracy,
        "macro_f1": scores.macro_f1,
        "rows": material.parts[part].tolist(),
        "wrong": material.parts[part][predicted != labels].tolist(),
        "cpu_seconds": seconds,
        "rows_per_second": _rows_per_second(model, material.rows("validation").texts),
        "megabytes": model.size() / 1e6,
    }


def _rows_per_second(model: Model, texts: Sequence[str]) -> float:
    def one_pass() -> float:
        began = time.perf_counter()
        model.predict(texts)
        return time.perf_counter() - began

    return len(texts) / min(one_pass() for _ in range(_PASSES))


def main() -> None:
    """Measure the cell whose setting is the first argument; the second names its result."""
    setting = json.loads(sys.argv[1])
    path = Path(setting["data"]) if setting["data"] else None
    material = load_material(path, setting["split"])
    task = Task(len(material.class_names), setting["split"], setting["quick"])
    method = Ours(setting) if setting["method"] in OURS else BASELINES[setting["method"]]
    write_json(Path(sys.argv[2]), measure(method, material, task, setting["choice"]))


if __name__ == "__main__":
    run_script(main)
