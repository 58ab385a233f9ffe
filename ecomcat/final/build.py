"""Train what the plan says on the rows that it may use, and make one model of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from ecomcat.config import SearchCommand
from ecomcat.final.calibration import calibrated_model
from ecomcat.final.companions import companion_parts
from ecomcat.final.distill import train_student
from ecomcat.final.members import merge_members, networks_as_selected, part_of
from ecomcat.final.merge import merge_models
from ecomcat.final.plan import FinalPlan, teacher_of
from ecomcat.final.retrain import network_with, retrain_trials
from ecomcat.model.training import OnEpoch
from ecomcat.tuning.study.study import Study
from ecomcat.tuning.workers.trial import TrialInputs


@dataclass(frozen=True)
class FinalModel:
    """What is exported.

    Args:
        model: ids in, probabilities out; without an optimizer.
        vocabulary_size: ids that it knows.
        max_tokens: tokens that it reads of a text.
    """

    model: keras.Model
    vocabulary_size: int
    max_tokens: int


def build_final(
    config: SearchCommand,
    inputs: TrialInputs,
    study: Study,
    plan: FinalPlan,
    rows: NDArray[np.int64],
    on_epoch: OnEpoch = lambda _epoch, _logs: None,
) -> FinalModel:
    """Train the plan's networks, merge them with their companions, and calibrate the whole.

    Args:
        config: of the run.
        inputs: what all trials of the study shared.
        study: with its trials' weights.
        plan: what was chosen on validation.
        rows: numbers of the texts to train on, in ascending order.
        on_epoch: called with each epoch's number and scores of the winning configuration.

    Raises:
        UserError: when a training fails.
    """
    # Before the networks, which take longer: what fails is to fail at once.
    companions = companion_parts(plan.companions, inputs, plan.limits, rows)
    network = _network(config, inputs, study, plan, rows, on_epoch)
    parts = [part_of(network, plan.companions.networks_share, plan.limits), *companions]
    merged = merge_models(parts, **plan.limits)
    return FinalModel(calibrated_model(merged, plan.temperature), **plan.limits)


def _network(
    config: SearchCommand,
    inputs: TrialInputs,
    study: Study,
    plan: FinalPlan,
    rows: NDArray[np.int64],
    on_epoch: OnEpoch,
) -> keras.Model:
    if plan.student is not None:
        if not config.final.retrain:
            return network_with(inputs, plan.best, plan.student.weights)
        teacher = teacher_of(inputs, study, plan)
        return train_student(inputs, plan.best, teacher, rows, plan.student_epochs, on_epoch)
    if not config.final.retrain:
        models = networks_as_selected(inputs, study, plan.members)
        return merge_members(plan.members, models, plan.limits)
    records = [member.record for member in plan.members]

    def note(trial: str, epoch: int, logs: Mapping[str, float]) -> None:
        if trial == plan.best.id:
            on_epoch(epoch, logs)

    models = retrain_trials(inputs, records, rows, config.search, note)
    return merge_members(plan.members, models, plan.limits)
