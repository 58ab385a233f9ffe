"""One trial: train one configuration an epoch at a time, and watch validation.

Nothing here uses files or knows where it runs, so that results do not depend on that.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ecomcat.data.splitting import Split
from ecomcat.model.metrics import Outcome
from ecomcat.model.network import Builder
from ecomcat.model.training import (
    Examples,
    OutOfTimeError,
    Training,
    ValidationWatch,
    build_classifier,
)
from ecomcat.process import import_tensorflow
from ecomcat.text.encoding import EncodedTexts
from ecomcat.tuning.jobs import BatchesDone, EpochReport, TrialTask, Worker
from ecomcat.tuning.records import TIME

MAX_EPOCHS, PATIENCE = "max_epochs", "patience"
_PROGRESS_SECONDS = 10.0
_WARMING_BATCHES, _TIMED_BATCHES, _TIMED_SECONDS = 5, 50, 10.0


@dataclass(frozen=True)
class TrialInputs:
    """What all trials of a study share.

    Args:
        build: Function that builds the network.
        texts: `EncodedTexts`. All texts, encoded once.
        label_ids: Array of integers, shape `(texts,)`. Their class numbers.
        num_classes: Integer. Number of classes.
        split: `Split`. Which texts are train and validation.
        seed: Integer. The run's seed.
        patience: Integer. Epochs without a better macro-F1 before a trial ends.
        max_epochs: Integer. Epoch at which a linear learning rate schedule ends.
        keep_state: Boolean. Whether a trial may be continued, and so returns its last state.
        root: Integer. Number that decides every trial's randomness, to run one trial again; by
            default each has its own.
    """

    build: Builder
    texts: EncodedTexts
    label_ids: NDArray[np.int64]
    num_classes: int
    split: Split
    seed: int
    patience: int
    max_epochs: int
    keep_state: bool = False
    root: int | None = None

    def examples(self, rows: NDArray[np.int64], values: Mapping[str, Any]) -> Examples:
        """Return some rows as one configuration's vocabulary and length limit see them."""
        texts = self.texts.take(rows).view(values["vocabulary_size"], values["max_tokens"])
        return Examples(texts, self.label_ids[rows])


class TrialWorker(Worker):
    """Train one task after the other; the number of threads does not change the result."""

    def __init__(self, inputs: TrialInputs, threads: int | None = None) -> None:
        import_tensorflow()
        if threads is not None:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
        self._inputs = inputs
        self.forget()

    def forget(self) -> None:
        """Drop the network of a task that has failed or ended."""
        self._training: Training | None = None
        self._watch: ValidationWatch | None = None

    def begin(self, task: TrialTask) -> Iterator[int]:
        """Drop the last network, build a new one, and answer how many parameters it trains."""
        self.forget()
        inputs, values, parent = self._inputs, task.values, task.parent
        seed = trial_seed(inputs.seed, task.root)
        rows = inputs.split.train if task.rows is None else task.rows
        examples = inputs.examples(rows, values)
        epochs = inputs.max_epochs if task.rows is None else task.epochs
        model = build_network(inputs, values, task.epoch_texts or len(examples), seed, epochs)
        self._task = task
        self._training = Training(
            model,
            examples,
            num_classes=inputs.num_classes,
            batch_size=values["batch_size"],
            word_dropout=values["word_dropout"],
            seed=seed,
            epoch=len(parent.curves) if parent else 0,
            epoch_texts=task.epoch_texts,
        )
        if parent is not None:
            for variable, value in zip(_state(model), parent.state, strict=True):
                variable.assign(value)
        if task.watches:
            self._watch = self._watch_validation(model, task)
        yield int(model.count_params())

    def _watch_validation(self, model: keras.Model, task: TrialTask) -> ValidationWatch:
        return ValidationWatch(
            model,
            self._inputs.examples(self._inputs.split.validation, task.values),
            smoothing=task.values["label_smoothing"],
            patience=task.patience or self._inputs.patience,
            outcome=task.parent or Outcome(),
        )

    def train_epoch(
        self, within_seconds: float = math.inf, scored_anyhow: bool = True
    ) -> Iterator[BatchesDone | EpochReport]:
        """Train one epoch and score validation; yield progress, and the report at the end.

        An epoch that takes longer than `within_seconds` ends with the current batch, and is
        reported without scores, unless it is `scored_anyhow`.
        """
        assert self._training is not None, "train_epoch without a task"
        ends = time.monotonic() + within_seconds
        logs = yield from _now_and_then(self._training.train_batches(), within_seconds)
        epoch, ended = self._training.epoch, ""
        if self._watch is not None:
            try:
                logs = self._watch.score_epoch(logs, math.inf if scored_anyhow else ends)
            except OutOfTimeError:
                yield EpochReport(epoch, {}, TIME)
                return
            ended = PATIENCE if self._watch.out_of_patience else ""
        yield EpochReport(epoch, logs, MAX_EPOCHS if epoch >= self._task.epochs else ended)

    def time_batches(self) -> Iterator[float]:
        """Train for a few seconds, and answer how many a text takes; then start again."""
        assert self._training is not None, "time_batches without a task"
        batches, began, timed = self._training.train_batches(), time.monotonic(), 0
        # The first batches trace and warm up.
        for number, _ in islice(batches, _WARMING_BATCHES + _TIMED_BATCHES):
            if number == _WARMING_BATCHES:
                began = time.monotonic()
            timed = number - _WARMING_BATCHES
            if timed > 0 and time.monotonic() - began > _TIMED_SECONDS:
                break
        yield (time.monotonic() - began) / max(timed, 1) / self._training.batch_size

    def finish(self) -> Iterator[Outcome]:
        """Return the result of the training, and forget it."""
        assert self._training is not None, "finish without a task"
        model = self._training.model
        outcome = self._watch.outcome if self._watch else Outcome(weights=model.get_weights())
        if self._watch and self._inputs.keep_state:
            outcome.state = [variable.numpy() for variable in _state(model)]
        self.forget()
        yield outcome


def _state(model: keras.Model) -> list[Any]:
    """Return the state to continue from: weights, seeds of dropout, the optimizer's state."""
    return [*model.variables, *model.optimizer.variables]


def _now_and_then(
    batches: Generator[tuple[int, int], bool | None, dict[str, float]], within_seconds: float
) -> Generator[BatchesDone, None, dict[str, float]]:
    """Yield every ten seconds how far an epoch is; return its scores."""
    reported = time.monotonic()
    ends, is_over = reported + within_seconds, None
    while True:
        try:
            done, count = batches.send(is_over)
        except StopIteration as end:
            logs: dict[str, float] = end.value
            return logs
        is_over = time.monotonic() >= ends
        if time.monotonic() - reported >= _PROGRESS_SECONDS:
            reported = time.monotonic()
            yield BatchesDone(done, count)


def trial_seed(seed: int, number: int) -> int:
    """Mix the run's seed with a trial's number, so that no two trials share their randomness."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0] >> 1)


def build_network(
    inputs: TrialInputs, values: Mapping[str, Any], epoch_texts: int, seed: int, epochs: int
) -> keras.Model:
    """Build and compile the network of one configuration, whose schedule ends with `epochs`."""
    batches = math.ceil(epoch_texts / values["batch_size"])
    return build_classifier(
        inputs.build,
        values,
        inputs.num_classes,
        seed=seed,
        total_batches=epochs * batches,
    )
