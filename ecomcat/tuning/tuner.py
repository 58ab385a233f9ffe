"""Search a space: from data and a configuration to a study with a best trial."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from keras_tuner.engine import trial as keras_trial

from ecomcat.config import SearchCommand, SearchConfig
from ecomcat.files import write_text
from ecomcat.model.metrics import OBJECTIVE, Outcome
from ecomcat.model.space import Domain, space_size
from ecomcat.process import raise_if_requested
from ecomcat.tuning.budget import Budget
from ecomcat.tuning.oracles import STATUS, GridOracle, StudyOracle, make_oracle
from ecomcat.tuning.records import (
    COMPLETED,
    FAILED,
    PRUNED,
    RUNNING,
    TrialRecord,
    TrialTable,
    keep_outcome,
    load_records,
    require_best,
)
from ecomcat.tuning.study import Study, StudyClock, active_seconds
from ecomcat.tuning.trial import (
    SENDING_SECONDS,
    EpochReport,
    Limits,
    RunningTrial,
    TrialBegun,
    TrialFailure,
    TrialInputs,
    WorkerLost,
    parent_of,
    task_of,
    values_of,
)
from ecomcat.tuning.workers import Answer, WorkerPool, open_pool

logger = logging.getLogger("ecomcat")


class SearchListener(Protocol):
    """Somebody who is told how a search goes."""

    def trial_begins(self, record: TrialRecord, epochs: int) -> None:
        """Hear of a trial that begins, and how many epochs it may take."""

    def epoch_ends(self, record: TrialRecord, epoch: int, logs: Mapping[str, float]) -> None:
        """Hear of an epoch's number (from 1) and scores."""

    def trial_retries(self, record: TrialRecord, reason: str) -> None:
        """Hear of a trial that will begin again, since its worker was lost."""

    def trial_ends(self, record: TrialRecord) -> None:
        """Hear of a trial that has completed, was pruned or has failed."""


TIME, TRIAL_TIME = "time", "trial_max_minutes"
NO_ANSWER = "no answer for many times as long as its longest epoch"


