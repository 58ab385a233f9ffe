"""The search algorithms: each an oracle that says what to try next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np

from ecomcat.config import SearchConfig
from ecomcat.model.domains import Domain
from ecomcat.model.scores import OBJECTIVE
from ecomcat.tuning.oracles.budget import Budget
from ecomcat.tuning.oracles.draws import grid_configuration, key_of, nearest_value
from ecomcat.tuning.oracles.keras_space import to_keras_tuner
from ecomcat.tuning.oracles.oracle import PRUNED, STATUS, StudyOracle
from ecomcat.tuning.oracles.pruner import HalvingPruner, MedianPruner, NoPruner, Pruner
from ecomcat.tuning.oracles.sampler import STARTUP_TRIALS, TpeSampler


class RandomOracle(StudyOracle, keras_tuner.oracles.RandomSearchOracle):
    """Draw each configuration by chance."""


class TpeOracle(StudyOracle, keras_tuner.Oracle):
    """Look where the better trials were dense: Optuna's sampler."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._sampler = TpeSampler(self.space, self.seed)

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Ask the sampler for a configuration."""
        return _answer(self._sampler.suggest(trial_id, len(self.trials), self.tried()))

    def end_trial(self, trial: Any) -> None:
        """Tell the sampler how a trial ended."""
        super().end_trial(trial)
        self._tell(trial.trial_id)

    def reload(self) -> None:
        """Tell the sampler of the trials of earlier runs, too."""
        super().reload()
        for trial_id in sorted(self.trials, key=int):
            trial = self.trials[trial_id]
            self._sampler.begin(trial_id, trial.hyperparameters.values)
            if trial.status != STATUS.RUNNING:
                self._tell(trial_id)

    def _tell(self, trial_id: str) -> None:
        trial = self.trials[trial_id]
        curve = self.curve(trial_id) if trial.status == STATUS.COMPLETED else {}
        self._sampler.end(trial_id, curve, pruned=trial.message == PRUNED)


class BayesianOracle(StudyOracle, keras_tuner.oracles.BayesianOptimizationOracle):
    """Fit a Gaussian process to what was tried."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Ask the Gaussian process, and chance where it repeats itself."""
        seeds = [self.seed, len(self.trials)]
        # Keras Tuner does not save the state of its chance.
        self._random_state = np.random.RandomState(np.random.MT19937(np.random.SeedSequence(seeds)))
        answer: dict[str, Any] = super().populate_space(trial_id)
        if answer["status"] != STATUS.RUNNING:
            return answer
        values = {
            name: nearest_value(domain, answer["values"][name])
            for name, domain in self.space.items()
        }
        if key_of(self.space, values) in self.tried():
            return _answer(self._random_values())
        return _answer(values)


class HyperbandOracle(StudyOracle, keras_tuner.oracles.HyperbandOracle):
    """Train many configurations briefly and the best of them longer."""

    def _get_size(self, bracket_num: int, round_num: int) -> int:
        """Return how many trials a round has: no more than a small space has configurations."""
        size: int = super()._get_size(bracket_num, round_num)
        if round_num > 0 or not self.exhausted:
            return size
        begun = (
            len(bracket["rounds"][0])
            for bracket in self._brackets
            if bracket["bracket_num"] == bracket_num
        )
        return min(size, max(begun, default=0))


class GridOracle(StudyOracle, keras_tuner.Oracle):
    """Try every combination in order; ranges without a step give ten values each."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the combination of the trial's number."""
        return _answer(grid_configuration(self.space, len(self.trials)))

    @property
    def exhausted(self) -> bool:
        """Whether the grid has been walked to its end."""
        return grid_configuration(self.space, len(self.trials)) is None


_ORACLES: dict[str, type[StudyOracle]] = {
    "tpe": TpeOracle,
    "random": RandomOracle,
    "bayesian": BayesianOracle,
    "hyperband": HyperbandOracle,
    "grid": GridOracle,
}


def make_oracle(
    search: SearchConfig,
    space: Mapping[str, Domain],
    *,
    seed: int,
    budget: Budget,
    trial_dir: Callable[[str], Path],
) -> StudyOracle:
    """Make the oracle that the configuration names.

    Args:
        search: algorithm, epochs and pruning.
        space: domain of each hyperparameter.
        seed: of the oracle's draws, 0 or more.
        budget: when no further trial begins.
        trial_dir: from a trial's id to its folder.
    """
    options: dict[str, Any] = {
        "space": space,
        "budget": budget,
        "pruner": make_pruner(search),
        "trial_dir": trial_dir,
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
        return GridOracle(**options)
    if search.algorithm == "hyperband":
        options["max_epochs"] = search.max_epochs
        options["factor"] = search.hyperband_factor
        options["hyperband_iterations"] = None  # until the budget is spent
    elif search.algorithm in {"random", "bayesian"}:
        # Without a number the ids are four digits wide, so that a study may be raised later.
        options["max_trials"] = None
    if search.algorithm == "bayesian":
        # Three times the number of hyperparameters, fixed ones included, unless it is given.
        options["num_initial_points"] = STARTUP_TRIALS
    return _ORACLES[search.algorithm](**options)


def make_pruner(search: SearchConfig) -> Pruner:
    """Make the rule that the configuration names."""
    if search.pruner == "median":
        return MedianPruner(search.warmup_epochs, search.min_peers)
    if search.pruner == "halving":
        return HalvingPruner(search.warmup_epochs, search.min_peers, search.halving_factor)
    return NoPruner()


def _answer(values: dict[str, Any] | None) -> dict[str, Any]:
    """Put a configuration, or that there is none, into Keras Tuner's terms."""
    return {"status": STATUS.RUNNING if values else STATUS.STOPPED, "values": values}
