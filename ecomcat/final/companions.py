"""What answers beside the networks, and how much it counts: a memory and a linear part."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ecomcat.config import FinalConfig
from ecomcat.final.calibration import fit_temperature, with_temperature
from ecomcat.final.linear_part import NoLinearPartError, build_linear
from ecomcat.final.lot import some_rows
from ecomcat.final.members import part_of
from ecomcat.final.memory import build_memory
from ecomcat.final.merge import Part
from ecomcat.model.scores import macro_f1
from ecomcat.model.training import predict_probabilities
from ecomcat.tuning.workers.trial import TrialInputs

SHARE = 0.25  # that each has of the whole
_NEAR = (0.2, 0.25, 0.3)  # shares that decide together whether one helps
_MOST_TEXTS = 20_000  # validation texts, by lot, by which it is decided
MEMORY, LINEAR = "memory", "linear"
_IN_WORDS = {MEMORY: "Memory of the training texts", LINEAR: "Linear part of the words"}

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
    judges: Sequence[NDArray[np.float32]],
) -> tuple[Companions, NDArray[np.float32]]:
    """Choose on validation, by parts that were made of train alone.

    Args:
        final: the configuration, which may leave either out.
        inputs: what all trials of the study shared.
        limits: vocabulary size and length limit of what reads the text.
        networks: their probabilities of the validation texts, shape `(texts, classes)`.
        judges: the same of networks as good that were not chosen on these texts; they decide.

    Returns:
        What was chosen, and the probabilities of the whole.
    """
    validation = inputs.examples(inputs.split.validation, limits)
    train = inputs.split.train
    answers: dict[str, NDArray[np.float32]] = {}
    temperature = 1.0
    if final.memory:
        memory = _memory(inputs, limits, train)
        answers[MEMORY] = predict_probabilities(memory, validation.texts)
    if final.linear:
        try:
            linear = predict_probabilities(_linear(inputs, limits, train, 1.0), validation.texts)
        except NoLinearPartError as error:
            logger.info("Linear part of the words: none, since %s.", error)
        else:
            temperature = fit_temperature(linear, validation.labels)
            answers[LINEAR] = with_temperature(linear, temperature)
    shares = choose_shares(judges, answers, validation.labels)
    for name in answers:
        if name in shares:
            logger.info("%s: counts for %.0f %%.", _IN_WORDS[name], 100 * shares[name])
        else:
            logger.info("%s: left out, validation is no better with it.", _IN_WORDS[name])
    chosen = Companions(shares.get(MEMORY, 0.0), shares.get(LINEAR, 0.0), temperature)
    return chosen, _mixed(networks, [answers[name] for name in shares], SHARE)


def choose_shares(
    judges: Sequence[NDArray[np.float32]],
    answers: Mapping[str, NDArray[np.float32]],
    labels: NDArray[np.int64],
) -> dict[str, float]:
    """Decide which companions count, on validation texts that none of them has seen.

    How much one counts is fixed: chosen freely on some thousand texts it follows their chance, and
    does worse on others than a quarter does (benchmarks/README.md).

    Args:
        judges: probabilities of networks, each of shape `(texts, classes)`.
        answers: the same of each companion.
        labels: class numbers, shape `(texts,)`.

    Returns:
        `SHARE` for each of those that make macro-F1 best together, fewer where more are no better.
    """
    rows = some_rows(len(labels), _MOST_TEXTS, np.random.default_rng(len(labels)))
    classes = judges[0].shape[1]

    def score(names: tuple[str, ...]) -> float:
        chosen = [answers[name][rows] for name in names]
        mixes = (_mixed(judge[rows], chosen, share) for judge in judges for share in _NEAR)
        return float(
            np.mean([macro_f1(labels[rows], mix.argmax(axis=1), classes) for mix in mixes])
        )

    sizes = range(len(answers) + 1)
    sets = (names for size in sizes for names in itertools.combinations(answers, size))
    best: tuple[str, ...] = max(sets, key=score)
    return dict.fromkeys(best, SHARE)


def companion_parts(
    companions: Companions,
    inputs: TrialInputs,
    limits: Mapping[str, Any],
    rows: NDArray[np.int64],
) -> list[Part]:
    """Make the chosen companions of some rows, as parts of the whole."""
    parts = []
    if companions.memory_share > 0:
        memory = _memory(inputs, limits, rows)
        parts.append(part_of(memory, companions.memory_share, _known(inputs, limits)))
    if companions.linear_share > 0:
        linear = _linear(inputs, limits, rows, companions.linear_temperature)
        parts.append(part_of(linear, companions.linear_share, _known(inputs, limits)))
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


def _mixed(
    networks: NDArray[np.float32], chosen: list[NDArray[np.float32]], share: float
) -> NDArray[np.float32]:
    """Return a weighted mean: each of the chosen has a share, the networks have the rest."""
    mixed: NDArray[np.float32] = (1 - share * len(chosen)) * networks
    for each in chosen:
        mixed = mixed + share * each
    return mixed.astype(np.float32)