class StudyTuner:
    """Run a study's trials until its oracle has no more.

    Args:
        oracle: which configurations are tried, and which trials are hopeless.
        pool: who trains them.
        study: the folder.
        inputs: what all trials share.
        limits: what trials may take.
        listeners: who is told how it goes.
    """

    def __init__(
        self,
        oracle: StudyOracle,
        pool: WorkerPool,
        study: Study,
        inputs: TrialInputs,
        limits: Limits,
        listeners: Sequence[SearchListener] = (),
    ) -> None:
        self._oracle = oracle
        self._pool = pool
        self._study = study
        self._inputs = inputs
        self._limits = limits
        self._listeners = listeners
        self._table = TrialTable(study)
        self._clock = StudyClock(study)
        self._running: dict[str, RunningTrial] = {}
        self._oracle_stopped = False

    def search(self) -> None:
        """Hand out trials and take in answers until all have ended."""
        try:
            while True:
                raise_if_requested()
                self._hand_out()
                if self._oracle_stopped and not self._running:
                    return
                for answer in self._pool.wait():
                    self._take(answer)
                self._clock.tick()
                self._table.refresh()
        finally:
            self._clock.save()
            self._take_back_unfinished()

    def _take_back_unfinished(self) -> None:
        """Note of the trials under way that the search was stopped, and did not die of them."""
        for running in self._running.values():
            running.record.unfinished -= 1
            self._table.save(running.record)

    def _hand_out(self) -> None:
        """Give each free worker a trial, as long as the oracle has one."""
        if not self._running and self._oracle.spent:
            # Without asking for a trial, which takes a worker that may never come.
            self._oracle_stopped = True
        for worker in self._pool.free():
            if self._oracle_stopped:
                return
            if worker in self._running:
                continue
            trial = self._oracle.create_trial(worker)
            while trial.status == STATUS.RUNNING and self._is_known(trial):
                trial = self._oracle.create_trial(worker)
            if trial.status == STATUS.RUNNING:
                self._begin(worker, trial)
            elif trial.status == STATUS.STOPPED or not self._running:
                # An idle oracle waits for a trial to end; with none running it would for ever.
                self._oracle_stopped = True

    def _is_known(self, trial: keras_trial.Trial) -> bool:
        """Tell the oracle what an earlier run recorded of a trial, if it had ended.

        A trial's own file is written before the oracle's, so a run that was killed in between
        leaves an oracle that asks for the trial again.
        """
        record = self._table.get(trial.trial_id)
        if record is None or record.status == RUNNING or record.values != values_of(trial):
            return False
        parent = parent_of(trial, self._table)
        known = parent.epochs if parent is not None else 0
        for epoch, logs in enumerate(record.curves[known:], start=known + 1):
            self._oracle.update_trial(trial.trial_id, {OBJECTIVE: logs[OBJECTIVE]}, step=epoch)
        failure = record.ended if record.status == FAILED else ""
        self._oracle.end(trial.trial_id, failure=failure, pruned=record.status == PRUNED)
        return True

    def _begin(self, worker: str, trial: keras_trial.Trial) -> None:
        task = task_of(trial, self._table, self._study, self._limits, self._inputs.root)
        earlier = self._table.get(trial.trial_id)
        same = earlier is not None and earlier.values == task.values
        record = TrialRecord(trial.trial_id, task.values, root=task.root)
        if earlier is not None and same:
            record.seconds, record.retries = earlier.seconds, earlier.retries
            record.unfinished = earlier.unfinished
        record.unfinished += 1
        if task.parent is not None:
            record.curves = list(task.parent.curves)
        now = time.monotonic()
        running = RunningTrial(task, record, now, record.seconds, now)
        self._running[worker] = running
        self._table.save(record)
        self._tell(lambda listener: listener.trial_begins(record, task.epochs))
        if record.unfinished > self._limits.max_retries + 1:
            reason = f"the search died {record.unfinished - 1} times while it ran this trial"
            self._fail(worker, reason, reason, may_pass=False)
        else:
            self._call(worker, "begin", task)

    def _call(self, worker: str, method: str, *arguments: Any) -> None:
        seconds = self._running[worker].seconds_for_a_call(self._limits)
        self._pool.call(worker, method, *arguments, within_seconds=seconds)

    def _take(self, answer: Answer) -> None:
        """Act on what a worker said."""
        worker, running = answer.worker, self._running.get(answer.worker)
        if running is None:
            return
        running.note_time()
        match answer.value:
            case TrialBegun(parameters=parameters):
                running.record.parameters = parameters
                self._train_epoch(worker)
            case EpochReport() as report:
                self._take_epoch(worker, report)
            case Outcome() as outcome:
                keep_outcome(
                    outcome,
                    self._study.trial_dir(running.record.id),
                    self._inputs.split.validation,
                )
                self._end(worker, COMPLETED)
            case TrialFailure() as failure:
                self._fail(worker, failure.reason, failure.trace, may_pass=failure.may_pass)
            case WorkerLost() as lost:
                reason = f"worker lost: {lost.reason}"
                if lost.too_slow:
                    reason = TRIAL_TIME if running.is_over(self._limits) else NO_ANSWER
                self._fail(worker, reason, lost.reason, may_pass=not lost.too_slow)
            case unexpected:
                raise AssertionError(f"a worker answered {unexpected!r}")

    def _train_epoch(self, worker: str) -> None:
        self._running[worker].epoch_began = time.monotonic()
        self._call(worker, "train_epoch")

    def _take_epoch(self, worker: str, report: EpochReport) -> None:
        """Record an epoch, and decide with the oracle whether there is another."""
        running = self._running[worker]
        record = running.record
        record.note_epoch(report.epoch, report.logs)
        running.note_epoch_time()
        self._tell(lambda listener: listener.epoch_ends(record, report.epoch, report.logs))
        scores = {OBJECTIVE: report.logs[OBJECTIVE]}
        hopeless = (
            self._oracle.update_trial(record.id, scores, step=report.epoch).status == STATUS.STOPPED
        )
        if report.ended:
            self._finish(worker, report.ended)
        elif hopeless:
            record.ended = f"pruned after epoch {report.epoch}"
            self._end(worker, PRUNED)
        elif time.monotonic() > self._limits.deadline:
            self._finish(worker, TIME)
        elif running.next_epoch_is_too_long(self._limits):
            self._finish(worker, TRIAL_TIME)
        else:
            self._train_epoch(worker)

    def _finish(self, worker: str, ended: str) -> None:
        """Ask for what a trial gave."""
        self._running[worker].record.ended = ended
        # Not bound by the trial's limit: what it gave is there, and is only to be sent.
        self._pool.call(worker, "finish", within_seconds=SENDING_SECONDS)

    def _fail(self, worker: str, reason: str, trace: str, *, may_pass: bool) -> None:
        record = self._running[worker].record
        if may_pass and record.retries < self._limits.max_retries:
            del self._running[worker]
            record.retries += 1
            record.unfinished = 0
            record.forget_attempt()
            self._table.save(record)
            self._oracle.requeue(record.id)
            self._oracle_stopped = False
            self._tell(lambda listener: listener.trial_retries(record, reason))
            return
        write_text(self._study.trial_dir(record.id) / "error.txt", trace)
        record.ended = reason
        record.objective = record.accuracy = record.loss = None
        self._end(worker, FAILED)

    def _end(self, worker: str, status: str) -> None:
        record = self._running.pop(worker).record
        record.status = status
        record.unfinished = 0
        record.ended_at = round(self._clock.seconds, 1)
        # The record first: a run that is killed here tells the oracle when it is resumed.
        self._table.save(record)
        failure = record.ended if status == FAILED else ""
        self._oracle.end(record.id, failure=failure, pruned=status == PRUNED)
        self._tell(lambda listener: listener.trial_ends(record))

    def _tell(self, message: Callable[[SearchListener], None]) -> None:
        for listener in self._listeners:
            message(listener)


