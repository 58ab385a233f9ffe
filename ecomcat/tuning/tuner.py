"""Search a space: Keras Tuner's tuner of a study, several trials at a time."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from keras_tuner.engine import base_tuner
from keras_tuner.engine import trial as keras_trial

from ecomcat.command_config import SearchCommand
from ecomcat.config import SearchConfig
from ecomcat.files import write_text
from ecomcat.model.space import Domain, space_size
from ecomcat.process import describe_device, gpu_names
from ecomcat.tuning.budget import TrialClock
from ecomcat.tuning.jobs import (
    BatchesDone,
    Call,
    EpochReport,
    Job,
    Result,
    TrialFailedError,
    TrialTask,
    WorkerPool,
    ask,
    run_jobs,
)
from ecomcat.tuning.listeners import SearchListener
from ecomcat.tuning.oracle import STATUS, StudyOracle
from ecomcat.tuning.records import (
    COMPLETED,
    CUT_SHORT,
    FAILED,
    PRUNED,
    RUNNING,
    TIME,
    TRIAL_TIME,
    TrialRecord,
    best_record,
    require_best,
)
from ecomcat.tuning.study import CLOCK, Study
from ecomcat.tuning.trial import TrialInputs
from ecomcat.tuning.trial_files import load_outcome, save_outcome
from ecomcat.tuning.workers import open_pool

logger = logging.getLogger("ecomcat")

_NO_ANSWER = "no answer for many times the length of its longest epoch"
_PRUNED = "pruned after epoch"
_NOT_SCORED = "no epoch of it was scored in time; it runs once search.max_minutes is raised"
_WRITTEN_EVERY_SECONDS = 2.0
_SENDING_SECONDS = 600.0  # that a trial's weights may take from a worker

OpenPool = Callable[[SearchConfig, TrialInputs, int], AbstractContextManager[WorkerPool]]


class StudyTuner(base_tuner.BaseTuner):
    """Run a study's trials until its oracle has no more.

    Args:
        oracle: `StudyOracle`. Decides which configurations are tried and which trials are hopeless.
        study: `Study`. The folder.
        inputs: `TrialInputs`. What all trials share.
        search: `SearchConfig`. The limits of trials.
        listeners: Sequence of `SearchListener`. They are notified of the progress.
    """

    oracle: StudyOracle

    def __init__(
        self,
        oracle: StudyOracle,
        study: Study,
        inputs: TrialInputs,
        search: SearchConfig,
        listeners: Sequence[SearchListener] = (),
    ) -> None:
        super().__init__(oracle, directory=str(study.directory.parent), project_name=study.name)
        self._study, self._inputs, self._listeners = study, inputs, listeners
        self._config, self._stopped = search, False
        self._before, self._began = study.active_seconds, time.monotonic()
        self._written = self._began

    def search(self, pool: WorkerPool) -> None:
        """Let the workers of a pool run trials, each one at a time, until all have ended."""

        def has_more() -> bool:
            return not self._stopped and not self.oracle.spent

        try:
            run_jobs(pool, self._next_job, has_more, self._tick)
        finally:
            self._save_time()

    @property
    def _seconds(self) -> float:
        """Seconds that the study was searched, earlier runs included."""
        return self._before + time.monotonic() - self._began

    def _save_time(self) -> None:
        self._study.write(CLOCK, {"active_seconds": round(self._seconds, 3)})

    def _tick(self) -> None:
        """Save the trials' progress from time to time: a killed run loses a moment at most."""
        if time.monotonic() - self._written >= _WRITTEN_EVERY_SECONDS:
            self._written = time.monotonic()
            self._save_time()
            self._study.trials.write()

    def _next_job(self) -> Job | None:
        if self._stopped:
            return None
        trial = self.oracle.create_trial("")
        if trial.status == STATUS.RUNNING:
            return self.run_trial(trial)
        self._stopped = trial.status == STATUS.STOPPED
        return None

    def run_trial(self, trial: keras_trial.Trial) -> Job:
        """Run one trial, as a job that yields the calls of its worker's methods."""
        record = self.oracle.table[trial.trial_id]
        record.unfinished += 1
        try:
            record.status = yield from self._train(record)
        except TrialFailedError as error:
            if error.may_pass and record.retries < self._config.max_retries:
                record.retries += 1
                self._run_again(trial, str(error))
                return
            write_text(self._study.trial_dir(record.id) / "error.txt", error.trace)
            record.status, record.ended = FAILED, str(error)
            record.objective = record.accuracy = record.loss = None
        except BaseException:
            # The search was stopped; this trial is not the cause.
            record.unfinished -= 1
            self._study.trials.save(record)
            raise
        if record.status == RUNNING:
            self._run_again(trial, _NOT_SCORED)
            return
        record.unfinished = 0
        record.ended_at = round(self._seconds, 1)
        self.oracle.end_trial(trial)
        self._notify(lambda each: each.trial_ends(record))

    def _run_again(self, trial: keras_trial.Trial, reason: str) -> None:
        record = self.oracle.table[trial.trial_id]
        record.unfinished = 0
        self.oracle.requeue(trial)
        self._notify(lambda each: each.trial_retries(record, reason))

    def _train(self, record: TrialRecord) -> Generator[Call | None, Any, str]:
        """Train until the trial ends; return how it ended, `running` if it has no score yet."""
        task = self._task_of(record)
        record.root = task.root
        self._study.trials.save(record)
        self._notify(lambda each: each.trial_begins(record, task.epochs))
        if record.unfinished > self._config.max_retries + 1:
            died = record.unfinished - 1
            raise TrialFailedError(f"the search died {died} times while it ran this trial")
        clock = TrialClock(record, self._config.trial_max_minutes)
        record.parameters = yield from self._ask(record, clock, clock.call("begin", task))
        while not record.ended:
            report = yield from self._ask(record, clock, self._epoch_of(record, clock))
            record.ended = self._take_epoch(record, report, clock)
        if record.objective is None:
            return RUNNING  # the study's time was over, and other trials have a score
        if record.ended.startswith(_PRUNED):
            return PRUNED
        # Not bound by the trial's limit: the result exists and only has to be sent.
        finish = Call("finish", within_seconds=_SENDING_SECONDS)
        outcome = yield from self._ask(record, clock, finish)
        save_outcome(outcome, self._study.trial_dir(record.id))
        return CUT_SHORT if record.ended in {TIME, TRIAL_TIME} else COMPLETED

    def _epoch_of(self, record: TrialRecord, clock: TrialClock) -> Call:
        """Return the call of an epoch that ends with the study's time, also during its scoring.

        While no trial has a score, it is always scored: else there would be nothing to export.
        """
        left = math.inf if record.is_owed else self.oracle.seconds_left
        is_first = record.objective is None and best_record(self.oracle.table.records) is None
        return clock.call("train_epoch", left, is_first)

    def _ask(self, record: TrialRecord, clock: TrialClock, call: Call) -> Result:
        def note(progress: BatchesDone) -> None:
            self._notify(lambda each: each.batches_end(record, progress.done, progress.batches))

        try:
            return (yield from ask(call, note))
        except TrialFailedError as error:
            if not error.too_slow:
                raise
            reason = TRIAL_TIME if clock.is_over else _NO_ANSWER
            raise TrialFailedError(reason, error.trace) from error
        finally:
            clock.note(epoch=call.method == "train_epoch")

    def _task_of(self, record: TrialRecord) -> TrialTask:
        """Return a worker's task; Hyperband may ask to continue an earlier trial."""
        epochs = record.planned_epochs(self.oracle.max_epochs)
        root = int(record.id) if self._inputs.root is None else self._inputs.root
        task = TrialTask(root, record.values, epochs, epoch_texts=self._config.epoch_texts)
        parent = self._study.trials.get(record.plan.get("tuner/trial_id", ""))
        if parent is None:
            return task
        record.curves = list(parent.curves)
        left = load_outcome(self._study.trial_dir(parent.id), parent.curves)
        return replace(task, root=parent.root, parent=left)

    def _take_epoch(self, record: TrialRecord, report: EpochReport, clock: TrialClock) -> str:
        """Record an epoch, and return why the trial ends with it, or nothing."""
        if not report.logs:
            return report.ended
        trial = self.oracle.update_trial(record.id, report.logs, step=report.epoch)
        self._notify(lambda each: each.epoch_ends(record, report.epoch, report.logs))
        if report.ended:
            return report.ended
        if trial.status == STATUS.STOPPED:
            return f"{_PRUNED} {report.epoch}"
        if self.oracle.out_of_time and not record.is_owed:
            return TIME
        return "" if clock.allows_an_epoch else TRIAL_TIME

    def _notify(self, message: Callable[[SearchListener], None]) -> None:
        for listener in self._listeners:
            message(listener)


