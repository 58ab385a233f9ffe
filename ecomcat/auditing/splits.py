"""What a leaking split hides: the same linear model on three kinds of split of the same file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecomcat.auditing.labels import class_scores, is_separable
from ecomcat.auditing.rows import NUMBER, AuditRows
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
    # Of distinct texts: a class of few texts that repeat would be in one kind of split alone.
    common = [name for name, size in rows.cleaned.class_sizes().items() if size >= _MIN_TEXTS]
    if len(common) < 2:
        return {"reason": f"there are fewer than two categories of {_MIN_TEXTS} distinct texts"}
    usable = rows.usable
    distinct = pd.DataFrame({NUMBER: usable, LABEL: [rows.class_of(text) for text in usable]})
    everything, distinct = (each[each[LABEL].isin(common)] for each in (rows.rows, distinct))
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
    everything: pd.DataFrame,
    distinct: pd.DataFrame,
    groups: NDArray[np.int64],
    fractions: tuple[float, float],
    seed: int,
) -> Iterator[tuple[str, pd.DataFrame, Split]]:
    for kind, rows in ((NAIVE, everything), (DISTINCT, distinct)):
        yield kind, rows, split_rows(list(rows[LABEL]), *fractions, seed)
    together = split_groups(list(distinct[LABEL]), groups[distinct[NUMBER]], *fractions, seed)
    yield GROUPED, distinct, together


def _scores(
    rows: pd.DataFrame, split: Split, features: Any, groups: NDArray[np.int64]
) -> dict[str, float]:
    names, label_ids = np.unique(rows[LABEL], return_inverse=True)
    learnt, asked = np.concatenate([split.train, split.validation]), split.test
    train, test = (rows[NUMBER].to_numpy()[part] for part in (learnt, asked))
    if not is_separable(features, label_ids[learnt]):
        raise UserError("the training rows have no common words, or one class")
    scores = class_scores(features[train], label_ids[learnt], features[test], len(names))
    predicted, right = scores.argmax(axis=1), label_ids[asked]
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
