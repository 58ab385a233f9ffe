"""What more labelled texts would bring: a linear model's accuracy against how many it learned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.auditing.linear import chunks, class_scorer, common_rows, is_separable
from ecomcat.auditing.rows import NUMBER, AuditRows
from ecomcat.data.cleaning import LABEL
from ecomcat.data.splitting import split_groups
from ecomcat.errors import UserError

PARTS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)  # of the texts that can be learned
_MIN_TEXTS = 100  # that are learned
_FITTED = 3  # last points, which the curve goes on from
_DRAWS = 300  # of the test texts, with replacement
_CORRECTION = 0.5  # errors more, so that none has a logarithm


def learning_curve(
    rows: AuditRows,
    features: Any,
    groups: NDArray[np.int64],
    fractions: tuple[float, float],
    seed: int,
    advance: Callable[[int], object],
) -> dict[str, Any]:
    """Train the same model on more and more texts, test it on the same others, and go on from it.

    Near-duplicates stand on one side. Errors are taken to fall with a power of the number of texts:
    Hestness et al., "Deep learning scaling is predictable, empirically" (arXiv 1712.00409, 2017).

    Args:
        rows: Rows of the audit.
        features: Sparse matrix, what the model counts in each distinct text.
        groups: Array of the group of near-duplicates of each distinct text.
        fractions: Those of validation, which is learned as well, and of test.
        seed: Integer. Seed of the split, and of the order in which texts are learned.
        advance: Function that is told of each model.

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
    right, used = [], []
    for size in sizes:
        chosen = learnt[:size]
        if is_separable(features[numbers[chosen]], label_ids[chosen]):
            scorer = class_scorer(features[numbers[chosen]], label_ids[chosen], len(names))
            asked = chunks(split.test, len(names))
            found = [scorer(features[numbers[part]]).argmax(axis=1) for part in asked]
            right.append(np.concatenate(found) == label_ids[np.concatenate(asked)])
            used.append(size)
        advance(1)
    if len(used) < _FITTED:
        return {"reason": f"there are fewer than {_MIN_TEXTS * 2 ** (_FITTED - 1)} texts to learn"}
    return _described(np.array(right), np.array(used), seed)


def _described(right: NDArray[np.bool_], sizes: NDArray[np.int64], seed: int) -> dict[str, Any]:
    random, texts = np.random.default_rng(seed), right.shape[1]
    gains = [
        _gain(right[:, random.integers(0, texts, texts)].mean(axis=1), sizes, texts)
        for _ in range(_DRAWS)
    ]
    return {
        "test_texts": texts,
        "points": [
            {"texts": int(size), "accuracy": float(row.mean())}
            for size, row in zip(sizes, right, strict=True)
        ],
        "doubled": {
            "texts": int(2 * sizes[-1]),
            "gain": _gain(right.mean(axis=1), sizes, texts),
            "interval": np.quantile(gains, [0.025, 0.975]).tolist(),
        },
    }


def _gain(accuracies: NDArray[np.float64], sizes: NDArray[np.int64], texts: int) -> float:
    """Return how much more accurate twice the texts would make it; more texts do no harm."""
    errors = np.log(1 - accuracies[-_FITTED:] + _CORRECTION / texts)
    slope = float(np.polyfit(np.log(sizes[-_FITTED:]), errors, 1)[0])
    return float((1 - accuracies[-1]) * (1 - 2.0 ** min(slope, 0.0)))
