"""Choose what is exported, by validation and by weights that were trained on train alone."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ecomcat.config import FinalConfig
from ecomcat.final.distill import try_student
from ecomcat.final.memory import build_memory, choose_share
from ecomcat.final.merge import Part, merge_models
from ecomcat.final.retrain import network_with
from ecomcat.final.selection import mix, select_members
from ecomcat.model.outcome import Outcome
from ecomcat.model.training import predict_probabilities
from ecomcat.tuning.study.kept import VALIDATION, load_best_weights
from ecomcat.tuning.study.records import COMPLETED, TrialRecord, load_records
from ecomcat.tuning.study.study import Study
from ecomcat.tuning.workers.trial import TrialInputs

_MOST_CANDIDATES = 50  # trials, the best ones, which an ensemble is chosen of
_MOST_TEXTS = 20_000  # validation texts, by lot, by which it is chosen
SINGLE, ENSEMBLE, DISTILLED = "single", "ensemble", "distilled"

logger = logging.getLogger("ecomcat")


@dataclass(frozen=True)
class Member:
    """A trial of the study and what it counts for."""

    record: TrialRecord
    share: float


@dataclass(frozen=True)
class FinalPlan:
    """What is to be exported.

    Args:
        name: `single`, `ensemble` or `distilled`.
        best: the trial of the highest validation macro-F1.
        members: trials with their shares, which sum to 1; the teachers of a student.
        student: what a student taught on train alone gave, where there is one.
        memory_share: what the memory of the training texts counts for.
        validation: probabilities of the validation texts by weights trained on train alone.
    """

    name: str
    best: TrialRecord
    members: tuple[Member, ...]
    student: Outcome | None
    memory_share: float
    validation: NDArray[np.float32]

    @property
    def limits(self) -> dict[str, Any]:
        """Vocabulary size and length limit of what reads the text."""
        readers = [self.best] if self.student else [member.record for member in self.members]
        return {
            name: max(record.values[name] for record in readers)
            for name in ("vocabulary_size", "max_tokens")
        }

    def describe(self) -> dict[str, Any]:
        """Return what `metrics.json` records under `final`."""
        members = [
            {
                "trial": member.record.id,
                "share": round(member.share, 4),
                "epochs": member.record.best_epoch,
                "val_macro_f1": member.record.objective,
            }
            for member in self.members
        ]
        found: dict[str, Any] = {"name": self.name, "memory_share": round(self.memory_share, 4)}
        if self.student is None:
            return {**found, "members": members}
        student = {"configuration": self.best.id, "epochs": self.student.best_epoch}
        return {**found, "student": student, "teachers": members}


def plan_final(
    final: FinalConfig, inputs: TrialInputs, study: Study, best: TrialRecord
) -> FinalPlan:
    """Choose members, student and memory on validation.

    Args:
        final: the configuration.
        inputs: what all trials of the study shared.
        study: with its trials.
        best: the trial of the highest validation macro-F1.
    """
    members, validation = _members(final, inputs, study, best)
    plan = FinalPlan(final.name, best, members, None, 0.0, validation)
    if final.name == DISTILLED:
        teacher = ensemble_as_selected(inputs, study, members)
        student = try_student(inputs, best, teacher)
        assert student.probabilities is not None, "a student without an epoch"
        plan = replace(plan, student=student, validation=student.probabilities)
    return _with_memory(plan, inputs) if final.memory else plan


def ensemble_as_selected(
    inputs: TrialInputs, study: Study, members: Sequence[Member]
) -> keras.Model:
    """Merge trials' networks with the best weights of the search, trained on train alone."""
    models = [
        network_with(inputs, member.record, load_best_weights(study.trial_dir(member.record.id)))
        for member in members
    ]
    return merge_members(members, models)


def merge_members(members: Sequence[Member], models: Sequence[keras.Model]) -> keras.Model:
    """Merge the members' networks into one model, each with its share."""
    return merge_models(
        [
            part_of(model, member.share, member.record.values)
            for member, model in zip(members, models, strict=True)
        ]
    )


def part_of(model: keras.Model, share: float, values: Mapping[str, Any]) -> Part:
    """Return a model as a part of a whole; `values` hold its vocabulary size and length limit."""
    return Part(model, share, values["vocabulary_size"], values["max_tokens"])


def known_words(inputs: TrialInputs, plan: FinalPlan) -> int:
    """Return how many ids the memory needs: a small data set has fewer words than are allowed."""
    return min(int(inputs.texts.ids.max()) + 1, int(plan.limits["vocabulary_size"]))


def _members(
    final: FinalConfig, inputs: TrialInputs, study: Study, best: TrialRecord
) -> tuple[tuple[Member, ...], NDArray[np.float32]]:
    if final.name == SINGLE:
        return (Member(best, 1.0),), _validated(study, best)
    records = _candidates(study)
    labels = inputs.labels[inputs.split.validation]
    texts = np.arange(len(labels))
    if len(texts) > _MOST_TEXTS:
        lot = np.random.default_rng(inputs.seed).choice(texts, _MOST_TEXTS, replace=False)
        texts = np.sort(lot)
    shares = select_members(
        [_validated(study, record)[texts] for record in records],
        labels[texts],
        max_members=final.max_members,
        seed=inputs.seed,
    )
    members = tuple(Member(records[number], share) for number, share in shares.items())
    logger.info(
        "Ensemble of %d of %d completed trials: %s.",
        len(members),
        len(records),
        ", ".join(f"{member.record.id} ({member.share:.0%})" for member in members),
    )
    return members, mix((_validated(study, each.record), each.share) for each in members)


def _candidates(study: Study) -> list[TrialRecord]:
    """Return the best completed trials whose validation probabilities are there."""
    completed = [
        record
        for record in load_records(study)
        if record.status == COMPLETED and (study.trial_dir(record.id) / VALIDATION).is_file()
    ]
    completed.sort(key=lambda record: (-(record.objective or 0.0), record.id))
    return completed[:_MOST_CANDIDATES]


def _validated(study: Study, record: TrialRecord) -> NDArray[np.float32]:
    with np.load(study.trial_dir(record.id) / VALIDATION, allow_pickle=False) as kept:
        probabilities: NDArray[np.float32] = kept["probabilities"]
    return probabilities


def _with_memory(plan: FinalPlan, inputs: TrialInputs) -> FinalPlan:
    train = inputs.examples(inputs.split.train, plan.limits)
    validation = inputs.examples(inputs.split.validation, plan.limits)
    memory = build_memory(train, inputs.classes, known_words(inputs, plan), inputs.seed)
    remembered = predict_probabilities(memory, validation.texts)
    share = choose_share(plan.validation, remembered, validation.labels)
    mixed = (1 - share) * plan.validation + share * remembered
    logger.info("Memory of the training texts: counts for %.0f %%.", 100 * share)
    return replace(plan, memory_share=share, validation=mixed)
