"""Merge networks and the linear part into one model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers, ops

from ecomcat.model.confidence import MIN_PROBABILITY
from ecomcat.model.network import text_inputs
from ecomcat.text.tokenizer import UNKNOWN_ID


@dataclass(frozen=True)
class TextLimits:
    """The part of a text that a model sees: how many ids it knows, and how many tokens it reads."""

    vocabulary_size: int
    max_tokens: int


def widest(configurations: Iterable[Mapping[str, Any]]) -> TextLimits:
    """Return the largest vocabulary and the longest limit among some configurations."""
    seen = [(values["vocabulary_size"], values["max_tokens"]) for values in configurations]
    return TextLimits(*map(max, zip(*seen, strict=True)))


@dataclass(frozen=True)
class Part:
    """A model within the exported one, its weight there, and what it sees of a text."""

    model: keras.Model
    weight: float
    limits: TextLimits


def merge_models(parts: Sequence[Part], limits: TextLimits) -> keras.Model:
    """Return one model whose answer is the weighted mean of its parts'.

    Each part sees a text within its own limits, the whole within `limits`; weights sum to 1. The
    model takes token ids `(batch, tokens)` and, where a part reads them, groups of letters
    `(batch, groups)`, both padded with 0 at the end. It has plain Keras layers and no optimizer,
    whose state would triple the file's size.
    """
    given, answers = _answers(parts, limits)
    if len(answers) == 1:
        return keras.Model(given, answers[0], name="classifier")
    weighted = [answer * part.weight for answer, part in zip(answers, parts, strict=True)]
    return keras.Model(given, layers.Add(name="mean")(weighted), name="classifier")


def pool_models(parts: Sequence[Part], limits: TextLimits, temperature: float) -> keras.Model:
    """Return one model that pools its parts' answers, as `ecomcat.final.mixture_weights.pool` does.

    Args:
        parts: The parts, whose weights sum to 1.
        limits: What the whole sees of a text.
        temperature: Float. The divisor of the pooled logarithms.
    """
    given, answers = _answers(parts, limits)
    logits: Any = 0.0
    for answer, part in zip(answers, parts, strict=True):
        logits += ops.log(ops.maximum(answer, MIN_PROBABILITY)) * (part.weight / temperature)
    return keras.Model(given, layers.Softmax(name="probabilities")(logits), name="classifier")


def _answers(parts: Sequence[Part], limits: TextLimits) -> tuple[Any, list[Any]]:
    ids, letters = text_inputs()
    answers, given = [], ids
    for number, part in enumerate(parts, start=1):
        seen: Any = ids
        if part.limits.max_tokens < limits.max_tokens:
            seen = seen[:, : part.limits.max_tokens]
        if part.limits.vocabulary_size < limits.vocabulary_size:
            seen = ops.where(seen < part.limits.vocabulary_size, seen, UNKNOWN_ID)
        name = f"part_{number}_{part.model.name}"
        # `inputs`, since a Sequential model has no `input` before it is called.
        inputs = part.model.inputs
        if len(inputs) == 1:
            answers.append(keras.Model(inputs[0], part.model.outputs[0], name=name)(seen))
        else:
            given = [ids, letters]
            answers.append(keras.Model(inputs, part.model.outputs[0], name=name)([seen, letters]))
    return given, answers
