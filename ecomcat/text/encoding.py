"""Batches of texts of similar length, padded to the longest of their own.

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


@dataclass(frozen=True)
class EncodedTexts:
    """Token ids of many texts in one array.

    Args:
        ids: all texts' ids one after the other, shape `(tokens,)`.
        offsets: where each text begins, and the end, shape `(texts + 1,)`.
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
        """Return the same texts as a smaller vocabulary and a length limit would encode them.

        Args:
            vocabulary_size: ids from here on become the unknown word's.
            max_tokens: tokens kept from the beginning of each text.
        """
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
        """Return some texts as a matrix, padded with 0 to the longest of them.

        Args:
            rows: text numbers, shape `(batch,)`.

        Returns:
            Token ids of shape `(batch, longest)`.
        """
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
        ids: token ids, padded with 0 at the end, shape `(texts, tokens)`.
        share: probability that a word is dropped.
        random: source of chance.
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
        tokenizer: fitted on training texts.
        texts: any number of texts.
        max_tokens: tokens kept from the beginning of each text.
        on_texts: called with the number of texts in each chunk that is encoded.
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
