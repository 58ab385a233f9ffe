"""What a trial leaves in its folder: best weights, validation probabilities, its last state."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.errors import UserError
from ecomcat.files import atomic_path
from ecomcat.model.outcome import Outcome

BEST_WEIGHTS, LAST_STATE, VALIDATION = "best_weights.npz", "last_state.npz", "validation.npz"


def load_outcome(directory: Path, curves: Sequence[dict[str, float]]) -> Outcome:
    """Read what a trial left for one that continues it.

    Args:
        directory: the trial's.
        curves: the trial's.
    """
    with np.load(directory / VALIDATION, allow_pickle=False) as kept:
        return Outcome(
            best_epoch=int(kept["best_epoch"]),
            epochs=len(curves),
            scores={name: float(kept[name]) for name in ("macro_f1", "accuracy", "loss")},
            probabilities=kept["probabilities"],
            weights=_load_arrays(directory / BEST_WEIGHTS),
            curves=list(curves),
            state=_load_arrays(directory / LAST_STATE),
        )


def load_best_weights(directory: Path) -> list[NDArray[Any]]:
    """Read the weights of a trial's best epoch, trained on train alone.

    Args:
        directory: the trial's.

    Raises:
        UserError: when the file is gone.
    """
    path = directory / BEST_WEIGHTS
    try:
        return _load_arrays(path)
    except FileNotFoundError as error:
        raise UserError(
            f"Expected the weights of trial {directory.name}, found no {path}. Bring the file "
            "back, or search again with search.overwrite=true."
        ) from error


def keep_outcome(outcome: Outcome, directory: Path, validation_rows: NDArray[np.int64]) -> None:
    """Write best weights, validation probabilities and, for a later continuation, the last state.

    Args:
        outcome: of the training.
        directory: the trial's.
        validation_rows: which texts the probabilities belong to.
    """
    if outcome.state:
        _save_arrays(directory / LAST_STATE, outcome.state)
    _save_arrays(directory / BEST_WEIGHTS, outcome.weights)
    kept: dict[str, Any] = {
        "probabilities": outcome.probabilities,
        "rows": validation_rows,
        "best_epoch": outcome.best_epoch,
        **outcome.scores,
    }
    with atomic_path(directory / VALIDATION) as path:
        np.savez(path, **kept)


def _save_arrays(path: Path, arrays: Sequence[NDArray[Any]]) -> None:
    # HDF5, which Keras would write, crashes the process when the disk is full.
    with atomic_path(path) as temporary:
        np.savez(temporary, *arrays)


def _load_arrays(path: Path) -> list[NDArray[Any]]:
    with np.load(path, allow_pickle=False) as kept:
        return [kept[f"arr_{number}"] for number in range(len(kept.files))]
