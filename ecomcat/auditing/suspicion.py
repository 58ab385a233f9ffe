"""Labels that a model of the other texts contradicts, the surest first.

The idea is that of confident learning (Northcutt, Jiang and Chuang, "Confident Learning", JAIR
2021): out-of-fold probabilities, measured against how sure the model is of each class on average.
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
        margin: the first less the second, each over the class's average confidence; the lowest
            are the most suspicious, shape `(texts,)`.
        sure: whether the suggested label is likelier than the text's own and at least as sure as
            texts of that class are on average, shape `(texts,)`.
    """

    suggested: NDArray[np.int64]
    confidence: NDArray[np.float64]
    suggested_confidence: NDArray[np.float64]
    margin: NDArray[np.float64]
    sure: NDArray[np.bool_]

    @property
    def ranking(self) -> NDArray[np.int64]:
        """Return text numbers, the most suspicious first."""
        return np.argsort(self.margin, kind="stable")

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
    # Class by class, how much a full confidence counts.
    all_chances: list[tuple[NDArray[np.int64], NDArray[np.float32]]] = []
    for fold in range(_FOLDS):
        raise_if_requested()
        asked = np.flatnonzero(folds == fold)
        if not len(asked):
            continue
        model = LinearModel(features[folds != fold], labels[folds != fold], classes)
        chances = probabilities(model.scores(features[asked]), labels[asked])
        all_chances.append((asked, chances.astype(np.float32)))
        own[asked] = chances[np.arange(len(asked)), labels[asked]]
    average = np.bincount(labels, weights=own, minlength=classes)
    average /= np.maximum(np.bincount(labels, minlength=classes), 1)
    average = np.maximum(average, 1 / classes)
    suggested, margin = np.zeros(len(labels), np.int64), np.zeros(len(labels))
    for asked, chances in all_chances:
        rows = np.arange(len(asked))
        relative = chances / average
        relative[rows, labels[asked]] = -1.0
        suggested[asked] = relative.argmax(axis=1)
        other[asked] = chances[rows, suggested[asked]]
        margin[asked] = own[asked] / average[labels[asked]] - relative[rows, suggested[asked]]
    sure = (other > own) & (other >= average[suggested])
    return Suspicion(suggested, own, other, margin, sure)
