"""How often each word stands in each text, and how rare each word is, from token ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.text.tokenizer import UNKNOWN_ID

if TYPE_CHECKING:
    from ecomcat.text.encoding import EncodedTexts


def count_words(encoded: EncodedTexts, vocabulary_size: int) -> Any:
    """Count the words of texts.

    Args:
        encoded: the texts.
        vocabulary_size: ids that they may hold.

    Returns:
        A sparse matrix `(texts, vocabulary)`, one entry for each word of a text.
    """
    from scipy import sparse

    # scikit-learn takes only indices of 32 bits.
    texts = np.repeat(np.arange(len(encoded), dtype=np.int32), encoded.lengths)
    ones = np.ones(len(texts), np.float32)
    shape = (len(encoded), vocabulary_size)
    return sparse.csr_array((ones, (texts, encoded.ids)), shape=shape)


def rarity(counts: Any) -> NDArray[np.float32]:
    """Return each word's inverse document frequency, as scikit-learn smooths it.

    Args:
        counts: words of texts, as `count_words` returns them.

    Returns:
        Shape `(vocabulary,)`; padding and the unknown word count 0.
    """
    texts, vocabulary_size = counts.shape
    met = np.bincount(counts.indices, minlength=vocabulary_size)
    weights: NDArray[np.float32] = (np.log((1 + texts) / (1 + met)) + 1).astype(np.float32)
    weights[: UNKNOWN_ID + 1] = 0.0
    return weights
