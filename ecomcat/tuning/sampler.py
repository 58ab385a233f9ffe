"""Suggest configurations by tree-structured Parzen estimators, as Optuna has them.

Bergstra et al., "Algorithms for Hyper-Parameter Optimization" (NeurIPS 2011), in the multivariate
form of Falkner et al., "BOHB" (ICML 2018), with running trials counted as poor ones so that
parallel workers spread out.

Each suggestion draws from a generator of its own, seeded with the run's seed and the trial's
number: a resumed search suggests what an uninterrupted one would.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState

from ecomcat.model.space import Domain, Range
from ecomcat.tuning.draws import Key, draw_untried, key_of, nearest_value, stepped_values
from ecomcat.tuning.pruner import Curve

_STARTUP_TRIALS = 6  # drawn by chance before the estimators have anything to go on
_ATTEMPTS = 20  # suggestions of a tried configuration before chance decides


class TpeSampler:
    """Suggest where the better of the trials so far were dense and the others sparse.

    Args:
        space: domain of each hyperparameter.
        seed: of all suggestions.
    """

    def __init__(self, space: Mapping[str, Domain], seed: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = space
        self._seed = seed
        self._distributions = {
            name: distribution_of(domain) for name, domain in space.items() if not domain.fixed
        }
        self._study = optuna.create_study(direction="maximize")
        self._numbers: dict[str, int] = {}  # trial id: Optuna's number

    def suggest(self, trial_id: str, number: int, tried: Collection[Key]) -> dict[str, Any] | None:
        """Return an untried configuration; None when there is none.

        Args:
            trial_id: of the trial that will run it, and that counts as running from now on.
            number: decides, with the seed, all chance.
            tried: keys of the configurations of all trials.
        """
        random = np.random.default_rng([self._seed, number])
        for _ in range(_ATTEMPTS):
            self._study.sampler = optuna.samplers.TPESampler(
                n_startup_trials=_STARTUP_TRIALS,
                multivariate=True,
                constant_liar=True,
                seed=int(random.integers(2**31)),
            )
            trial = self._study.ask(self._distributions)
            values = {
                name: from_distribution(domain, trial.params.get(name))
                for name, domain in self._space.items()
            }
            if key_of(self._space, values) not in tried:
                self._numbers[trial_id] = trial.number
                return values
            self._study.tell(trial.number, state=TrialState.FAIL)
        drawn = draw_untried(self._space, tried, random)
        if drawn is not None:
            self.begin(trial_id, drawn)
        return drawn

    def begin(self, trial_id: str, values: Mapping[str, Any]) -> None:
        """Hear of a trial that was not suggested here, such as one of an earlier run."""
        running = optuna.trial.create_trial(
            state=TrialState.RUNNING,
            params={
                name: to_distribution(self._space[name], values[name])
                for name in self._distributions
            },
            distributions=self._distributions,
        )
        self._numbers[trial_id] = len(self._study.get_trials(deepcopy=False))
        self._study.add_trial(running)

    def end(self, trial_id: str, curve: Curve, *, pruned: bool) -> None:
        """Hear how a trial ended.

        Args:
            trial_id: of one that has begun.
            curve: its scores; none when it failed, which is worth nothing.
            pruned: whether it was ended early.
        """
        number = self._numbers[trial_id]
        if pruned:
            trial = optuna.trial.Trial(
                self._study, self._study.get_trials(deepcopy=False)[number]._trial_id
            )
            trial.report(max(curve.values()), max(curve))
            self._study.tell(number, state=TrialState.PRUNED)
        else:
            self._study.tell(number, max(curve.values(), default=0.0))


def distribution_of(domain: Domain) -> BaseDistribution:
    """Return Optuna's form of a domain.

    Numbers with steps become their positions in order, so that 32, 64 and 256 are neighbours;
    words have no order.
    """
    values = stepped_values(domain)
    if values is None:
        assert isinstance(domain, Range)
        if domain.whole:
            return IntDistribution(int(domain.low), int(domain.high), log=domain.log)
        return FloatDistribution(domain.low, domain.high, log=domain.log)
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return IntDistribution(0, len(values) - 1)
    return CategoricalDistribution(values)


def from_distribution(domain: Domain, found: Any) -> Any:
    """Return the value that Optuna's choice stands for; the only one of a fixed domain."""
    values = stepped_values(domain)
    if values is None:
        return nearest_value(domain, found)
    if domain.fixed:
        return values[0]
    is_position = isinstance(distribution_of(domain), IntDistribution)
    return _ordered(values)[found] if is_position else found


def to_distribution(domain: Domain, value: Any) -> Any:
    """Return what Optuna's form of a domain calls a value."""
    values = stepped_values(domain)
    if values is None or not isinstance(distribution_of(domain), IntDistribution):
        return value
    return _ordered(values).index(value)


def _ordered(values: Any) -> list[Any]:
    return sorted(values)
