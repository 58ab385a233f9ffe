"""Run one cell of `benchmarks.quality`: one method on one split, in a process of its own."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import run_script
from benchmarks.measuring import CpuWatch
from benchmarks.quality_methods import (
    BASELINES,
    Choice,
    Material,
    Method,
    Model,
    Task,
    load_material,
)
from benchmarks.quality_ours import OURS, Ours
from ecomcat.files import write_json
from ecomcat.model.metrics import score_predictions

_PASSES = 3  # over the validation texts, of which the fastest counts


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
    texts, label_ids = material.rows(part)
    predicted = model.predict(texts)
    scores = score_predictions(label_ids, predicted, material.class_names)
    return {
        "choice": dict(choice),
        "accuracy": scores.accuracy,
        "macro_f1": scores.macro_f1,
        "rows": material.parts[part].tolist(),
        "wrong": material.parts[part][predicted != label_ids].tolist(),
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
