"""Texts as token ids, encoded once, and batches of similar length, padded to their longest.

Texts differ in length by a factor of hundreds: padding all of them to one length would make most
of the work padding. Each epoch shuffles, sorts by length within windows of many batches, and
shuffles the batches, so that neighbours still differ from epoch to epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ecomcat.text.fields import Quantiles, is_field
from ecomcat.text.letters import Spelling, gather, offsets_of, spell
from ecomcat.text.tokenizer import PADDING_ID, UNKNOWN_ID, Encoder, vocabulary

if TYPE_CHECKING:
    from tokenizers import Tokenizer

INPUTS = ("token_ids", "letter_groups")
"""The names of a model's inputs; some models read only the first."""

LETTER_GROUPS, MAX_LETTER_GROUPS = 512, 2048  # of a text: some 25 words, and 100
_ALL_LETTER_GROUPS = 4_000_000  # of all texts, where more than 512 of each are read
_MAX_BATCH_GROUPS = 1 << 16  # padding included: each takes as many numbers as there are classes
_FEW_WORDS = 50  # a text with fewer words loses a smaller share of them
_SHARE_OF_FIELDS = 0.1  # times the share of other words: no other word may tell a row's brand
_CHUNK = 4096  # texts at a time, which bounds the memory of Python's lists and of positions
_WINDOW_BATCHES = 50  # within which an epoch sorts texts by length


