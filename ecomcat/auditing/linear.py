"""What a linear model finds: labels that it contradicts, and what a leaking split hides."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomcat.auditing.rows import NUMBER, AuditRows, shortened
from ecomcat.data.cleaning import LABEL, TEXT
from ecomcat.data.exclude import KEY
from ecomcat.data.groups import Numbers
from ecomcat.data.splitting import Split, split_groups, split_rows
from ecomcat.errors import UserError
from ecomcat.final.linear_features import FEATURES
from ecomcat.final.linear_models import fit_bayes, fit_svc
from ecomcat.model.metrics import macro_f1

_MAX_WEIGHTS = 10_000_000  # of LinearSVC: classes times words, 8 bytes each, several at a time
_MAX_WORK = 10_000_000  # of LinearSVC: texts times classes; it is fitted some 14 times
_MAX_SCORES = 4_000_000  # texts times classes at a time, 8 bytes each
_SHARPNESS = tuple(2.0 ** (step / 2) for step in range(-10, 11))
_MAX_TEXTS_CALIBRATED = 2000
_FOLDS = 5
_SHOWN = 100
SUSPECT_COLUMNS = ("rank", KEY, LABEL, "suggested", "confidence", "suggested_confidence", TEXT)
NAIVE, DISTINCT, GROUPED = KINDS = (
    "random split of all rows",
    "repeats removed first",
    "near-duplicates on one side, too",
)
_MIN_TEXTS = 10  # distinct ones, of a class


def weigh_words(texts: Sequence[str], num_classes: int) -> Any:
    """Return TF-IDF of words and pairs of words that are in two texts or more.

    It does not depend on labels, so one matrix serves every split. It has no columns where no
    word is in two texts.
    """
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfVectorizer

    # Naive Bayes stores only the weights of what occurs in a class.
    is_for_svc = len(texts) * num_classes <= _MAX_WORK
    max_features = _MAX_WEIGHTS // max(num_classes, 1) if is_for_svc else None
    vectorizer = TfidfVectorizer(
        **FEATURES["words"].counted, min_df=2, max_features=max_features, sublinear_tf=True
    )
    try:
        return vectorizer.fit_transform(texts)
    except ValueError:  # no word is in two texts
        return csr_matrix((len(texts), 0))


Scorer = Callable[[Any], NDArray[np.float64]]


def class_scorer(train: Any, label_ids: Numbers, num_classes: int) -> Scorer:
    """Fit LinearSVC, or complement naive Bayes where texts and classes are very many.

    Returns:
        Function that scores texts by their features, `(texts, num_classes)`; a class that was not
        trained on has the lowest score.
    """
    # A part of the texts may be little enough work while the words of all are too many.
    few_weights = train.shape[1] * num_classes <= _MAX_WEIGHTS
    if few_weights and len(label_ids) * num_classes <= _MAX_WORK:
        model = fit_svc(train, label_ids)
        score = model.decision_function
    else:
        model = fit_bayes(train, label_ids)
        score = model.scores

    def scorer(asked: Any) -> NDArray[np.float64]:
        found = score(asked)
        found = np.column_stack([-found, found]) if found.ndim == 1 else found
        scores = np.repeat(found.min(axis=1, keepdims=True), num_classes, axis=1)
        scores[:, model.classes_] = found
        return scores

    return scorer


def chunks(rows: Numbers, num_classes: int) -> list[Numbers]:
    """Split rows into parts, since texts times classes may not fit in memory."""
    return np.array_split(rows, max(1, len(rows) * num_classes // _MAX_SCORES))


def is_separable(features: Any, label_ids: Numbers) -> bool:
    """Return whether there is anything to learn: words, and two classes."""
    return features.shape[1] > 0 and len(np.unique(label_ids)) > 1


def predict_classes(
    features: Any, train: Numbers, label_ids: Numbers, test: Numbers, num_classes: int
) -> Numbers:
    """Train on some texts, and return the most probable class of each of the others."""
    scorer = class_scorer(features[train], label_ids, num_classes)
    parts = chunks(test, num_classes)
    return np.concatenate([scorer(features[part]).argmax(axis=1) for part in parts])


def grouped_folds(
    groups: Numbers, label_ids: Numbers, folds: int, seed: int
) -> Iterator[NDArray[np.bool_]]:
    """Yield which texts each fold holds: classes spread evenly, and no group in two folds."""
    from sklearn.model_selection import KFold, StratifiedKFold

    _, first, members = np.unique(groups, return_index=True, return_inverse=True)
    folds = min(folds, len(first))
    if folds < 2:
        return
    stratified = np.bincount(label_ids[first]).max() >= folds
    kind = StratifiedKFold if stratified else KFold
    with warnings.catch_warnings():
        # A class has fewer groups than there are folds, and some folds lack it.
        warnings.simplefilter("ignore", UserWarning)
        parts = list(kind(folds, shuffle=True, random_state=seed).split(first, label_ids[first]))
    for _, part in parts:
        yield np.isin(members, part)


def fold_scorers(
    features: Any, label_ids: Numbers, groups: Numbers, num_classes: int, folds: int, seed: int
) -> Iterator[tuple[Numbers, Scorer]]:
    """Yield which texts each fold holds, and their scorer: a model of the other folds.

    A fold whose model would have nothing to learn is left out.
    """
    parts = list(grouped_folds(groups, label_ids, folds, seed))
    if all(is_separable(features, label_ids[~asked]) for asked in parts):
        for asked in parts:
            scorer = class_scorer(features[~asked], label_ids[~asked], num_classes)
            yield np.flatnonzero(asked), scorer


def _sharpness(scores: NDArray[np.float64], label_ids: Numbers) -> float:
    """Return the factor that turns scores into probabilities of the lowest logarithmic loss."""
    from scipy.special import log_softmax

    right = np.arange(len(label_ids)), label_ids

    def loss(sharpness: float) -> float:
        return -float(log_softmax(scores * sharpness, axis=1)[right].clip(-27).mean())

    return float(min(_SHARPNESS, key=loss))


def suspect_labels(
    rows: AuditRows, features: Any, groups: Numbers, seed: int, advance: Callable[[int], object]
) -> pd.DataFrame:
    """Ask models that were trained without a text and its near-duplicates for its label.

    A label is contradicted with confidence where the model is as sure of another class as it is of
    that class's texts on average. Source: Northcutt, Jiang and Chuang (2021), Confident learning.

    Returns:
        DataFrame of `SUSPECT_COLUMNS` and `sure`, a row for each usable text, the most suspicious
        label first; without rows where there is nothing to learn.
    """
    usable, num_classes = rows.usable, len(rows.class_names)
    own = rows.label_ids[usable]
    confidence, other, suggested = _asked_by_folds(
        features[usable], own, groups[usable], num_classes, seed, advance
    )
    if np.isnan(confidence).any() or not len(usable):
        return pd.DataFrame(columns=[*SUSPECT_COLUMNS, "sure"])
    average = pd.Series(confidence).groupby(own).mean().reindex(range(num_classes))
    order = np.argsort(confidence - other, kind="stable")
    table = {
        KEY: [rows.digests[text].hex() for text in usable],
        LABEL: rows.labels[usable],
        "suggested": np.array(rows.class_names, object)[suggested],
        "confidence": confidence,
        "suggested_confidence": other,
        TEXT: [rows.texts[text] for text in usable],
        "sure": (other > confidence) & (other >= average.to_numpy()[suggested]),
    }
    ranked = pd.DataFrame(table).iloc[order].reset_index(drop=True)
    ranked.insert(0, "rank", range(1, len(ranked) + 1))
    return ranked


def _asked_by_folds(
    features: Any,
    own: Numbers,
    groups: Numbers,
    num_classes: int,
    seed: int,
    advance: Callable[[int], object],
) -> tuple[NDArray[np.float64], NDArray[np.float64], Numbers]:
    """Return for each text the probability of its label, that of the likeliest other, and which."""
    from scipy.special import softmax

    confidence, other = np.full((2, len(own)), np.nan)
    suggested = np.zeros(len(own), np.int64)
    for asked, scorer in fold_scorers(features, own, groups, num_classes, _FOLDS, seed):
        most = max(1, min(_MAX_TEXTS_CALIBRATED, _MAX_SCORES // num_classes))
        some = asked[:: max(1, len(asked) // most)]
        sharpness = _sharpness(scorer(features[some]), own[some])
        for rows in chunks(asked, num_classes):
            chances = softmax(scorer(features[rows]) * sharpness, axis=1)
            numbers = np.arange(len(rows))
            confidence[rows] = chances[numbers, own[rows]]
            chances[numbers, own[rows]] = -1.0
            suggested[rows] = chances.argmax(axis=1)
            other[rows] = chances[numbers, suggested[rows]]
            advance(len(rows))
    return confidence, other, suggested


def describe_suspects(found: pd.DataFrame) -> dict[str, Any]:
    """Count suspicious labels and describe the first of those that are contradicted at all."""
    if found.empty:
        return {"reason": "there are fewer than two classes, or no word is in two texts"}
    pairs = found[found["sure"]].value_counts([LABEL, "suggested"])
    contradicted = found[found["confidence"] < found["suggested_confidence"]]
    first = contradicted.head(_SHOWN).round(4)
    first[TEXT] = first[TEXT].map(shortened)
    names = [name for name in SUSPECT_COLUMNS if name != KEY]
    return {
        "texts": len(found),
        "contradicted": len(contradicted),
        "sure": int(found["sure"].sum()),
        "sure_share": float(found["sure"].mean()),
        "pairs": pairs.head(30).rename("texts").reset_index().to_dict("records"),
        "first": first[names].to_dict("records"),
    }


def common_rows(rows: AuditRows) -> pd.DataFrame:
    """Return the distinct texts of categories that have several of them.

    Raises:
        UserError: There are fewer than two such categories.
    """
    # Distinct texts count: a class of few texts that repeat would be in only one kind of split.
    common = [name for name, size in rows.cleaned.class_sizes().items() if size >= _MIN_TEXTS]
    distinct = pd.DataFrame({NUMBER: rows.usable, LABEL: rows.labels[rows.usable]})
    if len(common) < 2:
        raise UserError(f"there are fewer than two categories of {_MIN_TEXTS} distinct texts")
    return distinct[distinct[LABEL].isin(common)]


def compare_splits(
    rows: AuditRows,
    features: Any,
    groups: Numbers,
    fractions: tuple[float, float],
    seeds: range,
    advance: Callable[[int], object],
) -> dict[str, Any]:
    """Split the rows in three ways, and train and test the same model on each.

    `fractions` are those of validation, which is trained on as well, and of test; `groups` are the
    near-duplicates of each distinct text.
    """
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    try:
        distinct = common_rows(rows)
        everything = rows.rows[rows.rows[LABEL].isin(distinct[LABEL])]
        labels, together = list(distinct[LABEL]), groups[distinct[NUMBER]]
        for seed in seeds:
            splits = (
                (everything, split_rows(list(everything[LABEL]), *fractions, seed)),
                (distinct, split_rows(labels, *fractions, seed)),
                (distinct, split_groups(labels, together, *fractions, seed)),
            )
            for kind, (chosen, split) in zip(KINDS, splits, strict=True):
                found[kind].append(_split_scores(chosen, split, features, groups))
                advance(1)
    except UserError as error:
        return {"reason": str(error)}
    return {"splits": found, "test_fraction": fractions[1]}


def _split_scores(
    rows: pd.DataFrame, split: Split, features: Any, groups: Numbers
) -> dict[str, float]:
    names, label_ids = np.unique(rows[LABEL], return_inverse=True)
    learnt, right = np.concatenate([split.train, split.validation]), label_ids[split.test]
    train, test = (rows[NUMBER].to_numpy()[part] for part in (learnt, split.test))
    if not is_separable(features, label_ids[learnt]):
        raise UserError("the training rows have no common words, or one class")
    predicted = predict_classes(features, train, label_ids[learnt], test, len(names))
    return {
        "accuracy": float((predicted == right).mean()),
        "macro_f1": macro_f1(right, predicted, len(names)),
        "twins": float(np.isin(test, train).mean()),
        "near": float(np.isin(groups[test], groups[train]).mean()),
    }


def averages(found: Mapping[str, Any]) -> pd.DataFrame:
    """Return average figures, one column per kind of split, and the deviation of accuracy."""
    tables = {kind: pd.DataFrame(scores) for kind, scores in found.get("splits", {}).items()}
    means = pd.DataFrame({kind: table.mean() for kind, table in tables.items()})
    means.loc["deviation"] = [table["accuracy"].std() for table in tables.values()]
    return means.fillna(0.0)
