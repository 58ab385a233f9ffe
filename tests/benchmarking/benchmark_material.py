"""What several tests of the benchmarks share: a folder, figures, rows, and a table's cells."""

from __future__ import annotations

import csv
from pathlib import Path

from ecomcat.data.sample import generate_sample

ROOT = Path(__file__).parents[2]
METRICS = {"search": {"trials": 8}, "test": {"accuracy": 0.95, "macro_f1": 0.94}}
WORDS = ("majority", "naive_bayes", "linear_svc", "logistic_regression", "fasttext")


def cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("|")[1:-1]]


def write_rows(path: Path) -> Path:
    """Write 400 rows of the sample, some of them twice."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([row.label, row.text] for row in generate_sample(400))
    return path
