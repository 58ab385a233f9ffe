"""What a trial leaves in its folder: best weights, validation probabilities, its last state."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.files import atomic_path
from ecomcat.model.validation import Outcome

BEST_WEIGHTS, LAST_STATE, VALIDATION = "best_weights.npz", "last_state.npz", "validation.npz"


def continue_training(model: Any, parent: Path, curves: Sequence[dict[str, float]]) -> Outcome:
    """Bring a model to its parent's last state; the parent's best is the best so far.

    Args:
        model: compiled, of the parent's configuration.
        parent: the parent's folder.
        curves: the parent's.
    """
    model.optimizer.build(model.trainable_variables)
    state = _load_arrays(parent / LAST_STATE)
    for variable, value in zip(_state(model), state, strict=True):
        variable.assign(value)
    with np.load(parent / VALIDATION, allow_pickle=False) as kept:
        return Outcome(
            best_epoch=int(kept["best_epoch"]),
            scores={name: float(kept[name]) for name in ("macro_f1", "accuracy", "loss")},
            probabilities=kept["probabilities"],
            weights=_load_arrays(parent / BEST_WEIGHTS),
            curves=list(curves),
        )


def keep_outcome(
    model: Any,
    outcome: Outcome,
    directory: Path,
    validation_rows: NDArray[np.int64],
    *,
    keep_state: bool,
) -> None:
    """Write best weights, validation probabilities and, for a later continuation, the last state.

    Args:
        model: as training left it.
        outcome: of the training.
        directory: the trial's.
        validation_rows: which texts the probabilities belong to.
        keep_state: whether the trial may be continued.
    """
    if keep_state:
        _save_arrays(directory / LAST_STATE, [variable.numpy() for variable in _state(model)])
    _save_arrays(directory / BEST_WEIGHTS, outcome.weights)
    kept: dict[str, Any] = {
        "probabilities": outcome.probabilities,
        "rows": validation_rows,
        "best_epoch": outcome.best_epoch,
        **outcome.scores,
    }
    with atomic_path(directory / VALIDATION) as path:
        np.savez(path, **kept)


def _state(model: Any) -> list[Any]:
    """Return all that a training goes on from: weights, dropout's chance, the optimizer's state."""
    return [*model.variables, *model.optimizer.variables]


def _save_arrays(path: Path, arrays: Sequence[NDArray[Any]]) -> None:
    # HDF5, which Keras would write, crashes the process when the disk is full.
    with atomic_path(path) as temporary:
        np.savez(temporary, *arrays)


def _load_arrays(path: Path) -> list[NDArray[Any]]:
    with np.load(path, allow_pickle=False) as kept:
        return [kept[f"arr_{number}"] for number in range(len(kept.files))]
