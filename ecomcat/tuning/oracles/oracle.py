"""What our oracles add to Keras Tuner's: whole state files, budgets, pruning, and no repeats.

Keras Tuner writes `oracle.json` in place, pads trial numbers to the width of `max_trials`, takes
seed 0 for "any seed", gives Hyperband no number of trials, never prunes, and tries configurations
of a small space twice or ends before all are tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine import trial as keras_trial
from keras_tuner.src.engine.metrics_tracking import MetricsTracker

from ecomcat.files import write_json
from ecomcat.model.domains import Domain
from ecomcat.model.scores import OBJECTIVE
from ecomcat.tuning.oracles.budget import Budget
from ecomcat.tuning.oracles.draws import Key, draw_untried, exhausted, key_of
from ecomcat.tuning.oracles.pruner import Curve, Pruner
from ecomcat.tuning.study.study import read_state

STATUS = keras_trial.TrialStatus
PRUNED = "pruned"  # a completed trial's message


class StudyOracle(keras_tuner.Oracle):
    """Mixed in before one of Keras Tuner's oracles.

    It is used by one thread of one process: workers are spoken to by the tuner, so there is
    nothing that a lock could leave hanging.

    Args:
        space: domain of each hyperparameter.
        budget: when no further trial begins.
        pruner: which trials end early.
        trial_dir: from a trial's id to its folder.
        options: Keras Tuner's.
    """

    trials: dict[str, keras_trial.Trial]
    ongoing_trials: dict[str, keras_trial.Trial]

    def __init__(
        self,
        *,
        space: Mapping[str, Domain],
        budget: Budget,
        pruner: Pruner,
        trial_dir: Callable[[str], Path],
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.space = space
        self.budget = budget
        self._pruner = pruner
        self._trial_dir = trial_dir
        self._curves: dict[str, dict[int, float]] = {}
        self._saved: set[str] = set()
        self.verbose = 0

    @keras_tuner.synchronized
    def create_trial(self, tuner_id: str) -> keras_trial.Trial:
        """Return the next trial, or one of status STOPPED when the budget is spent."""
        if self.spent:
            return keras_trial.Trial(self.get_space(), status=STATUS.STOPPED)
        return super().create_trial(tuner_id)

    @keras_tuner.synchronized
    def update_trial(
        self, trial_id: str, metrics: Mapping[str, float], step: int = 0
    ) -> keras_trial.Trial:
        """Note an epoch's scores and return the trial, of status STOPPED when it is hopeless."""
        trial = super().update_trial(trial_id, metrics, step)
        curve = self._curves.setdefault(trial_id, {})
        curve[step] = metrics[OBJECTIVE]
        peers = [other for key, other in self._curves.items() if key != trial_id]
        if self._pruner.prunes(curve, peers):
            trial.status = STATUS.STOPPED
        return trial

    def end(self, trial_id: str, *, failure: str = "", pruned: bool = False) -> None:
        """End a trial: completed, as pruned ones are with the best they reached, or failed.

        Args:
            trial_id: of an ongoing trial.
            failure: why it failed; empty when it has a score.
            pruned: whether it was ended early.
        """
        trial = self.trials[trial_id]
        trial.status = STATUS.FAILED if failure else STATUS.COMPLETED
        trial.message = failure or (PRUNED if pruned else None)
        if failure:
            # What it reached before it failed is no measure for others.
            self._curves.pop(trial_id, None)
        self.end_trial(trial)

    def requeue(self, trial_id: str) -> None:
        """Let a trial whose worker was lost run again, before any new one."""
        trial = self.trials[trial_id]
        # What the lost attempt reported would otherwise count as this trial's.
        trial.metrics = MetricsTracker()
        self._curves.pop(trial_id, None)
        trial.status = STATUS.RUNNING
        self.ongoing_trials = {
            worker: other for worker, other in self.ongoing_trials.items() if other is not trial
        }
        self._retry_queue.append(trial_id)
        self.save()

    @property
    def spent(self) -> bool:
        """Whether the budget allows no further trial; one that is to run again is none."""
        return self.budget.spent(len(self.trials) - len(self._retry_queue))

    @property
    def exhausted(self) -> bool:
        """Whether every configuration of the space has been tried."""
        return exhausted(self.space, self.tried())

    def tried(self) -> set[Key]:
        """Return the configurations of all trials, running ones included."""
        return {key_of(self.space, trial.hyperparameters.values) for trial in self.trials.values()}

    def _random_values(self) -> dict[str, Any] | None:
        """Draw what Keras Tuner's oracles begin with; the trial's number decides the chance."""
        random = np.random.default_rng([self.seed, len(self.trials)])
        return draw_untried(self.space, self.tried(), random)

    def save(self) -> None:
        """Write the state so that a crash leaves the former one."""
        write_json(Path(self._get_oracle_fname()), self.get_state())

    @property
    def ended(self) -> int:
        """How many trials are neither running nor wait to run again."""
        return len(self.trials) - len(self.ongoing_trials) - len(self._retry_queue)

    def resume(self) -> None:
        """Go on from the state of an earlier run, if there is one."""
        if Path(self._get_oracle_fname()).exists():
            self.reload()

    def reload(self) -> None:
        """Read the state; trials that were interrupted are queued to run again."""
        pattern = self._trial_dir("*")
        for path in sorted(pattern.parent.glob(f"{pattern.name}/trial.json")):
            trial = keras_trial.Trial.from_state(read_state(path))
            self.trials[trial.trial_id] = trial
        self.set_state(read_state(Path(self._get_oracle_fname())))
        self.ongoing_trials.clear()
        # A trial that the state does not know was written, but never handed out.
        self.trials = {trial_id: self.trials[trial_id] for trial_id in self.start_order}
        for trial_id, trial in self.trials.items():
            if trial.status in {STATUS.RUNNING, STATUS.STOPPED}:
                trial.status, trial.metrics = STATUS.RUNNING, MetricsTracker()
                if trial_id not in self._retry_queue:
                    self._retry_queue.append(trial_id)
                continue
            if trial_id in self._retry_queue:
                self._retry_queue.remove(trial_id)
            if trial.status == STATUS.COMPLETED:
                self._curves[trial_id] = _curve_of(trial)
        # Taken from the end: the first that was interrupted is the first to run again.
        self._retry_queue.sort(key=int, reverse=True)

    def curve(self, trial_id: str) -> Curve:
        """Return a trial's objective by epoch."""
        return self._curves.get(trial_id, {})

    def _save_trial(self, trial: keras_trial.Trial) -> None:
        # The scores of a trial that runs are of no use to a later run, which begins it anew.
        if trial.status in {STATUS.RUNNING, STATUS.STOPPED} and trial.trial_id in self._saved:
            return
        self._saved.add(trial.trial_id)
        write_json(self._trial_dir(trial.trial_id) / "trial.json", trial.get_state())

    def _get_oracle_fname(self) -> str:
        return str(self._trial_dir("*").parent.parent / "oracle.json")


def _curve_of(trial: keras_trial.Trial) -> dict[int, float]:
    if not trial.metrics.exists(OBJECTIVE):
        return {}
    history = trial.metrics.get_history(OBJECTIVE)
    return {observed.step: float(np.mean(observed.value)) for observed in history}
