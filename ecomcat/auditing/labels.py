"""The figures of suspicious labels, and the first of them for the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.auditing.rows import AuditRows, shortened
from ecomcat.final.baseline import WORD_PATTERN, fit_svc
from ecomcat.process import raise_if_requested

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


_SHOWN = 100


def suspects(rows: AuditRows, suspicion: Suspicion | None) -> dict[str, Any]:
    """Count suspicious labels and describe the first of them.

    Args:
        rows: of the file.
        suspicion: of its usable texts; none where there was nothing to learn.
    """
    if suspicion is None:
        return {"reason": "there are fewer than two classes, or no word stands in two texts"}
    usable = rows.usable
    own = rows.labels[usable]
    pairs = Counter(
        (rows.classes[own[row]], rows.classes[suspicion.suggested[row]])
        for row in suspicion.sure.nonzero()[0]
    )
    return {
        "texts": len(usable),
        "contradicted": suspicion.contradicted,
        "sure": int(suspicion.sure.sum()),
        "sure_share": float(suspicion.sure.mean()),
        "pairs": [
            {"label": label, "suggested": suggested, "texts": count}
            for (label, suggested), count in pairs.most_common(30)
        ],
        "first": [
            {
                "rank": rank,
                "label": rows.classes[own[row]],
                "suggested": rows.classes[suspicion.suggested[row]],
                "confidence": round(float(suspicion.confidence[row]), 4),
                "suggested_confidence": round(float(suspicion.suggested_confidence[row]), 4),
                "text": shortened(rows.texts[usable[row]]),
            }
            for rank, row in enumerate(suspicion.ranking[:_SHOWN].tolist(), start=1)
        ],
    }
