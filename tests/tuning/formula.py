"""Trials that score a formula instead of training: what a search does around them is real."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ecomcat.command_config import SearchCommand, conf_dir
from ecomcat.config import FinalConfig, SearchConfig
from ecomcat.data.splitting import Split
from ecomcat.hyperparameters import ModelConfig
from ecomcat.model.metrics import OBJECTIVE, Outcome
from ecomcat.model.space import Domain, read_space
from ecomcat.text.encoding import EncodedTexts
from ecomcat.tuning.jobs import EpochReport, Worker
from ecomcat.tuning.records import TrialRecord
from ecomcat.tuning.study import needed_files, open_study
from tests.tiny_network import VALUES

ALGORITHMS = ("tpe", "random", "bayesian", "hyperband", "grid")
Objective = Callable[[Mapping[str, Any]], float]


def peak(values: Mapping[str, Any]) -> float:
    """Score a configuration: the nearer to 48 units and dropout 0.4 the better."""
    return 0.9 - abs(values["lstm_units"] - 48) / 1000 - abs(values["dropout"] - 0.4) / 10


def chosen(group: str, option: str, **changes: Any) -> dict[str, Any]:
    """Return what a YAML file of a group names, with some parameters changed."""
    content = yaml.safe_load((conf_dir() / group / f"{option}.yaml").read_text(encoding="utf-8"))
    return {**content.get("algorithm", content), **changes}


def configure(
    algorithm: str,
    *,
    trials: int = 6,
    pruner: str = "none",
    rules: Mapping[str, Any] | None = None,
    **changes: Any,
) -> SearchCommand:
    """Return a configuration; changes are of the model, or of the search where that has the key."""
    model: dict[str, Any] = {
        **VALUES,
        "name": "formula",
        "build": "ecomcat.model.network.lstm_classifier",
        "lstm_units": "16..64 step 16",
        "dropout": [0.2, 0.4, 0.6],
    }
    search: dict[str, Any] = {
        "algorithm": chosen("search", algorithm),
        "pruner": chosen("search/pruner", pruner, **(rules or {})),
        "max_trials": trials,
        "max_minutes": 5.0,
        "max_epochs": 4,
        "patience": 2,
        "workers": 1,
        "stop_early": False,  # no text leaves a score as uncertain as can be
    }
    keys = SearchConfig.__dataclass_fields__
    for key, value in changes.items():
        (search if key in keys else model)[key] = value
    return SearchCommand(
        model=ModelConfig(**model), search=SearchConfig(**search), final=FinalConfig({})
    )


class FormulaWorker(Worker):
    """A worker for which the score of each epoch follows from the configuration."""

    def __init__(self, objective: Objective, tried: list[dict[str, Any]] | None = None) -> None:
        self.objective = objective
        self.tried = tried if tried is not None else []

    def begin(self, task: Any) -> Iterator[Any]:
        parent = None if task.parent is None else len(task.parent.curves)
        self.tried.append({**task.values, "epochs": task.epochs, "parent": parent})
        self.task, self.epoch = task, parent or 0
        yield 10

    def train_epoch(self, _within_seconds: float, _scored_anyhow: bool) -> Iterator[Any]:
        self.epoch += 1
        score = self.objective(self.task.values) * self.epoch / self.task.epochs
        logs = {OBJECTIVE: score, "val_accuracy": score, "val_loss": 1 - score, "loss": 1 - score}
        ended = "max_epochs" if self.epoch >= self.task.epochs else ""
        yield EpochReport(self.epoch, logs, ended)

    def finish(self) -> Iterator[Any]:
        score = self.objective(self.task.values)
        weights = [np.full(3, score, np.float32)]
        yield Outcome([], np.ones((2, 2), np.float32), weights, state=weights)


class RemoteFormula(FormulaWorker):
    """A formula's worker with the constructor that a pool expects."""

    def __init__(self, objective: Objective, _cores: int) -> None:
        super().__init__(objective)


def ray_pool(objective: Objective) -> Any:
    """Start two workers; the objective's module travels with them."""
    import ray.cloudpickle

    from ecomcat.tuning.ray_pool import RayPool

    for module in (__name__, objective.__module__):
        ray.cloudpickle.register_pickle_by_value(sys.modules[module])
    return RayPool(RemoteFormula, objective, 2, SearchConfig(memory_gb_per_worker=0.1))


def inputs(config: SearchCommand) -> Any:
    """Return what trials would share, with no data in it."""
    from ecomcat.tuning.trial import TrialInputs

    nothing = np.zeros(0, np.int64)
    return TrialInputs(
        build=lambda _values, _classes: None,
        texts=EncodedTexts(np.zeros(0, np.int32), np.zeros(1, np.int64)),
        label_ids=nothing,
        num_classes=2,
        split=Split(nothing, nothing, nothing),
        seed=config.seed,
        patience=2,
        max_epochs=4,
    )


def run(
    config: SearchCommand, folder: Path, pool: Any, listeners: Sequence[Any] = ()
) -> tuple[Any, list[TrialRecord]]:
    """Search in a folder with the workers of a pool; return the result and the records."""
    from ecomcat.tuning.tuner import run_search

    space: dict[str, Domain] = read_space(config.model)

    @contextlib.contextmanager
    def open_pool(*_: Any) -> Iterator[Any]:
        yield pool

    name = config.search.name or "study"
    with open_study(
        folder,
        name,
        {"seed": config.seed},
        overwrite=config.search.overwrite,
        config=asdict(config),
        needed=needed_files(config),
    ) as study:
        result = run_search(config, inputs(config), space, study, listeners, open_pool)
        return result, study.trials.records


def run_formula(
    config: SearchCommand,
    folder: Path,
    objective: Objective = peak,
    tried: list[dict[str, Any]] | None = None,
    listeners: Sequence[Any] = (),
) -> tuple[Any, list[TrialRecord]]:
    """Search with one worker in this process."""
    from ecomcat.tuning.workers import LocalPool

    return run(config, folder, LocalPool(FormulaWorker(objective, tried)), listeners)
