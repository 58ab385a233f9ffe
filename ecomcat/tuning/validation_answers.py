"""A trial's answers to the validation texts, in a file of bounded size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MAX_WHOLE = 15_000_000  # probabilities that are saved as they are, 4 bytes each
_MAX_LARGEST, _MIN_OF_A_TEXT = 10_000_000, 8  # if more: the largest of each text, 6 bytes each
_ROWS = 4096  # at a time


def packed(
    probabilities: NDArray[np.float32], max_whole: int = _MAX_WHOLE, max_largest: int = _MAX_LARGEST
) -> dict[str, NDArray[Any]]:
    """Return the arrays that are saved of probabilities `(texts, num_classes)`.

    With thousands of texts and classes these are the largest probabilities of each text; the small
    rest counts as spread evenly over the other classes.

    Args:
        probabilities: Array of shape `(texts, num_classes)`.
        max_whole: Integer. Up to so many numbers are saved as they are.
        max_largest: Integer. If there are more, about so many are saved. Defaults to some 60 MB.
    """
    texts, num_classes = probabilities.shape
    if probabilities.size <= max_whole:
        return {"probabilities": probabilities}
    count = min(num_classes - 1, max(_MIN_OF_A_TEXT, max_largest // texts))
    ids = np.empty((texts, count), np.uint16 if num_classes <= 1 << 16 else np.uint32)
    for first in range(0, texts, _ROWS):
        rows = slice(first, first + _ROWS)
        ids[rows] = np.argpartition(-probabilities[rows], count, axis=1)[:, :count]
    largest = np.take_along_axis(probabilities, ids.astype(np.intp), axis=1)
    return {"largest": largest, "ids": ids, "num_classes": np.array(num_classes)}


def predicted(saved: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
    """Return the most probable class of each text from the arrays that `packed` returned.

    >>> predicted(packed(np.array([[0.2, 0.7, 0.1], [0.6, 0.3, 0.1]], np.float32))).tolist()
    [1, 0]
    """
    if "probabilities" in saved:
        whole: NDArray[np.int64] = saved["probabilities"].argmax(axis=1)
        return whole
    best = saved["largest"].argmax(axis=1)[:, None]
    return np.take_along_axis(saved["ids"], best, axis=1)[:, 0].astype(np.int64)


def unpacked(saved: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
    """Return probabilities from the arrays that `packed` returned.

    >>> shares = np.array([[0.9, 0.06, 0.03, 0.01]], np.float32)
    >>> np.allclose(unpacked(packed(shares)), shares)
    True
    """
    if "probabilities" in saved:
        whole: NDArray[np.float32] = saved["probabilities"]
        return whole
    largest, ids, num_classes = saved["largest"], saved["ids"], int(saved["num_classes"])
    rest = np.maximum(1 - largest.sum(axis=1, keepdims=True), 0) / (num_classes - ids.shape[1])
    found = np.repeat(rest.astype(np.float32), num_classes, axis=1)
    np.put_along_axis(found, ids.astype(np.intp), largest, axis=1)
    return found
