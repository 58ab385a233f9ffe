"""Build and compile the network that a configuration names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
from hydra.utils import get_method
from numpy.typing import NDArray

from ecomcat.errors import UserError
from ecomcat.model.space import EXTRA
from ecomcat.text.vectors import begin_with

Builder = Callable[[Mapping[str, Any], int], keras.Model]


def find_builder(build: str) -> Builder:
    """Import the function that a dotted path names.

    Raises:
        UserError: when there is no such function, or its module cannot be imported.
    """
    try:
        builder: Builder = get_method(build)
    except Exception as error:
        reason = str(error.__cause__ or error).strip()
        raise UserError(
            f"model.build: expected the dotted path of a function, found {build!r} ({reason})."
        ) from error
    return builder


def build_classifier(
    build: Builder, values: Mapping[str, Any], classes: int, *, seed: int, total_batches: int
) -> keras.Model:
    """Build and compile a network, the same for the same arguments.

    Args:
        build: a function from values and a number of classes to a Keras model.
        values: one value for each hyperparameter.
        classes: number of categories.
        seed: of the first weights and of dropout; seeding here, not once for the whole search,
            makes a trial's result independent of the trials before it.
        total_batches: batches after which a linear schedule's learning rate is 0.
    """
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    plain = {name.removeprefix(EXTRA): value for name, value in values.items()}
    model = build(plain, classes)
    learning_rate = values["learning_rate"]
    if values["learning_rate_schedule"] == "linear":
        learning_rate = keras.optimizers.schedules.PolynomialDecay(
            learning_rate, total_batches, end_learning_rate=0.0
        )
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=values["label_smoothing"]),
    )
    return model


def set_embeddings(model: keras.Model, vectors: NDArray[np.float32]) -> None:
    """Let a network's embedding begin with word vectors.

    Args:
        model: with a layer named `embedding`.
        vectors: NaN where a word has none, shape `(vocabulary, width)`.

    Raises:
        UserError: when there is no such layer.
    """
    try:
        layer = model.get_layer("embedding")
    except ValueError as error:
        raise UserError(
            "model.pretrained_vectors: expected a layer named 'embedding' in the network of "
            f"model.build, found {', '.join(layer.name for layer in model.layers)}."
        ) from error
    layer.set_weights([begin_with(layer.get_weights()[0], vectors)])
