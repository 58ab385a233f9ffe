"""Merge the network and the linear part into one model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers, ops

from ecomcat.model.confidence import MIN_PROBABILITY
from ecomcat.model.network import text_inputs
from ecomcat.text.tokenizer import UNKNOWN_ID


@dataclass(frozen=True)
class Part:
    """A model within the exported one, its weight there, and how many ids it knows."""

    model: keras.Model
    weight: float
    vocabulary_size: int


def pool_models(parts: Sequence[Part], temperature: float) -> keras.Model:
    """Return one model that pools its parts' answers, as `ecomcat.final.mixture_weights.pool` does.

    It takes token ids `(batch, tokens)` and, where a part reads them, groups of letters
    `(batch, groups)`, both padded with 0 at the end. It has plain Keras layers and no optimizer,
    whose state would triple the file's size.

    Args:
        parts: The parts, whose weights sum to 1.
        temperature: Float. The divisor of the pooled logarithms.
    """
    given, answers = _answers(parts)
    logits: Any = 0.0
    for answer, part in zip(answers, parts, strict=True):
        logits += ops.log(ops.maximum(answer, MIN_PROBABILITY)) * (part.weight / temperature)
    return keras.Model(given, layers.Softmax(name="probabilities")(logits), name="classifier")


def _answers(parts: Sequence[Part]) -> tuple[Any, list[Any]]:
    ids, letters = text_inputs()
    known = max(part.vocabulary_size for part in parts)
    answers, given = [], ids
    for number, part in enumerate(parts, start=1):
        seen: Any = ids
        if part.vocabulary_size < known:
            seen = ops.where(seen < part.vocabulary_size, seen, UNKNOWN_ID)
        name = f"part_{number}_{part.model.name}"
        # `inputs`, since a Sequential model has no `input` before it is called.
        inputs = part.model.inputs
        if len(inputs) == 1:
            answers.append(keras.Model(inputs[0], part.model.outputs[0], name=name)(seen))
        else:
            given = [ids, letters]
            answers.append(keras.Model(inputs, part.model.outputs[0], name=name)([seen, letters]))
    return given, answers
