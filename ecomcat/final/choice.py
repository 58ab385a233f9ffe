"""Choose on validation what is exported: networks, experts beside them, and the temperature."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.config import FinalConfig
from ecomcat.export.summary import level_sentence
from ecomcat.final.baseline import optional
from ecomcat.final.confirmation import Confirmation
from ecomcat.final.experts import EXPERTS, Expert
from ecomcat.final.merging import TextLimits, widest
from ecomcat.final.mixture import cross_pooled, learn_shares, mix, pool_experts
from ecomcat.final.steps import (
    FinalStep,
    comparable_answers,
    find_candidates,
    judged_rows,
    level_trials,
)
from ecomcat.model.confidence import fit_temperature
from ecomcat.options import make
from ecomcat.tuning.budget import FinalTraining
from ecomcat.tuning.records import TrialRecord
from ecomcat.tuning.study import Study
from ecomcat.tuning.trial import TrialInputs

logger = logging.getLogger("ecomcat")

NETWORK, WHOLE = "network", "whole"  # what `metrics.json` calls parts, beside the experts' names
Answers = Mapping[str, NDArray[np.float32]]  # by part, each of shape `(texts, num_classes)`


@dataclass(frozen=True)
class FinalChoice:
    """What is to be exported."""

    name: str  # of the final step
    members: Sequence[tuple[TrialRecord, float]]  # with their weights among the networks
    limits: TextLimits  # the largest vocabulary and the longest limit of the networks
    experts: Mapping[Expert, float]  # that answer beside them, calibrated, and how much each counts
    temperature: float  # of the whole's answers
    trials: int  # that could have been exported
    level_trials: Sequence[str]  # of them, that validation cannot tell from the best one
    confirmation: Confirmation | None  # of the best ones on further validation sets
    # Of each part and of the whole, by weights trained on train alone, to the validation texts.
    # Each half of the whole's is pooled and calibrated as the other half says.
    validation: Answers

    def describe(self, trainings: Mapping[str, FinalTraining]) -> dict[str, Any]:
        """Return what `metrics.json` holds under `final`, with how long trials were retrained."""
        shares = {expert.name: round(share, 4) for expert, share in self.experts.items()}
        return {
            "name": self.name,
            **{f"{each.name}_share": shares.get(each.name, 0.0) for each in EXPERTS},
            "temperature": round(self.temperature, 4),
            "trials": self.trials,
            "level_trials": list(self.level_trials),
            "confirmation": self.confirmation and self.confirmation.describe(),
            "members": [
                {
                    "trial": record.id,
                    "share": round(weight, 4),
                    **_trained(record, trainings.get(record.id)),
                    "val_macro_f1": record.objective,
                    "hyperparameters": record.values,
                }
                for record, weight in self.members
            ],
        }


def _trained(record: TrialRecord, again: FinalTraining | None) -> dict[str, int]:
    if again is None:
        return {"epochs": record.best_epoch}
    some = {"epoch_texts": again.epoch_texts, "texts": again.texts} if again.epoch_texts else {}
    return {"epochs": again.epochs, **some}


def choose_final(
    final: FinalConfig, inputs: TrialInputs, study: Study, confirmation: Confirmation | None
) -> FinalChoice:
    """Choose members, experts and temperature on validation."""
    candidates, labels = find_candidates(study), inputs.labels[inputs.split.validation]
    level = level_trials(candidates, labels)
    if confirmation is not None:
        candidates = confirmation.rank(candidates)
    final_step: FinalStep = make("final.step", final.step)
    weights = final_step.choose(candidates, labels, inputs.seed)
    members = [(candidates[number].record, weight) for number, weight in weights.items()]
    limits = widest(record.values for record, _ in members)
    networks = mix((candidates[number].answers(), weight) for number, weight in weights.items())
    fitted = fit_experts(final, inputs, limits)
    rows = judged_rows(len(labels), inputs.num_classes, inputs.seed)
    comparable = comparable_answers(candidates, rows, count=len(members), seed=inputs.seed)
    comparable = comparable or [networks[rows]]
    judged = {expert: answers[rows] for expert, answers in fitted.items()}
    shares = learn_shares(comparable, judged, labels[rows])
    temperature = fit_temperature(pool_experts(networks, fitted, shares), labels)
    answers = {NETWORK: networks, **{expert.name: fitted[expert] for expert in shares}}
    answers[WHOLE] = cross_pooled(networks, fitted, comparable, rows, labels, inputs.seed)
    choice = FinalChoice(
        name=final_step.name,
        members=members,
        limits=limits,
        experts=shares,
        temperature=temperature,
        trials=len(candidates),
        level_trials=level,
        confirmation=confirmation,
        validation=answers,
    )
    _log_choice(choice, fitted)
    return choice


def _log_choice(choice: FinalChoice, fitted: Iterable[Expert]) -> None:
    members = choice.members
    if len(members) > 1:
        chosen = ", ".join(f"{record.id} ({weight:.0%})" for record, weight in members)
        logger.info("Ensemble of %d of %d trials: %s.", len(members), choice.trials, chosen)
    if choice.level_trials:
        logger.info("On validation %s.", level_sentence(choice.trials, choice.level_trials))
    for expert in fitted:
        if expert in choice.experts:
            logger.info("%s: counts for %.0f %%.", expert.title, 100 * choice.experts[expert])
        else:
            logger.info("%s: left out, validation is no better with it.", expert.title)
    logger.info("Calibration: a temperature of %.2f.", choice.temperature)


def fit_experts(
    final: FinalConfig, inputs: TrialInputs, limits: TextLimits
) -> dict[Expert, NDArray[np.float32]]:
    """Fit each expert to train alone and let it answer the validation texts."""
    # Of the ids those that occur: a small data set has fewer than are allowed.
    words = min(int(inputs.texts.ids.max()) + 1, limits.vocabulary_size)
    train = inputs.examples(inputs.split.train, vars(limits))
    validation = inputs.examples(inputs.split.validation, vars(limits))
    fitted = {}
    for kind in (kind for kind in EXPERTS if getattr(final, kind.name)):
        expert = kind(inputs.num_classes, TextLimits(words, limits.max_tokens), inputs.seed)
        with optional(expert.title):
            expert.fit(train)
            fitted[expert] = expert.calibrate(validation)
    return fitted
