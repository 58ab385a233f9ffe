"""Find texts that are nearly the same, by MinHash, and group them.

A description that differs from another one in a colour or a size is not a duplicate, but a model
that was trained on one has seen most of the other. Two texts are near-duplicates when the sets
of their shingles (three words in a row) have a Jaccard similarity of at least the threshold;
MinHash finds candidates, and each is verified exactly. Broder, "On the resemblance and containment
of documents", 1997.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecomcat.console import counted
from ecomcat.data.cleaning import folded, key_digest
from ecomcat.process import raise_if_requested, require_extra

SHINGLE_WORDS = 3
_PERMUTATIONS, _SEED = 128, 1
# A pair that is missed does more harm than one that is compared in vain.
_FALSE_POSITIVE_WEIGHT, _FALSE_NEGATIVE_WEIGHT = 0.02, 0.98
# In a larger bucket (a template filled in thousands of times) each text is compared only with so
# many that follow it: the chain connects them just as well.
_MAX_COMPARED = 20
_SHINGLES_AT_A_TIME = 1 << 20  # of the pairs that are compared: bounds the memory it takes
# Letters of these scripts follow each other without spaces, so that each counts as a word: Thai,
# Lao, Tibetan, Myanmar, Khmer, kana and Han.
_UNSPACED = (
    *((0x0E00, 0x0FFF), (0x1000, 0x109F), (0x1780, 0x17FF)),
    *((0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF)),
)


def words_of(text: str, table: _Words | None = None) -> list[str]:
    """Split a text into normalised words: runs of letters, marks and digits, case folded.

    >>> words_of("Red-Shirt, 2 sizes")
    ['red', 'shirt', '2', 'sizes']
    """
    return folded(text).translate(_Words() if table is None else table).split()


class _Words(dict[int, str]):
    """Map code points for `str.translate`: what separates words becomes a space."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        mapped = character if unicodedata.category(character)[0] in "LMN" else " "
        if any(low <= code <= high for low, high in _UNSPACED):
            mapped = f" {mapped} "
        self[code] = mapped
        return mapped


class _WordHashes(dict[str, int]):
    """Map words to 64 bits, the same in every process and for every order of texts."""

    def __missing__(self, word: str) -> int:
        self[word] = value = int.from_bytes(key_digest(word), "little")
        return value


def all_shingles(texts: Sequence[str]) -> list[NDArray[np.uint64]]:
    """Return the distinct shingles of each text, in order of their numbers.

    A text with fewer words than a shingle gives one shingle of all, and one without words none.
    """
    table, hashes = _Words(), _WordHashes()
    return [_shingles([hashes[word] for word in words_of(text, table)]) for text in texts]


def _shingles(hashes: list[int]) -> NDArray[np.uint64]:
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


@dataclass(frozen=True)
class NearDuplicates:
    """Which texts are nearly the same.

    Args:
        groups: Array of shape `(texts,)`, a number for each text. Texts of one number are
            connected by pairs, and a text that is like no other has its own number. Numbers
            follow the first text of each group.
        pairs: Array of shape `(pairs, 2)`, two text numbers per row, the lower first, sorted.
            Texts with the same shingles are paired only with the first of them, and not all pairs
            of very many similar texts are listed.
        similarities: Array of shape `(pairs,)`. Jaccard similarity of each pair.
    """

    groups: NDArray[np.int64]
    pairs: NDArray[np.int64]
    similarities: NDArray[np.float64]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """The number of texts of each group, shape `(groups,)`."""
        return np.bincount(self.groups)


def find_near_duplicates(
    texts: Sequence[str], threshold: float, progress: Callable[[int], None] = lambda _read: None
) -> NearDuplicates:
    """Group texts that are nearly the same.

    The groups are the same for the same texts and threshold. A pair just above the threshold can
    be missed: with 128 permutations about 1 in 100 of these is, and far fewer well above it.

    Args:
        texts: Sequence of strings. Those without a word are like no other.
        threshold: Float above 0, at most 1. The least Jaccard similarity of a pair.
        progress: Function that is called with how many more distinct texts have been read.

    Raises:
        UserError: When the package datasketch is missing.
    """
    require_extra("audit", "datasketch", needed_for="Looking for near-duplicates")
    shingles = all_shingles(texts)
    first_of: dict[bytes, int] = {}
    # Of texts with the same shingles only one has to be compared.
    first = np.array([first_of.setdefault(row.tobytes(), n) for n, row in enumerate(shingles)], int)
    filled = np.array([len(row) > 0 for row in shingles], bool)
    is_first = first == np.arange(len(texts))
    distinct, same = np.flatnonzero(is_first & filled), np.flatnonzero(~is_first & filled)
    near, similarities = _similar([shingles[row] for row in distinct], threshold, progress)
    pairs = np.concatenate([np.column_stack([first[same], same]), distinct[near]])
    similarities = np.concatenate([np.ones(len(same)), similarities])
    order = np.lexsort(pairs.T[::-1])
    return NearDuplicates(connected(len(texts), pairs), pairs[order], similarities[order])


