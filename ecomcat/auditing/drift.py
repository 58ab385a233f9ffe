"""How a second file differs from the first: classes, lengths, words, shared texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.auditing.linear import fold_scores, weigh_words
from ecomcat.auditing.rows import AuditRows
from ecomcat.auditing.texts import histogram
from ecomcat.data.cleaning import DIGEST, LABEL
from ecomcat.data.near_duplicates import find_near_duplicates, words_of

_FOLDS = 4
_MAX_TEXTS = 20_000  # of each file, for the model that separates them
_EXAMPLES = 10


def drift(rows: AuditRows, others: AuditRows, similarity: float, seed: int) -> dict[str, Any]:
    """Compare the distinct texts of two files."""
    groups = find_near_duplicates([*rows.texts, *others.texts], similarity).groups
    known, first = set(rows.digests), len(rows.texts)
    exact = np.array([digest in known for digest in others.digests], bool)
    # Texts that differ in hyphens alone are the same, though their words are not.
    near = np.isin(groups[first:], groups[:first]) | exact
    shares, other_shares = _class_shares(rows), _class_shares(others)
    names = sorted({*shares, *other_shares}, key=lambda name: (-shares.get(name, 0.0), name))
    labels, other_labels = (each.cleaned.frame.set_index(DIGEST)[LABEL] for each in (rows, others))
    both = labels.index.intersection(other_labels.index)
    return {
        "texts": [first, len(others.texts)],
        "classes": {name: [shares.get(name, 0.0), other_shares.get(name, 0.0)] for name in names},
        "words": _words(rows.texts, others.texts),
        "shared_exactly": int(exact.sum()),
        "shared_nearly": int((near & ~exact).sum()),
        "shared_examples": others.shown(np.flatnonzero(near)[:_EXAMPLES]),
        "contradicting_labels": int((labels[both] != other_labels[both]).sum()),
        "auc": _auc(rows.texts, others.texts, groups, seed),
    }


def _class_shares(rows: AuditRows) -> dict[str, float]:
    sizes = rows.cleaned.class_sizes()
    return {name: size / max(sum(sizes.values()), 1) for name, size in sizes.items()}


def _words(texts: Sequence[str], others: Sequence[str]) -> dict[str, Any]:
    """Compare lengths, and count words of the second file that the first never has."""
    counted = [[words_of(text) for text in each] for each in (texts, others)]
    known = {word for words in counted[0] for word in words}
    unseen = Counter(word for words in counted[1] for word in words if word not in known)
    lengths = [np.array([len(words) for words in each], np.int64) for each in counted]
    return {
        "median": [float(np.median(each)) if len(each) else 0.0 for each in lengths],
        "mean": [float(each.mean()) if len(each) else 0.0 for each in lengths],
        "histograms": [histogram(each) for each in lengths],
        "unseen_share": unseen.total() / max(int(lengths[1].sum()), 1),
        "unseen_words": len(unseen),
        "commonest_unseen": dict(unseen.most_common(30)),
    }


def _auc(
    texts: Sequence[str], others: Sequence[str], groups: NDArray[np.int64], seed: int
) -> float | None:
    """Return the out-of-fold area under the ROC curve of a model that separates the files.

    0.5 is chance, 1 always; None where there is nothing to learn.
    """
    from sklearn.metrics import roc_auc_score

    random, together = np.random.default_rng(seed), [*texts, *others]
    numbers = [np.arange(len(texts)), len(texts) + np.arange(len(others))]
    chosen = np.concatenate([np.sort(random.permutation(each)[:_MAX_TEXTS]) for each in numbers])
    source = (chosen >= len(texts)).astype(np.int64)
    features = weigh_words([together[text] for text in chosen], 2)
    scores = np.full(len(chosen), np.nan)
    for asked, found in fold_scores(features, source, groups[chosen], 2, _FOLDS, seed):
        scores[asked] = found[:, 1] - found[:, 0]
    return None if np.isnan(scores).any() else float(roc_auc_score(source, scores))
