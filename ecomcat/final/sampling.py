"""Random samples of rows, where all of them would take too much time or memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MAX_JUDGED_TEXTS, _MAX_NUMBERS = 20_000, 2_000_000


def sample_rows(rows: int, max_rows: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Return row numbers in ascending order: all, or a random sample of `max_rows`."""
    if rows <= max_rows:
        return np.arange(rows)
    return np.sort(random.choice(rows, max_rows, replace=False))


def judged_rows(texts: int, num_classes: int, seed: int) -> NDArray[np.int64]:
    """Return which validation texts a choice among trials is made on.

    Fifty trials' probabilities of them are 400 MB at most, whatever the number of classes.

    >>> len(judged_rows(texts=50_000, num_classes=1000, seed=1))
    2000
    """
    max_rows = max(1, min(_MAX_JUDGED_TEXTS, _MAX_NUMBERS // num_classes))
    return sample_rows(texts, max_rows, np.random.default_rng(seed))
