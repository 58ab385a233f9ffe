"""What answers beside the networks, and how much it counts: a memory and a linear part."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ecomcat.config import FinalConfig
from ecomcat.final.calibration import fit_temperature, with_temperature
from ecomcat.final.linear_part import NoLinearPartError, build_linear
from ecomcat.final.lot import most_texts, some_rows
from ecomcat.final.members import part_of
from ecomcat.final.memory import build_memory
from ecomcat.final.merge import Part
from ecomcat.final.shares import SHARE, choose_shares, mixed
from ecomcat.model.training import predict_probabilities
from ecomcat.reporting.steps import step
from ecomcat.tuning.workers.trial import TrialInputs

MEMORY, LINEAR = "memory", "linear"
_IN_WORDS = {MEMORY: "Memory of the training texts", LINEAR: "Linear part of the words"}

# Given numbers of validation texts, the probabilities of networks, each of shape (rows, classes).
Peers = Callable[[NDArray[np.int64]], Sequence[NDArray[np.float32]]]

logger = logging.getLogger("ecomcat")


@dataclass(frozen=True)
class Companions:
    """What was chosen on validation.

    Args:
        memory_share: what the memory of the training texts counts for.
        linear_share: what the linear part counts for.
        linear_temperature: of the linear part's own answers.
    """

    memory_share: float = 0.0
    linear_share: float = 0.0
    linear_temperature: float = 1.0

    @property
    def networks_share(self) -> float:
        """What is left for the networks."""
        return 1 - self.memory_share - self.linear_share

    def describe(self) -> dict[str, float]:
        """Return what `metrics.json` records."""
        return {
            "memory_share": round(self.memory_share, 4),
            "linear_share": round(self.linear_share, 4),
        }


def choose_companions(
    final: FinalConfig,
    inputs: TrialInputs,
    limits: Mapping[str, Any],
    networks: NDArray[np.float32],
    peers: Peers,
) -> tuple[Companions, NDArray[np.float32]]:
    """Choose on validation, by parts that were made of train alone.

    Args:
        final: the configuration, which may leave either out.
        inputs: what all trials of the study shared.
        limits: vocabulary size and length limit of what reads the text.
        networks: their probabilities of the validation texts, shape `(texts, classes)`.
        peers: answer for networks like these that were not chosen on these texts, and decide; where
            there are none, the networks themselves do.

    Returns:
        What was chosen, and the probabilities of the whole.
    """
    labels = inputs.labels[inputs.split.validation]
    answers, temperature = _answers(final, inputs, limits)
    if not answers:
        return Companions(), networks
    rows = some_rows(len(labels), most_texts(inputs.classes), np.random.default_rng(inputs.seed))
    judges = peers(rows) or [networks[rows]]
    judged = {name: given[rows] for name, given in answers.items()}
    shares = choose_shares(judges, judged, labels[rows])
    for name in answers:
        if name in shares:
            logger.info("%s: counts for %.0f %%.", _IN_WORDS[name], 100 * shares[name])
        else:
            logger.info("%s: left out, validation is no better with it.", _IN_WORDS[name])
    chosen = Companions(shares.get(MEMORY, 0.0), shares.get(LINEAR, 0.0), temperature)
    return chosen, mixed(networks, [answers[name] for name in shares], SHARE)


def _answers(
    final: FinalConfig, inputs: TrialInputs, limits: Mapping[str, Any]
) -> tuple[dict[str, NDArray[np.float32]], float]:
    """Answer the validation texts with each companion; the linear part's have a temperature."""
    validation, train = inputs.examples(inputs.split.validation, limits), inputs.split.train
    answers: dict[str, NDArray[np.float32]] = {}
    temperature = 1.0
    if final.memory:
        memory = _memory(inputs, limits, train)
        answers[MEMORY] = predict_probabilities(memory, validation.texts)
    if final.linear:
        try:
            linear = predict_probabilities(_linear(inputs, limits, train, 1.0), validation.texts)
            temperature = fit_temperature(linear, validation.labels)
            answers[LINEAR] = with_temperature(linear, temperature)
        except NoLinearPartError as error:
            logger.info("%s: none, since %s.", _IN_WORDS[LINEAR], error)
        except MemoryError:
            logger.info("%s: none, since there was not enough memory for it.", _IN_WORDS[LINEAR])
    return answers, temperature


def companion_parts(
    companions: Companions,
    inputs: TrialInputs,
    limits: Mapping[str, Any],
    rows: NDArray[np.int64],
) -> list[Part]:
    """Make the chosen companions of some rows, as parts of the whole."""
    parts, known = [], _known(inputs, limits)
    if companions.memory_share > 0:
        memory = _memory(inputs, limits, rows)
        parts.append(part_of(memory, companions.memory_share, known))
    if companions.linear_share > 0:
        with step("Fitting the linear part"):
            linear = _linear(inputs, limits, rows, companions.linear_temperature)
        parts.append(part_of(linear, companions.linear_share, known))
    return parts


def _memory(inputs: TrialInputs, limits: Mapping[str, Any], rows: NDArray[np.int64]) -> keras.Model:
    words = _known(inputs, limits)["vocabulary_size"]
    return build_memory(inputs.examples(rows, limits), inputs.classes, words, inputs.seed)


def _linear(
    inputs: TrialInputs, limits: Mapping[str, Any], rows: NDArray[np.int64], temperature: float
) -> keras.Model:
    return build_linear(
        inputs.examples(rows, limits),
        inputs.classes,
        _known(inputs, limits)["vocabulary_size"],
        temperature=temperature,
        seed=inputs.seed,
    )


def _known(inputs: TrialInputs, limits: Mapping[str, Any]) -> dict[str, Any]:
    """Return the limits with the ids that occur: a small data set has fewer than are allowed."""
    words = min(int(inputs.texts.ids.max()) + 1, int(limits["vocabulary_size"]))
    return {**limits, "vocabulary_size": words}
