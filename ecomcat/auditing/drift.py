"""How a second file differs from the first: classes, lengths, words, shared texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.auditing.labels import LinearModel, deal_folds, is_separable, weigh_words
from ecomcat.auditing.rows import AuditRows, shortened
from ecomcat.auditing.texts import histogram
from ecomcat.data.near_duplicates import find_near_duplicates, words_of
from ecomcat.data.splitting import Split, split_groups, split_rows
from ecomcat.errors import UserError
from ecomcat.model.metrics import macro_f1
from ecomcat.process import raise_if_requested

NAIVE, DISTINCT, GROUPED = KINDS = (
    "random split of all rows",
    "repeats removed first",
    "near-duplicates on one side, too",
)
_LEAST_ROWS = 10  # distinct ones, of a class


@dataclass(frozen=True)
class _Rows:
    """Rows that are split: their texts' numbers, classes and names of classes."""

    texts: NDArray[np.int64]
    labels: NDArray[np.int64]
    names: list[str]


def leakage(
    rows: AuditRows,
    features: Any,
    groups: NDArray[np.int64],
    fractions: tuple[float, float],
    seeds: range,
    advance: Callable[[], object],
) -> dict[str, Any]:
    """Split the rows in three ways, and train and test the same model on each.

    Args:
        rows: of the file.
        features: a sparse matrix, a row a distinct text.
        groups: of near-duplicates, shape `(texts,)`.
        fractions: of validation, which is trained on as well, and of test.
        seeds: of the splits.
        advance: called after each training.

    Returns:
        For each kind of split, a list over the seeds of accuracy, macro-F1 and the shares of test
        rows that have a twin or a near-duplicate among the training rows; or `reason`, why there
        are none.
    """
    usable = rows.labels[rows.usable]
    # Of distinct texts: a class of few texts that repeat would be in one kind of split alone.
    common = np.bincount(usable, minlength=len(rows.classes)) >= _LEAST_ROWS
    everything = _of_classes(common, _Rows(rows.row_texts, rows.row_labels, rows.classes))
    distinct = _of_classes(common, _Rows(rows.usable, usable, rows.classes))
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    if len(distinct.names) < 2:
        return {"reason": f"there are fewer than two categories of {_LEAST_ROWS} distinct texts"}
    try:
        for seed in seeds:
            for kind, chosen, split in _splits(everything, distinct, groups, fractions, seed):
                found[kind].append(_scored(chosen, split, features, groups))
                advance()
                raise_if_requested()
    except (UserError, _NothingToLearnError) as error:
        return {"reason": str(error)}
    return {"splits": found, "test_fraction": fractions[1]}


class _NothingToLearnError(ValueError):
    """The training rows have no words, or one class."""


def _of_classes(chosen: NDArray[np.bool_], rows: _Rows) -> _Rows:
    """Leave out all other classes, such as those that cannot stand in every part of a split."""
    kept = chosen[rows.labels]
    numbers, labels = np.unique(rows.labels[kept], return_inverse=True)
    return _Rows(rows.texts[kept], labels, [rows.names[number] for number in numbers])


def _splits(
    everything: _Rows,
    distinct: _Rows,
    groups: NDArray[np.int64],
    fractions: tuple[float, float],
    seed: int,
) -> Iterator[tuple[str, _Rows, Split]]:
    for kind, rows in ((NAIVE, everything), (DISTINCT, distinct)):
        yield kind, rows, split_rows(_names(rows), *fractions, seed)
    together = split_groups(_names(distinct), groups[distinct.texts], *fractions, seed)
    yield GROUPED, distinct, together


def _names(rows: _Rows) -> list[str]:
    return [rows.names[label] for label in rows.labels]


def _scored(
    rows: _Rows, split: Split, features: Any, groups: NDArray[np.int64]
) -> dict[str, float]:
    classes = len(rows.names)
    train, test = np.concatenate([split.train, split.validation]), split.test
    texts, labels = rows.texts, rows.labels
    if not is_separable(features, labels[train]):
        raise _NothingToLearnError("the training rows have no common words, or one class")
    model = LinearModel(features[texts[train]], labels[train], classes)
    predicted = model.scores(features[texts[test]]).argmax(axis=1)
    twin = np.isin(texts[test], texts[train])
    near = np.isin(groups[texts[test]], groups[texts[train]])
    return {
        "accuracy": float((predicted == labels[test]).mean()),
        "macro_f1": macro_f1(labels[test], predicted, classes),
        "twins": float(twin.mean()),
        "near": float(near.mean()),
    }


