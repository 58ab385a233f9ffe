"""Labels that a model of the other texts contradicts, the surest first.

The idea is that of confident learning (Northcutt, Jiang and Chuang, "Confident Learning", JAIR
2021): out-of-fold probabilities, ranked by their margin, and counted where the model is as sure of
another class as it is of that class's texts on average.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.auditing.features import LinearModel, deal_folds, is_separable, probabilities
from ecomcat.stopping import raise_if_requested

_FOLDS = 5


@dataclass(frozen=True)
class Suspicion:
    """What a model of the other texts says of each text, in the order of the texts.

    Args:
        suggested: class number that is likeliest besides the text's own, shape `(texts,)`.
        confidence: probability of the text's own label, shape `(texts,)`.
        suggested_confidence: that of the suggested one, shape `(texts,)`.
        sure: whether the suggested label is likelier than the text's own and at least as sure as
            texts of that class are on average, shape `(texts,)`.
    """

    suggested: NDArray[np.int64]
    confidence: NDArray[np.float64]
    suggested_confidence: NDArray[np.float64]
    sure: NDArray[np.bool_]

    @property
    def ranking(self) -> NDArray[np.int64]:
        """Return text numbers, the most suspicious first: those of the lowest margin."""
        return np.argsort(self.confidence - self.suggested_confidence, kind="stable")

    @property
    def contradicted(self) -> int:
        """Return how many labels the model thinks less likely than another."""
        return int((self.confidence < self.suggested_confidence).sum())


def suspect_labels(
    features: Any,
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    classes: int,
    seed: int,
) -> Suspicion | None:
    """Ask models that were trained without a text and its near-duplicates for its label.

    Args:
        features: a sparse matrix, a row a text.
        labels: class numbers, shape `(texts,)`.
        groups: of near-duplicates, shape `(texts,)`.
        classes: number of classes.
        seed: of the folds.

    Returns:
        What they say; None where there is nothing to learn.
    """
    folds = deal_folds(groups, labels, _FOLDS, seed)
    if any(not is_separable(features, labels[folds != fold]) for fold in range(_FOLDS)):
        return None
    own, other = np.zeros(len(labels)), np.zeros(len(labels))
    suggested = np.zeros(len(labels), np.int64)
    for fold in range(_FOLDS):
        raise_if_requested()
        asked = np.flatnonzero(folds == fold)
        if not len(asked):
            continue
        model = LinearModel(features[folds != fold], labels[folds != fold], classes)
        chances = probabilities(model.scores(features[asked]), labels[asked])
        rows = np.arange(len(asked))
        own[asked] = chances[rows, labels[asked]]
        chances[rows, labels[asked]] = -1.0
        suggested[asked] = chances.argmax(axis=1)
        other[asked] = chances[rows, suggested[asked]]
    counts = np.maximum(np.bincount(labels, minlength=classes), 1)
    average = np.bincount(labels, weights=own, minlength=classes) / counts
    sure = (other > own) & (other >= average[suggested])
    return Suspicion(suggested, own, other, sure)
