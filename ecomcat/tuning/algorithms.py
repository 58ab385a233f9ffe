"""Search algorithms: what to try next, given what was tried.

A new algorithm is a class here or in a file of your own, and a YAML file in `conf/search`.
`StudyOracle` brings what all share: budget, pruning, resuming and the record of every trial.
"""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ecomcat.config import SearchConfig
from ecomcat.model.space import Choices, Domain, Range, space_size
from ecomcat.options import Value, make, option
from ecomcat.tuning.pruners import Component

if TYPE_CHECKING:
    import numpy as np

    from ecomcat.tuning.oracle import Brackets, StudyOracle

Key = tuple[Value, ...]
_COLLISIONS = 100  # draws of tried configurations before the untried ones are listed
_GRID_VALUES = 10  # of a range without a step
STARTUP_TRIALS = 6  # drawn at random before a model has anything to go on


class Algorithm(Component):
    """A search algorithm; what it proposes depends on seed, number and earlier trials only."""

    prunes_trials: ClassVar[bool] = False  # by itself, so that no pruner may
    continues_trials: ClassVar[bool] = False  # so that each leaves its last state
    space_name: ClassVar[str] = "space"

    @abstractmethod
    def propose(self, oracle: StudyOracle) -> dict[str, Any] | None:
        """Return a value for each hyperparameter; None when there is nothing to try by now."""

    def is_exhausted(self, oracle: StudyOracle) -> bool:
        """Return whether there is nothing left to try."""
        return len(oracle.tried()) >= space_size(oracle.space)

    def draw(self, oracle: StudyOracle) -> dict[str, Any] | None:
        """Draw an untried configuration; the trial's number decides the randomness."""
        import numpy as np

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
    """Fit a Gaussian process to what was tried: Keras Tuner's Bayesian optimization."""

    name = "bayesian"
    startup_trials: int = option(STARTUP_TRIALS, help="trials drawn at random first", minimum=1)

    def propose(self, oracle: StudyOracle) -> dict[str, Any] | None:
        """Ask the Gaussian process, and draw at random where it repeats itself."""
        scored = sum(trial.status == "COMPLETED" for trial in oracle.trials.values())
        if scored >= self.startup_trials and not self.is_exhausted(oracle):
            values = self._optimum(oracle)
            if key_of(oracle.space, values) not in oracle.tried():
                return values
        return self.draw(oracle)

    def _optimum(self, oracle: StudyOracle) -> dict[str, Any]:
        from keras_tuner.oracles import BayesianOptimizationOracle

        process = BayesianOptimizationOracle(
            objective=oracle.objective,
            num_initial_points=1,
            hyperparameters=oracle.get_space(),
            seed=oracle.seed,
        )
        process.trials, process.ongoing_trials = oracle.trials, oracle.ongoing_trials
        import numpy as np

        seeds = np.random.SeedSequence([oracle.seed, len(oracle.trials)])
        process._random_state = np.random.RandomState(np.random.MT19937(seeds))
        found = process.populate_space("")["values"]
        return {name: nearest_value(domain, found[name]) for name, domain in oracle.space.items()}


@dataclass
class HyperbandSearch(Algorithm):
    """Train many configurations briefly and the best of them longer: Keras Tuner's Hyperband.

    Li et al., "Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization" (JMLR
    2018).
    """

    name = "hyperband"
    prunes_trials = True
    continues_trials = True
    factor: int = option(3, help="one trial in this many goes on from a rung", minimum=2)

    def __post_init__(self) -> None:
        self._brackets: Brackets | None = None

    def propose(self, oracle: StudyOracle) -> dict[str, Any] | None:
        """Fill the brackets, or promote a trial of one."""
        from ecomcat.tuning.oracle import Brackets

        if self._brackets is None:
            self._brackets = Brackets(oracle, self.factor)
        answer: dict[str, Any] = self._brackets.populate_space(oracle.table.next_id)
        return answer.get("values")


def make_algorithm(search: SearchConfig) -> Algorithm:
    """Make the algorithm that the configuration names."""
    algorithm: Algorithm = make("search.algorithm", search.algorithm)
    return algorithm


def key_of(space: Mapping[str, Domain], values: Mapping[str, Any]) -> Key:
    """Return what makes a configuration the same as another: its values in the space's order."""
    return tuple(values[name] for name in space)


class _Steps(Sequence[float]):
    """The real numbers of a range with a step, made when they are asked for."""

    def __init__(self, domain: Range) -> None:
        self._domain = domain

    def __len__(self) -> int:
        return int(self._domain.size)

    def __getitem__(self, position: Any) -> Any:
        if not 0 <= position < len(self):
            raise IndexError(position)
        number = self._domain.low + position * (self._domain.step or 0.0)
        # Without the last digits, in which 0.1 + 2 * 0.1 is not 0.3.
        return min(float(f"{number:.12g}"), self._domain.high)


def stepped_values(domain: Domain) -> Sequence[Value] | None:
    """Return a finite domain's values in order; None for a range without steps."""
    if isinstance(domain, Choices):
        return domain.values
    if domain.step is None:
        return None
    if domain.whole:
        return range(int(domain.low), int(domain.high) + 1, int(domain.step))
    return _Steps(domain)


def grid_values(domain: Domain) -> Sequence[Value]:
    """Return the values that a grid tries: every one, or ten of a range without a step."""
    values = _all_values(domain) if domain.size <= _GRID_VALUES else stepped_values(domain)
    if values is not None:
        return values
    import numpy as np

    shares = np.linspace(0, 1, _GRID_VALUES).tolist()
    return list(dict.fromkeys(_at(domain, share) for share in shares))


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
    """Draw each hyperparameter evenly over its domain, by the logarithm where the range says so."""
    return {name: _at(domain, random.random()) for name, domain in space.items()}


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
    keys = itertools.product(*(_all_values(domain) for domain in space.values()))
    untried = [key for key in keys if key not in tried]
    return dict(zip(space, untried[random.integers(len(untried))], strict=True))


def nearest_value(domain: Domain, value: Any) -> Value:
    """Return the value of a domain that another, which may be slightly off, stands for."""
    if isinstance(domain, Choices):
        if value in domain.values:
            return domain.values[domain.values.index(value)]
        return min(domain.values, key=lambda choice: abs(choice - value))
    number = min(max(float(value), domain.low), domain.high)
    values = stepped_values(domain)
    if values is None or domain.step is None:
        return round(number) if domain.whole else number
    position = round((number - domain.low) / domain.step)
    return values[min(position, len(values) - 1)]


def _all_values(domain: Domain) -> Sequence[Value]:
    values = stepped_values(domain)
    if values is not None:
        return values
    assert isinstance(domain, Range) and domain.whole
    return range(int(domain.low), int(domain.high) + 1)


def _at(domain: Domain, share: float) -> Value:
    """Return the value that stands at a share, 0 to 1, of a domain."""
    values = stepped_values(domain)
    if values is not None:
        return values[min(int(share * len(values)), len(values) - 1)]
    assert isinstance(domain, Range)
    if domain.log:
        low, high = math.log(domain.low), math.log(domain.high)
        number = math.exp(low + share * (high - low))
    else:
        number = domain.low + share * (domain.high - domain.low)
    number = min(max(number, domain.low), domain.high)
    return round(number) if domain.whole else number
