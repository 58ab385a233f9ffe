"""Groups of neighbouring letters within words, which help with rare or unknown words.

"<red>" has the groups "<r", "re", …, "<red>": 2 to 5 neighbouring letters, including the marks of
the beginning and the end, as in Bojanowski et al., "Enriching word vectors with subword
information" (TACL 5, 2017, section 3.2). A hash of its letters identifies a group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SIZES = (2, 3, 4, 5)  # letters of a group
_MAX_LETTERS = 24  # of a word; longer ones are mostly not words
MULTIPLIER = 2_654_435_761
"""It spreads neighbouring numbers: Knuth, TAOCP 3, section 6.4."""

_CHUNK = 4096  # pieces copied at a time, which bounds the memory of positions
_POSITIVE = 0x7FFFFFFF  # the bits of an integer of 32 bits that leave it above 0


@dataclass(frozen=True)
class Spelling:
    """Groups of letters of words, each a number above 0.

    Args:
        first: Integer. The number of the first word in encoded texts.
        groups: Array of shape `(groups,)`, all words' one after the other.
        starts: Array of shape `(words + 1,)`, where the groups of each word begin, and the end.
        more: `Spelling`. That of further words. Defaults to none.
    """

    first: int
    groups: NDArray[np.int32]
    starts: NDArray[np.int64]
    more: Spelling | None = None

    def groups_of(self, words: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the groups of some words, one after the other."""
        starts, counts = self._found(words)
        groups = gather(self.groups, starts, counts)
        if self.more is None:
            return groups
        of_others = self.more.counts_of(words)
        together = np.empty(len(groups) + of_others.sum(), np.int32)
        from_others = np.repeat(of_others > 0, counts + of_others)
        together[from_others], together[~from_others] = self.more.groups_of(words), groups
        return together

    def counts_of(self, words: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return how many groups each of some words has."""
        counts = self._found(words)[1]
        return counts if self.more is None else counts + self.more.counts_of(words)

    def _found(self, words: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where the groups of each word begin, and how many it has here."""
        rows = words.astype(np.int64) - self.first
        rows[(rows < 0) | (rows >= len(self.starts) - 1)] = -1
        starts = self.starts[rows]
        return starts, np.where(rows < 0, 0, self.starts[rows + 1] - starts)


def spell(words: Sequence[str], first: int = 0) -> Spelling:
    """Find the groups of letters of words; a word of one letter has none.

    A group's number is made from its letters' code points, one after the other: the number so far
    times 2,654,435,761, plus the next code point, of which the last 31 bits are taken.

    Args:
        words: Sequence of strings.
        first: Integer. The number of the first of them in encoded texts. Defaults to 0.

    >>> spell(["a", "of"]).groups.tolist()[:2] == [
    ...     (ord(first) * 2_654_435_761 + ord(second)) % 2**31 for first, second in ("<o", "of")
    ... ]
    True
    """
    marked = [f"<{word[:_MAX_LETTERS]}>" if len(word) > 1 else "" for word in words]
    lengths = np.fromiter(map(len, marked), np.int64, len(marked))
    counts = np.maximum(lengths[:, None] - np.array(_SIZES) + 1, 0)
    starts = offsets_of(counts.sum(axis=1))
    begins = starts[:-1, None] + np.cumsum(counts, axis=1) - counts
    groups = np.empty(starts[-1], np.int32)
    encoded = "".join(marked).encode("utf-32-le", "surrogatepass")
    letters = np.frombuffer(encoded, np.uint32).astype(np.uint64)
    owner = np.repeat(np.arange(len(marked)), lengths)
    place = np.arange(len(letters)) - (np.cumsum(lengths) - lengths)[owner]
    numbers = letters
    for column, size in enumerate(_SIZES):
        numbers = numbers[:-1] * np.uint64(MULTIPLIER) + letters[size - 1 :]
        inside = np.flatnonzero(place[: len(numbers)] + size <= lengths[owner[: len(numbers)]])
        found = np.maximum(numbers[inside] & np.uint64(_POSITIVE), 1)
        groups[begins[owner[inside], column] + place[inside]] = found
    return Spelling(first, groups, starts)


def gather(
    values: NDArray[np.int32], starts: NDArray[np.int64], lengths: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Copy as many values as `lengths` say from each of `starts`, one after the other."""
    offsets = offsets_of(lengths)
    gathered = np.empty(offsets[-1], np.int32)
    for first in range(0, len(starts), _CHUNK):
        chunk = slice(first, first + _CHUNK)
        begins, ends = offsets[:-1][chunk], offsets[1:][chunk]
        # The source of each value minus its destination.
        moved = np.repeat(starts[chunk] - begins, lengths[chunk])
        goes_to = np.arange(begins[0], ends[-1])
        gathered[begins[0] : ends[-1]] = values[moved + goes_to]
    return gathered


def offsets_of(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where pieces of some lengths begin if they follow each other, and the end."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
