"""A study as a search leaves it, made up: trials, snapshots of the data and of the final model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ecomcat.model.answers import answers_of
from ecomcat.model.level_scores import score_levels
from ecomcat.model.metrics import OBJECTIVE, score_answers
from ecomcat.model.taxonomy import Taxonomy
from ecomcat.tuning.records import TrialRecord
from ecomcat.tuning.study import CLOCK, DATA, FINAL, Study, open_study
from tests.tiny_network import VALUES

PLANTED = "</script><script>document.title='planted'</script><img src=x onerror=alert(1)>"
CLASSES = ["Books", f"Toys {PLANTED}", "Household"]
NETWORK = {"trial": "0003", "epochs": 4}
MODEL = {
    **VALUES,
    "name": "bilstm",
    "build": "ecomcat.model.network.lstm_classifier",
    "lstm_units": "8..64 step 8",
    "pooling": ["max", "mean"],
    "dropout": "0.1..0.6",
    "learning_rate": "1e-4..1e-2 log",
    "batch_size": "auto",
}


def trial(number: int, status: str = "completed", epochs: int = 4) -> TrialRecord:
    """Return a trial whose scores follow from its number."""
    values = {
        **{name: value for name, value in MODEL.items() if name not in {"name", "build"}},
        "batch_size": 32,
        "lstm_units": 8 + 8 * (number % 8),
        "pooling": ("max", "mean")[number % 2],
        "dropout": 0.1 + 0.5 * (number % 7) / 7,
        "learning_rate": 10 ** (-4 + 2 * (number % 11) / 11),
    }
    record = TrialRecord(f"{number:04d}", values, root=number, status=status)
    for epoch in range(1, epochs + 1):
        score = 0.9 - 0.4 * math.exp(-epoch) - 0.01 * (number % 13)
        logs = {OBJECTIVE: score, "val_accuracy": score, "val_loss": 1 - score, "loss": 0.5}
        record.note_epoch(epoch, logs)
    record.ended = "max_epochs" if status == "completed" else f"{status} {PLANTED}"
    record.seconds, record.parameters, record.ended_at = 10.0 + number, 1234, 12.0 * (number + 1)
    if status == "failed":
        record.objective = record.accuracy = record.loss = None
    return record


def trials(count: int) -> list[TrialRecord]:
    """Return trials of which some were pruned, and the second failed."""
    pruned = [trial(number, "completed" if number % 4 else "pruned") for number in range(count)]
    return [*pruned[:1], trial(1, "failed", epochs=0), *pruned[2:]][:count]


def scores(names: Sequence[str] = CLASSES) -> dict[str, Any]:
    """Return test scores as `metrics.json` has them."""
    places = range(len(names))
    per_class = {
        name: {"precision": 0.9, "recall": 0.8, "f1": 0.85 - place / 100, "rows": 10}
        for place, name in enumerate(names)
    }
    matrix = [[8 if row == column else 1 for column in places] for row in places]
    return {
        "rows": 30,
        "accuracy": 0.8,
        "macro_f1": 0.79,
        "weighted_f1": 0.8,
        "per_class": per_class,
        "confusions": [(a, b, 1) for a in names for b in names if a != b][:1000],
        "absent_classes": [],
        "confusion_matrix": matrix,
        "calibration_error": 0.02,
        "novel": 0.04,
        "coverage": {
            "0.95": {
                "threshold": 0.9,
                "coverage": 0.5,
                "precision": 0.98,
                "promised": 0.951,
                "coverage_interval": [0.4, 0.6],
                "precision_interval": [0.95, 0.99],
            },
            "0.99": {
                "threshold": None,
                "coverage": 0.0,
                "precision": None,
                "promised": None,
                "coverage_interval": [0.0, 0.1],
                "precision_interval": None,
            },
        },
        "intervals": {"accuracy": [0.7, 0.9], "calibration_error": [0.0, 0.05]},
        "slices": {},
    }


def final_snapshot(names: Sequence[str] = CLASSES) -> dict[str, Any]:
    """Return what a study keeps of its final model: names and texts in it would do harm."""
    figures = {"rows": 30, "accuracy": 0.75, "macro_f1": 0.74, "weighted_f1": 0.75}
    points = [{"threshold": 1 - x, "coverage": x, "precision": 1 - x / 5} for x in (0.25, 1.0)]
    bins = [{"texts": 10, "confidence": 0.55, "accuracy": 0.5}]
    mistake = {
        "text": f"A red ball {PLANTED}",
        "characters": 500,
        "true": names[1],
        "predicted": names[0],
        "true_probability": 0.1,
        "confidence": 0.9,
        "spans": [[2, 5, 1.0], [6, 10, -0.5]],
    }
    part = {"accuracy": 0.91, "macro_f1": 0.9, "beside_whole": "worse"}
    parts = dict.fromkeys(("validation", "test"), part)
    return {
        "model_dir": "model",
        "metrics": {
            "test": scores(names),
            "validation": scores(names),
            "parts": dict.fromkeys(("network", "linear", "whole"), parts),
            "baseline": {
                "name": "TF-IDF + LinearSVC",
                "test": figures,
                "validation": figures,
                "comparison": {
                    "rows": 30,
                    "verdict": "level",
                    "accuracy": {"difference": 0.05, "interval": [-0.01, 0.1], "p_value": 0.065},
                    "macro_f1": {"difference": 0.05, "interval": [-0.01, 0.1], "p_value": 0.065},
                },
            },
            "final": {
                "retrained": True,
                "letter_groups": 0,
                "use_all_rows": False,
                "linear_weight": 0.2,
                "temperature": 0.9,
                "trials": 9,
                "level_trials": ["0001", "0004"],
                **NETWORK,
                "trained_texts": 1234,
            },
            "search": {
                "study": "made-up",
                "trials": 9,
                "ended": "Made up.",
                "best_trial": "0003",
                "best_epoch": 2,
            },
            "data": {"licence": None, **data_snapshot()["data"], "source": "products.csv"},
        },
        "calibration": {"test": bins, "validation": bins},
        "coverage": {"test": points, "validation": points},
        "mistakes": [mistake, {**mistake, "spans": None}],
    }


def data_snapshot() -> dict[str, Any]:
    """Return a snapshot of data whose names would do harm."""
    return {
        "data": {
            "source": f"products {PLANTED}.csv",
            "rows": 250,
            "distinct_texts": 200,
            "empty_texts": 1,
            "empty_labels": 2,
            "duplicates_removed": 46,
            "conflicting_texts": 3,
            "conflicting_texts_dropped": 1,
            "rare_classes_dropped": {f"rare {PLANTED}": 2},
            "classes": dict.fromkeys(CLASSES, 60),
            "split": {"protocol": "at random", "train": 140, "validation": 30, "test": 30},
        },
        "lengths": {
            "characters": {"quantiles": {"0.5": 40, "0.95": 90}},
            "mean_tokens": 12.0,
            "max_tokens": 64,
            "cut": 0.05,
        },
        "versions": {"python": "3.12", "keras": "3.15"},
    }


def store(root: Path, records: list[TrialRecord], *, final: bool = True) -> Study:
    """Write a study into `root / "made-up"` and return it."""
    identity, config = {"seed": 1}, {"model": MODEL, "data": {"path": PLANTED}}
    with open_study(root, "made-up", identity, overwrite=True, config=config) as study:
        table = study.trials
        for record in records:
            table.save(record)
        study.write(CLOCK, {"active_seconds": 130.0})
        study.write(DATA, data_snapshot())
        if final:
            study.write(FINAL, final_snapshot())
    return study


def with_levels(metrics: dict[str, Any], paths: Sequence[str]) -> dict[str, Any]:
    """Return the figures of a final model whose categories are paths, all answers right but one."""
    label_ids = np.arange(10 * len(paths)) % len(paths)
    answers = np.full((len(label_ids), len(paths)), 0.01 / len(paths), np.float32)
    answers[np.arange(len(label_ids)), label_ids] = 0.99
    answers[0] = answers[1]
    taxonomy = Taxonomy(paths, " > ")
    given = answers_of(answers, label_ids, taxonomy)
    scored = score_levels(given.levels, label_ids, given.levels)
    leaves = score_answers(given, label_ids, paths, given.leaves)
    found = {**leaves.describe(), **scored, "slices": {}}
    data = {**metrics["data"], "label_separator": " > "}
    return {**metrics, "test": found, "validation": found, "data": data}
