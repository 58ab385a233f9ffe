"""Choose what is exported, by validation and by weights that were trained on train alone."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ecomcat.config import DISTILLED, FinalConfig
from ecomcat.final.calibration import cross_calibrated, fit_temperature
from ecomcat.final.companions import Companions, choose_companions
from ecomcat.final.distill import try_student
from ecomcat.final.members import (
    Member,
    choose_members,
    merge_members,
    networks_as_selected,
    networks_by_lot,
    widest_limits,
)
from ecomcat.final.retrain import final_epochs
from ecomcat.model.outcome import Outcome
from ecomcat.tuning.study.records import TrialRecord
from ecomcat.tuning.study.study import Study
from ecomcat.tuning.workers.trial import TrialInputs

logger = logging.getLogger("ecomcat")


@dataclass(frozen=True)
class FinalPlan:
    """What is to be exported.

    Args:
        name: `single`, `ensemble` or `distilled`.
        best: the trial of the highest validation macro-F1.
        members: trials with their shares, which sum to 1; the teachers of a student.
        validation: probabilities of the validation texts by weights trained on train alone, each
            half of the texts calibrated by the other.
        student: what a student taught on train alone gave, where there is one.
        student_epochs: that a student is taught for.
        companions: what answers beside the networks.
        temperature: of the whole's answers.
    """

    name: str
    best: TrialRecord
    members: tuple[Member, ...]
    validation: NDArray[np.float32]
    student: Outcome | None = None
    student_epochs: int = 0
    companions: Companions = field(default_factory=Companions)
    temperature: float = 1.0

    @property
    def limits(self) -> dict[str, Any]:
        """Vocabulary size and length limit of what reads the text."""
        if self.student is not None:
            return widest_limits([self.best])
        return widest_limits([member.record for member in self.members])

    def describe(self) -> dict[str, Any]:
        """Return what `metrics.json` records under `final`."""
        members = [
            {
                "trial": member.record.id,
                "share": round(member.share, 4),
                "epochs": member.epochs,
                "val_macro_f1": member.record.objective,
                "hyperparameters": member.record.values,
            }
            for member in self.members
        ]
        found: dict[str, Any] = {
            "name": self.name,
            **self.companions.describe(),
            "temperature": round(self.temperature, 4),
        }
        if self.student is None:
            return {**found, "members": members}
        student = {"configuration": self.best.id, "epochs": self.student_epochs}
        return {**found, "student": student, "teachers": members}


def plan_final(
    final: FinalConfig, inputs: TrialInputs, study: Study, best: TrialRecord
) -> FinalPlan:
    """Choose members, student, companions and temperature on validation.

    Args:
        final: the configuration.
        inputs: what all trials of the study shared.
        study: with its trials.
        best: the trial of the highest validation macro-F1.
    """
    members, validation = choose_members(final, inputs, study, best)
    plan = FinalPlan(final.name, best, members, validation)
    if final.name == DISTILLED:
        teacher = teacher_of(inputs, study, plan)
        student = try_student(inputs, best, teacher)
        assert student.probabilities is not None, "a student without an epoch"
        epochs = final_epochs(best.values, student.best_epoch, inputs.max_epochs)
        validation = student.probabilities
        plan = replace(plan, student=student, student_epochs=epochs, validation=validation)

    def peers(texts: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        if plan.student is not None:
            return []  # it is the only one of its kind
        return networks_by_lot(study, texts, count=len(members), seed=inputs.seed)

    companions, validation = choose_companions(final, inputs, plan.limits, validation, peers)
    return _calibrated(replace(plan, companions=companions, validation=validation), inputs)


def teacher_of(inputs: TrialInputs, study: Study, plan: FinalPlan) -> keras.Model:
    """Return the plan's ensemble, as selected, as a model that reads what its student reads."""
    readers = [plan.best, *(member.record for member in plan.members)]
    models = networks_as_selected(inputs, study, plan.members)
    return merge_members(plan.members, models, widest_limits(readers))


def _calibrated(plan: FinalPlan, inputs: TrialInputs) -> FinalPlan:
    """Give the plan its temperature, which the train-only weights need and the others inherit."""
    labels = inputs.labels[inputs.split.validation]
    temperature = fit_temperature(plan.validation, labels)
    logger.info("Calibration: a temperature of %.2f.", temperature)
    validation = cross_calibrated(plan.validation, labels, inputs.seed)
    return replace(plan, temperature=temperature, validation=validation)
