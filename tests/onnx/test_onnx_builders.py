"""What users' own builders are made of answers in ONNX as in Keras, or is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.onnx.both_answers import require_alike, with_random_weights
from tests.tiny_network import texts_and_labels

pytestmark = pytest.mark.slow

# From embedded words `(batch, tokens, 4)`, keras.layers and keras.ops to what is classified.
Features = Callable[[Any, Any, Any], Any]

LAYERS: dict[str, Features] = {
    "maximum": lambda x, layers, ops: layers.GlobalMaxPooling1D()(x),
    "mean": lambda x, layers, ops: layers.GlobalAveragePooling1D()(x),
    "kept dimension": lambda x, layers, ops: ops.squeeze(
        layers.GlobalMaxPooling1D(keepdims=True)(x), axis=1
    ),
    "one direction": lambda x, layers, ops: layers.LSTM(5)(x),
    "without bias": lambda x, layers, ops: layers.LSTM(5, use_bias=False)(x),
    "other activations": lambda x, layers, ops: layers.LSTM(
        5, activation="sigmoid", recurrent_activation="tanh", recurrent_dropout=0.3
    )(x),
    "both directions": lambda x, layers, ops: layers.Bidirectional(layers.LSTM(5))(x),
    "two layers of both directions": lambda x, layers, ops: layers.Bidirectional(layers.LSTM(3))(
        layers.Bidirectional(layers.LSTM(5, return_sequences=True))(x)
    ),
    "dense on each word": lambda x, layers, ops: ops.max(
        layers.Dense(3, "relu")(layers.Dense(5, "tanh", use_bias=False)(x)), axis=1
    ),
    "sigmoid": lambda x, layers, ops: layers.Dense(3, "sigmoid")(ops.sum(x, axis=1)),
    "activation": lambda x, layers, ops: layers.Activation("tanh")(ops.sum(x, axis=1)),
    "softmax": lambda x, layers, ops: layers.Softmax()(ops.sum(x, axis=1)),
    "noise": lambda x, layers, ops: layers.GaussianNoise(0.3)(
        layers.GaussianDropout(0.2)(ops.sum(x, axis=1))
    ),
    "merging": lambda x, layers, ops: layers.Multiply()(
        [
            layers.Add()([ops.max(x, axis=1), ops.min(x, axis=1), ops.sum(x, axis=1)]),
            layers.Subtract()([ops.mean(x, axis=1), ops.max(x, axis=1)]),
            layers.Maximum()([ops.mean(x, axis=1), ops.min(x, axis=1)]),
        ]
    ),
    "layer normalization": lambda x, layers, ops: ops.max(layers.LayerNormalization()(x), axis=1),
    "layer normalization alone": lambda x, layers, ops: ops.max(
        layers.LayerNormalization(center=False, scale=False)(x), axis=1
    ),
    "batch normalization": lambda x, layers, ops: ops.max(layers.BatchNormalization()(x), axis=1),
    "batch normalization alone": lambda x, layers, ops: ops.max(
        layers.BatchNormalization(center=False, scale=False)(x), axis=1
    ),
    "unit length": lambda x, layers, ops: layers.UnitNormalization()(ops.sum(x, axis=1)),
}
OPERATIONS: dict[str, Features] = {
    "arithmetic": lambda x, layers, ops: ops.mean((1 - x) * x / 3 + x**2, axis=1),
    "functions": lambda x, layers, ops: ops.sum(
        ops.exp(-ops.abs(x)) + ops.sqrt(ops.sigmoid(x)) + ops.tanh(ops.relu(x)), axis=1
    ),
    "comparisons": lambda x, layers, ops: ops.sum(
        ops.where(
            ops.logical_or(ops.logical_and(x > -0.3, x <= 0.1), ops.logical_not(ops.less(x, 0.25))),
            x,
            ops.zeros_like(x),
        ),
        axis=1,
    ),
    "counting": lambda x, layers, ops: ops.mean(
        ops.cast(ops.cumsum(ops.cast(x >= 0, "int32"), axis=1) > 1, "float32") * x, axis=1
    ),
    "whole numbers and numbers": lambda x, layers, ops: ops.sum(
        ops.cast(ops.equal(ops.cast(x > 0, "int32"), 1), "int32") / 4 * x, axis=1
    ),
    "arrays and tensors": lambda x, layers, ops: ops.sum(
        ops.where(x < np.array([0.1, 0.2, -0.3, 0.4]), x, x * np.float32(3))
        + ops.convert_to_tensor([1.0, -2.0, 3.0, 4.0]),
        axis=1,
    ),
    "least of some": lambda x, layers, ops: ops.sum(ops.minimum(x, 0.1), axis=1),
    "first word": lambda x, layers, ops: x[:, 0],
    "last number of the last word": lambda x, layers, ops: x[:, -1, ...][..., -2:],
    "every other number, backwards": lambda x, layers, ops: ops.sum(x[:, ::-1, ::2], axis=1),
    "numbers taken along an axis": lambda x, layers, ops: ops.max(
        ops.take_along_axis(x, ops.cast(x > 0, "int32"), axis=-1), axis=1
    ),
    "products": lambda x, layers, ops: ops.matmul(
        ops.transpose(x, (0, 2, 1)), ops.softmax(ops.sum(x, axis=2, keepdims=True), axis=1)
    )[:, :, 0],
    "side by side": lambda x, layers, ops: ops.concatenate(
        [ops.max(x, axis=1), ops.min(x, axis=1)], axis=-1
    ),
}


def model_of(features: Features, **embedding: Any) -> Any:
    """Build an embedding, the features and a softmax layer, all of random weights."""
    import keras
    from keras import layers, ops

    ids = keras.Input((None,), dtype="int32")
    embedded = layers.Embedding(20, 4, **embedding)(ids)
    answer = layers.Dense(3, "softmax")(features(embedded, layers, ops))
    return with_random_weights(keras.Model(ids, answer))


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_answers_alike(name: str, tmp_path: Path) -> None:
    texts, _ = texts_and_labels(60, seed=0, longest=8)
    require_alike(model_of(LAYERS[name]), tmp_path / "model.onnx", texts)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_answers_alike(name: str, tmp_path: Path) -> None:
    texts, _ = texts_and_labels(60, seed=0, longest=8)
    require_alike(model_of(OPERATIONS[name]), tmp_path / "model.onnx", texts)


@pytest.mark.parametrize(
    "features",
    [
        lambda x, layers, ops: layers.LSTM(5)(x),
        lambda x, layers, ops: layers.LSTM(3)(layers.LSTM(5, return_sequences=True)(x)),
        lambda x, layers, ops: layers.Bidirectional(layers.LSTM(5))(x),
        lambda x, layers, ops: ops.sum(layers.LSTM(5, return_sequences=True)(x), axis=1),
        lambda x, layers, ops: ops.sum(
            layers.LSTM(5, return_sequences=True, zero_output_for_mask=True)(x), axis=1
        ),
        lambda x, layers, ops: ops.sum(
            layers.Bidirectional(layers.LSTM(5, return_sequences=True))(x), axis=1
        ),
        lambda x, layers, ops: layers.GlobalAveragePooling1D()(x),
        lambda x, layers, ops: layers.GlobalAveragePooling1D()(layers.BatchNormalization()(x)),
    ],
    ids=[
        "last",
        "two layers",
        "both directions",
        "states",
        "states and zeros",
        "states of both",
        "mean",
        "normalized",
    ],
)
def test_an_embedding_that_masks_its_padding_answers_alike(
    features: Features, tmp_path: Path
) -> None:
    texts, _ = texts_and_labels(60, seed=0, longest=8)
    require_alike(model_of(features, mask_zero=True), tmp_path / "model.onnx", texts)


def test_a_sequential_model_answers_alike(tmp_path: Path) -> None:
    import keras
    from keras import layers

    ids, answer = keras.Input((None,), dtype="int32"), layers.Dense(3, "softmax")
    model = keras.Sequential([ids, layers.Embedding(20, 4), layers.LSTM(5), answer])
    texts, _ = texts_and_labels(60, seed=0, longest=8)
    require_alike(with_random_weights(model), tmp_path / "model.onnx", texts)


def _relu(x: Any) -> Any:
    return x + 1


_relu.__name__ = "relu"

REFUSED: dict[str, tuple[Features, str]] = {
    "an unknown layer": (
        lambda x, layers, ops: layers.LSTM(5)(layers.Conv1D(5, 2, name="windows")(x)),
        "Conv1D 'windows': no translation",
    ),
    "an unknown operation": (
        lambda x, layers, ops: ops.sum(ops.erf(x), axis=1),
        "Erf 'erf.*': no translation",
    ),
    "an activation": (
        lambda x, layers, ops: layers.LSTM(5, activation="gelu", name="odd")(x),
        "LSTM 'odd': the activation gelu",
    ),
    "a users own activation": (
        lambda x, layers, ops: layers.Dense(5, activation=_relu, name="odd")(ops.sum(x, axis=1)),
        "Dense 'odd': the activation relu",
    ),
    "an activation that no cell has": (
        lambda x, layers, ops: layers.LSTM(5, activation="linear", name="odd")(x),
        "LSTM 'odd': the activation linear in a cell",
    ),
    "a layer as an activation": (
        lambda x, layers, ops: layers.Dense(5, activation=layers.ReLU(), name="odd")(x)[:, 0],
        "Dense 'odd': the activation <ReLU",
    ),
    "backwards": (
        lambda x, layers, ops: layers.LSTM(5, go_backwards=True, name="odd")(x),
        "LSTM 'odd': go_backwards",
    ),
    "another cell": (
        lambda x, layers, ops: layers.Bidirectional(layers.GRU(5), name="odd")(x),
        "Bidirectional 'odd': layers that are no LSTM",
    ),
    "a sum of directions": (
        lambda x, layers, ops: layers.Bidirectional(layers.LSTM(5), merge_mode="sum", name="odd")(
            x
        ),
        "Bidirectional 'odd': merge_mode sum",
    ),
    "half precision": (
        lambda x, layers, ops: ops.cast(ops.max(ops.cast(x, "float16"), axis=1), "float32"),
        "Cast 'cast.*': numbers of type float16",
    ),
    "another dimension": (
        lambda x, layers, ops: ops.max(x[:, None], axis=(1, 2)),
        "GetItem 'get_item.*': the index",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_translation_is_refused_by_its_name(name: str) -> None:
    from ecomcat.onnx.graph import CannotTranslateError
    from ecomcat.onnx.translation import translate

    features, message = REFUSED[name]
    with pytest.raises(CannotTranslateError, match=message):
        translate(model_of(features))


def test_a_users_own_layer_is_refused_whatever_its_name() -> None:
    import keras

    from ecomcat.onnx.graph import CannotTranslateError
    from ecomcat.onnx.translation import translate

    own = type("Dropout", (keras.layers.Dropout,), {"call": lambda self, inputs: inputs + 1})
    with pytest.raises(CannotTranslateError, match="Dropout 'mine': no translation"):
        translate(model_of(lambda x, layers, ops: ops.max(own(0.1, name="mine")(x), axis=1)))


def test_a_model_with_a_call_of_its_own_is_refused() -> None:
    import keras

    from ecomcat.onnx.graph import CannotTranslateError
    from ecomcat.onnx.translation import translate

    own = type("Own", (keras.Model,), {"call": lambda self, inputs: inputs + 1})
    with pytest.raises(CannotTranslateError, match="Own 'mine': a model that is neither"):
        translate(own(name="mine"))


def test_a_model_of_two_inputs_is_refused() -> None:
    import keras

    from ecomcat.onnx.graph import CannotTranslateError
    from ecomcat.onnx.translation import translate

    ids = [keras.Input((None,), dtype="int32") for _ in range(2)]
    with pytest.raises(CannotTranslateError, match="2 inputs and 1 outputs"):
        translate(keras.Model(ids, keras.ops.add(*ids)))