OpenPool = Callable[[SearchConfig, TrialInputs, int], AbstractContextManager[WorkerPool]]


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Args:
        best: the trial of the highest validation macro-F1.
        trials: how many were begun, in all runs of the study.
        seconds: that the study was searched, in all runs.
    """

    best: TrialRecord
    trials: int
    seconds: float

    def describe(self) -> dict[str, Any]:
        """Return what `metrics.json` records under `search`."""
        return {
            "trials": self.trials,
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
        config: of the run.
        inputs: what all trials share.
        space: domain of each hyperparameter.
        study: the folder; trials that it already holds are not run again.
        listeners: who is told how it goes.
        workers: holds the workers that train.

    Raises:
        UserError: when no trial has completed.
    """
    search = config.search
    seconds_left = search.max_minutes * 60 - active_seconds(study)
    budget = Budget(search.max_trials, time.monotonic() + seconds_left)
    oracle = make_oracle(search, space, seed=config.seed, budget=budget, trial_dir=study.trial_dir)
    oracle.resume()
    trials_left = search.max_trials - oracle.ended
    if trials_left > 0 and seconds_left > 0:
        # More workers than configurations would wait for nothing.
        useful = int(min(trials_left, space_size(space) - oracle.ended))
        with workers(search, inputs, useful) as pool:
            limits = _limits(search, budget)
            StudyTuner(oracle, pool, study, inputs, limits, listeners).search()
    _say_why_it_ended(oracle)
    return SearchResult(require_best(study), len(load_records(study)), active_seconds(study))


def _limits(search: SearchConfig, budget: Budget) -> Limits:
    limits = Limits(search.max_epochs, budget.deadline, max_retries=search.max_retries)
    if search.trial_max_minutes is None:
        return limits
    return replace(limits, trial_max_seconds=search.trial_max_minutes * 60)


def _say_why_it_ended(oracle: StudyOracle) -> None:
    if oracle.exhausted and len(oracle.tried()) > 1:
        logger.info(
            "The %s is exhausted: all of its %d configurations were tried.",
            "grid" if isinstance(oracle, GridOracle) else "space",
            len(oracle.tried()),
        )
    elif oracle.budget.spent(0):
        logger.info("The study's time is spent (search.max_minutes).")
    else:
        logger.info("The study's trials are run (search.max_trials).")
