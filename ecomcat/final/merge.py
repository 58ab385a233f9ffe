"""Make one model of several: one input, the weighted mean of their probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers, ops

from ecomcat.text.tokenizer import UNKNOWN_ID


@dataclass(frozen=True)
class Part:
    """A model that counts for a share of the whole.

    Args:
        model: from ids to probabilities.
        share: of the whole; the parts' shares sum to 1.
        vocabulary_size: ids that it knows.
        max_tokens: tokens that it reads of a text.
    """

    model: keras.Model
    share: float
    vocabulary_size: int
    max_tokens: int


def merge_models(parts: Sequence[Part]) -> keras.Model:
    """Return one model whose answer is the parts' weighted mean.

    Args:
        parts: any number; each sees the ids of the largest vocabulary and the longest limit
            among them as its own vocabulary and limit would have encoded the text.

    Returns:
        A model from ids `(batch, tokens)`, padded with 0 at the end, to probabilities `(batch,
        classes)`: of plain Keras layers and without an optimizer, whose state would treble the
        file's size.
    """
    if len(parts) == 1:
        model = parts[0].model
        return keras.Model(model.input, model.output, name="classifier")
    ids = keras.Input((None,), dtype="int32", name="token_ids")
    longest = max(part.max_tokens for part in parts)
    largest = max(part.vocabulary_size for part in parts)
    answers = []
    for number, part in enumerate(parts, start=1):
        seen: Any = ids
        if part.max_tokens < longest:
            seen = seen[:, : part.max_tokens]
        if part.vocabulary_size < largest:
            seen = ops.where(seen < part.vocabulary_size, seen, UNKNOWN_ID)
        name = f"part_{number}_{part.model.name}"
        member = keras.Model(part.model.input, part.model.output, name=name)
        answers.append(member(seen) * part.share)
    return keras.Model(ids, layers.Add(name="probabilities")(answers), name="classifier")
