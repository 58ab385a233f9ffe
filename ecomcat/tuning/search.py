"""Search a space: from data and a configuration to a study with a best trial."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from ecomcat.config import SearchCommand, SearchConfig
from ecomcat.model.domains import Domain
from ecomcat.model.space import space_size
from ecomcat.tuning.listener import SearchListener
from ecomcat.tuning.oracles.algorithms import GridOracle, make_oracle
from ecomcat.tuning.oracles.budget import Budget
from ecomcat.tuning.oracles.oracle import StudyOracle
from ecomcat.tuning.running import Limits
from ecomcat.tuning.study.clock import active_seconds
from ecomcat.tuning.study.records import TrialRecord, load_records, require_best
from ecomcat.tuning.study.study import Study
from ecomcat.tuning.tuner import StudyTuner
from ecomcat.tuning.workers.choice import open_pool
from ecomcat.tuning.workers.pool import WorkerPool
from ecomcat.tuning.workers.trial import TrialInputs

logger = logging.getLogger("ecomcat")

OpenPool = Callable[[SearchConfig, TrialInputs, int], AbstractContextManager[WorkerPool]]


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Args:
        best: the trial of the highest validation macro-F1.
        trials: how many were begun, in all runs of the study.
        seconds: that the study was searched, in all runs.
    """

    best: TrialRecord
    trials: int
    seconds: float

    def describe(self) -> dict[str, Any]:
        """Return what `metrics.json` records under `search`."""
        return {
            "trials": self.trials,
            "seconds": round(self.seconds, 1),
            "best_trial": self.best.id,
            "best_epoch": self.best.best_epoch,
            "best_val_macro_f1": self.best.objective,
            "best_hyperparameters": self.best.values,
        }


def run_search(
    config: SearchCommand,
    inputs: TrialInputs,
    space: Mapping[str, Domain],
    study: Study,
    listeners: Sequence[SearchListener] = (),
    workers: OpenPool = open_pool,
) -> SearchResult:
    """Run the study's trials until its budget is spent or its space is exhausted.

    Args:
        config: of the run.
        inputs: what all trials share.
        space: domain of each hyperparameter.
        study: the folder; trials that it already holds are not run again.
        listeners: who is told how it goes.
        workers: holds the workers that train.

    Raises:
        UserError: when no trial has completed.
    """
    search = config.search
    seconds_left = search.max_minutes * 60 - active_seconds(study)
    budget = Budget(search.max_trials, time.monotonic() + seconds_left)
    oracle = make_oracle(search, space, seed=config.seed, budget=budget, trial_dir=study.trial_dir)
    oracle.resume()
    trials_left = search.max_trials - oracle.ended
    if trials_left > 0 and seconds_left > 0:
        # More workers than configurations would wait for nothing.
        useful = int(min(trials_left, space_size(space) - oracle.ended))
        with workers(search, inputs, useful) as pool:
            limits = _limits(search, budget)
            StudyTuner(oracle, pool, study, inputs, limits, listeners).search()
    _say_why_it_ended(oracle)
    return SearchResult(require_best(study), len(load_records(study)), active_seconds(study))


def _limits(search: SearchConfig, budget: Budget) -> Limits:
    limits = Limits(search.max_epochs, budget.deadline, max_retries=search.max_retries)
    if search.trial_max_minutes is None:
        return limits
    return replace(limits, trial_max_seconds=search.trial_max_minutes * 60)


def _say_why_it_ended(oracle: StudyOracle) -> None:
    if oracle.exhausted and len(oracle.tried()) > 1:
        logger.info(
            "The %s is exhausted: all of its %d configurations were tried.",
            "grid" if isinstance(oracle, GridOracle) else "space",
            len(oracle.tried()),
        )
    elif oracle.budget.spent(0):
        logger.info("The study's time is spent (search.max_minutes).")
    else:
        logger.info("The study's trials are run (search.max_trials).")