def _similar(
    shingles: Sequence[NDArray[np.uint64]], threshold: float, progress: Callable[[int], None]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the pairs of texts that are similar enough, and their similarities."""
    from scipy.sparse import csr_array

    sizes = np.array([len(row) for row in shingles], np.int64)
    every = np.concatenate([*shingles, np.empty(0, np.uint64)])
    distinct, columns = np.unique(every, return_inverse=True)
    entries = (np.ones(len(every), np.int32), columns, np.concatenate([[0], np.cumsum(sizes)]))
    matrix = csr_array(entries, shape=(len(sizes), len(distinct)))
    candidates = _candidates(shingles, threshold, progress)
    smaller, larger = np.sort(sizes[candidates], axis=1).T
    candidates = candidates[smaller / larger >= threshold]
    part = np.cumsum(sizes[candidates].sum(axis=1)) // _SHINGLES_AT_A_TIME
    found = [np.empty((0, 2), np.int64)]
    similarities = [np.empty(0)]
    for pairs in np.split(candidates, np.flatnonzero(np.diff(part)) + 1):
        raise_if_requested()
        one, other = pairs.T
        shared = (matrix[one] * matrix[other]).sum(axis=1)
        similarity = shared / (sizes[one] + sizes[other] - shared)
        found.append(pairs[similarity >= threshold])
        similarities.append(similarity[similarity >= threshold])
    return np.concatenate(found), np.concatenate(similarities)


def _candidates(
    shingles: Sequence[NDArray[np.uint64]], threshold: float, progress: Callable[[int], None]
) -> NDArray[np.int64]:
    """Return pairs, shape `(pairs, 2)`, that agree in all of a band of their signatures.

    The library's own index stores every band of every text in Python's sets, 1 GB for 50,000
    texts; one band at a time only needs sorting.
    """
    from datasketch import MinHash, MinHashLSH

    sketch = MinHash(_PERMUTATIONS, seed=_SEED, hashfunc=int)
    signatures = np.empty((len(shingles), _PERMUTATIONS), np.uint32)
    for number, row in enumerate(counted(shingles, progress)):
        raise_if_requested()
        sketch.clear()
        sketch.update_batch(row >> np.uint64(32))
        signatures[number] = sketch.hashvalues
    weights = (_FALSE_POSITIVE_WEIGHT, _FALSE_NEGATIVE_WEIGHT)
    bands = MinHashLSH(threshold, _PERMUTATIONS, weights=weights)
    pairs = np.empty(0, np.int64)  # as one number: the first text's times the texts, plus the other
    for band in range(bands.b):
        raise_if_requested()
        part = np.ascontiguousarray(signatures[:, band * bands.r : (band + 1) * bands.r])
        _, bucket = np.unique(part, axis=0, return_inverse=True)
        order = np.argsort(bucket, kind="stable")
        ranked, found = bucket[order], [pairs]
        for distance in range(1, min(_MAX_COMPARED, len(order) - 1) + 1):
            together = ranked[distance:] == ranked[:-distance]
            one, other = order[:-distance][together], order[distance:][together]
            found.append(one * len(shingles) + other)
        pairs = np.unique(np.concatenate(found))
    return np.column_stack(np.divmod(pairs, max(1, len(shingles))))


def connected(count: int, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give things, from 0 to `count`, one number where pairs connect them, by the first of them.

    >>> connected(4, np.array([[1, 3]]))
    array([0, 1, 2, 1])
    """
    import pandas as pd
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = (np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1]))
    _, found = connected_components(coo_array(edges, shape=(count, count)), directed=False)
    return np.asarray(pd.factorize(found)[0], np.int64)
