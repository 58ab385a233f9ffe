"""What a leaking split hides: the same linear model on three kinds of split of the same file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.auditing.labels import class_scores, is_separable
from ecomcat.auditing.rows import AuditRows
from ecomcat.data.cleaning import LABEL
from ecomcat.data.splitting import Split, split_groups, split_rows
from ecomcat.errors import UserError
from ecomcat.model.metrics import macro_f1

NAIVE, DISTINCT, GROUPED = KINDS = (
    "random split of all rows",
    "repeats removed first",
    "near-duplicates on one side, too",
)
_MIN_TEXTS = 10  # distinct ones, of a class


@dataclass(frozen=True)
class _Rows:
    """Rows that are split: the numbers of their texts, and the names of their classes."""

    texts: NDArray[np.int64]
    labels: NDArray[np.str_]

    def of_classes(self, names: set[str]) -> _Rows:
        """Leave out the rows of all other classes."""
        chosen = np.isin(self.labels, list(names))
        return _Rows(self.texts[chosen], self.labels[chosen])


def compare_splits(
    rows: AuditRows,
    features: Any,
    groups: NDArray[np.int64],
    fractions: tuple[float, float],
    seeds: range,
    advance: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """Split the rows in three ways, and train and test the same model on each.

    Args:
        rows: The rows of the file.
        features: Sparse matrix, a row a distinct text.
        groups: Integer array `(texts,)`, the group of near-duplicates of each text.
        fractions: Fractions of validation, which is trained on as well, and of test.
        seeds: Seeds of the splits.
        advance: Called after each training.

    Returns:
        For each kind of split, a list over the seeds of accuracy, macro-F1 and the fractions of
        test rows with a twin or a near-duplicate in training; or `reason`, why there are none.
    """
    names = np.array(rows.class_names, object)
    everything = _Rows(rows.rows["number"].to_numpy(), rows.rows[LABEL].to_numpy())
    distinct = _Rows(rows.usable, names[rows.label_ids[rows.usable]])
    # Of distinct texts: a class of few texts that repeat would be in one kind of split alone.
    common = {name for name, size in rows.cleaned.class_sizes().items() if size >= _MIN_TEXTS}
    if len(common) < 2:
        return {"reason": f"there are fewer than two categories of {_MIN_TEXTS} distinct texts"}
    everything, distinct = everything.of_classes(common), distinct.of_classes(common)
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    try:
        for seed in seeds:
            for kind, chosen, split in _splits(everything, distinct, groups, fractions, seed):
                found[kind].append(_scores(chosen, split, features, groups))
                advance()
    except UserError as error:
        return {"reason": str(error)}
    return {"splits": found, "test_fraction": fractions[1]}


def _splits(
    everything: _Rows,
    distinct: _Rows,
    groups: NDArray[np.int64],
    fractions: tuple[float, float],
    seed: int,
) -> Iterator[tuple[str, _Rows, Split]]:
    for kind, rows in ((NAIVE, everything), (DISTINCT, distinct)):
        yield kind, rows, split_rows(list(rows.labels), *fractions, seed)
    together = split_groups(list(distinct.labels), groups[distinct.texts], *fractions, seed)
    yield GROUPED, distinct, together


def _scores(
    rows: _Rows, split: Split, features: Any, groups: NDArray[np.int64]
) -> dict[str, float]:
    names, label_ids = np.unique(rows.labels, return_inverse=True)
    train = np.concatenate([split.train, split.validation])
    train, test, right = rows.texts[train], rows.texts[split.test], label_ids[split.test]
    learnt = label_ids[np.concatenate([split.train, split.validation])]
    if not is_separable(features, learnt):
        raise UserError("the training rows have no common words, or one class")
    scores = class_scores(features[train], learnt, features[test], len(names))
    predicted = scores.argmax(axis=1)
    return {
        "accuracy": float((predicted == right).mean()),
        "macro_f1": macro_f1(right, predicted, len(names)),
        "twins": float(np.isin(test, train).mean()),
        "near": float(np.isin(groups[test], groups[train]).mean()),
    }


def mean(found: Mapping[str, Any], kind: str, name: str) -> tuple[float, float]:
    """Return the mean and standard deviation of a figure over the splits of a kind."""
    values = [each[name] for each in found["splits"][kind]]
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
