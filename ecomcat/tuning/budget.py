"""How long a search and each of its trials may take."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ecomcat.commands import SearchCommand
from ecomcat.config import SearchConfig
from ecomcat.model.space import Domain
from ecomcat.options import AUTO
from ecomcat.tuning.jobs import Call
from ecomcat.tuning.records import TrialRecord

_MIN_EPOCHS, _MIN_PATIENCE = 4, 2
_FEW_CLASSES = 4  # for which `max_batches` is enough
_LONG_TEXT = 100  # words; a batch of such texts costs what the budgets allow for
_MAX_FACTOR = 2.0  # times `max_batches`, whatever the classes and texts
_HANGS_AFTER = 20  # times the longest epoch
_MIN_PATIENCE_SECONDS = 600.0
_MARGIN = 1.5  # by which an epoch may take longer than the longest before it


class TrialClock:
    """Time a trial that is under way: since it began, and its longest epoch."""

    def __init__(self, record: TrialRecord, max_minutes: float | None) -> None:
        self._record, self._before = record, record.seconds
        self._began = time.monotonic()
        self._ends = self._began + (math.inf if max_minutes is None else max_minutes * 60)
        self._longest = 0.0

    def call(self, method: str, *arguments: Any) -> Call:
        """Return a call that may take what is left.

        An epoch that takes many times as long as those before it is taken for one that hangs.
        """
        hangs = max(_MIN_PATIENCE_SECONDS, _HANGS_AFTER * self._longest)
        left = self._ends - time.monotonic()
        return Call(method, arguments, min(left, hangs) if self._longest else left)

    def note(self, *, epoch: bool = False) -> None:
        """Bring the record's seconds up to now; remember how long an epoch that ended took."""
        before = self._record.seconds
        self._record.seconds = self._before + time.monotonic() - self._began
        if epoch:
            self._longest = max(self._longest, self._record.seconds - before)

    @property
    def is_over(self) -> bool:
        """Whether the trial has had its time."""
        return time.monotonic() >= self._ends

    @property
    def allows_an_epoch(self) -> bool:
        """Whether another epoch, somewhat longer than the others, would come to its end."""
        return time.monotonic() + _MARGIN * self._longest <= self._ends


def decide_epochs(
    search: SearchConfig,
    space: Mapping[str, Domain],
    *,
    training_texts: int,
    categories: int,
    mean_words: float,
) -> SearchConfig:
    """Replace `auto` in `max_epochs` and `patience` by numbers.

    A network learns by updates: few texts give few of them an epoch, and so need more epochs and,
    as single epochs then say little, more patience. Among many categories each is seen in few
    updates; there short texts, of which an update costs little, are given up to twice as many.
    """
    max_epochs, patience = search.max_epochs, search.patience
    if max_epochs == AUTO:
        wanted = math.sqrt(categories / _FEW_CLASSES)
        affordable = _LONG_TEXT / max(mean_words, 1)
        batches = search.max_batches * max(min(wanted, affordable, _MAX_FACTOR), 1)
        batches_an_epoch = math.ceil(training_texts / int(space["batch_size"].highest))
        max_epochs = max(round(batches / batches_an_epoch), _MIN_EPOCHS)
    if patience == AUTO:
        patience = max(round(max_epochs / 4), _MIN_PATIENCE)
    return replace(search, max_epochs=max_epochs, patience=patience)


def final_epochs(values: Mapping[str, Any], best_epoch: int, max_epochs: int) -> int:
    """Decide how long a configuration is trained when there is no validation to watch.

    A learning rate that falls to 0 is let fall: weights at the end of the schedule do better on
    other texts than those of the epoch that looked best on validation (docs/experiments.md). A
    constant one overfits in the end, so there the best epoch counts.

    Args:
        values: Mapping. The configuration's hyperparameters.
        best_epoch: Integer. Best epoch on validation, by weights trained on train alone.
        max_epochs: Integer. Epoch at which the schedule ends.
    """
    return max_epochs if values["learning_rate_schedule"] == "linear" else best_epoch


def seconds_after_trials(
    config: SearchCommand, best: TrialRecord, *, training_tokens: int, workers: int
) -> float:
    """Estimate how long it takes from the last trial to the end of the command.

    Args:
        config: `SearchCommand`. The configuration of the run, with the epochs decided.
        best: `TrialRecord`. The best trial so far, or one that has trained an epoch.
        training_tokens: Integer. Tokens of the training texts, which the linear models read.
        workers: Integer. How many train at a time.
    """
    final = config.final
    seconds = 15.0  # scoring, exporting and checking, the report
    if final.baseline:
        seconds += min(240.0, training_tokens * 5e-5)
    if final.retrain:
        rounds = -(-final.max_networks // max(1, workers))
        epochs = final_epochs(best.values, best.best_epoch, config.search.max_epochs)
        # Validation texts are trained on as well, and with use_all_rows all of it is done twice.
        times = 1.2 * rounds * (2 if final.use_all_rows else 1)
        seconds += times * epochs * best.seconds_per_epoch
    return seconds
