"""From what an oracle asks for to what a worker is told."""

from __future__ import annotations

from typing import Any

from keras_tuner.engine import trial as keras_trial

from ecomcat.tuning.running import Limits
from ecomcat.tuning.study.kept import load_outcome
from ecomcat.tuning.study.records import TrialRecord, TrialTable
from ecomcat.tuning.study.study import Study
from ecomcat.tuning.workers.messages import TrialTask


def task_of(
    trial: keras_trial.Trial, table: TrialTable, study: Study, limits: Limits, root: int | None
) -> TrialTask:
    """Return what a worker is to do for a trial.

    Args:
        trial: as the oracle made it; Hyperband asks for a number of epochs, and to continue from
            an earlier trial.
        table: the study's trials.
        study: the folder, where the earlier trial's last state stands.
        limits: most epochs, where the oracle asks for no number.
        root: number whose chance the trial takes; None for its own.
    """
    epochs = int(trial.hyperparameters.values.get("tuner/epochs", limits.max_epochs))
    parent = parent_of(trial, table)
    if parent is None:
        own = int(trial.trial_id) if root is None else root
        return TrialTask(own, values_of(trial), epochs)
    left = load_outcome(study.trial_dir(parent.id), parent.curves)
    return TrialTask(parent.root, values_of(trial), epochs, left)


def parent_of(trial: keras_trial.Trial, table: TrialTable) -> TrialRecord | None:
    """Return the trial that another continues, if it does."""
    return table.get(trial.hyperparameters.values.get("tuner/trial_id", ""))


def values_of(trial: keras_trial.Trial) -> dict[str, Any]:
    """Return a trial's hyperparameters without what Hyperband adds of its own."""
    values = trial.hyperparameters.values
    return {name: value for name, value in values.items() if not name.startswith("tuner/")}
