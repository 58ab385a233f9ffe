"""Some rows by lot, where all of them would need too much time or memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


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
