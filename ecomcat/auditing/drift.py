"""How a second file differs from the first: classes, lengths, words, shared texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.auditing.labels import class_scores, grouped_folds, is_separable, weigh_words
from ecomcat.auditing.rows import AuditRows, shortened
from ecomcat.auditing.texts import histogram
from ecomcat.data.near_duplicates import find_near_duplicates, words_of

if TYPE_CHECKING:
    import pandas as pd

_FOLDS = 4
_MAX_TEXTS = 20_000  # of each file, for the model that tells them apart
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
    labels, other_labels = _label_of(rows), _label_of(others)
    both = labels.index.intersection(other_labels.index)
    return {
        "texts": [first, len(others.texts)],
        "classes": {name: [shares.get(name, 0.0), other_shares.get(name, 0.0)] for name in names},
        "words": _words(rows.texts, others.texts),
        "shared_exactly": int(exact.sum()),
        "shared_nearly": int((near & ~exact).sum()),
        "shared_examples": [
            shortened(others.texts[text]) for text in np.flatnonzero(near)[:_EXAMPLES]
        ],
        "contradicting_labels": int((labels[both] != other_labels[both]).sum()),
        "auc": _told_apart(rows.texts, others.texts, groups, seed),
    }


def _class_shares(rows: AuditRows) -> dict[str, float]:
    sizes = rows.cleaned.class_sizes()
    return {name: size / max(sum(sizes.values()), 1) for name, size in sizes.items()}


def _label_of(rows: AuditRows) -> pd.Series[str]:
    """Return the label of each usable text by its digest."""
    import pandas as pd

    usable = rows.usable
    digests = [rows.digests[text] for text in usable]
    return pd.Series([rows.class_of(text) for text in usable], digests, object)


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


def _told_apart(
    texts: Sequence[str], others: Sequence[str], groups: NDArray[np.int64], seed: int
) -> float | None:
    """Return the out-of-fold area under the ROC curve of a model that tells the files apart.

    0.5 is chance, 1 always; None where there is nothing to learn.
    """
    from sklearn.metrics import roc_auc_score

    random, together = np.random.default_rng(seed), [*texts, *others]
    numbers = [np.arange(len(texts)), len(texts) + np.arange(len(others))]
    chosen = np.concatenate([np.sort(random.permutation(each)[:_MAX_TEXTS]) for each in numbers])
    source = (chosen >= len(texts)).astype(np.int64)
    features = weigh_words([together[text] for text in chosen], 2)
    scores = np.zeros(len(chosen))
    for asked in grouped_folds(groups[chosen], source, _FOLDS, seed):
        if not is_separable(features, source[~asked]):
            return None
        found = class_scores(features[~asked], source[~asked], features[asked], 2)
        scores[asked] = found[:, 1] - found[:, 0]
    return float(roc_auc_score(source, scores)) if is_separable(features, source) else None
