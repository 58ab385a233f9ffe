"""Random samples of rows, where all of them would take too much time or memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MAX_JUDGED_TEXTS, _MAX_NUMBERS = 20_000, 2_000_000


def max_judged_texts(num_classes: int) -> int:
    """Return how many validation texts a choice among trials is made on, at most.

    Fifty trials' probabilities of them are then 400 MB, whatever the number of classes.

    >>> max_judged_texts(1000)
    2000
    """
    return max(1, min(_MAX_JUDGED_TEXTS, _MAX_NUMBERS // num_classes))


def sample_rows(rows: int, max_rows: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Return row numbers in ascending order: all, or a random sample of `max_rows`.

    Args:
        rows: Integer. How many rows there are.
        max_rows: Integer. How many are allowed.
        random: Generator, which is left alone where all rows are allowed.
    """
    if rows <= max_rows:
        return np.arange(rows)
    return np.sort(random.choice(rows, max_rows, replace=False))


def sample_with_each_class(
    label_ids: NDArray[np.int64], max_rows: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Return row numbers as `sample_rows` does, and the first row of each class, however rare.

    Args:
        label_ids: Array of class numbers, shape `(rows,)`.
        max_rows: Integer. How many are allowed, but for the first row of each class.
        random: Generator, which is left alone where all rows are allowed.
    """
    rows = sample_rows(len(label_ids), max_rows, random)
    return np.union1d(rows, np.unique(label_ids, return_index=True)[1])
