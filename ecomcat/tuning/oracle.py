"""Keras Tuner's oracles, made to keep their state whole and to stop where the budget says.

Keras Tuner writes `oracle.json` in place, pads trial numbers to the width of `max_trials`, takes
seed 0 for "any seed", gives Hyperband no number of trials, and cannot resume a grid search.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras_tuner
from keras_tuner.engine import trial as keras_trial
from keras_tuner.src.tuners.gridsearch import LinkedList

from ecomcat.config import SearchConfig
from ecomcat.errors import UserError
from ecomcat.files import write_json
from ecomcat.model.scores import OBJECTIVE
from ecomcat.model.space import Choices, Domain, Range
from ecomcat.tuning.budget import Budget


class StudyOracle(keras_tuner.Oracle):
    """What every oracle of ours adds to Keras Tuner's; mixed in before one of its classes."""

    budget: Budget
    trial_dir: Callable[[str], Path]
    ongoing_trials: dict[str, keras_trial.Trial]

    @keras_tuner.synchronized
    def create_trial(self, tuner_id: str) -> keras_trial.Trial:
        """Return the next trial, or one of status STOPPED when the budget is spent."""
        begun = len(self.trials) - len(self._retry_queue)
        if self.budget.spent(begun):
            return keras_trial.Trial(self.get_space(), status=keras_trial.TrialStatus.STOPPED)
        return super().create_trial(tuner_id)

    def save(self) -> None:
        """Write the state so that a crash leaves the former one."""
        write_json(Path(self._get_oracle_fname()), self.get_state())

    def reload(self) -> None:
        """Read the state; trials that were interrupted are queued to run again."""
        pattern = self.trial_dir("*")
        for path in sorted(pattern.parent.glob(f"{pattern.name}/trial.json")):
            trial = keras_trial.Trial.load(str(path))
            self.trials[trial.trial_id] = trial
        self.set_state(json.loads(Path(self._get_oracle_fname()).read_text(encoding="utf-8")))
        self.ongoing_trials.clear()
        # Also a trial that was begun after the state was last written.
        for trial_id, trial in self.trials.items():
            if trial.status == keras_trial.TrialStatus.RUNNING:
                if trial_id not in self._retry_queue:
                    self._retry_queue.append(trial_id)
                if trial_id not in self.start_order:
                    self.start_order.append(trial_id)

    def _save_trial(self, trial: keras_trial.Trial) -> None:
        write_json(self.trial_dir(trial.trial_id) / "trial.json", trial.get_state())


class RandomOracle(StudyOracle, keras_tuner.oracles.RandomSearchOracle):
    """Draw each configuration by chance."""


class BayesianOracle(StudyOracle, keras_tuner.oracles.BayesianOptimizationOracle):
    """Fit a Gaussian process to what was tried."""


class HyperbandOracle(StudyOracle, keras_tuner.oracles.HyperbandOracle):
    """Train many configurations briefly and the best of them longer."""


class GridOracle(StudyOracle, keras_tuner.oracles.GridSearchOracle):
    """Try every combination; ranges without a step give ten values each."""

    def get_state(self) -> dict[str, Any]:
        """Add to the state how far the grid was walked."""
        following = self._ordered_ids._next_index
        ordered, index = [], following[None]
        while index is not None:
            ordered.append(self._ordered_ids._memory[index])
            index = following[index]
        return {
            **super().get_state(),
            "ordered_ids": ordered,
            "populate_next": self._populate_next,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore how far the grid was walked."""
        super().set_state(state)
        self._ordered_ids = LinkedList()
        for trial_id in state["ordered_ids"]:
            self._ordered_ids.insert(trial_id)
        self._populate_next = state["populate_next"]


_ORACLES = {"random": RandomOracle, "bayesian": BayesianOracle, "grid": GridOracle}


def make_oracle(
    search: SearchConfig, space: Mapping[str, Domain], seed: int, budget: Budget
) -> StudyOracle:
    """Make the oracle that the configuration names.

    Args:
        search: algorithm and epochs.
        space: domain of each hyperparameter.
        seed: of the oracle's draws, 0 or more.
        budget: when to stop.
    """
    common: dict[str, Any] = {
        "objective": keras_tuner.Objective(OBJECTIVE, "max"),
        "hyperparameters": to_keras_tuner(space),
        "allow_new_entries": False,
        "tune_new_entries": False,
        # Keras Tuner takes 0 for "any seed".
        "seed": seed + 1,
        # A failed trial is recorded and the search goes on; ours ends it when all have failed.
        "max_consecutive_failed_trials": 10**9,
    }
    if all(domain.fixed for domain in space.values()):
        oracle = RandomOracle(max_trials=None, **common)
    elif search.algorithm == "hyperband":
        oracle = HyperbandOracle(
            max_epochs=search.max_epochs,
            factor=search.hyperband_factor,
            hyperband_iterations=None,  # until the budget is spent
            **common,
        )
    else:
        # Without a number the ids are four digits wide, so that a study may be raised later.
        oracle = _ORACLES[search.algorithm](max_trials=None, **common)
    oracle.budget = budget
    oracle.verbose = 0
    return oracle


def to_keras_tuner(space: Mapping[str, Domain]) -> keras_tuner.HyperParameters:
    """Declare a space in Keras Tuner's terms."""
    hyperparameters = keras_tuner.HyperParameters()
    for name, domain in space.items():
        if isinstance(domain, Range):
            _declare_range(hyperparameters, name, domain)
        else:
            _declare_choices(hyperparameters, name, domain)
    return hyperparameters


def _declare_range(space: keras_tuner.HyperParameters, name: str, domain: Range) -> None:
    declare = space.Int if domain.whole else space.Float
    sampling = "log" if domain.log else "linear"
    # In a logarithmic range Keras Tuner reads a step as a factor.
    step = None if domain.log else domain.step
    declare(name, domain.low, domain.high, step=step, sampling=sampling)


def _declare_choices(space: keras_tuner.HyperParameters, name: str, domain: Choices) -> None:
    values = list(domain.values)
    kinds = {type(value) for value in values}
    if kinds == {int, float}:
        values = [float(value) for value in values]
    elif len(kinds) > 1:
        raise UserError(
            f"Expected choices of one kind for model.{name}, found {domain}: give numbers only, "
            "words only, or true and false only."
        )
    if len(values) == 1:
        space.Fixed(name, values[0])
    elif kinds == {bool}:
        space.Boolean(name, default=bool(values[0]))
    else:
        space.Choice(name, values)
