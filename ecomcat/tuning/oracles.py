"""The search algorithms: each an oracle that says what to try next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine import trial as keras_trial
from keras_tuner.src.engine.metrics_tracking import MetricsTracker

from ecomcat.config import SearchConfig
from ecomcat.files import write_json
from ecomcat.model.metrics import OBJECTIVE
from ecomcat.model.space import Domain, Range
from ecomcat.tuning.budget import Budget
from ecomcat.tuning.draws import (
    Key,
    draw_untried,
    exhausted,
    grid_configuration,
    key_of,
    nearest_value,
)
from ecomcat.tuning.pruners import Curve, HalvingPruner, MedianPruner, NoPruner, Pruner
from ecomcat.tuning.study import read_state
from ecomcat.tuning.tpe import STARTUP_TRIALS, TpeSampler


def to_keras_tuner(space: Mapping[str, Domain]) -> keras_tuner.HyperParameters:
    """Declare a space."""
    hyperparameters = keras_tuner.HyperParameters()
    for name, domain in space.items():
        if isinstance(domain, Range):
            _declare_range(hyperparameters, name, domain)
        elif domain.fixed:
            hyperparameters.Fixed(name, domain.values[0])
        elif isinstance(domain.values[0], bool):
            hyperparameters.Boolean(name, default=domain.values[0])
        else:
            hyperparameters.Choice(name, list(domain.values))
    return hyperparameters


def _declare_range(space: keras_tuner.HyperParameters, name: str, domain: Range) -> None:
    declare = space.Int if domain.whole else space.Float
    sampling = "log" if domain.log else "linear"
    # In a logarithmic range Keras Tuner reads a step as a factor.
    step = None if domain.log else domain.step
    declare(name, domain.low, domain.high, step=step, sampling=sampling)


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


class RandomOracle(StudyOracle, keras_tuner.oracles.RandomSearchOracle):
    """Draw each configuration by chance."""


class TpeOracle(StudyOracle, keras_tuner.Oracle):
    """Look where the better trials were dense: Optuna's sampler."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._sampler = TpeSampler(self.space, self.seed)

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Ask the sampler for a configuration."""
        return _answer(self._sampler.suggest(trial_id, len(self.trials), self.tried()))

    def end_trial(self, trial: Any) -> None:
        """Tell the sampler how a trial ended."""
        super().end_trial(trial)
        self._tell(trial.trial_id)

    def reload(self) -> None:
        """Tell the sampler of the trials of earlier runs, too."""
        super().reload()
        for trial_id in sorted(self.trials, key=int):
            trial = self.trials[trial_id]
            self._sampler.begin(trial_id, trial.hyperparameters.values)
            if trial.status != STATUS.RUNNING:
                self._tell(trial_id)

    def _tell(self, trial_id: str) -> None:
        trial = self.trials[trial_id]
        curve = self.curve(trial_id) if trial.status == STATUS.COMPLETED else {}
        self._sampler.end(trial_id, curve, pruned=trial.message == PRUNED)


class BayesianOracle(StudyOracle, keras_tuner.oracles.BayesianOptimizationOracle):
    """Fit a Gaussian process to what was tried."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Ask the Gaussian process, and chance where it repeats itself."""
        seeds = [self.seed, len(self.trials)]
        # Keras Tuner does not save the state of its chance.
        self._random_state = np.random.RandomState(np.random.MT19937(np.random.SeedSequence(seeds)))
        answer: dict[str, Any] = super().populate_space(trial_id)
        if answer["status"] != STATUS.RUNNING:
            return answer
        values = {
            name: nearest_value(domain, answer["values"][name])
            for name, domain in self.space.items()
        }
        if key_of(self.space, values) in self.tried():
            return _answer(self._random_values())
        return _answer(values)


class HyperbandOracle(StudyOracle, keras_tuner.oracles.HyperbandOracle):
    """Train many configurations briefly and the best of them longer."""

    def _get_size(self, bracket_num: int, round_num: int) -> int:
        """Return how many trials a round has: no more than a small space has configurations."""
        size: int = super()._get_size(bracket_num, round_num)
        if round_num > 0 or not self.exhausted:
            return size
        begun = (
            len(bracket["rounds"][0])
            for bracket in self._brackets
            if bracket["bracket_num"] == bracket_num
        )
        return min(size, max(begun, default=0))


class GridOracle(StudyOracle, keras_tuner.Oracle):
    """Try every combination in order; ranges without a step give ten values each."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the combination of the trial's number."""
        return _answer(grid_configuration(self.space, len(self.trials)))

    @property
    def exhausted(self) -> bool:
        """Whether the grid has been walked to its end."""
        return grid_configuration(self.space, len(self.trials)) is None


_ORACLES: dict[str, type[StudyOracle]] = {
    "tpe": TpeOracle,
    "random": RandomOracle,
    "bayesian": BayesianOracle,
    "hyperband": HyperbandOracle,
    "grid": GridOracle,
}


def make_oracle(
    search: SearchConfig,
    space: Mapping[str, Domain],
    *,
    seed: int,
    budget: Budget,
    trial_dir: Callable[[str], Path],
) -> StudyOracle:
    """Make the oracle that the configuration names.

    Args:
        search: algorithm, epochs and pruning.
        space: domain of each hyperparameter.
        seed: of the oracle's draws, 0 or more.
        budget: when no further trial begins.
        trial_dir: from a trial's id to its folder.
    """
    options: dict[str, Any] = {
        "space": space,
        "budget": budget,
        "pruner": make_pruner(search),
        "trial_dir": trial_dir,
        "objective": keras_tuner.Objective(OBJECTIVE, "max"),
        "hyperparameters": to_keras_tuner(space),
        "allow_new_entries": False,
        "tune_new_entries": False,
        # Keras Tuner takes 0 for "any seed".
        "seed": seed + 1,
        # A failed trial is recorded and the search goes on; ours ends it when all have failed.
        "max_consecutive_failed_trials": 10**9,
    }
    if all(domain.fixed for domain in space.values()):
        return GridOracle(**options)
    if search.algorithm == "hyperband":
        options["max_epochs"] = search.max_epochs
        options["factor"] = search.hyperband_factor
        options["hyperband_iterations"] = None  # until the budget is spent
    elif search.algorithm in {"random", "bayesian"}:
        # Without a number the ids are four digits wide, so that a study may be raised later.
        options["max_trials"] = None
    if search.algorithm == "bayesian":
        # Three times the number of hyperparameters, fixed ones included, unless it is given.
        options["num_initial_points"] = STARTUP_TRIALS
    return _ORACLES[search.algorithm](**options)


def make_pruner(search: SearchConfig) -> Pruner:
    """Make the rule that the configuration names."""
    if search.pruner == "median":
        return MedianPruner(search.warmup_epochs, search.min_peers)
    if search.pruner == "halving":
        return HalvingPruner(search.warmup_epochs, search.min_peers, search.halving_factor)
    return NoPruner()


def _answer(values: dict[str, Any] | None) -> dict[str, Any]:
    """Put a configuration, or that there is none, into Keras Tuner's terms."""
    return {"status": STATUS.RUNNING if values else STATUS.STOPPED, "values": values}
