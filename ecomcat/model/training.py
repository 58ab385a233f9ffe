"""Train one configuration, watching the macro-F1 of the whole validation set."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from hydra.utils import get_method
from numpy.typing import NDArray

from ecomcat.data.batches import scoring_batches, training_batches
from ecomcat.errors import UserError
from ecomcat.model.scores import cross_entropy, macro_f1
from ecomcat.model.space import EXTRA
from ecomcat.text.encoding import EncodedTexts, drop_words

_SCORING_BATCH = 256  # texts
_STEPS_PER_EXECUTION = 16  # batches


class DivergedError(Exception):
    """The loss became infinite or not a number: another try with the same values will, too."""


@dataclass(frozen=True)
class Examples:
    """Encoded texts and their class numbers, shape `(texts,)`."""

    texts: EncodedTexts
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass
class Outcome:
    """What training one configuration gave.

    Args:
        best_epoch: epochs trained when validation macro-F1 was best.
        epochs: epochs trained in all.
        ended: why training ended: `max_epochs`, `patience` or `time`.
        scores: validation `macro_f1`, `accuracy` and `loss` after the best epoch.
        probabilities: of the validation texts then, shape `(texts, classes)`.
        weights: of the model then, as `keras.Model.set_weights` takes them.
        curves: a row an epoch, with Keras's names (`val_` for validation).
    """

    best_epoch: int = 0
    epochs: int = 0
    ended: str = "max_epochs"
    scores: dict[str, float] = field(default_factory=dict)
    probabilities: NDArray[np.float32] | None = None
    weights: list[NDArray[np.float32]] = field(default_factory=list)
    curves: list[dict[str, float]] = field(default_factory=list)


def find_builder(build: str) -> Callable[[Mapping[str, Any], int], keras.Model]:
    """Import the function that a dotted path names.

    Raises:
        UserError: when there is no such function, or its module cannot be imported.
    """
    try:
        builder: Callable[[Mapping[str, Any], int], keras.Model] = get_method(build)
    except Exception as error:
        reason = str(error.__cause__ or error).strip()
        raise UserError(
            f"model.build: expected the dotted path of a function, found {build!r} ({reason})."
        ) from error
    return builder


def build_classifier(
    build: str, values: Mapping[str, Any], classes: int, *, seed: int, total_batches: int
) -> keras.Model:
    """Build and compile a network, the same for the same arguments.

    Args:
        build: dotted path of a function from values and a number of classes to a Keras model.
        values: one value for each hyperparameter.
        classes: number of categories.
        seed: of the first weights and of dropout; seeding here, not once for the whole search,
            makes a trial's result independent of the trials before it.
        total_batches: batches after which a linear schedule's learning rate is 0.
    """
    keras.backend.clear_session()
    gc.collect()
    keras.utils.set_random_seed(seed)
    plain = {name.removeprefix(EXTRA): value for name, value in values.items()}
    model = find_builder(build)(plain, classes)
    learning_rate = values["learning_rate"]
    if values["learning_rate_schedule"] == "linear":
        learning_rate = keras.optimizers.schedules.PolynomialDecay(
            learning_rate, total_batches, end_learning_rate=0.0
        )
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=values["label_smoothing"]),
        metrics=["accuracy", keras.metrics.F1Score(average="macro", name="macro_f1")],
        # Going back to Python after every batch costs a quarter of the time of small networks.
        steps_per_execution=_STEPS_PER_EXECUTION,
    )
    return model


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


class ValidationWatch(keras.callbacks.Callback):
    """Score the validation set after each epoch, keep the best weights and stop in time.

    Puts `val_loss`, `val_accuracy` and `val_macro_f1` into the epoch's logs, where callbacks
    listed after this one see them.

    Args:
        examples: the validation rows.
        classes: number of categories.
        smoothing: label smoothing of the training loss, so that the losses compare.
        patience: epochs without a better macro-F1 before training stops.
        deadline: `time.monotonic()` seconds after which no further epoch begins.
        on_epoch: called with each epoch's number (from 1) and scores.
        outcome: filled as training goes on; what an earlier part of the same training gave.
    """

    def __init__(
        self,
        examples: Examples,
        *,
        classes: int,
        smoothing: float,
        patience: int,
        deadline: float = math.inf,
        on_epoch: Callable[[int, Mapping[str, float]], None] = lambda _epoch, _logs: None,
        outcome: Outcome | None = None,
    ) -> None:
        super().__init__()
        self.outcome = outcome or Outcome()
        self._examples = examples
        self._classes = classes
        self._smoothing = smoothing
        self._patience = patience
        self._deadline = deadline
        self._on_epoch = on_epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Score, remember the best and decide whether to go on."""
        assert logs is not None
        outcome = self.outcome
        probabilities = predict_probabilities(self.model, self._examples.texts)
        scores = self._score(probabilities)
        logs.update({f"val_{name}": score for name, score in scores.items()})
        outcome.epochs = epoch + 1
        outcome.curves.append({name: float(value) for name, value in logs.items()})
        if scores["macro_f1"] > outcome.scores.get("macro_f1", -1.0):
            outcome.best_epoch, outcome.scores = epoch + 1, scores
            outcome.probabilities = probabilities
            outcome.weights = self.model.get_weights()
        elif epoch + 1 - outcome.best_epoch >= self._patience:
            self._stop("patience")
        if time.monotonic() > self._deadline:
            self._stop("time")
        self._on_epoch(epoch + 1, logs)

    def _score(self, probabilities: NDArray[np.float32]) -> dict[str, float]:
        labels, predicted = self._examples.labels, probabilities.argmax(axis=1)
        return {
            "macro_f1": macro_f1(labels, predicted, self._classes),
            "accuracy": float(np.mean(labels == predicted)),
            "loss": cross_entropy(labels, probabilities, self._smoothing),
        }

    def _stop(self, reason: str) -> None:
        self.outcome.ended = reason
        self.model.stop_training = True
