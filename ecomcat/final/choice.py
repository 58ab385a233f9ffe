"""Choose on validation what is exported: the trial, and the weight of each part of the model."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.final.baseline import optional
from ecomcat.final.candidates import (
    comparable_answers,
    find_candidates,
    tied_trials,
    weighing_rows,
)
from ecomcat.final.linear_part import TITLE, LinearPart
from ecomcat.final.mixture_weights import (
    MIN_WEIGHT,
    are_usual,
    cross_pooled,
    learn_weights,
    pool,
    pool_parts,
)
from ecomcat.model.confidence import fit_temperature
from ecomcat.tuning.budget import FinalTraining
from ecomcat.tuning.records import TrialRecord
from ecomcat.tuning.study import Study
from ecomcat.tuning.trial import TrialInputs
from ecomcat.wording.summary import tied_sentence

logger = logging.getLogger("ecomcat")

NETWORK, LINEAR, WHOLE = "network", "linear", "whole"  # what `metrics.json` calls parts
ByPart = Mapping[str, NDArray[np.float32]]  # each of shape `(texts, num_classes)`
FittedPart = tuple[LinearPart | None, list[NDArray[np.float32]]]


@dataclass(frozen=True)
class FinalChoice:
    """Which trial is exported."""

    record: TrialRecord
    trials: int  # that could have been exported
    tied_trials: Sequence[str]  # those that validation cannot tell from the best one
    answers: NDArray[np.float32]  # of the trial's network to the validation texts
    comparable: Sequence[NDArray[np.float32]]  # see `comparable_answers`, to `weighing_rows`

    def describe(self, training: FinalTraining) -> dict[str, Any]:
        """Return what `metrics.json` holds under `final`, with how long the network was trained."""
        described: dict[str, Any] = {
            "trial": self.record.id,
            "epochs": training.epochs,
            "trials": self.trials,
            "level_trials": list(self.tied_trials),
        }
        if training.epoch_texts:
            described |= {"epoch_texts": training.epoch_texts, "network_texts": training.texts}
        return described


def choose_final(inputs: TrialInputs, study: Study) -> FinalChoice:
    """Choose the best trial on validation."""
    label_ids = inputs.label_ids[inputs.split.validation]
    candidates = find_candidates(study, (len(label_ids), inputs.num_classes))
    if tied := tied_trials(candidates, label_ids):
        logger.info("On validation %s.", tied_sentence(len(candidates), tied))
    rows = weighing_rows(len(label_ids), inputs.num_classes, inputs.seed)
    return FinalChoice(
        record=candidates[0].record,
        trials=len(candidates),
        tied_trials=tied,
        answers=candidates[0].answers(),
        comparable=comparable_answers(candidates, rows, inputs.seed),
    )


@dataclass(frozen=True)
class Mixture:
    """The weights that make one model of its parts, learned on texts that no part has seen."""

    linear: LinearPart | None  # beside the network, calibrated
    linear_weights: Sequence[float]  # the weight of each of its models
    temperature: float  # of the whole's answers
    # Answers of each part and of the whole to these texts, the validation texts. Each half of the
    # whole's is pooled and calibrated by means of the other half.
    answers: ByPart

    @property
    def linear_weight(self) -> float:
        """The weight of the linear part."""
        return sum(self.linear_weights)

    def describe(self) -> dict[str, Any]:
        """Return what `metrics.json` holds of it under `final`."""
        return {
            "linear_weight": round(self.linear_weight, 4),
            "bayes_weight": round(sum(self.linear_weights[1:]), 4),
            "linear_texts": self.linear and self.linear.texts,
            "temperature": round(self.temperature, 4),
        }


def mix_parts(
    inputs: TrialInputs,
    network: NDArray[np.float32],
    fitted: FittedPart,
    comparable: Sequence[NDArray[np.float32]] = (),
) -> Mixture:
    """Learn on validation the weight of each part, and the temperature of the whole.

    Args:
        inputs: What all trials share.
        network: Array of shape `(texts, num_classes)`, the network's answers to validation.
        fitted: The linear part and its answers, as `fit_linear` returns them.
        comparable: Answers of networks that decide the weights, to the texts of `weighing_rows`. By
            default they are those of `network`.
    """
    (linear, linear_answers), label_ids = fitted, inputs.label_ids[inputs.split.validation]
    rows = weighing_rows(len(label_ids), inputs.num_classes, inputs.seed)
    comparable = comparable or [network[rows]]
    weights = learn_weights(comparable, [each[rows] for each in linear_answers], label_ids[rows])
    answers = {NETWORK: network}
    if linear is not None and any(weights):
        linear.mix(weights)
        answers[LINEAR] = pool(linear_answers, [weight / sum(weights) for weight in weights])
    answers[WHOLE] = cross_pooled(network, linear_answers, comparable, rows, label_ids, inputs.seed)
    temperature = fit_temperature(pool_parts(network, linear_answers, weights), label_ids)
    mixture = Mixture(linear if any(weights) else None, weights, temperature, answers)
    _log_mixture(mixture, texts=len(rows), tried=linear is not None)
    return mixture


def _log_mixture(mixture: Mixture, *, texts: int, tried: bool) -> None:
    if mixture.linear is not None:
        weights, models, usual = mixture.linear_weights, "", ""
        if len(weights) > 1:
            models = " (LinearSVC {:.0%}, naive Bayes {:.0%})".format(*weights)
        if are_usual(weights, texts):
            usual = f"; these are about the usual weights, since validation has only {texts} texts"
        weight = f"{mixture.linear_weight:.0%}{models}{usual}"
        logger.info("%s: a weight of %s.", TITLE, weight)
    elif tried:
        reason = f"on validation none of its models has a weight of {MIN_WEIGHT:.0%} or more"
        logger.info("%s: left out, %s.", TITLE, reason)
    logger.info("Calibration: a temperature of %.2f.", mixture.temperature)


def fit_linear(
    inputs: TrialInputs, values: Mapping[str, Any], rows: NDArray[np.int64]
) -> FittedPart:
    """Fit the linear part to some texts and let its models answer the validation texts.

    It reads as much of a text as the network of these values does.

    Returns:
        The part and the answers of each; `None` and none where there is nothing to learn, which
        is logged.
    """
    # Only ids that occur: a small data set has fewer than are allowed.
    words = min(int(inputs.texts.ids.max()) + 1, values["vocabulary_size"])
    part = LinearPart(inputs.num_classes, words, inputs.seed)
    with optional(TITLE):
        part.fit(inputs.examples(rows, values))
        return part, part.calibrate(inputs.examples(inputs.split.validation, values))
    return None, []
