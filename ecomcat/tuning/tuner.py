"""One tuner for every algorithm: it asks the oracle, runs the trial and records it."""

from __future__ import annotations

import contextlib
import io
import math
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from keras_tuner.engine import base_tuner
from keras_tuner.engine import trial as keras_trial
from keras_tuner.src.engine.metrics_tracking import MetricsTracker

from ecomcat.errors import UserError
from ecomcat.files import write_text
from ecomcat.model.scores import OBJECTIVE
from ecomcat.model.training import DivergedError
from ecomcat.model.validation import Outcome
from ecomcat.tuning.oracle import StudyOracle
from ecomcat.tuning.records import (
    COMPLETED,
    FAILED,
    TrialRecord,
    load_record,
    save_record,
)
from ecomcat.tuning.study import Study
from ecomcat.tuning.trial import TrialInputs, TrialTask, run_trial


class SearchListener(Protocol):
    """Somebody who is told how a search goes."""

    def trial_begins(self, record: TrialRecord, epochs: int) -> None:
        """Hear of a trial that begins, and how many epochs it may take."""

    def epoch_ends(self, record: TrialRecord, epoch: int, logs: Mapping[str, float]) -> None:
        """Hear of an epoch's number (from 1) and scores."""

    def trial_ends(self, record: TrialRecord) -> None:
        """Hear of a trial that has completed or failed."""


class TrialFailedError(Exception):
    """A trial's training failed; the message is its reason."""


class StudyTuner(base_tuner.BaseTuner):
    """Run the trials of a study in this process.

    Args:
        oracle: which configurations are tried.
        study: the folder.
        inputs: what all trials share.
        max_epochs: of one trial.
        deadline: `time.monotonic()` seconds after which no further epoch begins.
        listeners: who is told how it goes.
    """

    def __init__(
        self,
        oracle: StudyOracle,
        study: Study,
        inputs: TrialInputs,
        *,
        max_epochs: int,
        deadline: float = math.inf,
        listeners: Sequence[SearchListener] = (),
    ) -> None:
        self._study = study
        self._inputs = inputs
        self._max_epochs = max_epochs
        self._deadline = deadline
        self._listeners = listeners
        oracle.trial_dir = study.trial_dir
        # Keras Tuner prints to standard output, which is for results.
        with contextlib.redirect_stdout(io.StringIO()):
            super().__init__(oracle, directory=str(study.directory.parent), project_name=study.name)

    def get_trial_dir(self, trial_id: str) -> str:
        """Return the folder of one trial."""
        return str(self._study.trial_dir(trial_id))

    def run_trial(self, trial: keras_trial.Trial) -> dict[str, float]:
        """Train one configuration, record it, and return its objective.

        Raises:
            TrialFailedError: when training failed; the record says why.
        """
        task = self._task(trial)
        earlier = _earlier_attempt(self._study, trial.trial_id, task.values)
        if earlier is not None and earlier.objective is not None:
            return {OBJECTIVE: earlier.objective}
        record = TrialRecord(trial.trial_id, task.values, root=task.root)
        record.seconds = earlier.seconds if earlier is not None else 0.0
        save_record(self._study, record)
        self._tell(lambda listener: listener.trial_begins(record, task.epochs))
        self._train(task, record)
        self._tell(lambda listener: listener.trial_ends(record))
        if record.objective is None:
            raise TrialFailedError(record.ended)
        return {OBJECTIVE: record.objective}

    def _train(self, task: TrialTask, record: TrialRecord) -> None:
        """Train, and bring the record up to date whatever happens."""
        seconds_before, began = record.seconds, time.monotonic()

        def on_epoch(epoch: int, logs: Mapping[str, float]) -> None:
            # Saved at each epoch, so that a killed run's time counts, too.
            record.epochs, record.seconds = epoch, seconds_before + time.monotonic() - began
            save_record(self._study, record)
            self._tell(lambda listener: listener.epoch_ends(record, epoch, logs))

        try:
            outcome, record.parameters = run_trial(
                self._inputs, task, deadline=self._deadline, on_epoch=on_epoch
            )
            _record_success(record, outcome)
        except UserError:
            raise
        except Exception as error:
            _record_failure(record, error, task.directory)
        finally:
            record.seconds = seconds_before + time.monotonic() - began
            save_record(self._study, record)

    def _task(self, trial: keras_trial.Trial) -> TrialTask:
        values = dict(trial.hyperparameters.values)
        # Hyperband asks for a number of epochs, and to continue from an earlier trial.
        parent_id = values.pop("tuner/trial_id", None)
        epochs = int(values.pop("tuner/epochs", self._max_epochs))
        for name in ("tuner/initial_epoch", "tuner/bracket", "tuner/round"):
            values.pop(name, None)
        directory = self._study.trial_dir(trial.trial_id)
        if parent_id is None:
            return TrialTask(int(trial.trial_id), values, directory, epochs)
        parent = load_record(self._study, parent_id)
        return TrialTask(
            root=parent.root,
            values=values,
            directory=directory,
            epochs=epochs,
            parent=self._study.trial_dir(parent_id),
            # What the parent trained, which patience may have cut short.
            initial_epoch=parent.epochs,
            curves=parent.curves,
        )

    def _try_run_and_update_trial(self, trial: keras_trial.Trial, *_: Any, **__: Any) -> None:
        """Run a trial; a training that fails is the trial's end and not the search's."""
        try:
            results = self.run_trial(trial)
        except TrialFailedError as error:
            trial.status = keras_trial.TrialStatus.FAILED
            trial.message = str(error)
            return
        # What an interrupted attempt reported would otherwise stand in for this one's result.
        self.oracle.get_trial(trial.trial_id).metrics = MetricsTracker()
        self.oracle.update_trial(trial.trial_id, results)
        trial.status = keras_trial.TrialStatus.COMPLETED

    def save(self) -> None:
        """Write the oracle's state, which is all there is to a tuner's."""
        self.oracle.save()

    def reload(self) -> None:
        """Read the oracle's state."""
        self.oracle.reload()

    def _get_tuner_fname(self) -> str:
        """Name the file whose presence tells Keras Tuner that there is something to reload."""
        return str(self.oracle._get_oracle_fname())

    def _tell(self, message: Callable[[SearchListener], None]) -> None:
        for listener in self._listeners:
            message(listener)


def _earlier_attempt(study: Study, trial_id: str, values: dict[str, Any]) -> TrialRecord | None:
    """Return what an interrupted run of the study recorded of this trial.

    A trial's own file is written before the oracle's, so the oracle may ask again for one that
    has completed.
    """
    try:
        record = load_record(study, trial_id)
    except OSError:
        return None
    return record if record.values == values else None


def _record_success(record: TrialRecord, outcome: Outcome) -> None:
    record.status = COMPLETED
    record.objective = outcome.scores["macro_f1"]
    record.accuracy = outcome.scores["accuracy"]
    record.loss = outcome.scores["loss"]
    record.best_epoch = outcome.best_epoch
    record.epochs = outcome.epochs
    record.ended = outcome.ended
    record.curves = outcome.curves


def _record_failure(record: TrialRecord, error: Exception, directory: Path) -> None:
    record.status = FAILED
    kind = "diverged" if isinstance(error, DivergedError) else type(error).__name__
    lines = str(error).strip().splitlines()
    record.ended = f"{kind}: {lines[0] if lines else 'no message'}"[:300]
    write_text(directory / "error.txt", traceback.format_exc())
