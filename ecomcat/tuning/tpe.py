"""Which hyperparameters made the difference, as far as the trials tell."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
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

from ecomcat.model.space import Choices, Domain, Range
from ecomcat.tuning.draws import Key, draw_untried, key_of, nearest_value, stepped_values
from ecomcat.tuning.pruners import Curve, best_by
from ecomcat.tuning.records import COMPLETED, TrialRecord

STARTUP_TRIALS = 6  # drawn by chance before the estimators have anything to go on
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
                n_startup_trials=STARTUP_TRIALS,
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
            curve: its scores; none when it failed, which counts as the worst there is.
            pruned: whether it was ended early.
        """
        number = self._numbers[trial_id]
        if not curve:
            # Optuna puts a pruned trial without scores behind all others.
            self._study.tell(number, state=TrialState.PRUNED)
        elif pruned:
            trial = optuna.trial.Trial(
                self._study, self._study.get_trials(deepcopy=False)[number]._trial_id
            )
            trial.report(best_by(curve, max(curve)), max(curve))
            self._study.tell(number, state=TrialState.PRUNED)
        else:
            self._study.tell(number, best_by(curve, max(curve)))


def distribution_of(domain: Domain) -> BaseDistribution:
    """Return Optuna's form of a domain.

    Numbers with steps become their positions in order, so that 32, 64 and 256 are neighbours;
    words have no order.
    """
    ordered = _ordered(domain)
    if ordered is not None:
        return IntDistribution(0, len(ordered) - 1)
    if isinstance(domain, Range):
        if domain.whole:
            return IntDistribution(int(domain.low), int(domain.high), log=domain.log)
        return FloatDistribution(domain.low, domain.high, log=domain.log)
    return CategoricalDistribution(domain.values)


def from_distribution(domain: Domain, found: Any) -> Any:
    """Return the value that Optuna's choice stands for; the only one of a fixed domain."""
    if isinstance(domain, Choices) and domain.fixed:
        return domain.values[0]
    ordered = _ordered(domain)
    return nearest_value(domain, found) if ordered is None else ordered[found]


def to_distribution(domain: Domain, value: Any) -> Any:
    """Return what Optuna's form of a domain calls a value."""
    ordered = _ordered(domain)
    if ordered is None:
        return nearest_value(domain, value)
    if isinstance(domain, Range) and domain.step is not None:
        return round((value - domain.low) / domain.step)
    return ordered.index(value)


def _ordered(domain: Domain) -> Sequence[Any] | None:
    """Return the values of a domain of stepped numbers, the least first; None of any other."""
    if isinstance(domain, Range):
        return stepped_values(domain)
    is_numeric = all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in domain.values
    )
    return sorted(domain.values) if is_numeric else None


_FEWEST_TRIALS = 8  # completed ones; of fewer a forest learns nothing worth telling


def importances(
    records: Sequence[TrialRecord], space: Mapping[str, Domain], seed: int
) -> dict[str, float]:
    """Return each searched hyperparameter's share of the variance in macro-F1.

    Functional ANOVA over a random forest: Hutter et al., "An Efficient Approach for Assessing
    Hyperparameter Importance" (ICML 2014), as Optuna has it.

    Args:
        records: of a study.
        space: domain of each hyperparameter.
        seed: of the forest.

    Returns:
        Shares by name, the largest first, that add up to 1; none when there are too few completed
        trials, when all reached the same, or when nothing was searched.
    """
    completed = [record for record in records if record.status == COMPLETED]
    searched = {
        name: domain
        for name, domain in space.items()
        if len({record.values[name] for record in completed}) > 1
    }
    scores = {record.objective for record in completed}
    if not searched or len(completed) < _FEWEST_TRIALS or len(scores) < 2:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    distributions = {name: distribution_of(domain) for name, domain in searched.items()}
    for record in completed:
        params = {
            name: to_distribution(domain, record.values[name]) for name, domain in searched.items()
        }
        study.add_trial(
            optuna.trial.create_trial(
                params=params, distributions=distributions, value=record.objective
            )
        )
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
    shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    ranked = sorted(shares.items(), key=lambda item: -item[1])
    return {name: float(share) for name, share in ranked if math.isfinite(share)}
