"""The trials of a study that may be exported, and which of them are as good as the best one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecomcat.data.splitting import sample_rows
from ecomcat.model.comparison import compare_answers
from ecomcat.tuning.records import TrialRecord, candidates
from ecomcat.tuning.study import Study
from ecomcat.tuning.trial_files import VALIDATION, load_answers, load_predicted

_MAX_CANDIDATES = 50  # the best trials
_MAX_COMPARABLE = 12
_MAX_TEXTS_WEIGHED, _MAX_NUMBERS = 20_000, 2_000_000  # twelve trials' probabilities are 96 MB


@dataclass(frozen=True)
class Candidate:
    """A trial that may be exported, the file of its validation probabilities, and their shape."""

    record: TrialRecord
    path: Path
    shape: tuple[int, int]

    def answers(self) -> NDArray[np.float32]:
        """Return the trial's probabilities `(texts, num_classes)` of the validation texts."""
        return load_answers(self.path, self.shape)


def find_candidates(study: Study, shape: tuple[int, int]) -> list[Candidate]:
    """Return the best completed trials, the best first; one of those that continue each other."""
    completed = candidates(study.trials.records)
    chains = {(record.root, str(record.values)): record for record in reversed(completed)}
    chosen = {record.id for record in chains.values()}
    return [
        Candidate(record, study.trial_dir(record.id) / VALIDATION, shape)
        for record in completed
        if record.id in chosen
    ][:_MAX_CANDIDATES]


def weighing_rows(texts: int, num_classes: int, seed: int) -> NDArray[np.int64]:
    """Return the validation texts from which the weights of the parts are learned.

    >>> len(weighing_rows(texts=50_000, num_classes=1000, seed=1))
    2000
    """
    max_rows = max(1, min(_MAX_TEXTS_WEIGHED, _MAX_NUMBERS // num_classes))
    return sample_rows(texts, max_rows, np.random.default_rng(seed))


def tied_trials(candidates: Sequence[Candidate], label_ids: NDArray[np.int64]) -> list[str]:
    """Return the trials that validation cannot tell from the best one, which comes first."""
    saved = [each for each in candidates if each.path.is_file()]
    answers = [load_predicted(each.path, len(label_ids)) for each in saved]
    return [
        each.record.id
        for each, theirs in list(zip(saved, answers, strict=True))[1:]
        if compare_answers(label_ids, theirs, answers[0]).verdict != "worse"
    ]


def comparable_answers(
    candidates: Sequence[Candidate], rows: NDArray[np.int64], seed: int
) -> list[NDArray[np.float32]]:
    """Answer validation texts with random trials among those that chance cannot tell from the best.

    Trials that were chosen on validation look better there than they are, and so would get too
    much weight in a mixture; random ones do not.

    Returns:
        The answers `(rows, num_classes)` of each; none where no other trial is as good.
    """
    saved = [each for each in candidates if each.path.is_file()]
    best = max((each.record.objective or 0.0 for each in saved), default=0.0)
    chance = 2 * math.sqrt(best * (1 - best) / len(rows))
    comparable = [each for each in saved if (each.record.objective or 0.0) >= best - chance]
    if len(comparable) < 2:
        return []
    random = np.random.default_rng([seed, 1])
    chosen = sample_rows(len(comparable), _MAX_COMPARABLE, random)
    return [comparable[number].answers()[rows] for number in chosen]
