"""Final steps: which trials of a study are exported, and how much each of them counts.

A final step is a class that `conf/final/NAME.yaml` names by `_target_`. It chooses on validation
alone, by the answers of weights that were trained on train alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from ecomcat.data.splitting import sample_rows
from ecomcat.final.mixture_weights import mix
from ecomcat.model.comparison import compare_answers
from ecomcat.model.metrics import macro_f1
from ecomcat.tuning.records import TrialRecord, candidates
from ecomcat.tuning.study import Study
from ecomcat.tuning.trial_files import VALIDATION, load_answers, load_predicted

_MAX_CANDIDATES = 50  # the best trials
_MAX_SAMPLES = 12  # of comparable trials
_MAX_CHOICE_TEXTS, _MAX_NUMBERS = 20_000, 2_000_000  # fifty trials' probabilities are 400 MB
_BAGS = 40
_ROUNDS = 12  # trials that one bag picks
_BAG_FRACTION = 0.5  # of the trials that a bag may pick from
_EQUAL_FRACTION = 0.5  # of the weights, which all members share equally: votes are uncertain, too


@dataclass(frozen=True)
class Candidate:
    """A trial that may be exported, the file of its validation probabilities, and their shape."""

    record: TrialRecord
    path: Path
    shape: tuple[int, int] | None = None

    def answers(self) -> NDArray[np.float32]:
        """Return the trial's probabilities `(texts, num_classes)` of the validation texts."""
        return load_answers(self.path, self.shape)


def find_candidates(study: Study, shape: tuple[int, int] | None = None) -> list[Candidate]:
    """Return the best completed trials, the best first; one of those that continue each other."""
    completed = candidates(study.trials.records)
    chains = {(record.root, str(record.values)): record for record in reversed(completed)}
    chosen = {record.id for record in chains.values()}
    return [
        Candidate(record, study.trial_dir(record.id) / VALIDATION, shape)
        for record in completed
        if record.id in chosen
    ][:_MAX_CANDIDATES]


