"""Let an ensemble teach one network: its answers are part of what the network is trained on.

Teacher and student read the very same words, words left out included, so that the student is told
more than the labels of texts which the teacher knows by heart (Beyer et al., "Knowledge
distillation: a good teacher is patient and consistent", CVPR 2022, section 3).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ecomcat.console import step
from ecomcat.errors import UserError
from ecomcat.model.outcome import Outcome
from ecomcat.model.training import DivergedError, OnEpoch, Scorer, Training, ValidationWatch, fit
from ecomcat.process import raise_if_requested
from ecomcat.tuning.records import TrialRecord
from ecomcat.tuning.trial import (
    TrialInputs,
    build_network,
    describe_failure,
    start_training,
    trial_seed,
)

logger = logging.getLogger("ecomcat")

TEACHER_SHARE = 0.7  # of the target; the label has the rest


def try_student(inputs: TrialInputs, record: TrialRecord, teacher: keras.Model) -> Outcome:
    """Teach a student on train alone and watch validation.

    Args:
        inputs: what all trials of the study shared.
        record: the trial whose configuration the student has.
        teacher: trained on train alone.

    Returns:
        What it gave: its best number of epochs and honest validation probabilities among it.

    Raises:
        UserError: when the training fails.
    """
    with _failures_told():
        return _watched(inputs, record, teacher)


def _watched(inputs: TrialInputs, record: TrialRecord, teacher: keras.Model) -> Outcome:
    values = record.values
    model, training = _student(inputs, record, teacher, inputs.split.train)
    watch = ValidationWatch(
        model,
        inputs.examples(inputs.split.validation, values),
        classes=inputs.classes,
        smoothing=values["label_smoothing"],
        patience=inputs.patience,
    )
    # A falling learning rate is let fall: the student that is exported will see it to its end.
    patient = values["learning_rate_schedule"] == "linear"
    while training.epoch < inputs.max_epochs and (patient or not watch.out_of_patience):
        raise_if_requested()
        logs = training.train_epoch()
        scores = watch.score_epoch(training.epoch, logs)
        logger.info(
            "Student on train alone, epoch %d/%d: loss %.4f, validation macro-F1 %.4f.",
            training.epoch,
            inputs.max_epochs,
            scores["loss"],
            scores["val_macro_f1"],
        )
    return watch.outcome


def train_student(
    inputs: TrialInputs,
    record: TrialRecord,
    teacher: keras.Model,
    rows: NDArray[np.int64],
    epochs: int,
    on_epoch: OnEpoch = lambda _epoch, _logs: None,
) -> keras.Model:
    """Teach a student on the rows.

    Args:
        inputs: what all trials of the study shared.
        record: the trial whose configuration the student has.
        teacher: from ids to probabilities.
        rows: text numbers, in ascending order.
        epochs: how many.
        on_epoch: called with each epoch's number (from 1) and scores.

    Raises:
        UserError: when the training fails.
    """
    with _failures_told():
        model, training = _student(inputs, record, teacher, rows)
        logger.info("Teaching the student on %d texts for %d epochs.", len(rows), epochs)
        with step("Teaching the student, epochs", total=epochs) as advance:

            def note(epoch: int, logs: Mapping[str, float]) -> None:
                advance()
                on_epoch(epoch, logs)

            fit(training, epochs, note)
    return model


@contextmanager
def _failures_told() -> Iterator[None]:
    """Put a training's failure into words."""
    try:
        yield
    except (DivergedError, MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise UserError(
            f"Teaching the student failed: {describe_failure(error).reason}. The study is whole: "
            "export an ensemble (final=ensemble) or the best trial (final=single) of it."
        ) from error


def _student(
    inputs: TrialInputs, record: TrialRecord, teacher: keras.Model, rows: NDArray[np.int64]
) -> tuple[keras.Model, Training]:
    examples = inputs.examples(rows, record.values)
    seed = trial_seed(inputs.seed, record.root)
    # Compiled before the student is built, which clears Keras's session.
    answer = Scorer(teacher).answer
    model = build_network(inputs, record.values, len(examples), seed)
    training = start_training(
        model, inputs, record.values, examples, seed, teacher=answer, teacher_share=TEACHER_SHARE
    )
    return model, training
