"""Batches of texts of similar length, padded to the longest of their own.

Texts differ in length by a factor of hundreds: padding all of them to one length would make most
of the work padding. Each epoch shuffles, sorts by length within windows of many batches, and
shuffles the batches, so that neighbours still differ from epoch to epoch.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_WINDOW_BATCHES = 50


def training_batches(
    lengths: NDArray[np.int64], batch_size: int, seed: int, epoch: int
) -> list[NDArray[np.int64]]:
    """Draw one epoch's batches.

    Args:
        lengths: tokens of each text, shape `(texts,)`.
        batch_size: texts of a batch; the last may be smaller.
        seed: of the shuffling.
        epoch: its number; each epoch has its own order, the same whenever it is asked for.

    Returns:
        Text numbers of each batch; every text stands in exactly one.
    """
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(lengths))
    window = batch_size * _WINDOW_BATCHES
    batches = [
        batch
        for start in range(0, len(order), window)
        for batch in _by_length(order[start : start + window], lengths, batch_size)
    ]
    return [batches[index] for index in random.permutation(len(batches))]


def scoring_batches(lengths: NDArray[np.int64], batch_size: int) -> list[NDArray[np.int64]]:
    """Group texts by length; every text stands in exactly one batch."""
    return list(_by_length(np.arange(len(lengths)), lengths, batch_size))


def _by_length(
    rows: NDArray[np.int64], lengths: NDArray[np.int64], batch_size: int
) -> Iterator[NDArray[np.int64]]:
    ordered = rows[np.argsort(lengths[rows], kind="stable")]
    for start in range(0, len(ordered), batch_size):
        yield ordered[start : start + batch_size]
