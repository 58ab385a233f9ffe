"""Texts as sets of shingles: numbers that stand for three words in a row.

The numbers are the same in every process, for every order of the texts.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SHINGLE_WORDS = 3
# Letters of these scripts follow each other without spaces, so that each counts as a word: Thai,
# Lao, Tibetan, Myanmar, Khmer, kana and Han.
_UNSPACED = (
    *((0x0E00, 0x0FFF), (0x1000, 0x109F), (0x1780, 0x17FF)),
    *((0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF)),
)


def words_of(text: str, table: _Words | None = None) -> list[str]:
    """Split a text into normalised words: runs of letters, marks and digits, case folded.

    Args:
        text: any text.
        table: to reuse over many calls.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return folded.translate(_Words() if table is None else table).split()


class _Words(dict[int, str]):
    """Map code points for `str.translate`: what parts words becomes a space."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        kept = character if unicodedata.category(character)[0] in "LMN" else " "
        if any(low <= code <= high for low, high in _UNSPACED):
            kept = f" {kept} "
        self[code] = kept
        return kept


class _WordHashes(dict[str, int]):
    """Map words to 64 bits, the same in every process and for every order of texts."""

    def __missing__(self, word: str) -> int:
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        self[word] = value = int.from_bytes(digest, "little")
        return value


def all_shingles(texts: Sequence[str]) -> list[NDArray[np.uint64]]:
    """Return the distinct shingles of each text, in order of their numbers.

    Args:
        texts: any texts; one of fewer words than a shingle has gives one shingle of all of them,
            and one without a word gives none.
    """
    table, hashes = _Words(), _WordHashes()
    return [_shingles([hashes[word] for word in words_of(text, table)]) for text in texts]


def _shingles(hashes: list[int]) -> NDArray[np.uint64]:
    """Return the distinct shingles of a text in order; one of all its words if they are few."""
    if not hashes:
        return np.empty(0, np.uint64)
    words = np.array(hashes, np.uint64)
    length = min(SHINGLE_WORDS, len(words))
    count = len(words) - length + 1
    mixed = np.full(count, length, np.uint64)
    for position in range(length):
        mixed = _mix(mixed ^ words[position : position + count])
    return np.unique(mixed)


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scatter 64-bit values, one to one: multiply by an odd number, fold the high bits down."""
    scattered = values * np.uint64(0x9E3779B97F4A7C15)
    return scattered ^ (scattered >> np.uint64(29))
