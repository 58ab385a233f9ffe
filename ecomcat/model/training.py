"""Compile a network, train it one epoch at a time, and score validation after each."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ecomcat.model.metrics import Outcome, best_epoch, cross_entropy, macro_f1
from ecomcat.model.network import Builder
from ecomcat.model.space import EXTRA
from ecomcat.text.encoding import (
    EncodedTexts,
    bounded_inputs,
    drop_words,
    model_inputs,
    scoring_batches,
    training_batches,
)

_SCORING_BATCH = 256  # texts


class DivergedError(Exception):
    """The loss became infinite or not a number, and would again with the same values."""


class OutOfTimeError(Exception):
    """The time was over before all texts were scored."""


@dataclass(frozen=True)
class Examples:
    """Encoded texts and their class numbers, shape `(texts,)`."""

    texts: EncodedTexts
    label_ids: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.label_ids)


def build_classifier(
    build: Builder, values: Mapping[str, Any], num_classes: int, *, seed: int, total_batches: int
) -> keras.Model:
    """Build and compile a network, the same for the same arguments.

    After `total_batches` the learning rate of a linear schedule is 0.
    """
    # Seeded here, not once for the whole search: a trial's result does not depend on others.
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    plain = {name.removeprefix(EXTRA): value for name, value in values.items()}
    model = build(plain, num_classes)
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


@dataclass
class Training:
    """A compiled network in training, one epoch at a time."""

    model: keras.Model
    examples: Examples
    num_classes: int
    batch_size: int
    seed: int  # of the order of the batches and of the words dropped
    word_dropout: float = 0.0  # fraction of the words read as unknown; less in short texts
    epoch: int = 0  # epochs that the model was trained for
    epoch_texts: int | None = None  # that an epoch reads, different from those before; None: all

    def __post_init__(self) -> None:
        self._step = _compile_step(self.model, self.num_classes)

    def train_batches(self) -> Generator[tuple[int, int], bool | None, dict[str, float]]:
        """Train on an epoch's examples; yield after each batch how many of how many are done.

        The epoch ends early if true is sent.

        Returns:
            `loss`, `accuracy` and `macro_f1` of the batches, with dropout on.

        Raises:
            DivergedError: When the loss is not finite.
        """
        examples, random = self.examples, np.random.default_rng([self.seed, self.epoch, 1])
        one_hot = np.eye(self.num_classes, dtype=np.float32)
        predicted = np.full(len(examples), -1)
        total_loss = 0.0
        batches = self._batches()
        for number, rows in enumerate(batches, start=1):
            texts = drop_words(examples.texts.take(rows), self.word_dropout, random)
            inputs = model_inputs(texts, len(self.model.inputs))
            targets = one_hot[examples.label_ids[rows]]
            loss_tensor, probabilities = self._step(*map(tf.constant, (*inputs, targets)))
            loss = float(loss_tensor)
            if not math.isfinite(loss):
                raise DivergedError(
                    f"the loss became {loss} in batch {number}; a smaller learning rate may help"
                )
            total_loss += loss * len(rows)
            predicted[rows] = probabilities.numpy().argmax(axis=1)
            if (yield number, len(batches)):
                break
        self.epoch += 1
        return self._scores(total_loss, predicted)

    def _scores(self, total_loss: float, predicted: NDArray[np.int64]) -> dict[str, float]:
        """Return the scores of the texts whose predicted class is not -1."""
        read = predicted >= 0
        label_ids, predicted = self.examples.label_ids[read], predicted[read]
        return {
            "loss": total_loss / len(label_ids),
            "accuracy": float(np.mean(predicted == label_ids)),
            "macro_f1": macro_f1(label_ids, predicted, self.num_classes),
        }

    def _batches(self) -> list[NDArray[np.int64]]:
        lengths = self.examples.texts.lengths
        if self.epoch_texts is None:
            return training_batches(lengths, self.batch_size, self.seed, self.epoch)
        # In an order that all trials share, so that after equal epochs they saw the same texts.
        order = np.random.default_rng(len(lengths)).permutation(len(lengths))
        places = np.arange(self.epoch_texts) + self.epoch * self.epoch_texts
        part = np.sort(order.take(places, mode="wrap"))
        batches = training_batches(lengths[part], self.batch_size, self.seed, self.epoch)
        return [part[rows] for rows in batches]


def _compile_step(model: keras.Model, num_classes: int) -> Callable[..., Any]:
    """Return a function that trains on one batch and returns its loss and probabilities."""
    variables = model.trainable_variables
    model.optimizer.build(variables)
    targets = tf.TensorSpec((None, num_classes), tf.float32)

    @tf.function(input_signature=[*_signature(model), targets], autograph=False)
    def step(*given: Any) -> Any:
        *inputs, targets = given
        with tf.GradientTape() as tape:
            probabilities = _call(model, inputs, training=True)
            # Keras's own, which adds the losses of a builder's regularizers.
            loss = model.compute_loss(y=targets, y_pred=probabilities)
        model.optimizer.apply(tape.gradient(loss, variables), variables)
        return loss, probabilities

    # Not the function itself, which would warn that every trial compiles a new one.
    compiled: Callable[..., Any] = step.get_concrete_function()
    return compiled


def _signature(model: keras.Model) -> list[Any]:
    return [tf.TensorSpec((None, None), tf.int32)] * len(model.inputs)


def _call(model: keras.Model, inputs: Sequence[Any], *, training: bool) -> Any:
    return model(inputs[0] if len(inputs) == 1 else list(inputs), training=training)


class Scorer:
    """Compute class probabilities with a Keras model that is compiled once."""

    def __init__(self, model: keras.Model) -> None:
        self._num_classes, self._inputs = model.output_shape[-1], len(model.inputs)
        self._forward = tf.function(
            lambda *inputs: _call(model, inputs, training=False),
            input_signature=_signature(model),
            autograph=False,
        ).get_concrete_function()

    def __call__(self, texts: EncodedTexts, ends: float = math.inf) -> NDArray[np.float32]:
        """Return class probabilities `(texts, num_classes)` of texts as the model reads them.

        Raises:
            OutOfTimeError: They were not all scored when `time.monotonic()` was `ends`.
        """
        probabilities = np.zeros((len(texts), self._num_classes), np.float32)
        for rows in scoring_batches(texts.lengths, _SCORING_BATCH):
            if time.monotonic() >= ends:
                raise OutOfTimeError
            for part, inputs in bounded_inputs(texts, rows, self._inputs):
                probabilities[part] = self._forward(*map(tf.constant, inputs)).numpy()
        return probabilities


@dataclass
class ValidationWatch:
    """Score the validation set after each epoch and remember the best weights."""

    model: keras.Model
    examples: Examples
    smoothing: float  # label smoothing of the training loss, so that the losses compare
    patience: int  # epochs without a better macro-F1 after which training is to stop
    outcome: Outcome = field(default_factory=Outcome)  # of the epochs so far

    def __post_init__(self) -> None:
        self._scorer = Scorer(self.model)

    @property
    def out_of_patience(self) -> bool:
        """Whether there were too many epochs without a better score."""
        curves = self.outcome.curves
        return len(curves) - best_epoch(curves) >= self.patience

    def score_epoch(self, logs: Mapping[str, float], ends: float = math.inf) -> dict[str, float]:
        """Add `val_` scores to an epoch's logs; remember the weights of the best epoch so far.

        Raises:
            OutOfTimeError: It was not done when `time.monotonic()` was `ends`. The results of
                earlier epochs are unchanged.
        """
        outcome, label_ids = self.outcome, self.examples.label_ids
        probabilities = self._scorer(self.examples.texts, ends)
        predicted = probabilities.argmax(axis=1)
        scores = {
            "macro_f1": macro_f1(label_ids, predicted, probabilities.shape[1]),
            "accuracy": float(np.mean(label_ids == predicted)),
            "loss": cross_entropy(label_ids, probabilities, self.smoothing),
        }
        row = {**logs, **{f"val_{name}": score for name, score in scores.items()}}
        outcome.curves.append(row)
        if best_epoch(outcome.curves) == len(outcome.curves):
            outcome.probabilities, outcome.weights = probabilities, self.model.get_weights()
        return row
