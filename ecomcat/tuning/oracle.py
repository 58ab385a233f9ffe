"""Keras Tuner's oracle of a study: it hands out trials and says which of them are hopeless."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine import trial as keras_trial

from ecomcat.command_config import SearchCommand
from ecomcat.model.metrics import OBJECTIVE
from ecomcat.model.space import Domain, Key, Range, key_of, space_size
from ecomcat.tuning.algorithms import GridSearch, make_algorithm
from ecomcat.tuning.pruners import make_pruner
from ecomcat.tuning.records import FAILED, RUNNING, TrialRecord
from ecomcat.tuning.stop_early import MIN_TRIALS, Outlook, outlook
from ecomcat.tuning.trial_table import PLAN, TrialTable

STATUS = keras_trial.TrialStatus


class StudyOracle(keras_tuner.Oracle):
    """Hand out the trials of a study.

    The records of the trials are the whole state, and a study is resumed by reading them. Only one
    thread uses it, since only the tuner talks to the workers, so Keras Tuner's lock is never taken.

    Args:
        config: `SearchCommand`. Algorithm, pruner, seed and limits.
        space: Mapping from each hyperparameter's name to its `Domain`.
        table: `TrialTable`. The study's trials; those that were interrupted run again.
        deadline: Float. Second of `time.monotonic()` after which no trial begins.
        validation_texts: Integer. How many texts a trial is scored on.

    Attributes:
        may_end_early: Boolean. Whether it may end before its last trial, with time left.
    """

    def __init__(
        self,
        config: SearchCommand,
        space: Mapping[str, Domain],
        table: TrialTable,
        deadline: float,
        validation_texts: int,
    ) -> None:
        super().__init__(
            # The direction of a string would be "min".
            objective=keras_tuner.Objective(OBJECTIVE, "max"),
            hyperparameters=to_keras_tuner(space),
            allow_new_entries=False,
            tune_new_entries=False,
            seed=config.seed + 1,  # Keras Tuner takes 0 for "any seed"
        )
        self.verbose = 0
        fixed = all(domain.fixed for domain in space.values())
        self.algorithm = GridSearch() if fixed else make_algorithm(config.search)
        self.space, self.table, self.max_epochs = space, table, config.search.max_epochs
        self._pruner, self._deadline = make_pruner(config.search), deadline
        self._max_trials, self._validation_texts = config.search.max_trials, validation_texts
        enough = min(self._max_trials, space_size(space)) > MIN_TRIALS
        self.may_end_early = config.search.stop_early and enough and self.algorithm.open_ended
        self._waiting = self._resume()  # trials that are to run again, before any new one

    def _resume(self) -> list[str]:
        """Show all trials to Keras Tuner, and return those that were interrupted."""
        for record in self.table.records:
            if record.status == RUNNING:
                record.forget_attempt()
            self._mirror(record)
        interrupted = [each for each in self.table.records if each.status == RUNNING]
        return [each.id for each in sorted(interrupted, key=lambda each: not each.is_owed)]

    @property
    def spent(self) -> bool:
        """Whether the budget allows no new trial; repeats of earlier trials do not count."""
        if any(self.table[trial_id].is_owed for trial_id in self._waiting):
            return False
        if self._trials_left <= 0 or self.out_of_time:
            return True
        return self.outlook is not None and self.outlook.is_poor

    @property
    def _trials_left(self) -> int:
        return self._max_trials - self.ended - len(self.ongoing_trials)

    @property
    def outlook(self) -> Outlook | None:
        """The possible gain of the remaining trials; `None` if all of them must run."""
        if not self.may_end_early:
            return None
        untried = space_size(self.space) - self.ended - len(self.ongoing_trials)
        more = int(min(self._trials_left, untried))
        return outlook(self.table.records, more, self._validation_texts)

    @property
    def out_of_time(self) -> bool:
        """Whether the study's time is over."""
        return self.seconds_left <= 0

    @property
    def seconds_left(self) -> float:
        """Seconds until the study's time is over."""
        return self._deadline - time.monotonic()

    @property
    def exhausted(self) -> bool:
        """Whether there is nothing left to try."""
        return self.algorithm.is_exhausted(self)

    @property
    def ended(self) -> int:
        """How many trials are neither running nor wait to run again."""
        return len(self.trials) - len(self.ongoing_trials) - len(self._waiting)

    def tried(self) -> set[Key]:
        """Return the configurations of all trials, running ones included."""
        return {key_of(self.space, record.values) for record in self.table.records}

    def create_trial(self, tuner_id: str) -> keras_trial.Trial:
        """Return the next trial, or one of status IDLE or STOPPED when there is none."""
        trial = None if self.spent else self._next_trial()
        if trial is None:
            # Running trials may still show that more trials are useful.
            status = STATUS.IDLE if self.ongoing_trials else STATUS.STOPPED
            return keras_trial.Trial(self.get_space(), status=status)
        trial.status = STATUS.RUNNING
        self.ongoing_trials[trial.trial_id] = trial
        return trial

    def _next_trial(self) -> keras_trial.Trial | None:
        if self._waiting:
            return self.trials[self._waiting.pop(0)]
        values = self.algorithm.propose(self)
        return None if values is None else self._mirror(self._new_record(values))

    def update_trial(
        self, trial_id: str, metrics: Mapping[str, float], step: int = 0
    ) -> keras_trial.Trial:
        """Note an epoch's scores and return the trial, of status STOPPED when it is hopeless."""
        record, trial = self.table[trial_id], self.trials[trial_id]
        record.note_epoch(step, metrics)
        others = [
            each.curve
            for each in self.table.records
            # The scores of a trial before it failed are no measure for others.
            if each is not record and each.status != FAILED
        ]
        if not record.is_owed and self._pruner.prunes(record.curve, others):
            trial.status = STATUS.STOPPED
        return trial

    def end_trial(self, trial: keras_trial.Trial) -> None:
        """Take a trial back whose record says how it ended."""
        del self.ongoing_trials[trial.trial_id]
        record = self.table[trial.trial_id]
        record.lost = ""
        self.table.save(record)
        self._mirror(record)

    def requeue(self, trial: keras_trial.Trial) -> None:
        """Let a trial whose worker was lost run again, before any new one."""
        del self.ongoing_trials[trial.trial_id]
        record = self.table[trial.trial_id]
        record.forget_attempt()
        self.table.save(record)
        self._waiting.append(record.id)

    def gaussian_optimum(self) -> dict[str, Any]:
        """Return what Keras Tuner's Gaussian process takes for the best."""
        process = keras_tuner.oracles.BayesianOptimizationOracle(
            objective=self.objective,
            num_initial_points=1,
            hyperparameters=self.get_space(),
            seed=self.seed,
        )
        process.trials, process.ongoing_trials = self.trials, self.ongoing_trials
        seeds = np.random.SeedSequence([self.seed, len(self.trials)])
        process._random_state = np.random.RandomState(np.random.MT19937(seeds))
        values: dict[str, Any] = process.populate_space("")["values"]
        return values

    def hyperband(self, factor: int) -> dict[str, Any] | None:
        """Return what Keras Tuner's Hyperband would try next; None when it waits for trials."""
        values: dict[str, Any] | None
        values = Brackets(self, factor).populate_space(self.table.next_id).get("values")
        return values

    def _new_record(self, values: Mapping[str, Any]) -> TrialRecord:
        plan = {name: value for name, value in values.items() if name.startswith(PLAN)}
        own = {name: value for name, value in values.items() if name not in plan}
        trial_id = self.table.next_id
        record = TrialRecord(trial_id, own, root=int(trial_id), plan=plan)
        self.table.save(record)
        return record

    def _mirror(self, record: TrialRecord) -> keras_trial.Trial:
        """Show a record to Keras Tuner's algorithms as a trial of theirs."""
        trial = self.trials.get(record.id)
        if trial is None:
            space = self.get_space()
            space.values = {**record.values, **record.plan}
            trial = keras_trial.Trial(space, record.id)
            self.trials[record.id] = trial
        if record.status != RUNNING:
            trial.status = STATUS.FAILED if record.status == FAILED else STATUS.COMPLETED
            trial.score, trial.best_step = record.objective, record.best_epoch
        return trial


