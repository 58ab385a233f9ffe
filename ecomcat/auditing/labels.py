"""Labels that a linear model of the other texts contradicts."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.auditing.rows import AuditRows, shortened
from ecomcat.final.baseline import WORD_PATTERN, fit_svc
from ecomcat.process import raise_if_requested

if TYPE_CHECKING:
    import pandas as pd

_MAX_WEIGHTS = 10_000_000  # classes times words, 8 bytes each, some of them at a time
_MAX_SVC_CLASSES = 50  # each is a model of its own, and the whole is fitted several times
_SHARPNESS = tuple(2.0 ** (step / 2) for step in range(-10, 11))
_MAX_TEXTS_CALIBRATED = 2000
_FOLDS = 5
_SHOWN = 100


def weigh_words(texts: Sequence[str], num_classes: int) -> Any:
    """Return TF-IDF of words and pairs of words that stand in two texts or more.

    Labels have no part in it, so that one matrix serves every split. It has no columns where no
    word stands in two texts.
    """
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2),
        token_pattern=WORD_PATTERN,
        min_df=2,
        max_features=max(_MAX_WEIGHTS // max(num_classes, 1), 1),
        sublinear_tf=True,
    )
    try:
        return vectorizer.fit_transform(texts)
    except ValueError:  # no word stands in two texts
        return csr_matrix((len(texts), 0))


def class_scores(
    train: Any, label_ids: NDArray[np.int64], asked: Any, num_classes: int
) -> NDArray[np.float64]:
    """Fit LinearSVC, or complement naive Bayes where classes are very many, and score texts.

    A class that was not trained on has the lowest score, shape `(texts, num_classes)`.
    """
    from sklearn.naive_bayes import ComplementNB

    raise_if_requested()
    if len(np.unique(label_ids)) <= _MAX_SVC_CLASSES:
        model = fit_svc(1.0, train, label_ids)
        found = model.decision_function(asked)
        found = np.column_stack([-found, found]) if found.ndim == 1 else found
    else:
        model = ComplementNB(alpha=0.3).fit(train, label_ids)
        found = model.predict_log_proba(asked)
    scores = np.repeat(found.min(axis=1, keepdims=True), num_classes, axis=1)
    scores[:, model.classes_] = found
    return scores


def is_separable(features: Any, label_ids: NDArray[np.int64]) -> bool:
    """Return whether there is anything to learn: words, and two classes."""
    return features.shape[1] > 0 and len(np.unique(label_ids)) > 1


def grouped_folds(
    groups: NDArray[np.int64], label_ids: NDArray[np.int64], folds: int, seed: int
) -> Iterator[NDArray[np.bool_]]:
    """Yield which texts each fold holds: classes spread evenly, and no group in two folds."""
    from sklearn.model_selection import KFold, StratifiedKFold

    _, first, members = np.unique(groups, return_index=True, return_inverse=True)
    folds = min(folds, len(first))
    stratified = folds > 1 and np.bincount(label_ids[first]).max() >= folds
    kind = StratifiedKFold if stratified else KFold
    if folds < 2:
        return
    with warnings.catch_warnings():
        # Of a class of fewer groups than folds, which some folds then lack.
        warnings.simplefilter("ignore", UserWarning)
        parts = list(kind(folds, shuffle=True, random_state=seed).split(first, label_ids[first]))
    for _, part in parts:
        yield np.isin(members, part)


def probabilities(scores: NDArray[np.float64], label_ids: NDArray[np.int64]) -> NDArray[np.float64]:
    """Turn scores into probabilities by the factor of the lowest logarithmic loss."""
    from scipy.special import log_softmax, softmax

    some = slice(None, None, max(1, len(label_ids) // _MAX_TEXTS_CALIBRATED))
    right = np.arange(len(label_ids[some])), label_ids[some]

    def loss(sharpness: float) -> float:
        return -float(log_softmax(scores[some] * sharpness, axis=1)[right].clip(-27).mean())

    found: NDArray[np.float64] = softmax(scores * min(_SHARPNESS, key=loss), axis=1)
    return found


def suspect_labels(
    rows: AuditRows, features: Any, groups: NDArray[np.int64], seed: int
) -> pd.DataFrame | None:
    """Ask models that were trained without a text and its near-duplicates for its label.

    A label is contradicted with confidence where the model is as sure of another class as it is of
    that class's texts on average. Source: Northcutt, Jiang and Chuang (2021), Confident learning.

    Args:
        rows: The rows of the file.
        features: Sparse matrix, a row a distinct text.
        groups: Integer array `(texts,)`, the group of near-duplicates of each text.
        seed: Integer. Seed of the folds.

    Returns:
        DataFrame of the usable texts, the most suspicious first: the `number` of the text, its
        `label`, the likeliest other one as `suggested`, the probabilities `confidence` and
        `suggested_confidence`, and `sure`. None where there is nothing to learn.
    """
    import pandas as pd

    usable, num_classes = rows.usable, len(rows.class_names)
    features, own = features[usable], rows.label_ids[usable]
    if not is_separable(features, own):
        return None
    chances = np.full((len(usable), num_classes), np.nan)
    for asked in grouped_folds(groups[usable], own, _FOLDS, seed):
        if not is_separable(features, own[~asked]):
            return None
        scores = class_scores(features[~asked], own[~asked], features[asked], num_classes)
        chances[asked] = probabilities(scores, own[asked])
    if np.isnan(chances).any():
        return None
    numbers = np.arange(len(usable))
    confidence = chances[numbers, own]
    chances[numbers, own] = -1.0
    suggested = chances.argmax(axis=1)
    other = chances[numbers, suggested]
    average = pd.Series(confidence).groupby(own).mean().reindex(range(num_classes))
    names = np.array(rows.class_names, object)
    found = pd.DataFrame(
        {
            "number": usable,
            "label": names[own],
            "suggested": names[suggested],
            "confidence": confidence,
            "suggested_confidence": other,
            "sure": (other > confidence) & (other >= average.to_numpy()[suggested]),
        }
    )
    order = np.argsort(confidence - other, kind="stable")
    return found.iloc[order].reset_index(drop=True)


def describe_suspects(rows: AuditRows, found: pd.DataFrame | None) -> dict[str, Any]:
    """Count suspicious labels and describe the first of them."""
    if found is None:
        return {"reason": "there are fewer than two classes, or no word stands in two texts"}
    pairs = found[found["sure"]].value_counts(["label", "suggested"])
    first = found.head(_SHOWN).round(4)
    first = first.assign(
        rank=range(1, len(first) + 1), text=[shortened(rows.texts[n]) for n in first["number"]]
    )
    names = ["rank", "label", "suggested", "confidence", "suggested_confidence", "text"]
    return {
        "texts": len(found),
        "contradicted": int((found["confidence"] < found["suggested_confidence"]).sum()),
        "sure": int(found["sure"].sum()),
        "sure_share": float(found["sure"].mean()),
        "pairs": pairs.head(30).rename("texts").reset_index().to_dict("records"),
        "first": first[names].to_dict("records"),
    }
