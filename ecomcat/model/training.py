"""Train a network on batches of texts of similar length, and score texts with it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ecomcat.data.batches import scoring_batches, training_batches
from ecomcat.text.encoding import EncodedTexts, drop_words

_SCORING_BATCH = 256  # texts


class DivergedError(Exception):
    """The loss became infinite or not a number: another try with the same values will, too."""


@dataclass(frozen=True)
class Examples:
    """Encoded texts and their class numbers, shape `(texts,)`."""

    texts: EncodedTexts
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


def batches_of(texts: int, batch_size: int) -> int:
    """Return how many batches an epoch has."""
    return math.ceil(texts / batch_size)


def fit(
    model: keras.Model,
    examples: Examples,
    *,
    classes: int,
    batch_size: int,
    epochs: int,
    seed: int,
    word_dropout: float = 0.0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    initial_epoch: int = 0,
) -> None:
    """Train a compiled model on batches of similar length.

    Args:
        model: as `build_classifier` returns it.
        examples: the training rows.
        classes: number of categories.
        batch_size: texts a batch.
        epochs: number of the last epoch.
        seed: of the order of the batches and of the words dropped.
        word_dropout: share of the words read as unknown, others in each epoch.
        callbacks: Keras's.
        initial_epoch: epochs that the model has behind it.

    Raises:
        DivergedError: when the loss is not finite.
    """
    clock = _EpochClock(initial_epoch)
    one_hot = np.eye(classes, dtype=np.float32)

    def generate() -> Iterator[tuple[NDArray[np.int32], NDArray[np.float32]]]:
        random = np.random.default_rng([seed, clock.epoch, 1])
        for rows in training_batches(examples.texts.lengths, batch_size, seed, clock.epoch):
            ids = drop_words(examples.texts.padded(rows), word_dropout, random)
            yield ids, one_hot[examples.labels[rows]]

    signature = (
        tf.TensorSpec((None, None), tf.int32),
        tf.TensorSpec((None, classes), tf.float32),
    )
    batches = batches_of(len(examples), batch_size)
    dataset = tf.data.Dataset.from_generator(generate, output_signature=signature)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(batches)).prefetch(2)
    model.fit(
        dataset,
        epochs=epochs,
        initial_epoch=initial_epoch,
        shuffle=False,
        verbose=0,
        callbacks=[clock, _StopWhenDiverged(), *callbacks],
    )


def predict_probabilities(model: keras.Model, texts: EncodedTexts) -> NDArray[np.float32]:
    """Return class probabilities of each text, shape `(texts, classes)`.

    Args:
        model: from ids to probabilities.
        texts: in the vocabulary and length limit that the model was trained on.
    """
    batches = scoring_batches(texts.lengths, _SCORING_BATCH)
    if not batches:
        return np.zeros((0, model.output_shape[-1]), np.float32)
    dataset = tf.data.Dataset.from_generator(
        lambda: (texts.padded(rows) for rows in batches),
        output_signature=tf.TensorSpec((None, None), tf.int32),
    ).apply(tf.data.experimental.assert_cardinality(len(batches)))
    sorted_by_length = model.predict(dataset, verbose=0)
    probabilities: NDArray[np.float32] = np.empty_like(sorted_by_length)
    probabilities[np.concatenate(batches)] = sorted_by_length
    return probabilities


class _EpochClock(keras.callbacks.Callback):
    """Tell the generator of batches which epoch it is drawing."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch


class _StopWhenDiverged(keras.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        if logs and not math.isfinite(logs["loss"]):
            raise DivergedError(
                f"the loss became {logs['loss']} in batch {batch + 1}; a smaller learning rate "
                "may help"
            )
