"""The trials of a study that an export is made of, and one model of their networks."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from ecomcat.config import SINGLE, FinalConfig
from ecomcat.errors import UserError
from ecomcat.final.baseline import most_texts, some_rows
from ecomcat.final.experts import merge_models, mix, part_of, select_members
from ecomcat.final.retraining import final_epochs, network_with
from ecomcat.tuning.records import (
    COMPLETED,
    VALIDATION,
    TrialRecord,
    load_best_weights,
    load_records,
)
from ecomcat.tuning.study import Study
from ecomcat.tuning.trial import TrialInputs

logger = logging.getLogger("ecomcat")

_MOST_CANDIDATES = 50  # trials, the best ones, which an ensemble is chosen of
_DRAWS = 12  # of trials by lot, at most


@dataclass(frozen=True)
class Member:
    """A trial of the study.

    Args:
        record: the trial.
        share: what it counts for.
        epochs: that its configuration is retrained for.
    """

    record: TrialRecord
    share: float
    epochs: int


def choose_members(
    final: FinalConfig, inputs: TrialInputs, study: Study, best: TrialRecord
) -> tuple[tuple[Member, ...], NDArray[np.float32]]:
    """Choose the trials that the final step is about: the best one, or an ensemble.

    Args:
        final: the configuration.
        inputs: what all trials of the study shared.
        study: with its trials.
        best: the trial of the highest validation macro-F1.

    Returns:
        Members, and their weighted mean of probabilities of the validation texts.

    Raises:
        UserError: when a trial's validation probabilities are gone.
    """
    if final.name == SINGLE:
        return (_member(inputs, best, 1.0),), _validated(study, best)
    records = _candidates(study)
    labels = inputs.labels[inputs.split.validation]
    random = np.random.default_rng(inputs.seed)
    texts = some_rows(len(labels), most_texts(inputs.classes), random)
    shares = select_members(
        [_validated(study, record)[texts] for record in records],
        labels[texts],
        max_members=final.max_members,
        seed=inputs.seed,
    )
    members = tuple(_member(inputs, records[number], share) for number, share in shares.items())
    logger.info(
        "Ensemble of %d of %d completed trials: %s.",
        len(members),
        len(records),
        ", ".join(f"{member.record.id} ({member.share:.0%})" for member in members),
    )
    return members, mix((_validated(study, each.record), each.share) for each in members)


def _member(inputs: TrialInputs, record: TrialRecord, share: float) -> Member:
    epochs = final_epochs(record.values, record.best_epoch, inputs.max_epochs)
    return Member(record, share, epochs)


def networks_by_lot(
    study: Study, rows: NDArray[np.int64], *, count: int, seed: int
) -> list[NDArray[np.float32]]:
    """Answer validation texts with trials by lot, of those as good as the best but for chance.

    What was chosen on validation looks better there than it is, and so better than what it might
    be mixed with; what was drawn does not.

    Args:
        study: with its trials.
        rows: numbers of the validation texts that are answered.
        count: trials that answer together, by the mean of their probabilities.
        seed: of the lot.

    Returns:
        Probabilities of several draws, each of shape `(rows, classes)`; none where no more trials
        are that good than are drawn, so that there is no lot.
    """
    records = [each for each in _candidates(study) if _validation_path(study, each).is_file()]
    best = max((record.objective or 0.0 for record in records), default=0.0)
    chance = 2 * math.sqrt(best * (1 - best) / len(rows))
    peers = [record for record in records if (record.objective or 0.0) >= best - chance]
    if len(peers) <= count:
        return []
    lots = _lots(len(peers), count, np.random.default_rng([seed, count]))
    answers = {
        number: _validated(study, peers[number])[rows] for number in sorted(set(chain(*lots)))
    }
    return [mix((answers[number], 1 / count) for number in lot) for lot in lots]


def _lots(peers: int, count: int, random: np.random.Generator) -> list[tuple[int, ...]]:
    """Draw some of the ways to take `count` of the peers, each once."""
    if count == 1:
        drawn = random.choice(peers, min(_DRAWS, peers), replace=False)
        return [(int(number),) for number in np.sort(drawn)]
    lots = (random.choice(peers, count, replace=False).tolist() for _ in range(_DRAWS))
    return sorted({tuple(sorted(lot)) for lot in lots})


def _candidates(study: Study) -> list[TrialRecord]:
    """Return the best completed trials, of those that continue each other one."""
    completed = [record for record in load_records(study) if record.status == COMPLETED]
    completed.sort(key=lambda record: (-(record.objective or 0.0), record.id))
    chains = {(record.root, str(record.values)): record for record in reversed(completed)}
    chosen = {record.id for record in chains.values()}
    return [record for record in completed if record.id in chosen][:_MOST_CANDIDATES]


def _validation_path(study: Study, record: TrialRecord) -> Path:
    return study.trial_dir(record.id) / VALIDATION


def _validated(study: Study, record: TrialRecord) -> NDArray[np.float32]:
    path = _validation_path(study, record)
    try:
        with np.load(path, allow_pickle=False) as kept:
            probabilities: NDArray[np.float32] = kept["probabilities"]
    except FileNotFoundError as error:
        raise UserError(
            f"Expected the validation probabilities of trial {record.id}, found no {path}. Bring "
            "the file back, or search again with search.overwrite=true."
        ) from error
    return probabilities


def widest_limits(records: Sequence[TrialRecord]) -> dict[str, Any]:
    """Return the largest vocabulary and the longest limit among trials."""
    return {
        name: max(record.values[name] for record in records)
        for name in ("vocabulary_size", "max_tokens")
    }


def networks_as_selected(
    inputs: TrialInputs, study: Study, members: Sequence[Member]
) -> list[keras.Model]:
    """Build trials' networks with the best weights of the search, trained on train alone."""
    return [
        network_with(inputs, member.record, load_best_weights(study.trial_dir(member.record.id)))
        for member in members
    ]


def merge_members(
    members: Sequence[Member], models: Sequence[keras.Model], limits: Mapping[str, Any]
) -> keras.Model:
    """Merge the members' networks into one model, each with its share."""
    parts = [
        part_of(model, member.share, member.record.values)
        for member, model in zip(members, models, strict=True)
    ]
    return merge_models(parts, **limits)
