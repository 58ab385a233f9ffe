"""Compare the best trials on further validation sets, before one of them is exported.

With a few hundred validation texts chance decides among good trials: the one that looks best there
may do worse elsewhere than a plain configuration ("overtuning", Schneider, Bischl and Feurer, arXiv
2506.19540). So the best trials, and the first one, are trained again with other texts left out,
and the mean of all sets decides.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.commands import SearchCommand
from ecomcat.data.dataset import Dataset
from ecomcat.data.splitting import Split
from ecomcat.final.further_training import FurtherTraining, FurtherTrainings
from ecomcat.final.steps import Candidate, find_candidates
from ecomcat.model.metrics import macro_f1
from ecomcat.tuning.budget import CONFIRMED_TRIALS
from ecomcat.tuning.records import TrialRecord
from ecomcat.tuning.study import Study
from ecomcat.tuning.trial import TrialInputs
from ecomcat.wording.summary import confirmation_sentence

logger = logging.getLogger("ecomcat")


@dataclass(frozen=True)
class Confirmation:
    """The scores of the compared trials.

    Args:
        scores: Mapping from each trial's id to its macro-F1 on each validation set, that of the
            search first.
    """

    scores: Mapping[str, Sequence[float]]

    def rank(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Put the compared trials first, the best on average before the others."""

        def place(candidate: Candidate) -> float:
            scores = self.scores.get(candidate.record.id)
            return math.inf if scores is None else -float(np.mean(scores))

        return sorted(candidates, key=place)

    def describe(self) -> dict[str, Any]:
        """Return what `metrics.json` holds."""
        rounded = {trial: [round(each, 4) for each in of] for trial, of in self.scores.items()}
        return {"macro_f1": rounded}


def further_splits(
    split: Split,
    label_ids: NDArray[np.int64],
    groups: NDArray[Any] | None,
    count: int,
    seed: int,
) -> list[Split]:
    """Return splits whose validation texts are parts of train that are as large as validation.

    Args:
        split: `Split`. The search's own.
        label_ids: Array of class numbers of all texts.
        groups: Array of shape `(texts,)`; texts of equal groups stay together. `None` for none.
        count: Integer. How many splits, at most: there are no more than train has such parts.
        seed: Integer. Seed of the parts; the first ones are the same for any count.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    train, parts = split.train, _count_parts(split, label_ids, groups)
    if parts < 2:
        return []
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    drawn = kind(parts, shuffle=True, random_state=seed).split(
        train, label_ids[train], None if groups is None else groups[train]
    )
    with warnings.catch_warnings():
        # A class with fewer texts than parts is only in some of them.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        watched = [np.sort(train[part]) for _, part in drawn if len(part)][:count]
    both = np.union1d(train, split.validation)
    return [Split(np.setdiff1d(both, part), part, split.test) for part in watched]


def _count_parts(split: Split, label_ids: NDArray[np.int64], groups: NDArray[Any] | None) -> int:
    """Return into how many parts train can be split: each has a text of the largest class."""
    train = split.train
    like_validation = max(2, round(len(train) / len(split.validation)))
    together = train if groups is None else groups[train]
    return min(like_validation, int(np.bincount(label_ids[train]).max()), len(np.unique(together)))


def confirm_trials(
    config: SearchCommand, dataset: Dataset, inputs: TrialInputs, study: Study
) -> Confirmation | None:
    """Compare the best trials and the first on further validation sets.

    What an earlier run has trained is not trained again. Sets on which not all trials could be
    trained in time are left out.

    Returns:
        Their scores; `None` where there is only one trial, or `final.folds` is 1.
    """
    found = find_candidates(study)
    compared, others = found[: CONFIRMED_TRIALS - 1], found[CONFIRMED_TRIALS - 1 :]
    # The trial that was tried first was not chosen by means of others.
    compared += sorted(others, key=lambda candidate: int(candidate.record.id))[:1]
    more, search = config.final.folds - 1, config.search
    if more < 1 or len(compared) < 2:
        return None
    splits = further_splits(inputs.split, inputs.labels, dataset.groups, more, inputs.seed)
    if not splits:
        logger.warning("No trials were compared: no part of train can be left out for it.")
        return None
    records = [candidate.record for candidate in compared]
    sets = [
        [
            FurtherTraining(
                *(record, split, study.trial_dir(record.id) / f"fold_{number}.npz"),
                num_classes=inputs.num_classes,
                epochs=record.planned_epochs(search.max_epochs),
                epoch_texts=search.epoch_texts,
            )
            for record in records
        ]
        for number, split in enumerate(splits, start=1)
    ]
    trainings = FurtherTrainings(config, inputs, list(chain(*sets)))
    trainings.run(f"Comparing {len(records)} trials on further validation sets ({len(sets)})")
    left = [record for record in records if record.id not in trainings.failed]
    scores = _scores(left, sets, inputs)
    if not scores:
        logger.warning(
            "No further validation set was trained on in time, or trials failed; the search's own "
            "decides."
        )
        return None
    logger.info("The best trials compared: %s.", confirmation_sentence(scores))
    return Confirmation(scores)


def _scores(
    records: Sequence[TrialRecord], sets: Sequence[Sequence[FurtherTraining]], inputs: TrialInputs
) -> dict[str, list[float]]:
    """Return each trial's macro-F1 on the search's validation set and on each further one."""
    scores = {record.id: [record.objective or 0.0] for record in records}
    for trainings in sets:
        labels = inputs.labels[trainings[0].split.validation]
        found = {
            each.record.id: macro_f1(labels, predicted, inputs.num_classes)
            for each in trainings
            if each.record.id in scores and (predicted := each.predicted()) is not None
        }
        if len(found) == len(scores):
            for trial, score in found.items():
                scores[trial].append(score)
    enough = len(scores) > 1 and all(len(of) > 1 for of in scores.values())
    return scores if enough else {}
