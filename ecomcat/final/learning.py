"""What more labelled texts would bring: the chosen network, trained on parts of them."""

from __future__ import annotations

import logging
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.commands import SearchCommand
from ecomcat.data.splitting import Split
from ecomcat.export.summary import learning_sentence
from ecomcat.final.further_training import FurtherTraining, FurtherTrainings
from ecomcat.model.learning_curve import MIN_POINTS, gone_on_from
from ecomcat.tuning.records import VALIDATION, TrialRecord, load_predicted, part_path
from ecomcat.tuning.study import Study
from ecomcat.tuning.trial import TrialInputs

logger = logging.getLogger("ecomcat")

PARTS = 8, 4, 2  # an eighth of the texts that the trial learned, and so on
_MIN_TEXTS = 100  # that are learned


def learn_from_parts(
    config: SearchCommand, inputs: TrialInputs, study: Study, record: TrialRecord
) -> dict[str, Any] | None:
    """Train a trial's configuration on parts of its texts, and go on from what they teach it.

    Each part is in the next one, all are trained for as many batches as the trial, and validation
    is asked. What an earlier run trained is not trained again.

    Returns:
        `points` and `doubled`, as `gone_on_from` describes them, the `trial` and the number of
        `validation_texts`; `None` where too few texts, or too little time, leave too few points.
    """
    read, sizes = _read_texts(config, inputs, record), []
    learned = min(read, len(inputs.split.train))
    chosen = np.random.default_rng(inputs.seed).permutation(inputs.split.train)
    trainings = [
        FurtherTraining(
            record,
            Split(np.sort(chosen[:size]), inputs.split.validation, inputs.split.test),
            part_path(study.trial_dir(record.id), size),
            epochs=math.ceil(read / size),
            patience=inputs.patience * part,
        )
        for part in PARTS
        if (size := learned // part) >= _MIN_TEXTS
    ]
    if len(trainings) >= MIN_POINTS - 1:
        further = FurtherTrainings(config, inputs, trainings)
        further.run(f"Training on {len(trainings)} parts of the texts")
    labels = inputs.labels[inputs.split.validation]
    right: list[NDArray[np.bool_]] = []
    for training in trainings:
        if (predicted := training.predicted()) is not None:
            sizes.append(len(training.split.train))
            right.append(predicted == labels)
    if len(right) < MIN_POINTS - 1:
        logger.warning(
            "No learning curve: expected %d parts of %d texts or more, and time to train on them; "
            "%d were trained on.",
            *(MIN_POINTS - 1, _MIN_TEXTS, len(right)),
        )
        return None
    whole = load_predicted(study.trial_dir(record.id) / VALIDATION) == labels
    curve = gone_on_from(np.array([*right, whole]), np.array([*sizes, learned]), inputs.seed)
    found = {"trial": record.id, "validation_texts": len(labels), **curve}
    logger.info("%s", learning_sentence("The LSTM", found, len(labels)))
    return found


def _read_texts(config: SearchCommand, inputs: TrialInputs, record: TrialRecord) -> int:
    """Return how many texts a trial reads, those counted again that it reads again."""
    epochs = record.planned_epochs(inputs.max_epochs)
    return epochs * (config.search.epoch_texts or len(inputs.split.train))
