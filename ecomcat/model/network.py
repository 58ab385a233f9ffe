"""The network of a configuration: embeddings, LSTM layers, pooling, letters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
from hydra.utils import get_method
from keras import layers, ops

from ecomcat.errors import UserError
from ecomcat.text.encoding import INPUTS
from ecomcat.text.tokenizer import PADDING_ID

_LETTER_ROWS = 20_000  # shared by all groups of letters
_LOWEST = -1e9  # the value of a padded step when a maximum is taken


def lstm_classifier(values: Mapping[str, Any], num_classes: int) -> keras.Model:
    """Build embeddings, LSTM layers, pooling, dropout and a softmax layer.

    Args:
        values: One value for each hyperparameter of `ModelConfig`.
        num_classes: Integer. Number of classes.

    Returns:
        An uncompiled model from ids `(batch, tokens)` and, where `letter_dim` is not 0, groups of
        letters `(batch, groups)`, both padded with 0 at the end, to probabilities.
    """
    ids, letters = text_inputs()
    steps = _Steps(ids)
    embedding = layers.Embedding(
        values["vocabulary_size"], values["embedding_dim"], name="embedding"
    )
    spatial_dropout = layers.SpatialDropout1D(values["spatial_dropout"], name="spatial_dropout")

    def embed(tokens: Any) -> Any:
        return spatial_dropout(embedding(tokens))

    embedded = embed(ids)
    # Pooled embeddings of the whole text cost next to nothing, so the LSTM may read its beginning.
    beginning = ids[:, : values["lstm_tokens"]]
    read = _Steps(beginning)
    backward = embed(read.reverse(beginning)) if values["bidirectional"] else None
    states = _lstm_states(embedded[:, : values["lstm_tokens"]], backward, read, values)
    features = [pooled for state in states for pooled in read.pool(state, values["pooling"])]
    features += steps.pool(embedded, values["embedding_pooling"])
    inputs = [ids]
    if values["letter_dim"]:
        inputs.append(letters)
        features.append(_pooled_letters(letters, values["letter_dim"]))
    joined = layers.Concatenate(name="features")(features) if len(features) > 1 else features[0]
    dropped = layers.Dropout(values["dropout"], name="dropout")(joined)
    probabilities = layers.Dense(num_classes, activation="softmax", name="probabilities")(dropped)
    return keras.Model(inputs if len(inputs) > 1 else ids, probabilities, name="classifier")


def _lstm_states(forward: Any, backward: Any, read: _Steps, values: Mapping[str, Any]) -> list[Any]:
    """Return the states of the last LSTM layer, of each direction.

    `forward` are the embedded steps, `backward` the same in reverse, or None for one direction.
    """

    def lstm(name: str) -> Any:
        return layers.LSTM(values["lstm_units"], return_sequences=True, name=name)

    last_layer = values["lstm_layers"] - 1
    for layer in range(last_layer + 1):
        forward = lstm(f"lstm_{layer + 1}_forward")(forward)
        if backward is not None:
            backward = lstm(f"lstm_{layer + 1}_backward")(backward)
            if layer < last_layer:
                joined = layers.Concatenate()([forward, read.reverse(backward)])
                forward, backward = joined, read.reverse(joined)
    return [forward] if backward is None else [forward, backward]


def text_inputs() -> tuple[Any, Any]:
    """Return inputs of token ids and of groups of letters, both padded with 0 at the end."""
    ids, letters = (keras.Input((None,), dtype="int32", name=name) for name in INPUTS)
    return ids, letters


def row_of_group(groups: Any, first: int, end: int) -> Any:
    """Choose a row of a table, from `first` to before `end`, for each group by a hash; 0 for 0."""
    return ops.where(ops.not_equal(groups, PADDING_ID), groups % (end - first) + first, PADDING_ID)


def _pooled_letters(groups: Any, letter_dim: int) -> Any:
    """Embed groups of letters, with rows chosen by a hash, and add them up."""
    found = ops.not_equal(groups, PADDING_ID)
    rows = row_of_group(groups, PADDING_ID + 1, _LETTER_ROWS)
    embedded = layers.Embedding(_LETTER_ROWS, letter_dim, name="letter_embedding")(rows)
    total, count = _masked_sum(ops.cast(found, embedded.dtype), embedded)
    return total / ops.sqrt(ops.maximum(count, 1.0))


def _masked_sum(chosen: Any, sequences: Any) -> tuple[Any, Any]:
    """Add up the steps of `(batch, steps, width)` that are 1 in `(batch, steps)`, and count them.

    A product of matrices reads the steps once, without a copy in which the others are 0.
    """
    total = ops.squeeze(ops.matmul(ops.expand_dims(chosen, 1), sequences), axis=1)
    return total, ops.sum(chosen, axis=1, keepdims=True)


class _Steps:
    """The steps of a batch of padded texts: which of them are words, and their reverse."""

    def __init__(self, ids: Any) -> None:
        is_word = ops.not_equal(ids, PADDING_ID)
        self._is_word = ops.cast(is_word, keras.config.floatx())
        words = ops.sum(ops.cast(is_word, "int32"), axis=1, keepdims=True)
        self._words = ops.maximum(words, 1)
        position = ops.cumsum(ops.ones_like(ids), axis=1) - 1
        self._mirror = ops.where(position < words, words - 1 - position, position)
        self._pools: dict[str, Callable[[Any], Any]] = {
            "last": self._last,
            "max": self._max,
            "mean": self._mean,
        }

    def reverse(self, sequences: Any) -> Any:
        """Reverse the words of each text and leave its padding where it is."""
        if len(sequences.shape) == 2:
            return ops.take_along_axis(sequences, self._mirror, axis=1)
        return ops.take_along_axis(sequences, ops.expand_dims(self._mirror, -1), axis=1)

    def pool(self, sequences: Any, names: str) -> list[Any]:
        """Pool `(batch, tokens, width)` over each text's words, once for each name."""
        return [self._pools[name](sequences) for name in names.split("+") if name != "none"]

    def _last(self, sequences: Any) -> Any:
        last = ops.expand_dims(self._words - 1, -1)
        return ops.squeeze(ops.take_along_axis(sequences, last, axis=1), axis=1)

    def _max(self, sequences: Any) -> Any:
        # In ONNX a choice between two numbers would become two passes over all of them.
        lowered = ops.expand_dims((1.0 - self._is_word) * _LOWEST, -1)
        return ops.max(sequences + lowered, axis=1)

    def _mean(self, sequences: Any) -> Any:
        total, count = _masked_sum(self._is_word, sequences)
        return total / ops.maximum(count, 1.0)


Builder = Callable[[Mapping[str, Any], int], keras.Model]


def find_builder(build: str) -> Builder:
    """Import the function that a dotted path names, or raise `UserError`."""
    try:
        builder: Builder = get_method(build)
    except Exception as error:
        reason = str(error.__cause__ or error).strip()
        raise UserError(
            f"model.build: expected the dotted path of a function, found {build!r} ({reason})."
        ) from error
    return builder