_FOLDS = 4
_MOST_TEXTS = 20_000  # of each file, for the model that tells them apart
_EXAMPLES = 10


def drift(rows: AuditRows, others: AuditRows, similarity: float, seed: int) -> dict[str, Any]:
    """Compare two files, text by text that is distinct.

    Args:
        rows: of the first file, such as what a model is trained on.
        others: of the second, such as what it is tested on or will label.
        similarity: from which texts count as near-duplicates.
        seed: of folds and lots.
    """
    together = [*rows.texts, *others.texts]
    groups = find_near_duplicates(together, similarity).groups
    first, second = groups[: len(rows.texts)], groups[len(rows.texts) :]
    known = set(rows.digests)
    exact = np.array([digest in known for digest in others.digests], bool)
    # Texts that differ in hyphens alone are the same, though their words are not.
    near = np.isin(second, first) | exact
    return {
        "texts": [len(rows.texts), len(others.texts)],
        "classes": _class_shares(rows, others),
        "words": _words(rows, others),
        "shared_exactly": int(exact.sum()),
        "shared_nearly": int((near & ~exact).sum()),
        "shared_examples": [
            shortened(others.texts[text]) for text in np.flatnonzero(near)[:_EXAMPLES]
        ],
        "contradicting_labels": _contradictions(rows, others),
        "auc": _told_apart(rows.texts, others.texts, groups, seed),
    }


def _class_shares(rows: AuditRows, others: AuditRows) -> dict[str, list[float]]:
    """Return each class's share of the texts of both files."""

    def shares(each: AuditRows) -> dict[str, float]:
        counts = np.bincount(each.labels[each.usable], minlength=len(each.classes))
        total = max(counts.sum(), 1)
        return {
            name: float(count / total) for name, count in zip(each.classes, counts, strict=True)
        }

    first, second = shares(rows), shares(others)
    names = sorted({*first, *second}, key=lambda name: (-first.get(name, 0.0), name))
    return {name: [first.get(name, 0.0), second.get(name, 0.0)] for name in names}


def _words(rows: AuditRows, others: AuditRows) -> dict[str, Any]:
    """Compare lengths, and count words of the second file that the first never has."""
    counted = [[words_of(text) for text in each.texts] for each in (rows, others)]
    known = {word for words in counted[0] for word in words}
    unseen = Counter(word for words in counted[1] for word in words if word not in known)
    total = sum(map(len, counted[1]))
    lengths = [np.array([len(words) for words in each], np.int64) for each in counted]
    return {
        "median": [float(np.median(each)) if len(each) else 0.0 for each in lengths],
        "mean": [float(each.mean()) if len(each) else 0.0 for each in lengths],
        "histograms": [histogram(each) for each in lengths],
        "unseen_share": unseen.total() / max(total, 1),
        "unseen_words": len(unseen),
        "commonest_unseen": dict(unseen.most_common(30)),
    }


def _contradictions(rows: AuditRows, others: AuditRows) -> int:
    """Count texts that stand in both files under another label."""
    labels = {
        digest: rows.class_of(text)
        for text, digest in enumerate(rows.digests)
        if rows.labels[text] >= 0
    }
    return sum(
        labels.get(digest, others.class_of(text)) != others.class_of(text)
        for text, digest in enumerate(others.digests)
        if others.labels[text] >= 0
    )


def _told_apart(
    texts: Sequence[str], others: Sequence[str], groups: NDArray[np.int64], seed: int
) -> float | None:
    """Return the out-of-fold area under the ROC curve of a model that tells the files apart.

    0.5 is by chance, 1 is always; None where there is nothing to learn.
    """
    from sklearn.metrics import roc_auc_score

    random = np.random.default_rng(seed)
    numbers = [np.arange(len(texts)), len(texts) + np.arange(len(others))]
    chosen = np.concatenate(
        [np.sort(random.permutation(each)[:_MOST_TEXTS]) for each in numbers]
    ).astype(np.int64)
    source = (chosen >= len(texts)).astype(np.int64)
    together = [*texts, *others]
    features = weigh_words([together[text] for text in chosen], 2)
    folds = deal_folds(groups[chosen], source, _FOLDS, seed)
    scores = np.zeros(len(chosen))
    for fold in range(_FOLDS):
        raise_if_requested()
        asked = folds == fold
        if not asked.any():
            continue
        if not is_separable(features, source[~asked]):
            return None
        found = LinearModel(features[~asked], source[~asked], 2).scores(features[asked])
        scores[asked] = found[:, 1] - found[:, 0]
    return float(roc_auc_score(source, scores))
