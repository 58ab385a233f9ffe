"""A trial as the project once trained it: Keras's own `compile`, `fit` and `predict`.

It has the network, batches and scores of `ecomcat.tuning.trial`; what differs is who
compiles.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ecomcat.model.metrics import cross_entropy, macro_f1
from ecomcat.model.training import Examples, batches_of
from ecomcat.text.encoding import EncodedTexts, drop_words, scoring_batches, training_batches
from ecomcat.tuning.trial import TrialInputs, TrialTask, trial_seed

_SCORING_BATCH = 256  # texts
_STEPS_PER_EXECUTION = 16  # batches


def train(inputs: TrialInputs, task: TrialTask, on_epoch: Callable[[], None]) -> None:
    """Train a trial to its last epoch.

    Args:
        inputs: what all trials share.
        task: this trial's.
        on_epoch: called after each epoch, once validation is scored.
    """
    values, seed = task.values, trial_seed(inputs.seed, task.root)
    examples = inputs.examples(inputs.split.train, values)
    validation = inputs.examples(inputs.split.validation, values)
    model = _compiled(inputs, values, batches_of(len(examples), values["batch_size"]), seed)
    callback = _Epochs(validation, inputs.classes, values["label_smoothing"], on_epoch)
    dataset = _batches(examples, inputs.classes, values, seed, callback)
    model.fit(dataset, epochs=task.epochs, shuffle=False, verbose=0, callbacks=[callback])


class _Epochs(keras.callbacks.Callback):
    """Tell the generator of batches which epoch it is drawing, and score each."""

    def __init__(
        self, validation: Examples, classes: int, smoothing: float, on_epoch: Callable[[], None]
    ) -> None:
        super().__init__()
        self.epoch = 0
        self._validation = validation
        self._classes = classes
        self._smoothing = smoothing
        self._on_epoch = on_epoch

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        labels = self._validation.labels
        probabilities = _predict(self.model, self._validation.texts)
        macro_f1(labels, probabilities.argmax(axis=1), self._classes)
        cross_entropy(labels, probabilities, self._smoothing)
        self._on_epoch()


def _compiled(inputs: TrialInputs, values: Mapping[str, Any], batches: int, seed: int) -> Any:
    keras.backend.clear_session()
    gc.collect()
    keras.utils.set_random_seed(seed)
    model = inputs.build(values, inputs.classes)
    rate = keras.optimizers.schedules.PolynomialDecay(
        values["learning_rate"], inputs.max_epochs * batches, end_learning_rate=0.0
    )
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=values["label_smoothing"]),
        metrics=["accuracy", keras.metrics.F1Score(average="macro", name="macro_f1")],
        steps_per_execution=_STEPS_PER_EXECUTION,
    )
    return model


def _batches(
    examples: Examples, classes: int, values: Mapping[str, Any], seed: int, clock: _Epochs
) -> Any:
    one_hot = np.eye(classes, dtype=np.float32)
    batch_size = values["batch_size"]

    def generate() -> Iterator[tuple[NDArray[np.int32], NDArray[np.float32]]]:
        random = np.random.default_rng([seed, clock.epoch, 1])
        for rows in training_batches(examples.texts.lengths, batch_size, seed, clock.epoch):
            ids = drop_words(examples.texts.padded(rows), values["word_dropout"], random)
            yield ids, one_hot[examples.labels[rows]]

    signature = (
        tf.TensorSpec((None, None), tf.int32),
        tf.TensorSpec((None, classes), tf.float32),
    )
    dataset = tf.data.Dataset.from_generator(generate, output_signature=signature)
    count = batches_of(len(examples), batch_size)
    return dataset.apply(tf.data.experimental.assert_cardinality(count)).prefetch(2)


def _predict(model: keras.Model, texts: EncodedTexts) -> NDArray[np.float32]:
    batches = scoring_batches(texts.lengths, _SCORING_BATCH)
    dataset = tf.data.Dataset.from_generator(
        lambda: (texts.padded(rows) for rows in batches),
        output_signature=tf.TensorSpec((None, None), tf.int32),
    ).apply(tf.data.experimental.assert_cardinality(len(batches)))
    by_length = model.predict(dataset, verbose=0)
    probabilities: NDArray[np.float32] = np.empty_like(by_length)
    probabilities[np.concatenate(batches)] = by_length
    return probabilities
