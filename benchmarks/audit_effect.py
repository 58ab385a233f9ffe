"""What keeping near-duplicates together, and leaving suspicious rows out, does to figures.

A linear model is tuned on validation, fitted again on train and validation and tested once, on the
split of a search, on one that keeps near-duplicates on one side, and on that of a search without
the rows whose labels an audit is sure are wrong. Nobody looks at those rows here: they are all
taken for marked, which is more than a person would mark.
"""

from __future__ import annotations

import csv
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import (
    add_data_argument,
    data_config,
    describe_machine,
    format_table,
    new_parser,
    positive,
    print_result,
    run_script,
)
from ecomcat.auditing.labels import suspect_labels, weigh_words
from ecomcat.config import DataConfig
from ecomcat.data.dataset import Dataset, load_dataset
from ecomcat.data.near_duplicates import find_near_duplicates
from ecomcat.final.baseline import choose_linear, fit_linear
from ecomcat.model.metrics import macro_f1

PLAIN = "split of a search"
TOGETHER = "data.group_near_duplicates=true"
EXCLUDED = "data.exclude: sure suspicions"
RANDOM = "as many rows by lot left out"


def predict_test(dataset: Dataset) -> NDArray[np.int64]:
    """Tune on validation, fit on train and validation, and return the answers to test."""
    split, classes = dataset.split, len(dataset.classes)

    def rows(numbers: NDArray[np.int64]) -> tuple[list[str], NDArray[np.int64]]:
        return [dataset.texts[row] for row in numbers], dataset.labels[numbers]

    choice, _ = choose_linear(rows(split.train), rows(split.validation), classes)
    both = np.sort(np.concatenate([split.train, split.validation]))
    model = fit_linear(*rows(both), choice, classes)
    answers: NDArray[np.int64] = model.predict(rows(split.test)[0])
    return answers


def sure_suspicions(dataset: Dataset, similarity: float) -> NDArray[np.int64]:
    """Return the texts whose labels an audit is sure are wrong, most suspicious first."""
    found = suspect_labels(
        weigh_words(dataset.texts, len(dataset.classes)),
        dataset.labels,
        find_near_duplicates(dataset.texts, similarity).groups,
        len(dataset.classes),
        seed=1,
    )
    assert found is not None
    return found.ranking[found.sure[found.ranking]]


def write_marks(path: Path, dataset: Dataset, rows: Sequence[int]) -> None:
    """Write a file for `data.exclude`."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(
            [("key", "exclude"), *((dataset.digests[row].hex(), "x") for row in rows)]
        )


def compare(data: DataConfig, seeds: int) -> Iterator[tuple[str, Mapping[str, float]]]:
    """Yield the figures of each kind of split, seed by seed.

    Args:
        data: the rows.
        seeds: splits of each kind.
    """
    first = load_dataset(data, 1)
    marked = sure_suspicions(first, data.near_duplicate_similarity)
    lot = np.random.default_rng(1).choice(len(first.texts), len(marked), replace=False)
    with tempfile.TemporaryDirectory() as folder:
        marks, by_lot = Path(folder) / "marks.csv", Path(folder) / "lot.csv"
        write_marks(marks, first, marked.tolist())
        write_marks(by_lot, first, lot.tolist())
        kinds = {
            PLAIN: data,
            TOGETHER: replace(data, group_near_duplicates=True),
            EXCLUDED: replace(data, exclude=str(marks)),
            RANDOM: replace(data, exclude=str(by_lot)),
        }
        for seed in range(1, seeds + 1):
            for kind, chosen in kinds.items():
                yield kind, _figures(load_dataset(chosen, seed), marked)


def _figures(dataset: Dataset, marked: NDArray[np.int64]) -> dict[str, float]:
    predicted, test = predict_test(dataset), dataset.split.test
    labels, kept = dataset.labels[test], ~np.isin(test, marked)
    return {
        "accuracy": float((predicted == labels).mean()),
        "macro_f1": macro_f1(labels, predicted, len(dataset.classes)),
        "without": float((predicted == labels)[kept].mean()),
        "marked": len(marked) / len(dataset.texts),
    }


def table_of(found: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Write mean and standard deviation of each figure, a line a kind."""

    def cell(figures: Sequence[Mapping[str, float]], name: str) -> str:
        values = [each[name] for each in figures]
        spread = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
        return f"{statistics.mean(values):.4f}{spread}"

    names = ("accuracy", "macro_f1", "without")
    rows = [[kind, *(cell(figures, name) for name in names)] for kind, figures in found.items()]
    header = ["linear model on", "test accuracy", "test macro-F1", "accuracy, marked rows left out"]
    return format_table(header, rows)


def main() -> None:
    """Compare on the command line's file."""
    parser = new_parser("audit_effect", "Near-duplicates together, suspicious rows left out.")
    add_data_argument(parser)
    parser.add_argument("--seeds", type=positive, default=5, help="splits of each kind")
    arguments: Any = parser.parse_args()
    machine = describe_machine()
    found: dict[str, list[Mapping[str, float]]] = {}
    for kind, figures in compare(data_config(arguments.data), arguments.seeds):
        found.setdefault(kind, []).append(figures)
    marked = next(iter(found.values()))[0]["marked"]
    machine["marked"] = f"{marked:.2%} of the texts"
    print_result(machine, table_of(found))


if __name__ == "__main__":
    run_script(main)
