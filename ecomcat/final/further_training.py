"""Trials that are trained again to measure something, and not to be exported."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecomcat.commands import SearchCommand
from ecomcat.console import step
from ecomcat.data.splitting import Split
from ecomcat.json_files import UnreadableError
from ecomcat.tuning.budget import confirmation_seconds
from ecomcat.tuning.jobs import Call, Job, TrialFailedError, TrialTask, ask
from ecomcat.tuning.records import TrialRecord
from ecomcat.tuning.trial import TrialInputs
from ecomcat.tuning.trial_files import load_arrays, save_arrays
from ecomcat.tuning.workers import run_all

logger = logging.getLogger("ecomcat")


@dataclass(frozen=True)
class FurtherTraining:
    """A trial that is trained again on some texts, and predicts others.

    Args:
        record: `TrialRecord`. The trial.
        split: `Split`. The texts to train on, and the texts to watch.
        path: Path. The file of the classes that it predicts for the watched texts.
        num_classes: Integer. How many classes there are.
        epochs: Integer. How many, at most.
        epoch_texts: Integer. How many texts an epoch reads. Defaults to all.
        patience: Integer. Epochs without a better score. Defaults to those of every trial.
    """

    record: TrialRecord
    split: Split = field(repr=False)
    path: Path
    num_classes: int
    epochs: int
    epoch_texts: int | None = None
    patience: int | None = None

    def predicted(self) -> NDArray[np.int64] | None:
        """Return the predicted classes of the watched texts; `None` before it was trained."""
        try:
            (found,) = load_arrays(self.path)
        except (UnreadableError, ValueError):
            return None
        if found.shape != self.split.validation.shape or found.dtype != np.int64:
            return None
        return found if ((found >= 0) & (found < self.num_classes)).all() else None


class FurtherTrainings:
    """Run trainings one after the other, while there is time; those of an earlier run are reused.

    Args:
        config: `SearchCommand`. Configuration of the run.
        inputs: `TrialInputs`. What all trials share.
        trainings: Sequence of `FurtherTraining`, in their order.
    """

    def __init__(
        self, config: SearchCommand, inputs: TrialInputs, trainings: Sequence[FurtherTraining]
    ) -> None:
        self._config, self._inputs, self._trainings = config, inputs, trainings
        self.failed: set[str] = set()  # trials that are not tried again
        self._lost = Counter[str]()  # how often a trial's worker was lost or out of memory
        self._ends = time.monotonic() + confirmation_seconds(config)

    def run(self, what: str) -> None:
        """Run the trainings that are not done yet, while there is time."""
        total = len(self._trainings)
        with step(what) as advance:

            def unfinished() -> list[FurtherTraining]:
                left = list(self._unfinished())
                advance(0, fraction=1 - len(left) / total)
                return left[::-1] if time.monotonic() < self._ends else []

            def job(training: FurtherTraining) -> Job:
                yield from self._train(training)
                advance(0, fraction=1 - len(list(self._unfinished())) / total)

            run_all(self._config.search, self._inputs, unfinished, job)

    def _unfinished(self) -> Iterator[FurtherTraining]:
        for training in self._trainings:
            if training.record.id not in self.failed and training.predicted() is None:
                yield training

    def _train(self, training: FurtherTraining) -> Job:
        record, split = training.record, training.split
        task = TrialTask(
            *(record.root, record.values, training.epochs),
            rows=split.train,
            watched=split.validation,
            epoch_texts=training.epoch_texts,
            patience=training.patience,
        )
        try:
            yield from ask(Call("begin", (task,)))
            ended = ""
            while not ended:
                if time.monotonic() >= self._ends:
                    return
                call = Call("train_epoch", within_seconds=record.hanging_seconds)
                ended = (yield from ask(call)).ended
            outcome = yield from ask(Call("finish"))
        except TrialFailedError as error:
            self._take_failure(record, error)
            return
        save_arrays(training.path, outcome.probabilities.argmax(axis=1))

    def _take_failure(self, record: TrialRecord, error: TrialFailedError) -> None:
        if error.may_pass and self._lost[record.id] < self._config.search.max_retries:
            self._lost[record.id] += 1  # and so it is unfinished
            logger.warning("Trial %s begins again: %s.", record.id, error)
            return
        logger.warning("Trial %s could not be trained again: %s.", record.id, error)
        self.failed.add(record.id)
