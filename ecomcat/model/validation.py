"""Watch the macro-F1 of the whole validation set while a network is trained."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import keras
import numpy as np
from numpy.typing import NDArray

from ecomcat.model.scores import cross_entropy, macro_f1
from ecomcat.model.training import Examples, predict_probabilities


@dataclass
class Outcome:
    """What training one configuration gave.

    Args:
        best_epoch: epochs trained when validation macro-F1 was best.
        epochs: epochs trained in all.
        ended: why training ended: `max_epochs`, `patience` or `time`.
        scores: validation `macro_f1`, `accuracy` and `loss` after the best epoch.
        probabilities: of the validation texts then, shape `(texts, classes)`.
        weights: of the model then, as `keras.Model.set_weights` takes them.
        curves: a row an epoch, with Keras's names (`val_` for validation).
    """

    best_epoch: int = 0
    epochs: int = 0
    ended: str = "max_epochs"
    scores: dict[str, float] = field(default_factory=dict)
    probabilities: NDArray[np.float32] | None = None
    weights: list[NDArray[np.float32]] = field(default_factory=list)
    curves: list[dict[str, float]] = field(default_factory=list)


def _better(scores: Mapping[str, float], best: Mapping[str, float]) -> bool:
    """Compare by macro-F1, equals by loss: a network may learn before its answers change."""
    if not best:
        return True
    return (scores["macro_f1"], -scores["loss"]) > (best["macro_f1"], -best["loss"])


class ValidationWatch(keras.callbacks.Callback):
    """Score the validation set after each epoch, keep the best weights and stop in time.

    Puts `val_loss`, `val_accuracy` and `val_macro_f1` into the epoch's logs, where callbacks
    listed after this one see them.

    Args:
        examples: the validation rows.
        classes: number of categories.
        smoothing: label smoothing of the training loss, so that the losses compare.
        patience: epochs without a better macro-F1 before training stops.
        deadline: `time.monotonic()` seconds after which no further epoch begins.
        on_epoch: called with each epoch's number (from 1) and scores.
        outcome: filled as training goes on; what an earlier part of the same training gave.
    """

    def __init__(
        self,
        examples: Examples,
        *,
        classes: int,
        smoothing: float,
        patience: int,
        deadline: float = math.inf,
        on_epoch: Callable[[int, Mapping[str, float]], None] = lambda _epoch, _logs: None,
        outcome: Outcome | None = None,
    ) -> None:
        super().__init__()
        self.outcome = outcome or Outcome()
        self._examples = examples
        self._classes = classes
        self._smoothing = smoothing
        self._patience = patience
        self._deadline = deadline
        self._on_epoch = on_epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Score, remember the best and decide whether to go on."""
        assert logs is not None
        outcome = self.outcome
        probabilities = predict_probabilities(self.model, self._examples.texts)
        scores = self._score(probabilities)
        logs.update({f"val_{name}": score for name, score in scores.items()})
        outcome.epochs = epoch + 1
        outcome.curves.append({name: float(value) for name, value in logs.items()})
        if _better(scores, outcome.scores):
            outcome.best_epoch, outcome.scores = epoch + 1, scores
            outcome.probabilities = probabilities
            outcome.weights = self.model.get_weights()
        elif epoch + 1 - outcome.best_epoch >= self._patience:
            self._stop("patience")
        if time.monotonic() > self._deadline:
            self._stop("time")
        self._on_epoch(epoch + 1, logs)

    def _score(self, probabilities: NDArray[np.float32]) -> dict[str, float]:
        labels, predicted = self._examples.labels, probabilities.argmax(axis=1)
        return {
            "macro_f1": macro_f1(labels, predicted, self._classes),
            "accuracy": float(np.mean(labels == predicted)),
            "loss": cross_entropy(labels, probabilities, self._smoothing),
        }

    def _stop(self, reason: str) -> None:
        self.outcome.ended = reason
        self.model.stop_training = True
