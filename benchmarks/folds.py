"""What it brings to compare a search's best trials on further validation sets (`final.folds`).

Of a large file a few rows are searched on, and the rest is the test: there it shows which of the
compared trials is the best in truth, each trained again, its network alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import (
    add_numbers,
    data_config,
    describe_machine,
    format_table,
    log,
    new_parser,
    print_result,
    run_script,
)
from ecomcat.errors import UserError

_MAX_TEST_ROWS = 10_000
_NETWORK = ("final.linear=false", "final.baseline=false", "final.onnx=false")


def measure(path: Path | None, rows: int, seed: int, store: Path, overrides: list[str]) -> Any:
    """Return the macro-F1 of each compared trial on all validation sets, and on test.

    It is an array of shape `(trials, sets + 1)`; the best trial of the first set comes first.
    """
    import ecomcat
    from ecomcat.data.dataset import load_dataset

    frame = load_dataset(data_config(path), seed=1).frame[["text", "label"]]
    frame = frame.sample(frac=1, random_state=seed).rename(columns={"label": "category"})
    given = {
        "data": {"text_column": "text", "label_column": "category", "rare_classes": "drop"},
        "test": frame[rows : rows + _MAX_TEST_ROWS],
        "outputs_dir": str(store),
        "model_dir": str(store / "model"),
        "seed": seed,
    }
    options = [*_NETWORK, "final.folds=5", f"search.name=rows_{rows}_{seed}", *overrides]
    searched = ecomcat.search(frame[:rows], *options, **given)
    compared = searched.metrics["final"]["confirmation"]
    if compared is None:
        raise UserError("Expected trials that were compared, found none: raise search.max_minutes.")
    scores = []
    for trial, found in compared["macro_f1"].items():
        again = f"search.from_trial={searched.study.name}/{trial}"
        trained = ecomcat.train(frame[:rows], *_NETWORK, *overrides, again, **given)
        scores.append([*found, trained.metrics["test"]["macro_f1"]])
        log(f"Split {seed}, trial {trial}: {scores[-1]}")
    return np.array(scores)


def table(measured: dict[int, Any]) -> str:
    """Return a row a split: what each choice comes to on test, and what the best trial does."""
    rows = []
    for seed, scores in measured.items():
        test, sets = scores[:, -1], scores[:, :-1]
        chosen = test[sets[:, 0].argmax()], test[sets.mean(axis=1).argmax()], test.max()
        rows.append([str(seed), str(len(scores)), *map("{:.4f}".format, chosen)])
    means = np.mean([[float(cell) for cell in row[2:]] for row in rows], axis=0)
    rows.append(["mean", "", *map("{:.4f}".format, means)])
    header = ["split", "trials", "best on one set", "best on all sets", "best on test"]
    return format_table(header, rows)


def main() -> None:
    """Run the script."""
    parser = new_parser("folds", "Say what further validation sets bring.", store=True)
    numbers = ("--rows", 1000, "rows to search on"), ("--splits", 5, "random samples of rows")
    add_numbers(parser, *numbers)
    parser.add_argument("overrides", nargs="*", help="of ecomcat.search, after --")
    asked = parser.parse_args()
    measured = {
        seed: measure(asked.data, asked.rows, seed, asked.store, asked.overrides)
        for seed in range(1, asked.splits + 1)
    }
    print_result(describe_machine(), table(measured))


if __name__ == "__main__":
    run_script(main)
