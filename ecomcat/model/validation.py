"""Watch the macro-F1 of the whole validation set while a network is trained."""

from __future__ import annotations

from collections.abc import Mapping

import keras
import numpy as np
from numpy.typing import NDArray

from ecomcat.model.outcome import Outcome
from ecomcat.model.scores import cross_entropy, macro_f1
from ecomcat.model.training import Examples, Scorer


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
