"""Train chosen configurations again, on more rows than the search gave them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from numpy.typing import NDArray

from ecomcat.config import SearchConfig
from ecomcat.console import step
from ecomcat.errors import UserError
from ecomcat.process import raise_if_requested
from ecomcat.tuning.records import TrialRecord
from ecomcat.tuning.trial import (
    EpochReport,
    TrialBegun,
    TrialFailure,
    TrialInputs,
    TrialTask,
    WorkerLost,
    build_network,
    describe_failure,
    trial_seed,
)
from ecomcat.tuning.workers import Answer, BaseWorker, WorkerPool, open_pool

if TYPE_CHECKING:
    from ecomcat.model.training import Training

logger = logging.getLogger("ecomcat")


class RetrainWorker(BaseWorker):
    """Train networks on all rows of `split.train`, with no validation to watch.

    Each method answers or tells what failed, and raises nothing.
    """

    _model: keras.Model | None = None
    _training: Training | None = None

    def begin(self, task: TrialTask) -> TrialBegun | TrialFailure:
        """Build a network."""
        from ecomcat.tuning.trial import build_network, start_training, trial_seed

        inputs = self._inputs
        # The network before it makes room.
        self._model = self._training = None
        try:
            examples = inputs.examples(inputs.split.train, task.values)
            seed = trial_seed(inputs.seed, task.root)
            self._model = build_network(inputs, task.values, len(examples), seed)
            self._training = start_training(self._model, inputs, task.values, examples, seed)
            return TrialBegun(self._model.count_params())
        except Exception as error:
            return describe_failure(error)

    def train_epoch(self) -> EpochReport | TrialFailure:
        """Train one epoch of the network that was built."""
        assert self._training is not None, "train_epoch without a network"
        try:
            logs = self._training.train_epoch()
            return EpochReport(self._training.epoch, logs)
        except Exception as error:
            return describe_failure(error)

    def weights(self) -> list[NDArray[np.float32]] | TrialFailure:
        """Return the network's weights."""
        assert self._model is not None, "weights without a network"
        try:
            found: list[Any] = self._model.get_weights()
            return found
        except Exception as error:
            return describe_failure(error)


Weights = list[NDArray[np.float32]]
OnTrialEpoch = Callable[[str, int, Mapping[str, float]], None]


def retrain_trials(
    inputs: TrialInputs,
    records: Sequence[TrialRecord],
    rows: NDArray[np.int64],
    search: SearchConfig,
    on_epoch: OnTrialEpoch = lambda _trial, _epoch, _logs: None,
) -> list[keras.Model]:
    """Train trials' configurations on the rows, each for its `final_epochs`.

    Args:
        inputs: what all trials of the study shared.
        records: the trials.
        rows: text numbers, in ascending order.
        search: says how many workers there are.
        on_epoch: called with a trial's id, the epoch's number (from 1) and its scores.

    Returns:
        A trained model for each record.

    Raises:
        UserError: when a training fails.
    """
    inputs = replace(inputs, split=replace(inputs.split, train=rows))
    epochs = sum(_epochs_of(record, inputs.max_epochs) for record in records)
    with (
        open_pool(search, inputs, len(records), RetrainWorker) as pool,
        step(_described(records), total=epochs) as advance,
    ):

        def note(trial: str, epoch: int, logs: Mapping[str, float]) -> None:
            advance()
            on_epoch(trial, epoch, logs)

        weights = _Retraining(pool, records, inputs.max_epochs, search.max_retries, note).run()
    return [network_with(inputs, record, weights[record.id]) for record in records]


def _described(records: Sequence[TrialRecord]) -> str:
    if len(records) == 1:
        return f"Training trial {records[0].id} again, epochs"
    return f"Training {len(records)} trials again, epochs"


def _epochs_of(record: TrialRecord, max_epochs: int) -> int:
    return final_epochs(record.values, record.best_epoch, max_epochs)