def to_keras_tuner(space: Mapping[str, Domain]) -> keras_tuner.HyperParameters:
    """Declare a space."""
    hyperparameters = keras_tuner.HyperParameters()
    for name, domain in space.items():
        if isinstance(domain, Range):
            declare = hyperparameters.Int if domain.whole else hyperparameters.Float
            sampling = "log" if domain.log else "linear"
            # In a logarithmic range Keras Tuner reads a step as a factor.
            step = None if domain.log else domain.step
            declare(name, domain.low, domain.high, step=step, sampling=sampling)
        elif domain.fixed:
            hyperparameters.Fixed(name, domain.values[0])
        elif isinstance(domain.values[0], bool):
            hyperparameters.Boolean(name, default=domain.values[0])
        else:
            hyperparameters.Choice(name, list(domain.values))
    return hyperparameters


class Brackets(keras_tuner.oracles.HyperbandOracle):
    """Keras Tuner's Hyperband, with brackets that are rebuilt from a study's trials.

    Args:
        study: `StudyOracle`. Its trials fill the brackets.
        factor: Integer. One trial in this many continues after a rung.
    """

    def __init__(self, study: StudyOracle, factor: int) -> None:
        super().__init__(
            objective=study.objective,
            max_epochs=study.max_epochs,
            factor=factor,
            hyperband_iterations=None,  # until the budget is spent
            hyperparameters=study.get_space(),
            seed=study.seed,
        )
        self._study = study
        self.trials, self.ongoing_trials = study.trials, study.ongoing_trials
        self._recall()

    def _random_values(self) -> dict[str, Any] | None:
        return self._study.algorithm.draw(self._study)

    def _get_size(self, bracket_num: int, round_num: int) -> int:
        """Return how many trials a round has: no more than a small space has configurations."""
        size: int = super()._get_size(bracket_num, round_num)
        if round_num > 0 or not self._study.exhausted:
            return size
        brackets = [each for each in self._brackets if each["bracket_num"] == bracket_num]
        return min(size, max((len(each["rounds"][0]) for each in brackets), default=0))

    def _recall(self) -> None:
        """Put the study's trials into their places in the brackets."""
        bracket_of: dict[str | None, dict[str, Any]] = {}
        for trial_id in sorted(self.trials, key=int):
            plan = self.trials[trial_id].hyperparameters.values
            number, parent = plan["tuner/round"], plan.get("tuner/trial_id")
            if number == 0:
                self._open_bracket(plan["tuner/bracket"])
                parent, bracket = None, self._brackets[-1]
            else:
                bracket = bracket_of[parent]
            bracket["rounds"][number].append({"past_id": parent, "id": trial_id})
            bracket_of[trial_id] = bracket

    def _open_bracket(self, number: int) -> None:
        """Begin new brackets until the last one has a number and room for another trial."""
        last = self._brackets[-1]
        full = len(last["rounds"][0]) >= super()._get_size(last["bracket_num"], 0)
        if full or last["bracket_num"] != number:
            self._increment_bracket_num()
            self._start_new_bracket()
            self._open_bracket(number)
