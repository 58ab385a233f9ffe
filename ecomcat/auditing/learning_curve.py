"""The gain of more labelled texts: a linear model's accuracy against how many it learned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.auditing.linear import common_rows, is_separable, predict_classes
from ecomcat.auditing.rows import NUMBER, AuditRows
from ecomcat.data.cleaning import LABEL
from ecomcat.data.splitting import split_groups
from ecomcat.errors import UserError
from ecomcat.model.learning_curve import MIN_POINTS, extrapolated_curve

PARTS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)  # of the texts that can be learned
_MIN_TEXTS = 100  # that are learned
_MIN_TEXTS_FOR_CURVE = _MIN_TEXTS * 2 ** (MIN_POINTS - 1)  # so that there are enough points


def learning_curve(
    rows: AuditRows,
    features: Any,
    groups: NDArray[np.int64],
    fractions: tuple[float, float],
    seed: int,
    advance: Callable[[int], object],
) -> dict[str, Any]:
    """Train the same model on more and more texts, test it on the same others, and extrapolate.

    Near-duplicates are on one side.

    Args:
        rows: Rows of the audit.
        features: Sparse matrix, what the model counts in each distinct text.
        groups: Array of the group of near-duplicates of each distinct text.
        fractions: Fractions of validation, which is learned as well, and of test.
        seed: Integer. Seed of the split, and of the order in which texts are learned.
        advance: Function that is called after each model.

    Returns:
        `points` with `texts`, `accuracy` and its test texts, and `doubled`: the number of `texts`,
        the `gain` in accuracy and its 95 % `interval`; or the `reason` why there are none.
    """
    try:
        distinct = common_rows(rows)
        numbers, labels = distinct[NUMBER].to_numpy(), list(distinct[LABEL])
        split = split_groups(labels, groups[numbers], *fractions, seed)
    except UserError as error:
        return {"reason": str(error).rstrip(".")}
    names, label_ids = np.unique(labels, return_inverse=True)
    learnt = np.random.default_rng(seed).permutation(np.union1d(split.train, split.validation))
    sizes = [size for part in PARTS if (size := int(part * len(learnt))) >= _MIN_TEXTS]
    test, right, used = numbers[split.test], [], []
    for size in sizes:
        train, trained_ids = numbers[learnt[:size]], label_ids[learnt[:size]]
        if is_separable(features[train], trained_ids):
            found = predict_classes(features, train, trained_ids, test, len(names))
            right.append(found == label_ids[split.test])
            used.append(size)
        advance(1)
    if len(used) < MIN_POINTS:
        return {"reason": f"there are fewer than {_MIN_TEXTS_FOR_CURVE} texts to learn"}
    curve = extrapolated_curve(np.array(right), np.array(used), seed)
    return {"test_texts": len(test), **curve}
