"""Some rows by lot, where all of them would need too much time or memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MOST_TEXTS, _MOST_NUMBERS = 20_000, 2_000_000


def most_texts(classes: int) -> int:
    """Return how many validation texts a choice among trials looks at, at most.

    Fifty trials' probabilities of them are then 400 MB, whatever the number of categories.

    Args:
        classes: number of categories.
    """
    return max(1, min(_MOST_TEXTS, _MOST_NUMBERS // classes))


def some_rows(rows: int, most: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Return row numbers in ascending order: all, or as many as are allowed, by lot.

    Args:
        rows: how many there are.
        most: how many are allowed.
        random: source of chance, left alone where all are allowed.
    """
    if rows <= most:
        return np.arange(rows)
    return np.sort(random.choice(rows, most, replace=False))


def some_of_each(
    labels: NDArray[np.int64], most: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Return row numbers as `some_rows` does, and the first of each class, however rare.

    Args:
        labels: class numbers, shape `(rows,)`.
        most: how many are allowed, but for the first of each class.
        random: source of chance, left alone where all are allowed.
    """
    rows = some_rows(len(labels), most, random)
    return np.union1d(rows, np.unique(labels, return_index=True)[1])
