"""Watch the macro-F1 of the whole validation set while a network is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ecomcat.model.scores import cross_entropy, macro_f1
from ecomcat.model.training import Examples, Scorer


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


def _better(scores: Mapping[str, float], best: Mapping[str, float]) -> bool:
    """Compare by macro-F1, equals by loss: a network may learn before its answers change."""
    if not best:
        return True
    return (scores["macro_f1"], -scores["loss"]) > (best["macro_f1"], -best["loss"])


class ValidationWatch:
    """Score the validation set after each epoch and keep the best weights.

    Args:
        model: the network in training.
        examples: the validation rows.
        classes: number of categories.
        smoothing: label smoothing of the training loss, so that the losses compare.
        patience: epochs without a better macro-F1 after which training is to stop.
        outcome: filled as training goes on; what an earlier part of the same training gave.
    """

    def __init__(
        self,
        model: keras.Model,
        examples: Examples,
        *,
        classes: int,
        smoothing: float,
        patience: int,
        outcome: Outcome | None = None,
    ) -> None:
        self.outcome = outcome or Outcome()
        self._model = model
        self._scorer = Scorer(model)
        self._examples = examples
        self._classes = classes
        self._smoothing = smoothing
        self._patience = patience

    @property
    def out_of_patience(self) -> bool:
        """Whether too many epochs have gone by without a better score."""
        return self.outcome.epochs - self.outcome.best_epoch >= self._patience

    def score_epoch(self, epoch: int, logs: Mapping[str, float]) -> dict[str, float]:
        """Score the network as it is after an epoch, and remember it when it is the best.

        Args:
            epoch: its number, from 1.
            logs: training scores of the epoch.

        Returns:
            The logs with `val_loss`, `val_accuracy` and `val_macro_f1`.
        """
        outcome = self.outcome
        probabilities = self._scorer(self._examples.texts)
        scores = self._score(probabilities)
        row = {**logs, **{f"val_{name}": score for name, score in scores.items()}}
        outcome.epochs = epoch
        outcome.curves.append(row)
        if _better(scores, outcome.scores):
            outcome.best_epoch, outcome.scores = epoch, scores
            outcome.probabilities = probabilities
            outcome.weights = self._model.get_weights()
        return row

    def _score(self, probabilities: NDArray[np.float32]) -> dict[str, float]:
        labels, predicted = self._examples.labels, probabilities.argmax(axis=1)
        return {
            "macro_f1": macro_f1(labels, predicted, self._classes),
            "accuracy": float(np.mean(labels == predicted)),
            "loss": cross_entropy(labels, probabilities, self._smoothing),
        }
