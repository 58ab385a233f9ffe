"""How long the report of a large study takes, and how large it is.

    python -m benchmarks.report_speed --trials 500

The trials are made up: seven hyperparameters, twenty epochs each, a third pruned.
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import tempfile
import time
from pathlib import Path

from ecomcat.model.metrics import OBJECTIVE
from ecomcat.reporting.study_page import write_report
from ecomcat.tuning.records import COMPLETED, PRUNED, TrialRecord, TrialTable
from ecomcat.tuning.study import DATA, Study, open_study, write_facts

_EPOCHS = 20
_MODEL = {
    "name": "bilstm",
    "build": "ecomcat.model.network.lstm_classifier",
    "vocabulary_size": 16000,
    "max_tokens": 512,
    "lstm_tokens": [64, 96, 128],
    "embedding_dim": "32..256 step 32",
    "lstm_units": "16..128 step 16",
    "lstm_layers": 1,
    "bidirectional": True,
    "pooling": ["max", "max+mean"],
    "embedding_pooling": "max",
    "word_dropout": "0.0..0.5",
    "spatial_dropout": 0.3,
    "dropout": "0.1..0.6",
    "learning_rate": "1e-4..1e-2 log",
    "learning_rate_schedule": "linear",
    "batch_size": 64,
    "label_smoothing": 0.1,
}


def made_up_trial(number: int, draw: random.Random) -> TrialRecord:
    """Return a trial whose scores depend on two of its hyperparameters and on chance."""
    values = dict(_MODEL) | {
        "lstm_tokens": draw.choice([64, 96, 128]),
        "embedding_dim": 32 * draw.randint(1, 8),
        "lstm_units": 16 * draw.randint(1, 8),
        "pooling": draw.choice(["max", "max+mean"]),
        "word_dropout": draw.uniform(0, 0.5),
        "dropout": draw.uniform(0.1, 0.6),
        "learning_rate": 10 ** draw.uniform(-4, -2),
    }
    del values["name"], values["build"]
    status = PRUNED if draw.random() < 1 / 3 else COMPLETED
    record = TrialRecord(f"{number:04d}", values, root=number, status=status)
    level = 0.9 + 0.05 * values["dropout"] + values["lstm_units"] / 10_000
    for epoch in range(1, (3 if status == PRUNED else _EPOCHS) + 1):
        score = level - 0.3 / epoch + draw.gauss(0, 0.004)
        logs = {"loss": 1 - score, "val_loss": 1 - score, "val_accuracy": score, OBJECTIVE: score}
        record.note_epoch(epoch, logs)
    record.ended, record.seconds, record.ended_at = "max_epochs", 30.0, 30.0 * number
    return record


def made_up_study(root: Path, trials: int) -> Study:
    """Write a study of so many trials below `root`."""
    draw = random.Random(1)
    config = {"model": _MODEL}
    with open_study(root, "large", {"seed": 1}, overwrite=False, config=config) as study:
        table = TrialTable(study)
        for number in range(trials):
            table.save(made_up_trial(number, draw))
        facts = {
            "source": "made up",
            "rows": 14_208,
            "distinct_texts": 13_277,
            **dict.fromkeys(("empty_texts", "empty_labels", "duplicates_removed"), 0),
            **dict.fromkeys(("conflicting_texts", "conflicting_texts_dropped"), 0),
            "rare_classes_dropped": {},
            "classes": {f"category {number}": 100 for number in range(40)},
            "split": {"protocol": "none", "train": 9293, "validation": 1992, "test": 1992},
        }
        lengths = {
            "characters": {
                "edges": [1, 100, 1000],
                "counts": [5000, 8277],
                "quantiles": {"0.5": 400, "0.95": 900},
                "longest": 999,
            },
            "mean_tokens": 110.0,
            "max_tokens": 512,
            "cut": 0.01,
        }
        write_facts(study, DATA, {"data": facts, "lengths": lengths, "versions": {}})
    return study


def main() -> None:
    """Print seconds, megabytes and peak memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        study = made_up_study(Path(folder), arguments.trials)
        seconds, processor = [], []
        for _ in range(arguments.repeats):
            wall, cpu = time.perf_counter(), time.process_time()
            path = write_report(study)
            seconds.append(time.perf_counter() - wall)
            processor.append(time.process_time() - cpu)
        print(f"{arguments.trials} trials, {path.stat().st_size / 1e6:.2f} MB")
    for name, times in (("wall", seconds), ("CPU", processor)):
        print(f"{name}: first {times[0]:.2f} s, median {statistics.median(times):.2f} s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"peak memory: {peak:.2f} GB")


if __name__ == "__main__":
    main()
