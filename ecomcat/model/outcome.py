"""What training one configuration gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass
class Outcome:
    """What training one configuration gave.

    Args:
        best_epoch: epochs trained when validation macro-F1 was best.
        epochs: epochs trained in all.
        scores: validation `macro_f1`, `accuracy` and `loss` after the best epoch.
        probabilities: of the validation texts then, shape `(texts, classes)`.
        weights: of the model then, as `keras.Model.set_weights` takes them.
        curves: a row an epoch, with Keras's names (`val_` for validation).
        state: all that a later training would go on from, where one may.
    """

    best_epoch: int = 0
    epochs: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    probabilities: NDArray[np.float32] | None = None
    weights: list[NDArray[np.float32]] = field(default_factory=list)
    curves: list[dict[str, float]] = field(default_factory=list)
    state: list[NDArray[Any]] = field(default_factory=list)
