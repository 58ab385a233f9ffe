"""Texts as token ids, encoded once, and batches of similar length, padded to their longest.

Texts differ in length by a factor of hundreds: padding all of them to one length would make most
of the work padding. Each epoch shuffles, sorts by length within windows of many batches, and
shuffles the batches, so that neighbours still differ from epoch to epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ecomcat.text.tokenizer import PADDING_ID, UNKNOWN_ID, encode_texts

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_FEW_WORDS = 50  # under which a text loses a smaller share of them
_CHUNK = 4096  # texts at a time, which bounds the memory of Python's lists and of positions
_WINDOW_BATCHES = 50  # within which an epoch sorts texts by length


@dataclass(frozen=True)
class EncodedTexts:
    """Token ids of many texts in one array.

    Args:
        ids: Array of shape `(tokens,)`, all texts' ids one after the other.
        offsets: Array of shape `(texts + 1,)`, where each text begins, and the end.

    >>> texts = EncodedTexts(np.array([5, 2, 7], np.int32), np.array([0, 1, 3]))
    >>> texts.padded(np.array([0, 1])).tolist()
    [[5, 0], [2, 7]]
    """

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text, shape `(texts,)`."""
        return np.diff(self.offsets)

    def view(self, vocabulary_size: int, max_tokens: int) -> EncodedTexts:
        """Return the same texts as a smaller vocabulary and a length limit would encode them."""
        shortened = self._gather(self.offsets[:-1], np.minimum(self.lengths, max_tokens))
        shortened.ids[shortened.ids >= vocabulary_size] = UNKNOWN_ID
        return shortened

    def take(self, rows: NDArray[np.int64]) -> EncodedTexts:
        """Return some of the texts, in the order asked for."""
        return self._gather(self.offsets[rows], self.lengths[rows])

    def _gather(self, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> EncodedTexts:
        """Copy `lengths` tokens from each of `starts`."""
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        ids = np.empty(offsets[-1], np.int32)
        for first in range(0, len(starts), _CHUNK):
            chunk = slice(first, first + _CHUNK)
            begins, ends = offsets[:-1][chunk], offsets[1:][chunk]
            # Where each token comes from, less where it goes to.
            moved = np.repeat(starts[chunk] - begins, lengths[chunk])
            goes_to = np.arange(begins[0], ends[-1])
            ids[begins[0] : ends[-1]] = self.ids[moved + goes_to]
        return EncodedTexts(ids, offsets)

    def padded(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return some texts as a matrix `(batch, longest)` of token ids, padded with 0."""
        lengths = self.lengths[rows]
        columns = np.arange(lengths.max(initial=1))
        inside = columns < lengths[:, None]
        matrix = np.zeros(inside.shape, np.int32)
        matrix[inside] = self.ids[(self.offsets[rows][:, None] + columns)[inside]]
        return matrix


def drop_words(
    ids: NDArray[np.int32], share: float, random: np.random.Generator
) -> NDArray[np.int32]:
    """Read a share of the words as unknown, so that a model leans on no single one.

    In a text of under 50 words the share is smaller, in proportion: a third of a question of ten
    words is mostly what makes it that question (docs/experiments.md).

    Args:
        ids: Array of shape `(texts, tokens)`, token ids, padded with 0 at the end.
        share: Float. Probability that a word is dropped.
        random: Generator of random numbers.
    """
    words = ids != PADDING_ID
    shares = share * np.minimum(1.0, words.sum(axis=1, keepdims=True) / _FEW_WORDS)
    dropped = (random.random(ids.shape) < shares) & words
    return np.where(dropped, np.int32(UNKNOWN_ID), ids)


def encode_all(
    tokenizer: Tokenizer,
    texts: Iterable[str],
    max_tokens: int,
    *,
    on_texts: Callable[[int], None] = lambda _texts: None,
) -> EncodedTexts:
    """Encode texts in chunks.

    Args:
        tokenizer: Tokenizer, fitted on training texts.
        texts: Iterable of strings.
        max_tokens: Integer. Tokens read from the beginning of each text.
        on_texts: Function that is called with the number of texts in each encoded chunk.
    """
    pieces: list[NDArray[np.int32]] = []
    lengths: list[int] = []
    for chunk in _chunks(texts):
        for ids in encode_texts(tokenizer, chunk):
            pieces.append(np.asarray(ids[:max_tokens], np.int32))
            lengths.append(len(pieces[-1]))
        on_texts(len(chunk))
    joined = np.concatenate(pieces) if pieces else np.zeros(0, np.int32)
    return EncodedTexts(joined, np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]))


def _chunks(texts: Iterable[str]) -> Iterator[Sequence[str]]:
    iterator = iter(texts)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk


def training_batches(
    lengths: NDArray[np.int64], batch_size: int, seed: int, epoch: int
) -> list[NDArray[np.int64]]:
    """Return one epoch's batches of texts of similar length, in random order.

    Args:
        lengths: Array of shape `(texts,)`, tokens of each text.
        batch_size: Integer. Texts of a batch; one may be smaller.
        seed: Integer. Seed of the shuffling.
        epoch: Integer. Its number; each epoch has an order of its own, always the same.

    Returns:
        List of arrays of text numbers, one a batch; every text stands in exactly one.
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
