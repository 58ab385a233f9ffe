"""Choose on validation what is exported: networks, experts beside them, and the temperature."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ecomcat.config import FinalConfig
from ecomcat.final.baseline import optional
from ecomcat.final.ensemble import FinalStep, comparable_answers, find_candidates, judged_rows, mix
from ecomcat.final.experts import EXPERTS, Expert, TextLimits, widest
from ecomcat.model.confidence import cross_calibrated, fit_temperature
from ecomcat.options import make
from ecomcat.tuning.budget import final_epochs
from ecomcat.tuning.records import TrialRecord
from ecomcat.tuning.study import Study
from ecomcat.tuning.trial import TrialInputs

logger = logging.getLogger("ecomcat")

NETWORK, WHOLE = "network", "whole"  # what `metrics.json` calls parts, beside the experts' names
Name = TypeVar("Name")  # of an expert
Answers = Mapping[str, NDArray[np.float32]]  # by part, each of shape `(texts, num_classes)`

WEIGHT = 0.25  # of each expert
_NEAR = (0.2, 0.25, 0.3)  # weights that decide together whether an expert harms
_STANDARD_ERRORS = 2  # by which fewer experts must do better than all


@dataclass(frozen=True)
class FinalChoice:
    """What is to be exported."""

    name: str  # of the final step
    members: Sequence[tuple[TrialRecord, float]]  # with their weights among the networks
    limits: TextLimits  # the largest vocabulary and the longest limit of the networks
    experts: Sequence[Expert]  # that answer beside them, calibrated
    temperature: float  # of the whole's answers
    # Of each part and of the whole, by weights trained on train alone, to the validation texts.
    # Each half of the whole's is calibrated by the other half.
    validation: Answers

    def describe(self, max_epochs: int) -> dict[str, Any]:
        """Return what `metrics.json` holds under `final`; a schedule ends at `max_epochs`."""
        chosen = {expert.name for expert in self.experts}
        return {
            "name": self.name,
            **{f"{each.name}_share": WEIGHT if each.name in chosen else 0.0 for each in EXPERTS},
            "temperature": round(self.temperature, 4),
            "members": [
                {
                    "trial": record.id,
                    "share": round(weight, 4),
                    "epochs": final_epochs(record.values, record.best_epoch, max_epochs),
                    "val_macro_f1": record.objective,
                    "hyperparameters": record.values,
                }
                for record, weight in self.members
            ],
        }


def choose_final(final: FinalConfig, inputs: TrialInputs, study: Study) -> FinalChoice:
    """Choose members, experts and temperature on validation."""
    candidates, labels = find_candidates(study), inputs.labels[inputs.split.validation]
    final_step: FinalStep = make("final.step", final.step)
    weights = final_step.choose(candidates, labels, inputs.seed)
    members = [(candidates[number].record, weight) for number, weight in weights.items()]
    if len(members) > 1:
        chosen = ", ".join(f"{record.id} ({weight:.0%})" for record, weight in members)
        logger.info("Ensemble of %d of %d trials: %s.", len(members), len(candidates), chosen)
    limits = widest(record.values for record, _ in members)
    networks = mix((candidates[number].answers(), weight) for number, weight in weights.items())
    rows = judged_rows(len(labels), inputs.num_classes, inputs.seed)
    comparable = comparable_answers(candidates, rows, count=len(members), seed=inputs.seed)
    experts = choose_experts(final, inputs, limits, rows, comparable or [networks[rows]])
    whole = with_experts(networks, list(experts.values()))
    temperature = fit_temperature(whole, labels)
    logger.info("Calibration: a temperature of %.2f.", temperature)
    answers = {NETWORK: networks, **{expert.name: experts[expert] for expert in experts}}
    answers[WHOLE] = cross_calibrated(whole, labels, inputs.seed)
    return FinalChoice(final_step.name, members, limits, list(experts), temperature, answers)


def choose_experts(
    final: FinalConfig,
    inputs: TrialInputs,
    limits: TextLimits,
    rows: NDArray[np.int64],
    networks: Sequence[NDArray[np.float32]],
) -> dict[Expert, NDArray[np.float32]]:
    """Choose the experts that answer beside the networks, and return their validation answers.

    Args:
        final: The configuration, which may leave each of them out.
        inputs: What all trials of the study shared.
        limits: What the networks see of a text.
        rows: Array of numbers of the validation texts that decide.
        networks: Answers to these texts, of networks that were best not chosen on them.
    """
    fitted = _fit_experts(final, inputs, limits)
    judged = {expert: answers[rows] for expert, answers in fitted.items()}
    useful = useful_experts(networks, judged, inputs.labels[inputs.split.validation[rows]])
    for expert in fitted:
        if expert in useful:
            logger.info("%s: counts for %.0f %%.", expert.title, 100 * WEIGHT)
        else:
            logger.info("%s: left out, validation is no better with it.", expert.title)
    return {expert: fitted[expert] for expert in useful}


def _fit_experts(
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


def useful_experts(
    networks: Sequence[NDArray[np.float32]],
    answers: Mapping[Name, NDArray[np.float32]],
    label_ids: NDArray[np.int64],
) -> tuple[Name, ...]:
    """Decide which experts count, on validation texts that none of them has seen.

    All do unless the networks do better with fewer by more than chance: what answers in another way
    mostly helps a little, less than some thousand texts can show (docs/experiments.md). For the
    same reason the weight of each is fixed.

    Args:
        networks: For each network an array of probabilities, shape `(texts, num_classes)`.
        answers: The same of each expert.
        label_ids: Array of class numbers, shape `(texts,)`.

    Returns:
        Those that count; the fewest where the others change nothing.
    """

    def how_often_right(names: Sequence[Name]) -> NDArray[np.float64]:
        chosen = [answers[name] for name in names]
        mixes = [with_experts(each, chosen, weight) for each in networks for weight in _NEAR]
        return np.asarray(np.mean([mix.argmax(axis=1) == label_ids for mix in mixes], axis=0))

    sizes = range(len(answers) + 1)
    sets = [names for size in sizes for names in itertools.combinations(answers, size)]
    right = {names: how_often_right(names) for names in sets}
    # Each class weighs the same, as in macro-F1.
    texts_of_class = np.bincount(label_ids)
    weights = 1 / (texts_of_class[label_ids] * np.count_nonzero(texts_of_class))
    every = tuple(answers)
    best, highest = every, 0.0
    for names in sets:
        differences = right[names] - right[every]
        gain = float(weights @ differences)
        if gain > max(highest, _STANDARD_ERRORS * float(np.linalg.norm(weights * differences))):
            best, highest = names, gain
    return next(names for names in sets if np.array_equal(right[names], right[best]))


def with_experts(
    networks: NDArray[np.float32], experts: Sequence[NDArray[np.float32]], weight: float = WEIGHT
) -> NDArray[np.float32]:
    """Return the mean of answers in which each expert has a weight and the networks the rest."""
    rest = 1 - weight * len(experts)
    return mix([(networks, rest), *((expert, weight) for expert in experts)])
