"""Texts padded to one width, which training takes in place of texts of their own lengths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecomcat.text.encoding import EncodedTexts


@dataclass(frozen=True)
class FixedWidthTexts(EncodedTexts):
    """Texts that are padded to one width, once, before training.

    Args:
        matrix: all texts' ids, shape `(texts, width)`.
    """

    matrix: NDArray[np.int32]

    def padded(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return some texts as a matrix of shape `(batch, width)`."""
        selected: NDArray[np.int32] = self.matrix[rows]
        return selected

    def take(self, rows: NDArray[np.int64]) -> FixedWidthTexts:
        """Return some of the texts, as wide as before."""
        taken = super().take(rows)
        return FixedWidthTexts(taken.ids, taken.offsets, self.matrix[rows])


def pad_to_width(texts: EncodedTexts, width: int) -> FixedWidthTexts:
    """Pad all texts to one width.

    Args:
        texts: none longer than the width.
        width: tokens.
    """
    narrow = texts.padded(np.arange(len(texts)))
    return FixedWidthTexts(
        texts.ids, texts.offsets, np.pad(narrow, ((0, 0), (0, width - narrow.shape[1])))
    )
