"""The gain of more labelled texts: the chosen network, trained on parts of them."""

from __future__ import annotations

import logging
import math
from typing import Any

import numpy as np

from ecomcat.commands import SearchCommand
from ecomcat.data.splitting import Split
from ecomcat.final.further_training import FurtherTraining, FurtherTrainings
from ecomcat.model.learning_curve import MIN_POINTS, extrapolated_curve
from ecomcat.tuning.records import CUT_SHORT, TrialRecord
from ecomcat.tuning.study import Study
from ecomcat.tuning.trial import TrialInputs
from ecomcat.tuning.trial_files import VALIDATION, load_predicted
from ecomcat.wording.summary import learning_sentence

logger = logging.getLogger("ecomcat")

PARTS = 8, 4, 2  # an eighth of the texts that the trial had learned in its best epoch, and so on
_MIN_TEXTS = 100  # that are learned


def learn_from_parts(
    config: SearchCommand, inputs: TrialInputs, study: Study, record: TrialRecord
) -> dict[str, Any] | None:
    """Train a trial's configuration on parts of its texts, and extrapolate its accuracy.

    Each part contains the one before, all are trained for as many batches as the trial and scored
    on validation. What an earlier run trained is not trained again.

    Returns:
        `points` and `doubled`, as `extrapolated_curve` describes them, the `trial` and the number
        of `validation_texts`; `None` where too few texts, or too little time, leave too few points,
        or the trial was cut short.
    """
    if record.status == CUT_SHORT:
        logger.warning(
            "No learning curve: the time limit cut trial %s short, so that no complete training "
            "can be compared with it. More minutes (search.max_minutes) and trials may help.",
            record.id,
        )
        return None
    epoch_texts = config.search.epoch_texts or len(inputs.split.train)
    learned = min(record.best_epoch * epoch_texts, len(inputs.split.train))
    trainings = _trainings(inputs, study, record, learned, epoch_texts)
    if len(trainings) >= MIN_POINTS - 1:
        further = FurtherTrainings(config, inputs, trainings)
        further.run(f"Training on {len(trainings)} parts of the texts")
    answers = [(len(each.split.train), each.predicted()) for each in trainings]
    answers = [(size, predicted) for size, predicted in answers if predicted is not None]
    if len(answers) < MIN_POINTS - 1:
        logger.warning(
            "No learning curve: expected %d parts of %d texts or more, and time to train on them; "
            "%d were trained on.",
            *(MIN_POINTS - 1, _MIN_TEXTS, len(answers)),
        )
        return None
    labels = inputs.labels[inputs.split.validation]
    whole = load_predicted(study.trial_dir(record.id) / VALIDATION, len(labels))
    sizes, predicted = map(np.array, zip(*answers, (learned, whole), strict=True))
    curve = extrapolated_curve(predicted == labels, sizes, inputs.seed)
    found = {"trial": record.id, "validation_texts": len(labels), **curve}
    logger.info("%s", learning_sentence("The LSTM", found, len(labels)))
    return found


def _trainings(
    inputs: TrialInputs, study: Study, record: TrialRecord, learned: int, epoch_texts: int
) -> list[FurtherTraining]:
    """Return the trainings on parts of the learned texts, the smallest part first."""
    split, read = inputs.split, record.planned_epochs(inputs.max_epochs) * epoch_texts
    chosen = np.random.default_rng(inputs.seed).permutation(split.train)
    return [
        FurtherTraining(
            record,
            Split(np.sort(chosen[:size]), split.validation, split.test),
            study.trial_dir(record.id) / f"part_{size}.npz",
            inputs.num_classes,
            epochs=math.ceil(read / size),
            patience=inputs.patience * part,
        )
        for part in PARTS
        if (size := learned // part) >= _MIN_TEXTS
    ]
