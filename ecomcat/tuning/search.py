"""Search a space: from data and a configuration to a study with a best trial."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ecomcat.config import SearchCommand
from ecomcat.data.dataset import Dataset
from ecomcat.model.space import Domain
from ecomcat.text.encoding import EncodedTexts
from ecomcat.tuning.budget import Budget
from ecomcat.tuning.oracle import make_oracle
from ecomcat.tuning.records import TrialRecord, active_seconds, load_records, require_best
from ecomcat.tuning.study import Study
from ecomcat.tuning.trial import TrialInputs
from ecomcat.tuning.tuner import SearchListener, StudyTuner

logger = logging.getLogger("ecomcat")


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Args:
        best: the trial of the highest validation macro-F1.
        inputs: what all trials shared.
        trials: how many were begun, in all runs of the study.
        seconds: that they took together.
    """

    best: TrialRecord
    inputs: TrialInputs
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
    dataset: Dataset,
    texts: EncodedTexts,
    space: Mapping[str, Domain],
    study: Study,
    listeners: Sequence[SearchListener] = (),
) -> SearchResult:
    """Run the study's trials until its budget is spent or its space is exhausted.

    Args:
        config: of the run.
        dataset: labels and split.
        texts: all texts, encoded once.
        space: domain of each hyperparameter.
        study: the folder; trials that it already holds are not run again.
        listeners: who is told how it goes.

    Raises:
        UserError: when no trial has completed.
    """
    search = config.search
    seconds_left = search.max_minutes * 60 - active_seconds(study)
    budget = Budget(search.max_trials, time.monotonic() + seconds_left)
    inputs = TrialInputs(
        build=config.model.build,
        dataset=dataset,
        texts=texts,
        seed=config.seed,
        patience=search.patience,
        max_epochs=search.max_epochs,
        keep_state=search.algorithm == "hyperband",
    )
    tuner = StudyTuner(
        make_oracle(search, space, config.seed, budget),
        study,
        inputs,
        max_epochs=search.max_epochs,
        deadline=budget.deadline,
        listeners=listeners,
    )
    tuner.search()
    return SearchResult(
        require_best(study), inputs, len(load_records(study)), active_seconds(study)
    )
