"""Texts as weighted words and pairs of words, and a linear model of them, both of bounded size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.final.linear import WORD_PATTERN, fit_svc

_COLUMNS = 1 << 20  # that words are hashed to
_MOST_WEIGHTS = 10_000_000  # classes times columns, 8 bytes each, some of them at a time
_COST = 1.0
_MOST_SVC_CLASSES = 50  # each is a model of its own, and the whole is fitted several times
_SMOOTHING = 0.3
_SHARPNESS = tuple(2.0 ** (step / 2) for step in range(-10, 11))
_MOST_JUDGED = 2000  # texts by which the sharpness is chosen


def weigh_words(texts: Sequence[str], classes: int) -> Any:
    """Return TF-IDF of words and pairs of words that stand in two texts or more.

    Labels have no part in it, so that one matrix serves every split.

    Args:
        texts: any texts.
        classes: number of classes: the more there are, the fewer rare words are kept.

    Returns:
        A sparse matrix, a row a text; without columns where no word stands in two texts.
    """
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

    hasher = HashingVectorizer(
        n_features=_COLUMNS,
        ngram_range=(1, 2),
        token_pattern=WORD_PATTERN,
        alternate_sign=False,
        norm=None,
    )
    counts = hasher.transform(texts)
    texts_of = np.bincount(counts.indices, minlength=_COLUMNS)
    most = _MOST_WEIGHTS // max(classes, 1)
    frequent = np.argsort(-texts_of, kind="stable")[:most]
    kept = np.sort(frequent[texts_of[frequent] > 1])
    if not len(kept):
        return counts[:, kept]
    return TfidfTransformer(sublinear_tf=True).fit_transform(counts[:, kept])


class LinearModel:
    """LinearSVC, or complement naive Bayes where the classes are very many.

    Args:
        features: of the training texts.
        labels: their class numbers, of two classes at least, shape `(texts,)`.
        classes: number of all classes.
    """

    def __init__(self, features: Any, labels: NDArray[np.int64], classes: int) -> None:
        self._classes = classes
        if len(np.unique(labels)) <= _MOST_SVC_CLASSES:
            self._model = fit_svc(_COST, features, labels)
        else:
            from sklearn.naive_bayes import ComplementNB

            self._model = ComplementNB(alpha=_SMOOTHING).fit(features, labels)

    def scores(self, features: Any) -> NDArray[np.float64]:
        """Return a score for each text and class, shape `(texts, classes)`.

        A class that was not trained on has the lowest of the text's scores.
        """
        model = self._model
        if hasattr(model, "decision_function"):
            found = model.decision_function(features)
            found = np.column_stack([-found, found]) if found.ndim == 1 else found
        else:
            found = model.predict_log_proba(features)
        lowest = found.min(axis=1, keepdims=True)
        scores = np.repeat(lowest, self._classes, axis=1)
        scores[:, model.classes_] = found
        return scores


def is_separable(features: Any, labels: NDArray[np.int64]) -> bool:
    """Tell whether there is anything to learn: words, and two classes."""
    return features.shape[1] > 0 and len(np.unique(labels)) > 1


def probabilities(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Turn scores into probabilities that are as sure as they are right.

    One number, by which the scores are multiplied, is chosen for the lowest logarithmic loss.

    Args:
        scores: of texts that were not trained on, shape `(texts, classes)`.
        labels: their class numbers, shape `(texts,)`.
    """
    judged = slice(None, None, max(1, len(labels) // _MOST_JUDGED))
    some, right = scores[judged], labels[judged]

    def loss(sharpness: float) -> float:
        likelihood = _softmax(some * sharpness)[np.arange(len(right)), right]
        return float(-np.log(np.maximum(likelihood, 1e-12)).mean())

    return _softmax(scores * min(_SHARPNESS, key=loss))


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def deal_folds(
    groups: NDArray[np.int64], labels: NDArray[np.int64], folds: int, seed: int
) -> NDArray[np.int64]:
    """Deal groups to folds so that each class is spread evenly and no group is torn.

    Args:
        groups: a number for each text, shape `(texts,)`.
        labels: class numbers, shape `(texts,)`; a group counts for that of its first text.
        folds: how many.
        seed: of the shuffling.

    Returns:
        The fold of each text, shape `(texts,)`.
    """
    _, first, members = np.unique(groups, return_index=True, return_inverse=True)
    sizes = np.bincount(members, minlength=len(first))
    chance = np.random.default_rng(seed).random(len(first))
    order = np.lexsort((chance, -sizes, labels[first]))
    fold_of = np.empty(len(first), np.int64)
    fold_of[order] = np.arange(len(first)) % folds
    return fold_of[members]