def final_epochs(values: Mapping[str, Any], best_epoch: int, max_epochs: int) -> int:
    """Decide how long a configuration is trained when there is no validation to watch.

    A learning rate that falls to 0 is let fall: weights at the end of the schedule do better on
    other texts than those of the epoch that looked best on validation (docs/experiments.md). A
    constant one overfits in the end, so there the best epoch counts.

    Args:
        values: of the configuration.
        best_epoch: on validation, by weights trained on train alone.
        max_epochs: at which the schedule ends.
    """
    return max_epochs if values["learning_rate_schedule"] == "linear" else best_epoch


def network_with(inputs: TrialInputs, record: TrialRecord, weights: Weights) -> keras.Model:
    """Build a trial's network with some weights."""
    seed = trial_seed(inputs.seed, record.root)
    model = build_network(inputs, record.values, len(inputs.split.train), seed)
    model.set_weights(weights)
    return model


class _Retraining:
    """Hand configurations to workers until all are trained."""

    def __init__(
        self,
        pool: WorkerPool,
        records: Sequence[TrialRecord],
        max_epochs: int,
        max_retries: int,
        on_epoch: OnTrialEpoch,
    ) -> None:
        self._pool = pool
        self._max_epochs = max_epochs
        self._on_epoch = on_epoch
        # The longest first, so that none of them is begun last.
        self._waiting = sorted(records, key=self._expected_seconds)
        self._running: dict[str, TrialRecord] = {}
        self._weights: dict[str, Weights] = {}
        self._retries_left = max_retries
        self._count = len(records)

    def run(self) -> dict[str, Weights]:
        """Return each trial's weights."""
        while len(self._weights) < self._count:
            raise_if_requested()
            for worker in self._pool.free():
                if worker not in self._running and self._waiting:
                    self._begin(worker, self._waiting.pop())
            for answer in self._pool.wait():
                self._take(answer)
        return self._weights

    def _begin(self, worker: str, record: TrialRecord) -> None:
        epochs = self._epochs(record)
        logger.info("Retraining trial %s for %d epochs.", record.id, epochs)
        self._running[worker] = record
        task = TrialTask(record.root, record.values, epochs)
        self._pool.call(worker, "begin", task)

    def _take(self, answer: Answer) -> None:
        record, value = self._running[answer.worker], answer.value
        if isinstance(value, TrialFailure | WorkerLost):
            self._fail(answer.worker, value)
        elif isinstance(value, TrialBegun):
            self._train_epoch(answer.worker, record)
        elif isinstance(value, EpochReport):
            self._on_epoch(record.id, value.epoch, value.logs)
            if value.epoch < self._epochs(record):
                self._train_epoch(answer.worker, record)
            else:
                self._pool.call(answer.worker, "weights")
        else:
            self._weights[self._running.pop(answer.worker).id] = value

    def _train_epoch(self, worker: str, record: TrialRecord) -> None:
        # Far longer than an epoch of the search took: what takes so long hangs.
        seconds = 600 + 20 * record.seconds / max(len(record.curves), 1)
        self._pool.call(worker, "train_epoch", within_seconds=seconds)

    def _epochs(self, record: TrialRecord) -> int:
        return _epochs_of(record, self._max_epochs)

    def _expected_seconds(self, record: TrialRecord) -> float:
        return self._epochs(record) * record.seconds / max(len(record.curves), 1)

    def _fail(self, worker: str, failure: TrialFailure | WorkerLost) -> None:
        record = self._running.pop(worker)
        may_pass = isinstance(failure, WorkerLost) or failure.may_pass
        if not may_pass or self._retries_left == 0:
            raise UserError(
                f"Retraining trial {record.id} failed: {failure.reason}. The study is whole: run "
                "the same command again, with fewer workers (search.workers=1) where memory ran "
                "out, or without retraining (final.retrain=false)."
            )
        self._retries_left -= 1
        logger.warning("Retraining trial %s again: %s.", record.id, failure.reason)
        self._waiting.append(record)


def pooled(rows: Sequence[NDArray[np.int64]]) -> NDArray[Any]:
    """Return the row numbers of several parts of the split in one ascending array."""
    return np.sort(np.concatenate(rows))
