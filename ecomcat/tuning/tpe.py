"""Optuna's tree-structured Parzen estimator, and the importance of each hyperparameter."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecomcat.model.space import Domain, Range, key_of
from ecomcat.option_fields import REQUIRED, option
from ecomcat.tuning.algorithms import Algorithm, Oracle, draw_untried

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution
    from optuna.samplers import TPESampler

    from ecomcat.tuning.records import TrialRecord

_ATTEMPTS = 20  # suggestions of a tried configuration before one is drawn at random
_MIN_TRIALS = 8  # completed ones; from fewer a forest learns nothing useful


@dataclass
class TpeSearch(Algorithm):
    """Look where the better of the trials so far were dense and the others sparse.

    Bergstra et al., "Algorithms for Hyper-Parameter Optimization" (NeurIPS 2011), as in Optuna,
    on all hyperparameters at once.
    """

    name = "tpe"
    startup_trials: int = option(REQUIRED, help="trials drawn at random first", minimum=1)

    def propose(self, oracle: Oracle) -> dict[str, Any] | None:
        """Return an untried configuration; None when there is none."""
        import numpy as np
        import optuna

        if self.is_exhausted(oracle):
            return None
        space, tried = oracle.space, oracle.tried()
        distributions = {
            name: distribution_of(domain) for name, domain in space.items() if not domain.fixed
        }
        study = optuna_study(oracle.table.records, space, distributions)
        random = np.random.default_rng([oracle.seed, len(oracle.table.records)])
        for _ in range(_ATTEMPTS):
            study.sampler = self._sampler(int(random.integers(2**31)))
            trial = study.ask(distributions)
            values = {
                name: from_distribution(domain, trial.params.get(name))
                for name, domain in space.items()
            }
            if key_of(space, values) not in tried:
                return values
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        return draw_untried(space, tried, random)

    def _sampler(self, seed: int) -> TPESampler:
        from optuna.samplers import TPESampler

        return TPESampler(
            n_startup_trials=self.startup_trials, multivariate=True, constant_liar=True, seed=seed
        )


def optuna_study(
    records: Sequence[TrialRecord],
    space: Mapping[str, Domain],
    distributions: Mapping[str, BaseDistribution],
) -> optuna.Study:
    """Return Optuna's study of the trials, in their order.

    A failed trial counts as the worst of all: Optuna ranks a pruned trial without a score last. A
    trial that its own time limit cut short counts as pruned, since such a slow configuration never
    does better here. A trial that the end of the whole search cut short is left out, since its
    missing epochs say nothing about its configuration.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    study.add_trials(
        optuna.trial.create_trial(
            params={
                name: to_distribution(space[name], record.values[name]) for name in distributions
            },
            distributions=dict(distributions),
            **_ending(record),
        )
        for record in records
    )
    return study


def _ending(record: TrialRecord) -> dict[str, Any]:
    """Return a trial's state, value and intermediate values in Optuna's terms."""
    from optuna.trial import TrialState

    from ecomcat.tuning.records import COMPLETED, CUT_SHORT, FAILED, RUNNING, TIME

    if record.status == COMPLETED:
        return {"state": TrialState.COMPLETE, "value": record.objective}
    if record.status == RUNNING:
        return {"state": TrialState.RUNNING}
    if record.status == FAILED:
        return {"state": TrialState.PRUNED}
    if record.status == CUT_SHORT and record.ended == TIME:
        return {"state": TrialState.FAIL}
    reached = {record.epochs: record.objective}
    return {"state": TrialState.PRUNED, "intermediate_values": reached}


def distribution_of(domain: Domain) -> BaseDistribution:
    """Return Optuna's form of a domain.

    Numbers with steps become their positions in order, so that 32, 64 and 256 are neighbours;
    words have no order.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    ordered = _ordered(domain)
    if ordered is not None:
        return IntDistribution(0, len(ordered) - 1)
    if isinstance(domain, Range):
        if domain.whole:
            return IntDistribution(int(domain.low), int(domain.high), log=domain.log)
        return FloatDistribution(domain.low, domain.high, log=domain.log)
    return CategoricalDistribution(domain.values)


def from_distribution(domain: Domain, found: Any) -> Any:
    """Return the value of Optuna's choice; for a fixed domain its only value."""
    if domain.fixed:
        return domain[0]
    ordered = _ordered(domain)
    return domain.nearest(found) if ordered is None else ordered[found]


def to_distribution(domain: Domain, value: Any) -> Any:
    """Return a value in Optuna's form of a domain."""
    ordered = _ordered(domain)
    if ordered is None:
        return domain.nearest(value)
    if isinstance(domain, Range) and domain.step is not None:
        return round((value - domain.low) / domain.step)
    return ordered.index(value)


def _ordered(domain: Domain) -> Sequence[Any] | None:
    """Return the values of a domain of stepped numbers, the least first; None for any other."""
    if isinstance(domain, Range):
        return domain if domain.stepped else None
    is_numeric = all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in domain.values
    )
    return sorted(domain.values) if is_numeric else None


def importances(
    records: Sequence[TrialRecord], space: Mapping[str, Domain], seed: int
) -> dict[str, float]:
    """Return each searched hyperparameter's share of the variance in macro-F1.

    Functional ANOVA over a random forest: Hutter et al., "An Efficient Approach for Assessing
    Hyperparameter Importance" (ICML 2014), as in Optuna.

    Returns:
        Shares by name, the largest first, that add up to 1; none when there are too few completed
        trials, when all reached the same, or when nothing was searched.
    """
    import optuna

    from ecomcat.tuning.records import COMPLETED

    completed = [record for record in records if record.status == COMPLETED]
    distributions = {
        name: distribution_of(domain)
        for name, domain in space.items()
        if len({record.values[name] for record in completed}) > 1
    }
    scores = {record.objective for record in completed}
    if not distributions or len(completed) < _MIN_TRIALS or len(scores) < 2:
        return {}
    study = optuna_study(completed, space, distributions)
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=seed)
    shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    ranked = sorted(shares.items(), key=lambda item: -item[1])
    return {name: float(share) for name, share in ranked if math.isfinite(share)}
