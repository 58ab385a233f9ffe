"""Search algorithms: what to try next, given what was tried.

A new algorithm is a class here or in a file of your own, and a YAML file in `conf/search`.
`StudyOracle` brings what all share: budget, pruning, resuming and the record of every trial.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ecomcat.config import SearchConfig
from ecomcat.options import make, option
from ecomcat.tuning.draws import (
    draw_untried,
    exhausted,
    grid_configuration,
    key_of,
    nearest_value,
)
from ecomcat.tuning.pruners import Component

if TYPE_CHECKING:
    from ecomcat.tuning.brackets import Brackets
    from ecomcat.tuning.oracle import StudyOracle

STARTUP_TRIALS = 6  # drawn at random before a model has anything to go on


class Algorithm(Component):
    """A search algorithm; what it proposes depends on seed, number and earlier trials only."""

    prunes_trials: ClassVar[bool] = False  # by itself, so that no pruner may
    continues_trials: ClassVar[bool] = False  # so that each leaves its last state
    space_name: ClassVar[str] = "space"

    @abstractmethod
    def propose(self, oracle: StudyOracle) -> dict[str, Any] | None:
        """Return a value for each hyperparameter; None when there is nothing to try by now.

        Args:
            oracle: `StudyOracle`. Knows the space, the seed and all trials.
        """

    def is_exhausted(self, oracle: StudyOracle) -> bool:
        """Return whether there is nothing left to try."""
        return exhausted(oracle.space, oracle.tried())

    def draw(self, oracle: StudyOracle) -> dict[str, Any] | None:
        """Draw an untried configuration; the trial's number decides the randomness."""
        random = np.random.default_rng([oracle.seed, len(oracle.trials)])
        return draw_untried(oracle.space, oracle.tried(), random)


@dataclass
class RandomSearch(Algorithm):
    """Draw each configuration at random, none of them twice."""

    name = "random"

    def propose(self, oracle: StudyOracle) -> dict[str, Any] | None:
        """Draw a configuration."""
        return self.draw(oracle)


@dataclass
class GridSearch(Algorithm):
    """Try every combination in order; ranges without a step give ten values each."""

    name = "grid"
    space_name = "grid"

    def propose(self, oracle: StudyOracle) -> dict[str, Any] | None:
        """Return the combination of the trial's number."""
        return grid_configuration(oracle.space, len(oracle.trials))

    def is_exhausted(self, oracle: StudyOracle) -> bool:
        """Return whether the grid was walked to its end."""
        return self.propose(oracle) is None


@dataclass
class BayesianSearch(Algorithm):
    """Fit a Gaussian process to what was tried: Keras Tuner's Bayesian optimization.

    Args:
        startup_trials: Integer. Number of trials drawn at random first. Defaults to 6.
    """

    name = "bayesian"
    startup_trials: int = option(STARTUP_TRIALS, help="trials drawn at random first", minimum=1)

    def propose(self, oracle: StudyOracle) -> dict[str, Any] | None:
        """Ask the Gaussian process, and draw at random where it repeats itself."""
        scored = sum(trial.status == "COMPLETED" for trial in oracle.trials.values())
        if scored < self.startup_trials or self.is_exhausted(oracle):
            return self.draw(oracle)
        values = self._optimum(oracle)
        return self.draw(oracle) if key_of(oracle.space, values) in oracle.tried() else values

    def _optimum(self, oracle: StudyOracle) -> dict[str, Any]:
        from keras_tuner.oracles import BayesianOptimizationOracle

        process = BayesianOptimizationOracle(
            objective=oracle.objective,
            num_initial_points=1,
            hyperparameters=oracle.get_space(),
            seed=oracle.seed,
        )
        process.trials, process.ongoing_trials = oracle.trials, oracle.ongoing_trials
        seeds = np.random.SeedSequence([oracle.seed, len(oracle.trials)])
        process._random_state = np.random.RandomState(np.random.MT19937(seeds))
        found = process.populate_space("")["values"]
        return {name: nearest_value(domain, found[name]) for name, domain in oracle.space.items()}


@dataclass
class HyperbandSearch(Algorithm):
    """Train many configurations briefly and the best of them longer: Keras Tuner's Hyperband.

    Li et al., "Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization" (JMLR
    2018).

    Args:
        factor: Integer. One trial in this many goes on from a rung. Defaults to 3.
    """

    name = "hyperband"
    prunes_trials = True
    continues_trials = True
    factor: int = option(3, help="one trial in this many goes on from a rung", minimum=2)

    def __post_init__(self) -> None:
        self._brackets: Brackets | None = None

    def propose(self, oracle: StudyOracle) -> dict[str, Any] | None:
        """Fill the brackets, or promote a trial of one."""
        from ecomcat.tuning.brackets import Brackets

        if self._brackets is None:
            self._brackets = Brackets(oracle, self.factor)
        answer: dict[str, Any] = self._brackets.populate_space(oracle.next_id)
        return answer.get("values")


def make_algorithm(search: SearchConfig) -> Algorithm:
    """Make the algorithm that the configuration names."""
    algorithm: Algorithm = make("search.algorithm", search.algorithm)
    return algorithm