@dataclass(frozen=True)
class SearchResult:
    """The best trial by validation, the number of trials, the seconds of all runs, why it ended."""

    best: TrialRecord
    trials: int
    seconds: float
    ended: str

    def describe(self) -> dict[str, Any]:
        """Return what `metrics.json` records under `search`."""
        return {
            "trials": self.trials,
            "ended": self.ended,
            "seconds": round(self.seconds, 1),
            "best_trial": self.best.id,
            "best_epoch": self.best.best_epoch,
            "best_val_macro_f1": self.best.objective,
            "best_hyperparameters": self.best.values,
        }


def run_search(
    config: SearchCommand,
    inputs: TrialInputs,
    space: Mapping[str, Domain],
    study: Study,
    listeners: Sequence[SearchListener] = (),
    workers: OpenPool = open_pool,
) -> SearchResult:
    """Run the study's trials until its budget is spent or its space is exhausted.

    Args:
        config: `SearchCommand`. Configuration of the run.
        inputs: `TrialInputs`. What all trials share.
        space: Mapping from each hyperparameter's name to its `Domain`.
        study: `Study`. The folder; trials that it already holds are not run again.
        listeners: Sequence of `SearchListener`. They are notified of the progress.
        workers: Function that opens the pool of workers. Defaults to `open_pool`.

    Raises:
        UserError: No trial has completed.
    """
    search = config.search
    deadline = time.monotonic() + search.max_minutes * 60 - study.active_seconds
    oracle = StudyOracle(config, space, study.trials, deadline, len(inputs.split.validation))
    if not oracle.spent:
        _log_device(search)
        # More workers than configurations would wait for nothing.
        useful = int(min(search.max_trials, space_size(space))) - oracle.ended
        with workers(search, inputs, useful) as pool:
            for listener in listeners:
                listener.search_begins(
                    workers=pool.size,
                    trials_left=useful,
                    deadline=deadline,
                    may_end_early=oracle.may_end_early,
                )
            StudyTuner(oracle, study, inputs, search, listeners).search(pool)
    ended = _why_it_ended(oracle)
    logger.info("%s", ended)
    records = study.trials.records
    best = require_best(records, study.directory)
    return SearchResult(best, len(records), study.active_seconds, ended)


def _log_device(search: SearchConfig) -> None:
    unwanted_by = "search.gpus_per_worker=0" if search.gpus_per_worker == 0 else ""
    logger.info("Device: %s", describe_device(gpu_names(), unwanted_by=unwanted_by))


def _why_it_ended(oracle: StudyOracle) -> str:
    tried = len(oracle.tried())
    if oracle.exhausted and tried > 1:
        return f"The space is exhausted: all of its {tried} configurations were tried."
    if oracle.out_of_time:
        return "The study's time is used up (search.max_minutes)."
    if (left := oracle.outlook) is not None and left.is_poor and left.trials > 0:
        return f"{left} (search.stop_early=false continues)."
    return "All trials were run (search.max_trials)."
