"""Which words support an answer: leave each out, and measure how far the answer falls.

Occlusion, as in Zeiler and Fergus, "Visualizing and understanding convolutional networks" (ECCV
2014, section 4.2), of words instead of patches. All occurrences of a word are left out together,
since another occurrence would replace it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.text.encoding import EncodedTexts, Lexicon, encode_all
from ecomcat.text.fields import is_mark, shown_word
from ecomcat.text.tokenizer import UNKNOWN_ID, readable

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer


Score = Callable[[EncodedTexts], NDArray[np.float32]]
Turn = Callable[..., Any]
"""A function that calls another one with arguments, such as a queue that others use, too."""

_CHUNK_TOKENS = 1 << 20  # of all variants in memory
_TURN_TOKENS = 1 << 15  # scored at a time, which takes a fraction of a second


@dataclass(frozen=True)
class WordWeight:
    """How much a word supports the answer to a text.

    Args:
        word: String, as it is first spelt in the text; a field as `brand: Samsung`.
        weight: Float. How far the answer's probability falls without it; negative where it rises.
        spans: Its places: first character and the one after the last, of each occurrence.
    """

    word: str
    weight: float
    spans: tuple[tuple[int, int], ...]


def at_once(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function at once, where no other work waits."""
    return function(*args)


def explain_texts(
    score: Score,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    turn: Turn = at_once,
    known: Lexicon | None = None,
) -> list[tuple[WordWeight, ...]]:
    """Weigh the words of each text for the answer that it gets.

    Args:
        score: Function from encoded texts to class probabilities `(texts, classes)`.
        tokenizer: Gives the ids.
        texts: Any number of texts.
        turn: Function that calls each part of the work, for a service that has other work, too.
        known: `Lexicon`. Information about the vocabulary's words. By default it is computed.

    Returns:
        The words of each text that the model reads, strongest first.
    """
    encodings = turn(tokenizer.encode_batch, list(map(readable, texts)))
    limit = tokenizer.truncation["max_length"]
    encoded = turn(partial(encode_all, known=known), tokenizer, texts, limit)
    if turn is not at_once:
        score = partial(_in_turns, turn, score)
    of_texts = [encoded.words[slice(*ends)] for ends in pairwise(encoded.offsets)]
    words = [_positions(*each) for each in zip(texts, encodings, of_texts, strict=True)]
    answers: list[NDArray[np.float32]] = []
    waiting: list[list[NDArray[np.int32]]] = []
    tokens = 0
    for of_text, positions in zip(of_texts, words, strict=True):
        waiting.append(_variants(of_text, positions))
        tokens += sum(map(len, waiting[-1]))
        if tokens > _CHUNK_TOKENS:
            answers += _scored(score, encoded, waiting)
            waiting, tokens = [], 0
    answers += _scored(score, encoded, waiting)
    return list(map(_weights, texts, encodings, words, answers))


def _positions(text: str, encoding: Encoding, words: NDArray[np.int32]) -> list[list[int]]:
    """Return the places of each word; a text without words is encoded as one unknown word."""
    positions: dict[int, list[int]] = {}
    for position, (word, span) in enumerate(zip(words.tolist(), encoding.offsets, strict=False)):
        if not is_mark(text[slice(*span)]):
            positions.setdefault(word, []).append(position)
    return list(positions.values())


def _variants(
    words: NDArray[np.int32], positions: Sequence[Sequence[int]]
) -> list[NDArray[np.int32]]:
    """Return the words as they are, then without each."""
    unknown = np.array([UNKNOWN_ID], np.int32)
    variants = [words, *(np.delete(words, of_word) for of_word in positions)]
    return [variant if len(variant) else unknown for variant in variants]


def _in_turns(turn: Turn, score: Score, texts: EncodedTexts) -> NDArray[np.float32]:
    """Score texts in parts of some tokens."""
    part = np.cumsum(texts.lengths) // _TURN_TOKENS
    rows = np.split(np.arange(len(texts)), np.flatnonzero(np.diff(part)) + 1)
    return np.concatenate([turn(score, texts.take(each)) for each in rows])


def _scored(
    score: Score, encoded: EncodedTexts, variants: Sequence[Sequence[NDArray[np.int32]]]
) -> list[NDArray[np.float32]]:
    """Return the probabilities of each text's variants."""
    if not variants:
        return []
    flat = [words for of_text in variants for words in of_text]
    offsets = np.cumsum([0, *map(len, flat)], dtype=np.int64)
    probabilities = score(replace(encoded, words=np.concatenate(flat), offsets=offsets))
    return np.split(probabilities, np.cumsum(list(map(len, variants)))[:-1])


def _weights(
    text: str,
    encoding: Encoding,
    words: Sequence[Sequence[int]],
    probabilities: NDArray[np.float32],
) -> tuple[WordWeight, ...]:
    of_answer = probabilities[:, probabilities[0].argmax()]
    offsets, weights = encoding.offsets, []  # read once: the encoding computes them each time
    for fall, positions in zip((of_answer[0] - of_answer[1:]).tolist(), words, strict=True):
        spans = tuple(offsets[position] for position in positions)
        weights.append(WordWeight(shown_word(text[slice(*spans[0])]), fall, spans))
    return tuple(sorted(weights, key=lambda word: -word.weight))
