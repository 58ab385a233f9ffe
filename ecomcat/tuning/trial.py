"""Run one trial: train one configuration on train alone and keep what later steps need of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.data.dataset import Dataset
from ecomcat.files import atomic_path
from ecomcat.model.builder import build_classifier
from ecomcat.model.training import Examples, batches_of, fit
from ecomcat.model.validation import Outcome, ValidationWatch
from ecomcat.text.encoding import EncodedTexts

BEST_WEIGHTS, LAST_STATE, VALIDATION = "best_weights.npz", "last_state.npz", "validation.npz"


@dataclass(frozen=True)
class TrialInputs:
    """What all trials of a study share.

    Args:
        build: dotted path of the network's builder.
        dataset: labels, classes and split.
        texts: all texts, encoded once.
        seed: the run's.
        patience: epochs without a better macro-F1 before a trial ends.
        max_epochs: at which a linear learning rate schedule ends.
        keep_state: whether a trial may be continued, and so keeps its last state.
    """

    build: str
    dataset: Dataset
    texts: EncodedTexts
    seed: int
    patience: int
    max_epochs: int
    keep_state: bool = False

    def examples(self, rows: NDArray[np.int64], values: Mapping[str, Any]) -> Examples:
        """Return some rows as one configuration's vocabulary and length limit see them."""
        texts = self.texts.take(rows).view(values["vocabulary_size"], values["max_tokens"])
        return Examples(texts, self.dataset.labels[rows])


@dataclass(frozen=True)
class TrialTask:
    """What one trial is to do.

    Args:
        root: with the run's seed it decides all that is random: the trial's number, or that of
            the first of the trials that it continues.
        values: one value for each hyperparameter.
        directory: where weights and validation probabilities go.
        epochs: number of the last epoch.
        parent: folder of the trial that this one continues.
        initial_epoch: epochs that the parent trained.
        curves: the parent's.
    """

    root: int
    values: dict[str, Any]
    directory: Path
    epochs: int
    parent: Path | None = None
    initial_epoch: int = 0
    curves: Sequence[dict[str, float]] = ()


def trial_seed(seed: int, number: int) -> int:
    """Mix the run's seed with a trial's number, so that no two trials share their chance."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0] >> 1)


def run_trial(
    inputs: TrialInputs,
    task: TrialTask,
    *,
    deadline: float = math.inf,
    on_epoch: Callable[[int, Mapping[str, float]], None] = lambda _epoch, _logs: None,
) -> tuple[Outcome, int]:
    """Train one configuration on train, watching validation.

    Args:
        inputs: what all trials share.
        task: this trial's.
        deadline: `time.monotonic()` seconds after which no further epoch begins.
        on_epoch: called with each epoch's number (from 1) and scores.

    Returns:
        The outcome, and the number of trained weights.
    """
    values, split, classes = task.values, inputs.dataset.split, len(inputs.dataset.classes)
    seed = trial_seed(inputs.seed, task.root)
    train = inputs.examples(split.train, values)
    model = build_network(inputs, values, train, seed)
    watch = ValidationWatch(
        inputs.examples(split.validation, values),
        classes=classes,
        smoothing=values["label_smoothing"],
        patience=inputs.patience,
        deadline=deadline,
        on_epoch=on_epoch,
        outcome=_continue(model, task.parent, task.curves) if task.parent is not None else None,
    )
    fit(
        model,
        train,
        **fit_options(inputs, values, seed),
        epochs=task.epochs,
        callbacks=[watch],
        initial_epoch=task.initial_epoch,
    )
    _keep(model, watch.outcome, task.directory, split.validation, keep_state=inputs.keep_state)
    return watch.outcome, model.count_params()


def build_network(
    inputs: TrialInputs, values: Mapping[str, Any], examples: Examples, seed: int
) -> Any:
    """Build and compile the network of one configuration.

    Args:
        inputs: what all trials share.
        values: one value for each hyperparameter.
        examples: what it will be trained on; their number decides the schedule's length.
        seed: of the first weights and of dropout.
    """
    batches = batches_of(len(examples), values["batch_size"])
    return build_classifier(
        inputs.build,
        values,
        len(inputs.dataset.classes),
        seed=seed,
        total_batches=inputs.max_epochs * batches,
    )


def fit_options(inputs: TrialInputs, values: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Return the arguments of `fit` that a configuration decides."""
    return {
        "classes": len(inputs.dataset.classes),
        "batch_size": values["batch_size"],
        "word_dropout": values["word_dropout"],
        "seed": seed,
    }


def _continue(model: Any, parent: Path, curves: Sequence[dict[str, float]]) -> Outcome:
    """Bring a model to its parent's last state; the parent's best is the best so far."""
    model.optimizer.build(model.trainable_variables)
    state = _load_arrays(parent / LAST_STATE)
    for variable, value in zip(_state(model), state, strict=True):
        variable.assign(value)
    with np.load(parent / VALIDATION, allow_pickle=False) as kept:
        return Outcome(
            best_epoch=int(kept["best_epoch"]),
            scores={name: float(kept[name]) for name in ("macro_f1", "accuracy", "loss")},
            probabilities=kept["probabilities"],
            weights=_load_arrays(parent / BEST_WEIGHTS),
            curves=list(curves),
        )


def _keep(
    model: Any,
    outcome: Outcome,
    directory: Path,
    validation_rows: NDArray[np.int64],
    *,
    keep_state: bool,
) -> None:
    if keep_state:
        _save_arrays(directory / LAST_STATE, [variable.numpy() for variable in _state(model)])
    _save_arrays(directory / BEST_WEIGHTS, outcome.weights)
    kept: dict[str, Any] = {
        "probabilities": outcome.probabilities,
        "rows": validation_rows,
        "best_epoch": outcome.best_epoch,
        **outcome.scores,
    }
    with atomic_path(directory / VALIDATION) as path:
        np.savez(path, **kept)


def _state(model: Any) -> list[Any]:
    """Return all that a training goes on from: weights, dropout's chance, the optimizer's state."""
    return [*model.variables, *model.optimizer.variables]


def _save_arrays(path: Path, arrays: Sequence[NDArray[Any]]) -> None:
    # HDF5, which Keras would write, crashes the process when the disk is full.
    with atomic_path(path) as temporary:
        np.savez(temporary, *arrays)


def _load_arrays(path: Path) -> list[NDArray[Any]]:
    with np.load(path, allow_pickle=False) as kept:
        return [kept[f"arr_{number}"] for number in range(len(kept.files))]


def load_best_weights(directory: Path) -> list[NDArray[np.float32]]:
    """Read a trial's best weights, as `keras.Model.set_weights` takes them.

    Args:
        directory: the trial's.
    """
    return _load_arrays(directory / BEST_WEIGHTS)
