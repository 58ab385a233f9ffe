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
from ecomcat.model.builder import build_classifier
from ecomcat.model.training import Examples, batches_of, fit
from ecomcat.model.validation import Outcome, ValidationWatch
from ecomcat.text.encoding import EncodedTexts
from ecomcat.tuning.kept import continue_training, keep_outcome


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
        outcome=continue_training(model, task.parent, task.curves)
        if task.parent is not None
        else None,
    )
    fit(
        model,
        train,
        **fit_options(inputs, values, seed),
        epochs=task.epochs,
        callbacks=[watch],
        initial_epoch=task.initial_epoch,
    )
    keep_outcome(
        model, watch.outcome, task.directory, split.validation, keep_state=inputs.keep_state
    )
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
