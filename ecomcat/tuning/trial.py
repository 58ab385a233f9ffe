"""One trial: train one configuration on train alone, an epoch at a time, watching validation.

Nothing here touches a file or knows where it runs, so a trial gives the same result in the
search's own process and on another machine.
"""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from keras_tuner.engine import trial as keras_trial
from numpy.typing import NDArray

from ecomcat.data.splitting import Split
from ecomcat.model.metrics import Outcome
from ecomcat.model.network import Builder, build_classifier
from ecomcat.model.training import Examples, Training, ValidationWatch, batches_of
from ecomcat.text.encoding import EncodedTexts
from ecomcat.tuning.records import TrialRecord, TrialTable, load_outcome
from ecomcat.tuning.study import Study

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class TrialTask:
    """What one trial is to do.

    Args:
        root: with the run's seed it decides all that is random: the trial's number, or that of
            the first of the trials that it continues.
        values: one value for each hyperparameter.
        epochs: number of the last epoch.
        parent: what the trial that this one continues left, its last state included.
    """

    root: int
    values: dict[str, Any]
    epochs: int
    parent: Outcome | None = None


@dataclass(frozen=True)
class EpochReport:
    """What is told of an epoch.

    Args:
        epoch: its number, from 1.
        logs: its scores, with Keras's names.
        ended: why the training is over, `max_epochs` or `patience`; empty when it is not.
    """

    epoch: int
    logs: dict[str, float]
    ended: str = ""


@dataclass(frozen=True)
class TrialBegun:
    """A trial's network has been built.

    Args:
        parameters: weights that it trains.
    """

    parameters: int


@dataclass(frozen=True)
class TrialFailure:
    """What went wrong with a trial, in words that travel between processes.

    Args:
        reason: one line.
        trace: the traceback.
        may_pass: whether another try with the same values may succeed.
    """

    reason: str
    trace: str
    may_pass: bool


@dataclass(frozen=True)
class WorkerLost:
    """A worker did not answer and is no more; another has taken its name.

    Args:
        reason: one line.
        too_slow: whether it was ended for not answering in time.
    """

    reason: str
    too_slow: bool = False


def describe_failure(error: Exception) -> TrialFailure:
    """Put an error into words, the first line of its message first."""
    kind = type(error).__name__
    if kind == "DivergedError":
        kind = "diverged"
    lines = str(error).strip().splitlines()
    reason = f"{kind}: {lines[0] if lines else 'no message'}"[:300]
    # Memory may be free again when other trials have ended.
    may_pass = isinstance(error, MemoryError) or kind == "ResourceExhaustedError"
    return TrialFailure(reason, traceback.format_exc(), may_pass)


SENDING_SECONDS = 600.0  # that a trial's weights may take from a worker
_HANGS_AFTER = 20  # times the longest epoch
_LEAST_PATIENCE_SECONDS = 600.0
_MARGIN = 1.5  # by which an epoch may take longer than the longest before it


@dataclass(frozen=True)
class Limits:
    """What trials may take.

    Args:
        max_epochs: of one trial.
        deadline: `time.monotonic()` seconds after which no further epoch begins.
        trial_max_seconds: after which a trial ends.
        max_retries: further tries of a trial whose worker was lost or out of memory.
    """

    max_epochs: int
    deadline: float = math.inf
    trial_max_seconds: float = math.inf
    max_retries: int = 2


@dataclass
class RunningTrial:
    """A trial under way.

    Args:
        task: what its worker was told.
        record: what is written of it.
        began: `time.monotonic()` seconds.
        seconds_before: that lost attempts took.
        epoch_began: `time.monotonic()` seconds.
        longest_epoch: seconds.
    """

    task: TrialTask
    record: TrialRecord
    began: float
    seconds_before: float
    epoch_began: float
    longest_epoch: float = 0.0

    def note_time(self) -> None:
        """Bring the record's seconds up to now."""
        self.record.seconds = self.seconds_before + time.monotonic() - self.began

    def is_over(self, limits: Limits) -> bool:
        """Return whether the trial has had its time."""
        return time.monotonic() >= self.began + limits.trial_max_seconds

    def note_epoch_time(self) -> None:
        """Remember how long the longest epoch took."""
        self.longest_epoch = max(self.longest_epoch, time.monotonic() - self.epoch_began)

    def seconds_for_a_call(self, limits: Limits) -> float:
        """Return how long the worker may take to answer.

        Where the trial itself has no limit, an epoch that takes many times as long as those before
        it is taken for one that hangs.
        """
        seconds_left = self.began + limits.trial_max_seconds - time.monotonic()
        if self.longest_epoch == 0.0:
            return seconds_left
        return min(seconds_left, max(_LEAST_PATIENCE_SECONDS, _HANGS_AFTER * self.longest_epoch))

    def next_epoch_is_too_long(self, limits: Limits) -> bool:
        """Return whether another epoch, somewhat longer than the others, would be cut off."""
        seconds_left = self.began + limits.trial_max_seconds - time.monotonic()
        return _MARGIN * self.longest_epoch > seconds_left


def task_of(
    trial: keras_trial.Trial, table: TrialTable, study: Study, limits: Limits, root: int | None
) -> TrialTask:
    """Return what a worker is to do for a trial.

    Args:
        trial: as the oracle made it; Hyperband asks for a number of epochs, and to continue from
            an earlier trial.
        table: the study's trials.
        study: the folder, where the earlier trial's last state stands.
        limits: most epochs, where the oracle asks for no number.
        root: number whose chance the trial takes; None for its own.
    """
    epochs = int(trial.hyperparameters.values.get("tuner/epochs", limits.max_epochs))
    parent = parent_of(trial, table)
    if parent is None:
        own = int(trial.trial_id) if root is None else root
        return TrialTask(own, values_of(trial), epochs)
    left = load_outcome(study.trial_dir(parent.id), parent.curves)
    return TrialTask(parent.root, values_of(trial), epochs, left)


def parent_of(trial: keras_trial.Trial, table: TrialTable) -> TrialRecord | None:
    """Return the trial that another continues, if it does."""
    return table.get(trial.hyperparameters.values.get("tuner/trial_id", ""))


def values_of(trial: keras_trial.Trial) -> dict[str, Any]:
    """Return a trial's hyperparameters without what Hyperband adds of its own."""
    values = trial.hyperparameters.values
    return {name: value for name, value in values.items() if not name.startswith("tuner/")}


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
    return build_classifier(
        inputs.build,
        values,
        inputs.classes,
        seed=seed,
        total_batches=inputs.max_epochs * batches,
    )


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
