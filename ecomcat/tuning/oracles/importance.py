"""Which hyperparameters made the difference, as far as the trials tell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import optuna

from ecomcat.model.domains import Domain
from ecomcat.tuning.oracles.sampler import distribution_of, to_distribution
from ecomcat.tuning.study.records import COMPLETED, TrialRecord

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
