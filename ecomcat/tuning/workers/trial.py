"""One trial: train one configuration on train alone, an epoch at a time, watching validation.

Nothing here touches a file or knows where it runs, so a trial gives the same result in the
search's own process and on another machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.data.split import Split
from ecomcat.model.builder import Builder, build_classifier, set_embeddings
from ecomcat.model.outcome import Outcome
from ecomcat.model.training import Examples, Training, batches_of
from ecomcat.model.validation import ValidationWatch
from ecomcat.text.encoding import EncodedTexts
from ecomcat.tuning.workers.messages import EpochReport, TrialTask

if TYPE_CHECKING:
    import keras

MAX_EPOCHS, PATIENCE = "max_epochs", "patience"


@dataclass(frozen=True)
class TrialInputs:
    """What all trials of a study share.

    Args:
        build: the network's builder.
        texts: all texts, encoded once.
        labels: their class numbers, shape `(texts,)`.
        classes: number of categories.
        split: which texts are train and validation.
        seed: the run's.
        patience: epochs without a better macro-F1 before a trial ends.
        max_epochs: at which a linear learning rate schedule ends.
        keep_state: whether a trial may be continued, and so hands over its last state.
        root: number whose chance every trial takes, to run one trial again; None for each its own.
        vectors: that the embedding begins with, NaN where there is none, shape `(vocabulary,
            width)`.
    """

    build: Builder
    texts: EncodedTexts
    labels: NDArray[np.int64]
    classes: int
    split: Split
    seed: int
    patience: int
    max_epochs: int
    keep_state: bool = False
    root: int | None = None
    vectors: NDArray[np.float32] | None = None

    def examples(self, rows: NDArray[np.int64], values: Mapping[str, Any]) -> Examples:
        """Return some rows as one configuration's vocabulary and length limit see them."""
        texts = self.texts.take(rows).view(values["vocabulary_size"], values["max_tokens"])
        return Examples(texts, self.labels[rows])


class TrialTraining:
    """A trial that is under way.

    Args:
        inputs: what all trials share.
        task: this trial's.
    """

    def __init__(self, inputs: TrialInputs, task: TrialTask) -> None:
        values, parent = task.values, task.parent
        seed = trial_seed(inputs.seed, task.root)
        examples = inputs.examples(inputs.split.train, values)
        self._inputs, self._task = inputs, task
        self.model = build_network(inputs, values, len(examples), seed)
        self._training = start_training(
            self.model, inputs, values, examples, seed, epoch=parent.epochs if parent else 0
        )
        if parent is not None:
            for variable, value in zip(_state(self.model), parent.state, strict=True):
                variable.assign(value)
        self._watch = ValidationWatch(
            self.model,
            inputs.examples(inputs.split.validation, values),
            classes=inputs.classes,
            smoothing=values["label_smoothing"],
            patience=inputs.patience,
            outcome=parent,
        )

    def train_epoch(self) -> EpochReport:
        """Train one epoch, score validation and say whether the trial is over."""
        logs = self._training.train_epoch()
        epoch = self._training.epoch
        logs = self._watch.score_epoch(epoch, logs)
        if epoch >= self._task.epochs:
            return EpochReport(epoch, logs, MAX_EPOCHS)
        return EpochReport(epoch, logs, PATIENCE if self._watch.out_of_patience else "")

    def outcome(self) -> Outcome:
        """Return what the trial gave so far."""
        outcome = self._watch.outcome
        if self._inputs.keep_state:
            outcome.state = [variable.numpy() for variable in _state(self.model)]
        return outcome


def trial_seed(seed: int, number: int) -> int:
    """Mix the run's seed with a trial's number, so that no two trials share their chance."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0] >> 1)


def build_network(
    inputs: TrialInputs, values: Mapping[str, Any], training_texts: int, seed: int
) -> keras.Model:
    """Build and compile the network of one configuration.

    Args:
        inputs: what all trials share.
        values: one value for each hyperparameter.
        training_texts: how many it will be trained on, which decides the schedule's length.
        seed: of the first weights and of dropout.
    """
    batches = batches_of(training_texts, values["batch_size"])
    model = build_classifier(
        inputs.build,
        values,
        inputs.classes,
        seed=seed,
        total_batches=inputs.max_epochs * batches,
    )
    if inputs.vectors is not None:
        set_embeddings(model, inputs.vectors)
    return model


def start_training(
    model: keras.Model,
    inputs: TrialInputs,
    values: Mapping[str, Any],
    examples: Examples,
    seed: int,
    **options: Any,
) -> Training:
    """Make a network ready for its epochs, as its configuration wants it.

    Args:
        model: as `build_network` returns it.
        inputs: what all trials share.
        values: one value for each hyperparameter.
        examples: the training rows.
        seed: of the order of the batches and of the words dropped.
        options: further ones of `Training`.
    """
    return Training(
        model,
        examples,
        classes=inputs.classes,
        batch_size=values["batch_size"],
        word_dropout=values["word_dropout"],
        seed=seed,
        **options,
    )


def _state(model: keras.Model) -> list[Any]:
    """Return all that a training goes on from: weights, dropout's chance, the optimizer's state."""
    return [*model.variables, *model.optimizer.variables]
