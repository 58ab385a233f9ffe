"""How much of a catalogue is accepted at some level beside the whole path, and how rightly.

`python -m benchmarks.levels MODEL FILE`: of the file's texts that the model was not trained on, one
half gives the thresholds and the other is accepted by them, in 20 random halves.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.common import format_table, run_script
from benchmarks.promise import unseen_answers
from ecomcat.errors import UserError
from ecomcat.model.confidence import Acceptance, Promise
from ecomcat.model.level_scores import accepted_levels
from ecomcat.model.metrics import PRECISIONS
from ecomcat.model.taxonomy import LevelAcceptance, level_acceptance

_HALVES = 20
_HEADER = (
    *("precision asked", "whole path", "at some level", "times as many", "precision"),
    f"reached in, of {_HALVES}",
)


def accepted(answers: LevelAcceptance, promise: Promise, halves: int = _HALVES) -> np.ndarray:
    """Return, a row a half, the shares accepted as a whole and at some level, and how rightly."""
    random, found = np.random.default_rng(0), []
    for _ in range(halves):
        order = random.permutation(len(answers.predicted))
        one, other = (_of(answers, half) for half in np.array_split(order, 2))
        level = accepted_levels(other, one, promise)
        rows = np.flatnonzero(level)
        right = other.correct[rows, level[rows] - 1]
        whole = (level == answers.taxonomy.depth).mean()
        found.append((whole, len(rows) / len(level), right.mean() if len(rows) else np.nan))
    return np.array(found)


def _of(answers: LevelAcceptance, rows: np.ndarray) -> LevelAcceptance:
    kinds = ("confidence", "correct", "predicted", "uncertainty")
    leaves = Acceptance(*(getattr(answers.leaves, kind)[rows] for kind in kinds))
    return LevelAcceptance(
        answers.taxonomy, answers.confidence[rows], answers.correct[rows], leaves
    )


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model_dir", type=Path)
    parser.add_argument("data", type=Path)
    arguments = parser.parse_args()
    model, *unseen = unseen_answers(arguments.model_dir, arguments.data)
    if model.taxonomy is None:
        raise UserError(f"Expected a model of paths in {arguments.model_dir}, found none.")
    answers, rows = level_acceptance(model.taxonomy, *unseen), []
    for asked in PRECISIONS:
        found = accepted(answers, Promise(asked))
        whole, somewhere, precision = np.nanmean(found, axis=0)
        times = f"{somewhere / whole:.2f}" if whole else "none before"
        shares = f"{whole:.1%}", f"{somewhere:.1%}", times
        reached = str(int((found[:, 2] >= asked).sum()))
        rows.append([str(asked), *shares, f"{precision:.4f}", reached])
    print(f"{len(answers.predicted):,} texts, {len(model.labels):,} categories")
    print(format_table(_HEADER, rows))


if __name__ == "__main__":
    run_script(main)