def choice_rows(texts: int, num_classes: int, seed: int) -> NDArray[np.int64]:
    """Return which validation texts a choice among trials is made on.

    >>> len(choice_rows(texts=50_000, num_classes=1000, seed=1))
    2000
    """
    max_rows = max(1, min(_MAX_CHOICE_TEXTS, _MAX_NUMBERS // num_classes))
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


class FinalStep(Protocol):
    """Decides which of a study's trials are exported."""

    name: ClassVar[str]

    def describe(self) -> str:
        """Return in a few words what is exported."""

    def choose(
        self, candidates: Sequence[Candidate], label_ids: NDArray[np.int64], seed: int
    ) -> dict[int, float]:
        """Choose trials on validation.

        Args:
            candidates: Trials, the best first.
            label_ids: Array of class numbers of the validation texts, shape `(texts,)`.
            seed: Integer. Seed of all that is random.

        Returns:
            Positions of the chosen candidates with their weights, which sum to 1.
        """


class Single:
    """Export the best trial."""

    name = "single"

    def describe(self) -> str:
        """Return in a few words what is exported."""
        return "the best configuration"

    def choose(
        self, candidates: Sequence[Candidate], label_ids: NDArray[np.int64], seed: int
    ) -> dict[int, float]:
        """Choose the first candidate."""
        return {0: 1.0}


class Ensemble:
    """Export several trials as one model, whose answer is the weighted mean of theirs.

    Selection is greedy, with replacement and in bags of trials, as in Caruana et al., "Ensemble
    selection from libraries of models" (ICML 2004).

    Args:
        max_members: Integer. How many different trials are chosen, at most.
    """

    name = "ensemble"

    def __init__(self, max_members: int) -> None:
        self.max_members = max_members

    def describe(self) -> str:
        """Return in a few words what is exported."""
        plural = "s" if self.max_members > 1 else ""
        return f"an ensemble of at most {self.max_members} trial{plural}"

    def choose(
        self, candidates: Sequence[Candidate], label_ids: NDArray[np.int64], seed: int
    ) -> dict[int, float]:
        """Choose trials whose mean is best; the largest weight comes first."""
        # The probabilities of all trials of all texts may be too many to hold.
        first = candidates[0].answers()
        texts = choice_rows(len(first), first.shape[1], seed)
        library = np.stack([first[texts], *(each.answers()[texts] for each in candidates[1:])])
        votes = _vote(library, label_ids[texts], np.random.default_rng([seed, len(library)]))
        order = sorted(np.flatnonzero(votes), key=lambda trial: (-votes[trial], trial))
        chosen = order[: self.max_members]
        weights = (1 - _EQUAL_FRACTION) * votes[chosen] / votes[chosen].sum()
        weights += _EQUAL_FRACTION / len(chosen)
        return {int(trial): float(weight) for trial, weight in zip(chosen, weights, strict=True)}


def _vote(
    library: NDArray[np.float32], label_ids: NDArray[np.int64], random: np.random.Generator
) -> NDArray[np.int64]:
    """Return how often each trial is picked, over bags of random trials and texts."""
    votes = np.zeros(len(library), np.int64)
    for _ in range(_BAGS):
        count = max(1, round(_BAG_FRACTION * len(library)))
        trials = np.sort(random.choice(len(library), count, replace=False))
        texts = random.integers(len(label_ids), size=len(label_ids))
        picked = _pick_greedily(library[np.ix_(trials, texts)], label_ids[texts])
        np.add.at(votes, trials[picked], 1)
    return votes


def _pick_greedily(library: NDArray[np.float32], label_ids: NDArray[np.int64]) -> list[int]:
    """Add the trial that helps the sum most, again and again; return the best beginning."""
    total = np.zeros(library.shape[1:], np.float32)
    picked: list[int] = []
    scores: list[tuple[float, float]] = []
    for _ in range(_ROUNDS):
        # Macro-F1 moves in steps; the likelihood of the labels decides between equals.
        gains = [_score(total + trial, label_ids) for trial in library]
        best = max(range(len(library)), key=gains.__getitem__)
        picked.append(best)
        scores.append(gains[best])
        total += library[best]
    return picked[: scores.index(max(scores)) + 1]


def _score(total: NDArray[np.float32], label_ids: NDArray[np.int64]) -> tuple[float, float]:
    """Return macro-F1 and mean log-likelihood of a sum of probabilities."""
    of_label = total[np.arange(len(label_ids)), label_ids] / total.sum(axis=1)
    likelihood = float(np.log(np.maximum(of_label, 1e-7)).mean())
    return macro_f1(label_ids, total.argmax(axis=1), total.shape[1]), likelihood


def comparable_answers(
    candidates: Sequence[Candidate], rows: NDArray[np.int64], *, count: int, seed: int
) -> list[NDArray[np.float32]]:
    """Answer validation texts with random trials among those that chance cannot tell from the best.

    Trials that were chosen on validation look better there than they are, and so would get too
    much weight in a mixture; random ones do not.

    Returns:
        For each random sample of `count` trials, their mean answers `(rows, num_classes)`; none
        where too few trials are that good.
    """
    saved = [each for each in candidates if each.path.is_file()]
    best = max((each.record.objective or 0.0 for each in saved), default=0.0)
    chance = 2 * math.sqrt(best * (1 - best) / len(rows))
    comparable = [each for each in saved if (each.record.objective or 0.0) >= best - chance]
    if len(comparable) <= count:
        return []
    random = np.random.default_rng([seed, count])
    if count == 1:
        drawn = sample_rows(len(comparable), _MAX_SAMPLES, random).tolist()
        samples = [(number,) for number in drawn]
    else:
        sets = (random.choice(len(comparable), count, replace=False) for _ in range(_MAX_SAMPLES))
        samples = sorted({tuple(np.sort(each).tolist()) for each in sets})
    answers = {number: comparable[number].answers()[rows] for number in set(chain(*samples))}
    return [mix((answers[number], 1 / count) for number in sample) for sample in samples]
