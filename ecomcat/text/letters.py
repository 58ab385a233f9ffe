"""Letters in a row within words, which tell something of words that a vocabulary lacks.

"<red>" has the groups "<r", "re", …, "<red>": its 2 to 5 neighbouring letters, the marks of its
beginning and end among them, as in Bojanowski et al., "Enriching word vectors with subword
information" (TACL 5, 2017, section 3.2). A group is told from others by a checksum.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

_SIZES = (2, 3, 4, 5)  # letters of a group
_MAX_LETTERS = 24  # of a word; what is longer is mostly no word
_POSITIVE = 0x7FFFFFFF  # the bits of an integer of 32 bits that leave it above 0


def letter_groups(word: str) -> list[int]:
    """Return a number for each group of letters of a word; none for a word of one letter.

    It is the CRC-32 of the group's UTF-8, without the highest bit.

    >>> letter_groups("of") == [
    ...     zlib.crc32(group) & 0x7FFFFFFF
    ...     for group in (b"<o", b"of", b"f>", b"<of", b"of>", b"<of>")
    ... ]
    True
    """
    if len(word) < 2:  # the vocabulary has each letter that tells anything
        return []
    marked = f"<{word[:_MAX_LETTERS]}>"
    return [
        zlib.crc32(marked[start : start + size].encode()) & _POSITIVE or 1
        for size in _SIZES
        for start in range(len(marked) - size + 1)
    ]


@dataclass(frozen=True)
class Spelling:
    """The words of encoded texts, for their groups of letters.

    Args:
        words: Sequence of strings, none twice.
        first: Integer. The number of the first of them in encoded texts. Defaults to 0.
    """

    words: Sequence[str] = ()
    first: int = 0

    @cached_property
    def groups(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """All words' groups one after the other, and where each word's begin, and the end."""
        of_words = [letter_groups(word) for word in self.words]
        starts = np.cumsum([0, *map(len, of_words)], dtype=np.int64)
        return np.fromiter(chain.from_iterable(of_words), np.int32, int(starts[-1])), starts
