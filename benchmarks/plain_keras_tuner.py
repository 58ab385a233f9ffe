"""Search with Keras Tuner alone, written as its users write it: what ours is measured against.

Every text is padded to one width, trials run one after the other to their last epoch, and the
tuner's own files stand in a folder that goes with the run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import keras
import keras_tuner
import numpy as np
from numpy.typing import NDArray

from ecomcat.model.training import Examples

WIDTH = 250  # tokens that every text is padded or cut to
_OBJECTIVE = keras_tuner.Objective("val_macro_f1", "max")


class _Recorder(keras.callbacks.Callback):
    """Hand on each epoch's score; Keras Tuner copies callbacks, and all copies are one."""

    def __init__(self, on_epoch: Callable[[float], None]) -> None:
        super().__init__()
        self._on_epoch = on_epoch

    def __deepcopy__(self, _memory: dict[int, Any]) -> _Recorder:
        return self

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        assert logs is not None
        self._on_epoch(float(logs["val_macro_f1"]))


def search(
    algorithm: str,
    train: Examples,
    validation: Examples,
    *,
    classes: int,
    vocabulary_size: int,
    space: dict[str, Any],
    trials: int,
    epochs: int,
    batch_size: int,
    seed: int,
    on_epoch: Callable[[float], None],
) -> None:
    """Search the space to its end.

    Args:
        algorithm: `random`, `bayesian` or `hyperband`.
        train: encoded texts and class numbers.
        validation: the same.
        classes: number of categories.
        vocabulary_size: ids of the embedding.
        space: `embedding_dim` and `lstm_units` as lists of choices, `dropout` and
            `learning_rate` as two bounds.
        trials: that are run; Hyperband has no such number and runs two iterations.
        epochs: of a trial.
        batch_size: texts.
        seed: of the tuner and of Keras.
        on_epoch: called with the validation macro-F1 after each epoch of each trial.
    """
    keras.utils.set_random_seed(seed)

    def build(hp: keras_tuner.HyperParameters) -> keras.Model:
        model = keras.Sequential(
            [
                keras.Input((WIDTH,), dtype="int32"),
                keras.layers.Embedding(
                    vocabulary_size, hp.Choice("embedding_dim", space["embedding_dim"])
                ),
                keras.layers.Bidirectional(
                    keras.layers.LSTM(hp.Choice("lstm_units", space["lstm_units"]))
                ),
                keras.layers.Dropout(hp.Float("dropout", *space["dropout"])),
                keras.layers.Dense(classes, activation="softmax"),
            ]
        )
        rate = hp.Float("learning_rate", *space["learning_rate"], sampling="log")
        model.compile(
            optimizer=keras.optimizers.Adam(rate),
            loss="categorical_crossentropy",
            metrics=["accuracy", keras.metrics.F1Score(average="macro", name="macro_f1")],
        )
        return model

    with tempfile.TemporaryDirectory(prefix="plain_keras_tuner_") as folder:
        tuner = _make_tuner(algorithm, build, folder, trials, epochs, seed)
        tuner.search(
            *_arrays(train, classes),
            validation_data=_arrays(validation, classes),
            epochs=epochs,
            batch_size=batch_size,
            verbose=0,
            callbacks=[_Recorder(on_epoch)],
        )


def _make_tuner(
    algorithm: str, build: Any, folder: str, trials: int, epochs: int, seed: int
) -> keras_tuner.Tuner:
    common: dict[str, Any] = {"objective": _OBJECTIVE, "seed": seed, "directory": folder}
    if algorithm == "random":
        return keras_tuner.RandomSearch(build, max_trials=trials, **common)
    if algorithm == "bayesian":
        return keras_tuner.BayesianOptimization(build, max_trials=trials, **common)
    return keras_tuner.Hyperband(build, max_epochs=epochs, hyperband_iterations=2, **common)


def _arrays(examples: Examples, classes: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Pad every text to one width, and write its class as a one-hot vector."""
    ids = np.zeros((len(examples), WIDTH), np.int32)
    shortened = examples.texts.view(np.iinfo(np.int32).max, WIDTH)
    padded = shortened.padded(np.arange(len(examples)))
    ids[:, : padded.shape[1]] = padded
    return ids, np.eye(classes, dtype=np.float32)[examples.labels]
