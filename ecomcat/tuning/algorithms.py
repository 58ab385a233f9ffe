"""Search algorithms: what to try next, given what was tried.

A new algorithm is a class here or in your own file, and a YAML file in `conf/search`.
`StudyOracle` provides what all share: budget, pruning, resuming and the record of every trial.
"""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from ecomcat.config import SearchConfig
from ecomcat.model.space import Domain, Key, key_of, space_size
from ecomcat.option_fields import REQUIRED, Value, make, option
from ecomcat.tuning.pruners import Component

if TYPE_CHECKING:
    import numpy as np

    from ecomcat.tuning.trial_table import TrialTable

_COLLISIONS = 100  # draws of tried configurations before the untried ones are listed
_GRID_VALUES = 10  # of a range without a step


class Oracle(Protocol):
    """The part of the study's oracle that an algorithm sees: space, trials so far, seed."""

    space: Mapping[str, Domain]
    table: TrialTable
    seed: int

    def tried(self) -> set[Key]:
        """Return the configurations of all trials, running ones included."""

    def gaussian_optimum(self) -> dict[str, Any]:
        """Return the configuration that Keras Tuner's Gaussian process expects to be the best."""

    def hyperband(self, factor: int) -> dict[str, Any] | None:
        """Return what Keras Tuner's Hyperband would try next; None when it waits for trials."""


class Algorithm(Component):
    """A search algorithm; its proposals depend only on seed, number and earlier trials."""

    prunes_trials: ClassVar[bool] = False  # by itself: no pruner is allowed
    continues_trials: ClassVar[bool] = False  # then each trial saves its last state
    open_ended: ClassVar[bool] = True  # it may end after any trial

    @abstractmethod
    def propose(self, oracle: Oracle) -> dict[str, Any] | None:
        """Return a value for each hyperparameter; None when there is nothing to try yet."""

    def is_exhausted(self, oracle: Oracle) -> bool:
        """Return whether there is nothing left to try."""
        return len(oracle.tried()) >= space_size(oracle.space)

    def draw(self, oracle: Oracle) -> dict[str, Any] | None:
        """Draw an untried configuration at random, seeded by the trial's number."""
        import numpy as np

        random = np.random.default_rng([oracle.seed, len(oracle.table.records)])
        return draw_untried(oracle.space, oracle.tried(), random)


@dataclass
class RandomSearch(Algorithm):
    """Draw each configuration at random, none of them twice."""

    name = "random"

    def propose(self, oracle: Oracle) -> dict[str, Any] | None:
        """Draw a configuration."""
        return self.draw(oracle)


@dataclass
class GridSearch(Algorithm):
    """Try every combination in order; ranges without a step give ten values each."""

    name = "grid"
    open_ended = False  # a grid is tried completely

    def propose(self, oracle: Oracle) -> dict[str, Any] | None:
        """Return the combination of the trial's number."""
        return grid_configuration(oracle.space, len(oracle.table.records))

    def is_exhausted(self, oracle: Oracle) -> bool:
        """Return whether all of the grid was tried."""
        return self.propose(oracle) is None


@dataclass
class BayesianSearch(Algorithm):
    """Fit a Gaussian process to what was tried: Keras Tuner's Bayesian optimization."""

    name = "bayesian"
    startup_trials: int = option(REQUIRED, help="trials drawn at random first", minimum=1)

    def propose(self, oracle: Oracle) -> dict[str, Any] | None:
        """Ask the Gaussian process, and draw at random where it repeats itself."""
        from ecomcat.tuning.records import FAILED, RUNNING

        scored = sum(each.status not in {RUNNING, FAILED} for each in oracle.table.records)
        if scored >= self.startup_trials and not self.is_exhausted(oracle):
            found = oracle.gaussian_optimum()
            values = {name: domain.nearest(found[name]) for name, domain in oracle.space.items()}
            if key_of(oracle.space, values) not in oracle.tried():
                return values
        return self.draw(oracle)


@dataclass
class HyperbandSearch(Algorithm):
    """Train many configurations briefly and the best of them longer: Keras Tuner's Hyperband.

    Li et al., "Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization" (JMLR
    2018).
    """

    name = "hyperband"
    prunes_trials = True
    continues_trials = True
    open_ended = False
    factor: int = option(REQUIRED, help="one trial in this many continues after a rung", minimum=2)

    def propose(self, oracle: Oracle) -> dict[str, Any] | None:
        """Fill the brackets, or promote a trial of one."""
        return oracle.hyperband(self.factor)


def make_algorithm(search: SearchConfig) -> Algorithm:
    """Make the algorithm that the configuration names."""
    algorithm: Algorithm = make("search.algorithm", search.algorithm)
    return algorithm


def grid_values(domain: Domain) -> Sequence[Value]:
    """Return the values that a grid tries: every one, or ten of a range without a step."""
    if domain.stepped or domain.size <= _GRID_VALUES:
        return domain
    import numpy as np

    shares = np.linspace(0, 1, _GRID_VALUES).tolist()
    return list(dict.fromkeys(domain.at(share) for share in shares))


def grid_configuration(space: Mapping[str, Domain], number: int) -> dict[str, Value] | None:
    """Return the grid's configuration of a number from 0; None past the last.

    The last hyperparameter changes fastest, as in nested loops.
    """
    chosen: dict[str, Value] = {}
    for name, domain in reversed(list(space.items())):
        values = grid_values(domain)
        number, position = divmod(number, len(values))
        chosen[name] = values[position]
    return {name: chosen[name] for name in space} if number == 0 else None


def draw(space: Mapping[str, Domain], random: np.random.Generator) -> dict[str, Value]:
    """Draw each hyperparameter evenly over its domain, log ranges evenly in the logarithm."""
    return {name: domain.at(random.random()) for name, domain in space.items()}


def draw_untried(
    space: Mapping[str, Domain], tried: Collection[Key], random: np.random.Generator
) -> dict[str, Value] | None:
    """Draw a configuration that has not been tried; None when the space is exhausted."""
    if len(tried) >= space_size(space):
        return None
    for _ in range(_COLLISIONS):
        values = draw(space, random)
        if key_of(space, values) not in tried:
            return values
    untried = [key for key in itertools.product(*space.values()) if key not in tried]
    return dict(zip(space, untried[random.integers(len(untried))], strict=True))
