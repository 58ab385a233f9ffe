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


def merge_models(parts: Sequence[Part], *, vocabulary_size: int, max_tokens: int) -> keras.Model:
    """Return one model whose answer is the parts' weighted mean.

    Args:
        parts: any number; each sees a text as its own vocabulary and limit would have encoded it.
        vocabulary_size: ids that the whole is given, at least as many as each part knows.
        max_tokens: of a text that the whole is given, at least as many as each part reads.

    Returns:
        A model from ids `(batch, tokens)`, padded with 0 at the end, to probabilities `(batch,
        classes)`: of plain Keras layers and without an optimizer, whose state would treble the
        file's size.
    """
    ids = keras.Input((None,), dtype="int32", name="token_ids")
    answers = []
    for number, part in enumerate(parts, start=1):
        seen: Any = ids
        if part.max_tokens < max_tokens:
            seen = seen[:, : part.max_tokens]
        if part.vocabulary_size < vocabulary_size:
            seen = ops.where(seen < part.vocabulary_size, seen, UNKNOWN_ID)
        name = f"part_{number}_{part.model.name}"
        # `inputs`, since a Sequential model has no `input` before it is called.
        member = keras.Model(part.model.inputs[0], part.model.outputs[0], name=name)
        answers.append(member(seen))
    if len(answers) == 1:
        return keras.Model(ids, answers[0], name="classifier")
    weighted = [answer * part.share for answer, part in zip(answers, parts, strict=True)]
    return keras.Model(ids, layers.Add(name="probabilities")(weighted), name="classifier")
