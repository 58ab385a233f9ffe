"""Train the best configuration again, on train and validation together."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import keras
import numpy as np

from ecomcat.model.training import fit
from ecomcat.tuning.study.records import TrialRecord
from ecomcat.tuning.workers.trial import TrialInputs, build_network, start_training, trial_seed


def retrain_best(
    inputs: TrialInputs,
    best: TrialRecord,
    on_epoch: Callable[[int, Mapping[str, float]], None] = lambda _epoch, _logs: None,
) -> keras.Model:
    """Train the winning configuration for the number of epochs that was best.

    Args:
        inputs: what all trials of the study shared.
        best: the winning trial; its number of epochs was chosen on validation by weights that
            were trained on train alone.
        on_epoch: called with each epoch's number (from 1) and scores.

    Returns:
        The trained model, without its optimizer.
    """
    split, values = inputs.split, best.values
    rows = np.sort(np.concatenate([split.train, split.validation]))
    examples = inputs.examples(rows, values)
    seed = trial_seed(inputs.seed, best.root)
    model = build_network(inputs, values, examples, seed)
    fit(start_training(model, inputs, values, examples, seed), best.best_epoch, on_epoch)
    # Without the optimizer, whose state would treble the file's size.
    return keras.Model(model.inputs, model.outputs, name=model.name)
