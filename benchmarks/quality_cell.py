"""Run one cell of `benchmarks.quality`: one method on one split, in a process of its own."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality_baselines import LinearSvc, LogisticRegression, Majority, NaiveBayes
from benchmarks.quality_cpu import exit_on_sigterm
from benchmarks.quality_fasttext import FastText
from benchmarks.quality_fixed import Fixed
from benchmarks.quality_rows import LEAKY, Material, Method, Model, Task, load_material
from benchmarks.quality_search import OURS, run_search
from benchmarks.quality_seed import Seed
from ecomcat.files import write_json
from ecomcat.model.metrics import score_predictions

METHODS: dict[str, Method] = {
    "majority": Majority(),
    "naive_bayes": NaiveBayes(),
    "linear_svc": LinearSvc(),
    "logistic_regression": LogisticRegression(),
    "fasttext": FastText(),
    "seed": Seed(),
    "single": Fixed(),  # where duplicates are left in; elsewhere the search command
}
_PASSES = 3  # over the validation texts, of which the fastest counts


def run_cell(setting: dict[str, Any], output: Path) -> None:
    """Measure one method on one split.

    Args:
        setting: as `benchmarks.quality` makes it.
        output: a JSON file that takes the figures.
    """
    path = Path(setting["data"]) if setting["data"] is not None else None
    material = load_material(setting["protocol"], path, setting["split"])
    if setting["method"] in OURS and setting["protocol"] != LEAKY:
        result = measure_search(setting, material)
    else:
        task = Task(len(material.classes), setting["split"], setting["quick"])
        result = measure(METHODS[setting["method"]], material, task, setting["choice"])
    write_json(output, {"setting": setting, **result})


def measure(
    method: Method, material: Material, task: Task, choice: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Fit a method and score it.

    Args:
        method: which.
        material: the rows.
        task: what else it is told.
        choice: None to choose on validation, by models fitted on train alone, and to score
            validation: no row of test is read. Else what was chosen then, to be fitted on train
            and validation, and to score test.

    Returns:
        The choice, the scores, and what it took.
    """
    began = time.process_time()
    if choice is None:
        part = "validation"
        choice, model = method.choose(material.rows("train"), material.rows("validation"), task)
    else:
        part = "test"
        model = method.fit(material.rows("train", "validation"), choice, task)
    seconds = time.process_time() - began
    texts, labels = material.rows(part)
    scores = score_predictions(labels, model.predict(texts), material.classes).describe()
    return {
        "choice": dict(choice),
        "scores": {part: _short(scores)},
        "cpu_seconds": seconds,
        **_cost(model, material.rows("validation").texts),
    }


def measure_search(setting: Mapping[str, Any], material: Material) -> dict[str, Any]:
    """Run the search command; what it scored is taken from its `metrics.json`."""
    scores, seconds, model = run_search(setting)
    return {
        "choice": {},
        "scores": {part: _short(found) for part, found in scores.items()},
        "cpu_seconds": seconds,
        **_cost(model, material.rows("validation").texts),
    }


def _short(scores: Mapping[str, Any]) -> dict[str, float]:
    return {name: scores[name] for name in ("accuracy", "macro_f1")}


def _cost(model: Model, texts: Sequence[str]) -> dict[str, float]:
    """Return the rows a second of the fastest pass, and the megabytes that are deployed."""

    def one_pass() -> float:
        began = time.perf_counter()
        found: NDArray[np.int64] = model.predict(texts)
        assert len(found) == len(texts)
        return time.perf_counter() - began

    fastest = min(one_pass() for _ in range(_PASSES))
    return {"rows_per_second": len(texts) / fastest, "megabytes": model.size() / 1e6}


if __name__ == "__main__":
    exit_on_sigterm()
    run_cell(json.loads(sys.argv[1]), Path(sys.argv[2]))
