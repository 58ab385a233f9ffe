"""Which words an answer rests on: leave each out in turn, and see how far the answer falls.

Occlusion, as in Zeiler and Fergus, "Visualizing and understanding convolutional networks" (ECCV
2014, section 4.2), of words instead of patches. A word is left out wherever it stands in the
text, since another occurrence would speak for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ecomcat.text.encoding import EncodedTexts
from ecomcat.text.tokenizer import UNKNOWN_ID, valid_unicode

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

Score = Callable[[EncodedTexts], NDArray[np.float32]]

_CHUNK_TOKENS = 1 << 20  # of all variants scored at a time


@dataclass(frozen=True)
class WordWeight:
    """What a word adds to the answer to a text.

    Args:
        word: String, as it first stands in the text.
        weight: Float. How far the answer's probability falls without it; negative where it rises.
        spans: Where it stands: first character and the one after the last, of each occurrence.
    """

    word: str
    weight: float
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class _Occlusion:
    """A text's ids, and its words with their positions among them."""

    text: str
    ids: NDArray[np.int32]
    offsets: Sequence[tuple[int, int]]
    words: dict[int, list[int]]

    def variants(self) -> list[NDArray[np.int32]]:
        """Return the ids as they are, then without each word."""
        without = (np.delete(self.ids, positions) for positions in self.words.values())
        unknown = np.array([UNKNOWN_ID], np.int32)
        return [self.ids, *(ids if len(ids) else unknown for ids in without)]

    def weigh(self, probabilities: NDArray[np.float32]) -> tuple[WordWeight, ...]:
        """Return the words, strongest first, by the variants' probabilities."""
        of_answer = probabilities[:, probabilities[0].argmax()]
        falls = (of_answer[0] - of_answer[1:]).tolist()
        weights = [
            self._word(fall, positions)
            for fall, positions in zip(falls, self.words.values(), strict=True)
        ]
        return tuple(sorted(weights, key=lambda word: -word.weight))

    def _word(self, weight: float, positions: Sequence[int]) -> WordWeight:
        spans = tuple(self.offsets[position] for position in positions)
        return WordWeight(self.text[slice(*spans[0])], weight, spans)


def explain_texts(
    score: Score, tokenizer: Tokenizer, texts: Sequence[str]
) -> list[tuple[WordWeight, ...]]:
    """Weigh the words of each text for the answer that it gets.

    Words that the vocabulary lacks say nothing to the model, and are left out.

    Args:
        score: Function from encoded texts to class probabilities `(texts, classes)`.
        tokenizer: Gives the ids.
        texts: Any number of texts.

    Returns:
        The known words of each text that the model reads, strongest first.
    """
    occlusions = [
        _occlusion(text, encoding)
        for text, encoding in zip(
            texts, tokenizer.encode_batch(list(map(valid_unicode, texts))), strict=True
        )
    ]
    return [weighed for chunk in _chunks(occlusions) for weighed in _weigh_chunk(score, chunk)]


def _occlusion(text: str, encoding: Encoding) -> _Occlusion:
    words: dict[int, list[int]] = {}
    for position, token in enumerate(encoding.ids):
        if token != UNKNOWN_ID:
            words.setdefault(token, []).append(position)
    ids = np.array(encoding.ids or [UNKNOWN_ID], np.int32)
    return _Occlusion(text, ids, encoding.offsets, words)


def _chunks(occlusions: Sequence[_Occlusion]) -> Iterator[list[_Occlusion]]:
    """Yield texts together while all of their variants stay below a number of tokens."""
    chunk: list[_Occlusion] = []
    tokens = 0
    for occlusion in occlusions:
        size = len(occlusion.ids) * (1 + len(occlusion.words))
        if chunk and tokens + size > _CHUNK_TOKENS:
            yield chunk
            chunk, tokens = [], 0
        chunk.append(occlusion)
        tokens += size
    if chunk:
        yield chunk


def _weigh_chunk(score: Score, chunk: Sequence[_Occlusion]) -> Iterator[tuple[WordWeight, ...]]:
    variants = [occlusion.variants() for occlusion in chunk]
    flat = [ids for of_text in variants for ids in of_text]
    offsets = np.cumsum([0, *map(len, flat)], dtype=np.int64)
    probabilities = score(EncodedTexts(np.concatenate(flat), offsets))
    start = 0
    for occlusion, of_text in zip(chunk, variants, strict=True):
        yield occlusion.weigh(probabilities[start : start + len(of_text)])
        start += len(of_text)
