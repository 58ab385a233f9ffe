"""The gain of more labelled texts: the chosen network, trained on parts of them."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.command_config import SearchCommand
from ecomcat.console import step
from ecomcat.json_files import UnreadableError
from ecomcat.model.learning_curve import MIN_POINTS, extrapolated_curve
from ecomcat.tuning.budget import learning_curve_seconds
from ecomcat.tuning.jobs import Call, Job, TrialFailedError, TrialTask, ask
from ecomcat.tuning.records import CUT_SHORT, TrialRecord
from ecomcat.tuning.study import Study
from ecomcat.tuning.trial import TrialInputs
from ecomcat.tuning.trial_files import VALIDATION, load_arrays, load_predicted, save_arrays
from ecomcat.tuning.workers import run_all
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
    parts = _parts(inputs, study, record, learned, epoch_texts)
    if len(parts) >= MIN_POINTS - 1:
        _Trainings(config, inputs, record, parts).run()
    answers = [(each.texts, found) for each in parts if (found := each.predicted()) is not None]
    if len(answers) < MIN_POINTS - 1:
        _warn_of_few_points(len(answers))
        return None
    label_ids = inputs.label_ids[inputs.split.validation]
    whole = load_predicted(study.trial_dir(record.id) / VALIDATION, len(label_ids))
    sizes, predicted = map(np.array, zip(*answers, (learned, whole), strict=True))
    curve = extrapolated_curve(predicted == label_ids, sizes, inputs.seed)
    described = {"trial": record.id, "validation_texts": len(label_ids), **curve}
    logger.info("%s", learning_sentence("The LSTM", described, len(label_ids)))
    return described


def _warn_of_few_points(trained: int) -> None:
    logger.warning(
        "No learning curve: expected %d parts of %d texts or more, and time to train on them; "
        "%d were trained on.",
        *(MIN_POINTS - 1, _MIN_TEXTS, trained),
    )


@dataclass(frozen=True)
class _Part:
    """A training on some of the texts, and the file of the classes that it predicts."""

    texts: int
    task: TrialTask
    path: Path
    validation_texts: int

    def predicted(self) -> NDArray[np.int64] | None:
        """Return the predicted classes of the validation texts; `None` before it was trained."""
        try:
            (found,) = load_arrays(self.path)
        except (UnreadableError, ValueError):
            return None
        is_whole = found.shape == (self.validation_texts,) and found.dtype == np.int64
        return found if is_whole else None


def _parts(
    inputs: TrialInputs, study: Study, record: TrialRecord, learned: int, epoch_texts: int
) -> list[_Part]:
    """Return the trainings on parts of the learned texts, the smallest part first."""
    read = record.planned_epochs(inputs.max_epochs) * epoch_texts
    chosen = np.random.default_rng(inputs.seed).permutation(inputs.split.train)

    def part_of(size: int, patience: int) -> _Part:
        rows, epochs = np.sort(chosen[:size]), math.ceil(read / size)
        task = TrialTask(record.root, record.values, epochs, rows=rows, patience=patience)
        path = study.trial_dir(record.id) / f"part_{size}.npz"
        return _Part(size, task, path, len(inputs.split.validation))

    return [
        part_of(size, inputs.patience * part)
        for part in PARTS
        if (size := learned // part) >= _MIN_TEXTS
    ]


@dataclass
class _Trainings:
    """The trainings on parts, while there is time; those of an earlier run are reused."""

    config: SearchCommand
    inputs: TrialInputs
    record: TrialRecord
    parts: Sequence[_Part]

    def __post_init__(self) -> None:
        self._retries_left, self._failed = self.config.search.max_retries, False
        self._ends = time.monotonic() + learning_curve_seconds(self.config)

    def run(self) -> None:
        """Train on the parts that are left."""
        with step(f"Training on {len(self.parts)} parts of the texts") as self._advance:
            run_all(self.config.search, self.inputs, self._waiting, self._train)

    def _waiting(self) -> list[_Part]:
        left = self._left()
        return [] if self._failed or time.monotonic() >= self._ends else left[::-1]

    def _left(self) -> list[_Part]:
        """Return the parts that are not trained on yet, and show how many are."""
        left = [part for part in self.parts if part.predicted() is None]
        self._advance(0, fraction=1 - len(left) / len(self.parts))
        return left

    def _train(self, part: _Part) -> Job:
        try:
            yield from ask(Call("begin", (part.task,)))
            ended = ""
            while not ended:
                if time.monotonic() >= self._ends:
                    return
                call = Call("train_epoch", within_seconds=self.record.hanging_seconds)
                ended = (yield from ask(call)).ended
            outcome = yield from ask(Call("finish"))
        except TrialFailedError as error:
            self._take_failure(error)
            return
        save_arrays(part.path, outcome.probabilities.argmax(axis=1))
        self._left()

    def _take_failure(self, error: TrialFailedError) -> None:
        if error.may_pass and self._retries_left:
            self._retries_left -= 1  # and so the part is left
            logger.warning("Trial %s begins again: %s.", self.record.id, error)
            return
        logger.warning("Trial %s could not be trained again: %s.", self.record.id, error)
        self._failed = True