@dataclass(frozen=True)
class EncodedTexts:
    """The words of many texts as numbers, in one array.

    Args:
        words: Array of shape `(tokens,)`, all texts' words one after the other: ids of words in
            the vocabulary, and higher numbers for others.
        offsets: Array of shape `(texts + 1,)`, where each text begins, and the end.
        vocabulary_size: Integer. How many ids a model knows. Defaults to as many as there are.
        spelling: `Spelling`. The letters of words. Defaults to none.
        letter_groups: Integer. Groups of letters that are read of a text. Defaults to 512.
        instead: Array of the ids that hidden words are read as, as in `Lexicon`. By default each
            is read as the unknown word.

    >>> texts = EncodedTexts(np.array([5, 2, 7], np.int32), np.array([0, 1, 3]))
    >>> texts.padded(np.array([0, 1])).tolist()
    [[5, 0], [2, 7]]
    """

    words: NDArray[np.int32]
    offsets: NDArray[np.int64]
    vocabulary_size: int = np.iinfo(np.int32).max
    spelling: Spelling = field(default_factory=lambda: spell([]))
    letter_groups: int = LETTER_GROUPS
    instead: NDArray[np.int32] = field(
        default_factory=lambda: np.array([PADDING_ID, UNKNOWN_ID], np.int32)
    )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def ids(self) -> NDArray[np.int32]:
        """Token ids, shape `(tokens,)`; words outside the vocabulary have the same one."""
        return self.without(self.words >= self.vocabulary_size)

    def without(self, hidden: NDArray[np.bool_]) -> NDArray[np.int32]:
        """Return the words, where hidden ones are read as unknown."""
        return np.where(hidden, self.unknown, self.words)

    @property
    def unknown(self) -> NDArray[np.int32]:
        """The id that each word is read as if it is hidden, shape `(tokens,)`."""
        known = np.where(self.words < len(self.instead), self.words, UNKNOWN_ID)
        ids = self.instead[known]
        ids[ids >= self.vocabulary_size] = UNKNOWN_ID
        return ids

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text, shape `(texts,)`."""
        return np.diff(self.offsets)

    @property
    def unknown_shares(self) -> NDArray[np.float64]:
        """The share of each text's words that are outside the vocabulary, shape `(texts,)`.

        Words of fields do not count: their marks are in every text.
        """
        counted = np.cumsum([self.unknown == UNKNOWN_ID, self.ids == UNKNOWN_ID], axis=1)
        words, unknown = np.diff(np.pad(counted, ((0, 0), (1, 0)))[:, self.offsets])
        shares: NDArray[np.float64] = unknown / np.maximum(words, 1)
        return shares

    def view(self, vocabulary_size: int, max_tokens: int) -> EncodedTexts:
        """Return the same texts as a smaller vocabulary and a length limit would encode them."""
        shortened = self.take(np.arange(len(self)), max_tokens)
        return replace(shortened, vocabulary_size=min(vocabulary_size, self.vocabulary_size))

    def take(self, rows: NDArray[np.int64], max_tokens: int | None = None) -> EncodedTexts:
        """Return some of the texts, in the given order, each cut to its beginning."""
        lengths = self.lengths[rows]
        if max_tokens is not None:
            lengths = np.minimum(lengths, max_tokens)
        words = gather(self.words, self.offsets[rows], lengths)
        return replace(self, words=words, offsets=offsets_of(lengths))

    def padded(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return some texts as a matrix `(batch, longest)` of token ids, padded with 0."""
        texts = self.take(rows)
        return _matrix(texts.ids, texts.lengths)

    def letters(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the groups of letters of some texts as such a matrix.

        If a text has more than are read, those of its rarest words are taken.
        """
        texts = self.take(rows)
        words, owners = texts.words, np.repeat(np.arange(len(rows)), texts.lengths)
        counts = self.spelling.counts_of(words)
        totals = np.bincount(owners, counts, len(rows)).astype(np.int64)
        if totals.max(initial=0) > self.letter_groups:
            # Ids follow frequency; all words outside the vocabulary count as equally rare.
            order = np.lexsort([-np.minimum(words, self.vocabulary_size), owners])
            before = offsets_of(counts[order])[:-1] - offsets_of(totals)[owners]
            kept = order[before < self.letter_groups]
            words = words[kept]
            totals = np.bincount(owners[kept], counts[kept], len(rows)).astype(np.int64)
        return _matrix(self.spelling.groups_of(words), totals)[:, : self.letter_groups]


def _matrix(values: NDArray[np.int32], lengths: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return values of several texts as a matrix with a row for each, padded with 0."""
    inside = _inside(lengths)
    matrix = np.zeros(inside.shape, np.int32)
    matrix[inside] = values
    return matrix


def _inside(lengths: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which places of a matrix with a row for each text are not padding."""
    inside: NDArray[np.bool_] = np.arange(lengths.max(initial=1)) < lengths[:, None]
    return inside


def drop_words(texts: EncodedTexts, share: float, random: np.random.Generator) -> EncodedTexts:
    """Hide a share of the words and their letters, so that a model depends on no single word.

    In a text of under 50 words the share is smaller, in proportion: in a question of ten words,
    a third are often the words that matter (docs/experiments.md). Words of fields are dropped a
    tenth as often.

    Args:
        texts: `EncodedTexts`.
        share: Float. Probability that a word is dropped.
        random: Generator of random numbers.
    """
    shares = np.repeat(share * np.minimum(1.0, texts.lengths / _FEW_WORDS), texts.lengths)
    inside = _inside(texts.lengths)
    shares[texts.unknown != UNKNOWN_ID] *= _SHARE_OF_FIELDS
    dropped = random.random(inside.shape)[inside] < shares
    return replace(texts, words=texts.without(dropped))


def letter_groups_of(texts: int) -> int:
    """Decide how many groups of letters are read of each text: up to 2,048 where texts are few.

    >>> letter_groups_of(1_000), letter_groups_of(1_000_000)
    (2048, 512)
    """
    return max(LETTER_GROUPS, min(MAX_LETTER_GROUPS, _ALL_LETTER_GROUPS // max(texts, 1)))


class Lexicon:
    """Computed once for a vocabulary: the letters of its words, and how those of fields are read.

    Args:
        tokenizer: Tokenizer, fitted on training texts.
        letter_groups: Integer. Groups of letters that are read of a text. Defaults to 512.

    Attributes:
        encoder: `Encoder` of the tokenizer.
        spelling: `Spelling`. The letters of words; those of fields have none.
        instead: Array of shape `(words,)`. The id that each word is read as if it is hidden or
            left out: a category as an unknown one of its column, another field as itself, all
            else as the unknown word.
    """

    def __init__(self, tokenizer: Tokenizer, letter_groups: int = LETTER_GROUPS) -> None:
        self.encoder, words = Encoder(tokenizer), vocabulary(tokenizer)
        self.letter_groups = letter_groups
        self.spelling = spell(["" if is_field(word) else word for word in words])
        self.instead = np.full(len(words), UNKNOWN_ID, np.int32)
        self.instead[0] = 0
        self._unknown: dict[str, int] = {}
        self._quantiles = Quantiles(words)
        for number, word in enumerate(words):
            if is_field(word):
                name, sign, category = word[1:-1].partition("=")
                if sign and not category:  # an unknown one, which comes before the known ones
                    self._unknown[name] = number
                self.instead[number] = self._unknown.get(name, number)

    def id_of(self, word: str) -> int | None:
        """Return the id of a field's word that the vocabulary lacks; None for any other word."""
        if not is_field(word):
            return None
        place = self._quantiles.place(word)
        name = word[1:].partition("=")[0]
        return self._unknown.get(name, UNKNOWN_ID) if place is None else place


def encode_all(
    tokenizer: Tokenizer,
    texts: Iterable[str],
    max_tokens: int,
    *,
    known: Lexicon | None = None,
    on_texts: Callable[[int], None] = lambda _texts: None,
) -> EncodedTexts:
    """Encode texts in chunks; words outside the vocabulary get numbers and groups of letters.

    Args:
        tokenizer: Tokenizer, fitted on training texts.
        texts: Iterable of strings.
        max_tokens: Integer. Tokens read from the beginning of each text.
        known: `Lexicon`. Information about the vocabulary's words, which takes a while to compute.
            By default it is computed.
        on_texts: Function that is called with the number of texts in each encoded chunk.
    """
    known, first = known or Lexicon(tokenizer), tokenizer.get_vocab_size()
    unknown: dict[str, int] = {}
    pieces: list[NDArray[np.int32]] = []
    remaining = iter(texts)
    while chunk := list(islice(remaining, _CHUNK)):
        for ids, lacking in known.encoder.encode(chunk, max_tokens):
            for position, word in lacking.items():
                found = known.id_of(word)
                if found is None:
                    found = first + unknown.setdefault(word, len(unknown))
                ids[position] = found
            pieces.append(np.asarray(ids, np.int32))
        on_texts(len(chunk))
    lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
    joined = np.concatenate(pieces) if pieces else np.zeros(0, np.int32)
    spelling = replace(known.spelling, more=spell([*unknown], first))
    return EncodedTexts(
        *(joined, offsets_of(lengths), first, spelling, known.letter_groups, known.instead)
    )


def training_batches(
    lengths: NDArray[np.int64], batch_size: int, seed: int, epoch: int
) -> list[NDArray[np.int64]]:
    """Return one epoch's batches of texts of similar length, in random order.

    Args:
        lengths: Array of shape `(texts,)`, tokens of each text.
        batch_size: Integer. Texts of a batch; one may be smaller.
        seed: Integer. Seed of the shuffling.
        epoch: Integer. Its number; each epoch has its own order, always the same.

    Returns:
        List of arrays of text numbers, one per batch; every text is in exactly one.
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
    """Group texts by length; every text is in exactly one batch."""
    return list(_by_length(np.arange(len(lengths)), lengths, batch_size))


def _by_length(
    rows: NDArray[np.int64], lengths: NDArray[np.int64], batch_size: int
) -> Iterator[NDArray[np.int64]]:
    ordered = rows[np.argsort(lengths[rows], kind="stable")]
    for start in range(0, len(ordered), batch_size):
        yield ordered[start : start + batch_size]


def model_inputs(texts: EncodedTexts, count: int) -> list[NDArray[np.int32]]:
    """Return the inputs of a model that has one or two: token ids, groups of letters."""
    rows = np.arange(len(texts))
    return [texts.padded(rows), texts.letters(rows)] if count > 1 else [texts.padded(rows)]


def bounded_inputs(
    texts: EncodedTexts, rows: NDArray[np.int64], count: int
) -> Iterator[tuple[NDArray[np.int64], list[NDArray[np.int32]]]]:
    """Yield `model_inputs` of a batch with its rows, in parts if it has many letters."""
    inputs = model_inputs(texts.take(rows), count)
    if inputs[-1].size <= _MAX_BATCH_GROUPS or count == 1 or len(rows) == 1:
        yield rows, inputs
        return
    for part in np.array_split(rows, 2):
        yield from bounded_inputs(texts, part, count)
