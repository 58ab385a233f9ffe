"""Compare the best trials on further validation sets, before one of them is exported.

Of a few hundred validation texts chance decides among good trials: what looks best there may do
worse elsewhere than a plain configuration ("overtuning", Schneider, Bischl and Feurer, arXiv
2506.19540). So the best trials, and the first one, are trained anew with other texts left out, and
the mean of all sets decides.
"""

from __future__ import annotations

import logging
import math
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.commands import SearchCommand
from ecomcat.console import step
from ecomcat.data.dataset import Dataset
from ecomcat.data.splitting import Split
from ecomcat.export.summary import confirmation_sentence
from ecomcat.final.steps import Candidate, find_candidates
from ecomcat.json_files import UnreadableError
from ecomcat.model.metrics import macro_f1
from ecomcat.tuning.budget import CONFIRMED_TRIALS, confirmation_seconds
from ecomcat.tuning.jobs import Call, Job, TrialFailedError, TrialTask, ask
from ecomcat.tuning.records import TrialRecord, fold_path, load_arrays, save_predicted
from ecomcat.tuning.study import Study
from ecomcat.tuning.trial import TrialInputs
from ecomcat.tuning.workers import run_all

logger = logging.getLogger("ecomcat")


@dataclass(frozen=True)
class Confirmation:
    """What the compared trials reached.

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
    """Return splits whose validation texts are others of train, in parts as large as validation.

    Args:
        split: `Split`. The search's own.
        label_ids: Array of class numbers of all texts.
        groups: Array of shape `(texts,)`, of which equal ones stay together; `None` for none.
        count: Integer. How many splits, at most: there are as many as train has such parts.
        seed: Integer. Seed of the parts, of which the first ones are the same for any count.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    train = split.train
    parts = max(2, round(len(train) / len(split.validation)))
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    drawn = kind(parts, shuffle=True, random_state=seed).split(
        train, label_ids[train], None if groups is None else groups[train]
    )
    with warnings.catch_warnings():
        # A class of fewer texts than parts is in some of them.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        watched = [np.sort(train[part]) for _, part in drawn][:count]
    both = np.union1d(train, split.validation)
    return [Split(np.setdiff1d(both, part), part, split.test) for part in watched]


def confirm_trials(
    config: SearchCommand, dataset: Dataset, inputs: TrialInputs, study: Study
) -> Confirmation | None:
    """Compare the best trials and the first on further validation sets.

    What is known of an earlier run is not trained again. Sets that not all trials were trained on
    in the time that there is are left out.

    Returns:
        What they reached; `None` where there is one trial, or `final.folds` is 1.
    """
    found = find_candidates(study)
    compared = [*found[: CONFIRMED_TRIALS - 1], *_first_of(found[CONFIRMED_TRIALS - 1 :])]
    more = int(config.final.folds) - 1
    if more < 1 or len(compared) < 2:
        return None
    splits = further_splits(inputs.split, inputs.labels, dataset.groups, more, inputs.seed)
    records = [candidate.record for candidate in compared]
    comparison = _Comparison(config, inputs, study, records, splits)
    comparison.run()
    scores = comparison.scores()
    if not scores:
        logger.warning(
            "No further validation set was trained on in time, or trials failed; the search's own "
            "decides."
        )
        return None
    logger.info("The best trials compared: %s.", confirmation_sentence(scores))
    return Confirmation(scores)


def _first_of(candidates: Sequence[Candidate]) -> Iterator[Candidate]:
    """Yield the trial that was tried first: nothing was learned from the others for it."""
    yield from sorted(candidates, key=lambda candidate: int(candidate.record.id))[:1]


class _Comparison:
    """Trials that are trained on splits: of each split all of them, then of the next."""

    def __init__(
        self,
        config: SearchCommand,
        inputs: TrialInputs,
        study: Study,
        records: Sequence[TrialRecord],
        splits: Sequence[Split],
    ) -> None:
        self._config, self._inputs, self._study = config, inputs, study
        self._records, self._splits = records, splits
        self._failed: set[str] = set()
        self._ends = time.monotonic() + confirmation_seconds(config)

    def run(self) -> None:
        """Train what was not trained yet, while there is time."""
        total = len(self._records) * len(self._splits)
        what = f"Comparing {len(self._records)} trials on {len(self._splits)} more validation sets"
        with step(what) as advance:

            def unfinished() -> list[tuple[TrialRecord, int]]:
                left = list(self._unfinished())
                advance(0, fraction=1 - len(left) / total)
                return left[::-1] if time.monotonic() < self._ends else []

            def job(task: tuple[TrialRecord, int]) -> Job:
                yield from self._train(*task)
                advance(0, fraction=1 - len(list(self._unfinished())) / total)

            run_all(self._config.search, self._inputs, unfinished, job)

    def scores(self) -> dict[str, list[float]]:
        """Return each trial's macro-F1 on the search's validation set and on each further one."""
        records = [record for record in self._records if record.id not in self._failed]
        scores = {record.id: [record.objective or 0.0] for record in records}
        for number in range(1, len(self._splits) + 1):
            of_set = {record.id: self._score(record, number) for record in records}
            if None not in of_set.values():
                for trial, score in of_set.items():
                    scores[trial].append(score or 0.0)
        enough = len(records) > 1 and len(scores[records[0].id]) > 1
        return scores if enough else {}

    def _unfinished(self) -> Iterator[tuple[TrialRecord, int]]:
        for number in range(1, len(self._splits) + 1):
            for record in self._records:
                if record.id not in self._failed and self._score(record, number) is None:
                    yield record, number

    def _score(self, record: TrialRecord, number: int) -> float | None:
        """Return what a trial reached on a set; `None` where it was not trained for it."""
        try:
            (predicted,) = load_arrays(fold_path(self._study.trial_dir(record.id), number))
        except (UnreadableError, ValueError):
            return None
        labels = self._inputs.labels[self._splits[number - 1].validation]
        if predicted.shape != labels.shape:
            return None
        return macro_f1(labels, predicted, self._inputs.num_classes)

    def _train(self, record: TrialRecord, number: int) -> Job:
        split, search = self._splits[number - 1], self._config.search
        epochs = int(record.plan.get("tuner/epochs", self._inputs.max_epochs))
        task = TrialTask(
            *(record.root, record.values, epochs),
            rows=split.train,
            watched=split.validation,
            epoch_texts=search.epoch_texts,
        )
        try:
            yield from ask(Call("begin", (task,)))
            ended = ""
            while not ended:
                if time.monotonic() >= self._ends:
                    return
                call = Call("train_epoch", within_seconds=record.hanging_seconds)
                ended = (yield from ask(call)).ended
            outcome = yield from ask(Call("finish"))
        except TrialFailedError as error:
            logger.warning("Trial %s is not compared: %s.", record.id, error)
            self._failed.add(record.id)
            return
        path = fold_path(self._study.trial_dir(record.id), number)
        save_predicted(path, outcome.probabilities.argmax(axis=1))
