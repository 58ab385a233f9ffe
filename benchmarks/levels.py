"""How much of a catalogue is accepted at some level beside the whole path, and how rightly.

`python -m benchmarks.levels MODEL FILE`: of the file's texts that the model was not trained on, one
half gives the thresholds and the other is accepted by them, in 20 random halves. The truth is what
the thresholds reach on both halves together, as in `benchmarks.promise`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.common import describe_machine, format_table, print_result, run_script
from benchmarks.promise import unseen_answers
from ecomcat.errors import UserError
from ecomcat.model.confidence import Promise
from ecomcat.model.level_scores import accepted_levels
from ecomcat.model.taxonomy import LevelAcceptance, level_acceptance

_HALVES = 20
_PRECISIONS = (0.9, 0.95, 0.96, 0.97, 0.98, 0.99)
_HEADER = (
    *("precision asked", "whole path", "at some level", "times as many", "precision"),
    *(f"reached in, of {_HALVES}", f"kept in truth, of {_HALVES}"),
)


def accepted(
    answers: LevelAcceptance, promise: Promise, halves: int = _HALVES
) -> NDArray[np.float64]:
    """Return a row for each half: what its thresholds accept.

    Of the other half the shares accepted as a whole and at some level, and how much of that is
    right; and the latter of both halves together.
    """
    random, found = np.random.default_rng(0), []
    for _ in range(halves):
        one, other = np.array_split(random.permutation(len(answers.predicted)), 2)
        level = accepted_levels(answers, answers.of(one), promise)
        whole = (level[other] == answers.taxonomy.depth).mean()
        precisions = (_precision(answers, level, rows) for rows in (other, np.arange(len(level))))
        found.append((whole, (level[other] > 0).mean(), *precisions))
    return np.array(found)


def _precision(
    answers: LevelAcceptance, level: NDArray[np.int64], rows: NDArray[np.int64]
) -> float:
    """Return the share right of those of some rows that are accepted; NaN where none is."""
    rows = rows[level[rows] > 0]
    return float(answers.correct[rows, level[rows] - 1].mean()) if len(rows) else np.nan


def table_row(answers: LevelAcceptance, asked: float) -> list[str]:
    """Return the cells of a precision that is asked; nothing accepted breaks no promise."""
    found = accepted(answers, Promise(asked))
    whole, somewhere = found[:, :2].mean(axis=0)
    times = f"{somewhere / whole:.2f}" if whole else "none before"
    precision = f"{np.nanmean(found[:, 2]):.4f}" if somewhere else ""
    kept = (~(found[:, 2:] < asked)).sum(axis=0)
    return [f"{asked}", f"{whole:.1%}", f"{somewhere:.1%}", times, precision, *map(str, kept)]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.levels", description=__doc__)
    parser.add_argument("model_dir", type=Path)
    parser.add_argument("data", type=Path)
    arguments = parser.parse_args()
    machine = describe_machine()
    model, *unseen = unseen_answers(arguments.model_dir, arguments.data)
    if model.taxonomy is None:
        raise UserError(f"Expected a model of paths in {arguments.model_dir}, found none.")
    answers = level_acceptance(model.taxonomy, *unseen)
    table = format_table(_HEADER, [table_row(answers, asked) for asked in _PRECISIONS])
    texts = f"{len(answers.predicted):,} texts, {len(model.labels):,} categories"
    print_result(machine, f"{texts}:\n\n{table}")


if __name__ == "__main__":
    run_script(main)
