"""What a trial leaves in its folder besides its record: weights, probabilities, its last state."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.errors import UserError
from ecomcat.files import atomic_path
from ecomcat.model.metrics import Outcome

BEST_WEIGHTS, LAST_STATE, VALIDATION = "best_weights.npz", "last_state.npz", "validation.npz"


def save_outcome(outcome: Outcome, directory: Path, validation_rows: NDArray[np.int64]) -> None:
    """Write best weights, validation probabilities and, where one may continue, the last state."""
    if outcome.state:
        _save_arrays(directory / LAST_STATE, outcome.state)
    _save_arrays(directory / BEST_WEIGHTS, outcome.weights)
    arrays: dict[str, Any] = {
        "probabilities": outcome.probabilities,
        "rows": validation_rows,
        "best_epoch": outcome.best_epoch,
        **outcome.scores,
    }
    with atomic_path(directory / VALIDATION) as path:
        np.savez(path, **arrays)


def load_outcome(directory: Path, curves: Sequence[dict[str, float]]) -> Outcome:
    """Read what a trial left for one that continues it."""
    with np.load(directory / VALIDATION, allow_pickle=False) as saved:
        return Outcome(
            best_epoch=int(saved["best_epoch"]),
            epochs=len(curves),
            scores={name: float(saved[name]) for name in ("macro_f1", "accuracy", "loss")},
            probabilities=saved["probabilities"],
            weights=_load_arrays(directory / BEST_WEIGHTS),
            curves=list(curves),
            state=_load_arrays(directory / LAST_STATE),
        )


def load_best_weights(directory: Path) -> list[NDArray[Any]]:
    """Read the weights of a trial's best epoch, trained on train alone.

    Raises:
        UserError: The file is gone.
    """
    path = directory / BEST_WEIGHTS
    try:
        return _load_arrays(path)
    except FileNotFoundError as error:
        raise UserError(
            f"Expected the weights of trial {directory.name}, found no {path}. Bring the file "
            "back, or search again with search.overwrite=true."
        ) from error


def _save_arrays(path: Path, arrays: Sequence[NDArray[Any]]) -> None:
    # HDF5, which Keras would write, crashes the process when the disk is full.
    with atomic_path(path) as temporary:
        np.savez(temporary, *arrays)


def _load_arrays(path: Path) -> list[NDArray[Any]]:
    with np.load(path, allow_pickle=False) as saved:
        return [saved[f"arr_{number}"] for number in range(len(saved.files))]
