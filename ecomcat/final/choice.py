"""Choose on validation what is exported: networks, the linear part, and the temperature."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.config import FinalConfig
from ecomcat.final.baseline import optional
from ecomcat.final.confirmation import Confirmation
from ecomcat.final.linear_part import LinearPart
from ecomcat.final.merging import TextLimits, widest
from ecomcat.final.mixture import cross_pooled, learn_shares, mix, pool, pool_parts
from ecomcat.final.steps import (
    FinalStep,
    comparable_answers,
    find_candidates,
    judged_rows,
    tied_trials,
)
from ecomcat.model.confidence import fit_temperature
from ecomcat.options import make
from ecomcat.tuning.budget import FinalTraining
from ecomcat.tuning.records import TrialRecord
from ecomcat.tuning.study import Study
from ecomcat.tuning.trial import TrialInputs
from ecomcat.wording.summary import tied_sentence

logger = logging.getLogger("ecomcat")

NETWORK, LINEAR, WHOLE = "network", "linear", "whole"  # what `metrics.json` calls parts
_TITLE = "Linear part of words and letters"
Answers = Mapping[str, NDArray[np.float32]]  # by part, each of shape `(texts, num_classes)`


@dataclass(frozen=True)
class FinalChoice:
    """The model that will be exported."""

    name: str  # of the final step
    members: Sequence[tuple[TrialRecord, float]]  # with their weights among the networks
    limits: TextLimits  # the largest vocabulary and the longest limit of the networks
    linear: LinearPart | None  # that answers beside them, calibrated
    linear_shares: Sequence[float]  # how much each of its models counts
    temperature: float  # of the whole's answers
    trials: int  # that could have been exported
    tied_trials: Sequence[str]  # those that validation cannot tell from the best one
    confirmation: Confirmation | None  # of the best ones on further validation sets
    # Answers of each part and of the whole to the validation texts, by weights trained on train
    # alone. Each half of the whole's is pooled and calibrated by means of the other half.
    validation: Answers

    @property
    def linear_share(self) -> float:
        """The weight of the linear part."""
        return sum(self.linear_shares)

    def describe(self, trainings: Mapping[str, FinalTraining]) -> dict[str, Any]:
        """Return what `metrics.json` holds under `final`, with how long trials were retrained."""
        return {
            "name": self.name,
            "linear_share": round(self.linear_share, 4),
            "bayes_share": round(sum(self.linear_shares[1:]), 4),
            "temperature": round(self.temperature, 4),
            "trials": self.trials,
            "level_trials": list(self.tied_trials),
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
    """Choose members, the linear part's share and the temperature on validation."""
    labels = inputs.labels[inputs.split.validation]
    candidates = find_candidates(study, (len(labels), inputs.num_classes))
    level = tied_trials(candidates, labels)
    if confirmation is not None:
        candidates = confirmation.rank(candidates)
    final_step: FinalStep = make("final.step", final.step)
    weights = final_step.choose(candidates, labels, inputs.seed)
    members = [(candidates[number].record, weight) for number, weight in weights.items()]
    limits = widest(record.values for record, _ in members)
    networks = mix((candidates[number].answers(), weight) for number, weight in weights.items())
    linear, said = fit_linear(inputs, limits) if final.linear else (None, [])
    rows = judged_rows(len(labels), inputs.num_classes, inputs.seed)
    comparable = comparable_answers(candidates, rows, count=len(members), seed=inputs.seed)
    comparable = comparable or [networks[rows]]
    shares = learn_shares(comparable, [each[rows] for each in said], labels[rows])
    answers = {NETWORK: networks}
    if linear is not None and any(shares):
        linear.mix(shares)
        answers[LINEAR] = pool(said, [share / sum(shares) for share in shares])
    answers[WHOLE] = cross_pooled(networks, said, comparable, rows, labels, inputs.seed)
    choice = FinalChoice(
        name=final_step.name,
        members=members,
        limits=limits,
        linear=linear if any(shares) else None,
        linear_shares=shares,
        temperature=fit_temperature(pool_parts(networks, said, shares), labels),
        trials=len(candidates),
        tied_trials=level,
        confirmation=confirmation,
        validation=answers,
    )
    _log_choice(choice, tried=linear is not None)
    return choice


def _log_choice(choice: FinalChoice, *, tried: bool) -> None:
    members = choice.members
    if len(members) > 1:
        chosen = ", ".join(f"{record.id} ({weight:.0%})" for record, weight in members)
        logger.info("Ensemble of %d of %d trials: %s.", len(members), choice.trials, chosen)
    if choice.tied_trials:
        logger.info("On validation %s.", tied_sentence(choice.trials, choice.tied_trials))
    if choice.linear is not None:
        shares, models = choice.linear_shares, ""
        if len(shares) > 1:
            models = " (LinearSVC {:.0%}, naive Bayes {:.0%})".format(*shares)
        logger.info("%s: a weight of %.0f%%%s.", _TITLE, 100 * choice.linear_share, models)
    elif tried:
        logger.info("%s: left out, validation is no better with it.", _TITLE)
    logger.info("Calibration: a temperature of %.2f.", choice.temperature)


def fit_linear(
    inputs: TrialInputs, limits: TextLimits
) -> tuple[LinearPart | None, list[NDArray[np.float32]]]:
    """Fit the linear part to train alone and let its models answer the validation texts.

    Returns:
        The part and the answers of each; `None` and none where there is nothing to learn, which
        is logged.
    """
    # Only ids that occur: a small data set has fewer than are allowed.
    words = min(int(inputs.texts.ids.max()) + 1, limits.vocabulary_size)
    part = LinearPart(inputs.num_classes, TextLimits(words, limits.max_tokens), inputs.seed)
    with optional(_TITLE):
        part.fit(inputs.examples(inputs.split.train, vars(limits)))
        return part, part.calibrate(inputs.examples(inputs.split.validation, vars(limits)))
    return None, []
