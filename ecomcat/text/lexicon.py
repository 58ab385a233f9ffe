"""Computed once for a vocabulary's words: their letters, and how words of fields are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecomcat.text.fields import Quantiles, is_field
from ecomcat.text.letters import spell
from ecomcat.text.tokenizer import UNKNOWN_ID, vocabulary

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class Lexicon:
    """The words of a tokenizer.

    Args:
        tokenizer: Tokenizer, fitted on training texts.

    Attributes:
        spelling: `Spelling`. The letters of words; those of fields have none.
        instead: Array of shape `(words,)`. The id that each word is read as if it is hidden or
            left out: a category as an unknown one of its column, another field as itself, all
            else as the unknown word.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        words = vocabulary(tokenizer)
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
