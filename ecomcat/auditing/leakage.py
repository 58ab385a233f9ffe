"""By how much a split that leaks flatters: the same linear model on three kinds of split."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.auditing.features import LinearModel, is_separable
from ecomcat.auditing.rows import AuditRows
from ecomcat.data.grouped_split import split_groups
from ecomcat.data.split import Split, split_rows
from ecomcat.errors import UserError
from ecomcat.model.scores import macro_f1
from ecomcat.stopping import raise_if_requested

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
