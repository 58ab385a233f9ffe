"""How long a search and each of its trials may take."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ecomcat.command_config import SearchCommand
from ecomcat.config import SearchConfig
from ecomcat.errors import UserError
from ecomcat.model.space import Domain
from ecomcat.option_fields import AUTO
from ecomcat.process import usable_cores
from ecomcat.tuning.jobs import Call
from ecomcat.tuning.records import TrialRecord

logger = logging.getLogger("ecomcat")

MAX_CATEGORIES = 20_000
_MIN_EPOCHS, _MIN_PATIENCE = 4, 2
_PARTS = 6  # epochs of a trial for which all rows would be too many
_FINAL_PASSES = 4  # over all rows, in the final training of a trial that did not see them all
_OUTGROWN = 2  # times the texts that a trial reads; a network of more is a different one
_FEW_CLASSES = 4  # `max_batches` is enough for them
_LONG_TEXT = 100  # words; a batch of such texts costs what the budgets allow for
# Times `max_batches`: at most, and at most with more than so many classes of few texts each.
_MAX_FACTOR, _MANY_CLASSES, _MAX_FACTOR_OF_MANY = 2.0, 250, 4.0
# Reading, linear models, scoring and export on 2 cores (benchmarks/README.md, "Size").
_OTHER_SECONDS, _OTHER_SECONDS_A_TEXT = 60.0, 6e-4
_MAX_TEXTS_BESIDE = 100_000  # so that linear models and a network have memory at the same time
# On 2 cores, of which a network alone uses more than one: how much longer its training takes, at
# most, and how much of the shorter of the two is saved.
_SLOWER_BESIDE, _SAVED_BESIDE = 2.0, 0.4
_LEARNING_CURVE_SHARE = 0.25  # of the search's minutes
_HANGS_AFTER = 20  # times the longest epoch
_MIN_PATIENCE_SECONDS = 600.0
_MARGIN = 1.5  # times the longest epoch so far, which the next one may take
FINAL_MARGIN = 1.25  # times the time planned for the final training, so that its schedule ends


class TrialClock:
    """The times of a running trial: since it began, and of its longest epoch."""

    def __init__(self, record: TrialRecord, max_minutes: float | None) -> None:
        self._record, self._before = record, record.seconds
        self._began = time.monotonic()
        self._ends = self._began + (math.inf if max_minutes is None else max_minutes * 60)
        self._longest = 0.0

    def call(self, method: str, *arguments: Any) -> Call:
        """Return a call that may take the trial's remaining time.

        An epoch that takes many times as long as the earlier ones counts as hanging.
        """
        hangs = max(_MIN_PATIENCE_SECONDS, _HANGS_AFTER * self._longest)
        left = self._ends - time.monotonic()
        return Call(method, arguments, min(left, hangs) if self._longest else left)

    def note(self, *, epoch: bool = False) -> None:
        """Update the record's seconds; remember the time of an epoch that has ended."""
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
        """Whether there is time for another epoch, even if it is somewhat longer."""
        return time.monotonic() + _MARGIN * self._longest <= self._ends


def decide_epochs(
    search: SearchConfig,
    space: Mapping[str, Domain],
    *,
    training_texts: int,
    categories: int,
    mean_words: float,
) -> SearchConfig:
    """Replace `auto` in `max_epochs` and `patience` by numbers, and decide the texts of an epoch.

    A network learns by updates. Few texts give few updates per epoch, so they need more epochs and,
    as single epochs then say little, more patience. With many categories each is seen in few
    updates; if texts are short, so that an update costs little, there are up to twice as many, and
    up to four times with hundreds of categories in a file that is read whole in each epoch.
    Where two epochs of all texts would be more than a trial may take, each epoch reads a part.

    Raises:
        UserError: There are more categories than a network's last layer can be trained for.
    """
    _require_trainable(categories)
    max_epochs, patience = search.max_epochs, search.patience
    batch_size = int(max(space["batch_size"]))
    wanted = math.sqrt(categories / _FEW_CLASSES)
    factor = max(min(wanted, _LONG_TEXT / max(mean_words, 1)), 1)
    batches = search.max_batches * min(factor, _MAX_FACTOR)
    epoch_texts = _texts_of_an_epoch(search, training_texts, batch_size, batches)
    if epoch_texts is not None:
        _log_parts(search, epoch_texts, training_texts)
    elif categories > _MANY_CLASSES:
        batches = search.max_batches * min(factor, _MAX_FACTOR_OF_MANY)
    if max_epochs == AUTO:
        batches_an_epoch = math.ceil((epoch_texts or training_texts) / batch_size)
        max_epochs = max(round(batches / batches_an_epoch), _MIN_EPOCHS)
    if patience == AUTO:
        patience = max(round(max_epochs / 4), _MIN_PATIENCE)
    return replace(search, max_epochs=max_epochs, patience=patience, epoch_texts=epoch_texts)


def _require_trainable(categories: int) -> None:
    if categories > MAX_CATEGORIES:
        raise UserError(
            f"Expected at most {MAX_CATEGORIES:,} categories, found {categories:,}: a network's "
            "last layer would have some hundred million weights, each of which every step changes. "
            "Merge rare ones into their parents (data.rare_classes=parent) or leave them out "
            "(data.rare_classes=drop), with a higher data.min_class_rows, or name a column of "
            "fewer categories in data.label_column."
        )


def _log_parts(search: SearchConfig, epoch_texts: int, training_texts: int) -> None:
    minutes = search.max_minutes, retrain_seconds(search) / 60
    others = (_OTHER_SECONDS + _OTHER_SECONDS_A_TEXT * training_texts) / 60
    logger.info(
        "A part of the rows first: %d of %d texts per epoch. At most %g minutes of trials, and "
        "%g for a final training on as many rows as fit: some %.0f in all.",
        *(epoch_texts, training_texts, *minutes, sum(minutes) + others),
    )


def _texts_of_an_epoch(
    search: SearchConfig, training_texts: int, batch_size: int, batches: float
) -> int | None:
    """Return how many texts an epoch reads; None where it reads all."""
    if search.epoch_texts is not None:
        return search.epoch_texts if search.epoch_texts < training_texts else None
    too_many = search.max_epochs == AUTO and 2 * training_texts > batches * batch_size
    if search.fidelity == "epochs" or (search.fidelity == AUTO and not too_many):
        return None
    parts = math.ceil(batches / _PARTS) * batch_size, math.ceil(training_texts / _PARTS)
    return min(parts)


def learning_curve_seconds(config: SearchCommand) -> float:
    """Return how long the trainings on parts of the texts may take."""
    return 60 * _LEARNING_CURVE_SHARE * config.search.max_minutes


def final_epochs(values: Mapping[str, Any], best_epoch: int, max_epochs: int) -> int:
    """Decide how long a configuration is trained when there is no validation to watch.

    A schedule that falls to 0 is run to its end: its last weights do better on other texts than
    those of the epoch that looked best on validation (docs/experiments.md). A constant learning
    rate overfits in the end, so the best epoch counts.

    Args:
        values: Mapping. The configuration's hyperparameters.
        best_epoch: Integer. Best epoch on validation, by weights trained on train alone.
        max_epochs: Integer. Epoch at which the schedule ends.
    """
    return best_epoch if values["learning_rate_schedule"] == "constant" else max_epochs


@dataclass(frozen=True)
class FinalTraining:
    """How long a configuration is trained again for the export.

    Args:
        epochs: Integer. How many.
        epoch_texts: Integer. Texts of each; None for all.
        texts: Integer. How many different texts are read.
        seconds: Float. How long it takes, about; 0 where that is not known.
    """

    epochs: int
    epoch_texts: int | None
    texts: int
    seconds: float

    @classmethod
    def of_trial(
        cls, search: SearchConfig, best: TrialRecord, training_texts: int
    ) -> FinalTraining:
        """Return how long the search itself trained the weights of a trial."""
        part, epochs = search.epoch_texts, best.best_epoch
        texts = min(epochs * part, training_texts) if part else training_texts
        return cls(epochs, part, texts, 0.0)

    def until(self, epochs: int, rows: int) -> FinalTraining:
        """Return the training that was done if it ended after these epochs, on these rows."""
        texts = min(epochs * (self.epoch_texts or rows), rows)
        return replace(self, epochs=epochs, texts=texts)


def plan_final_training(
    search: SearchConfig,
    best: TrialRecord,
    *,
    max_epochs: int,
    training_texts: int,
    rows: int,
    seconds_a_text: float | None = None,
) -> FinalTraining:
    """Decide how long a trial's configuration is trained on all rows, within `retrain_minutes`.

    Args:
        search: Configuration of the search, the texts of an epoch decided.
        best: The trial.
        max_epochs: Integer. Epoch at which a trial's schedule ends.
        training_texts: Integer. Texts that the trial could read.
        rows: Integer. Number of texts to train on.
        seconds_a_text: Float. As measured. By default the time that a text took in the trial,
            validation included.
    """
    part = search.epoch_texts
    if part is None:
        wanted = rows * final_epochs(best.values, best.best_epoch, max_epochs)
    else:
        wanted = max(rows * _FINAL_PASSES, part * max_epochs)
    if seconds_a_text is None:
        seconds_a_text = best.seconds_per_epoch / (part or training_texts)
    affordable = retrain_seconds(search) / seconds_a_text if seconds_a_text else math.inf
    if part is None and wanted <= affordable:
        return FinalTraining(wanted // rows, None, rows, wanted * seconds_a_text)
    part = int(min(part or rows, rows, max(affordable, 1)))
    epochs = max(1, int(min(wanted, affordable) / part))
    some = part if part < rows else None
    seconds = epochs * part * seconds_a_text
    return FinalTraining(epochs, some, min(epochs * part, rows), seconds)


def outgrows_trials(search: SearchConfig, training_texts: int) -> bool:
    """Return whether the final network reads so many more texts that it is a different network.

    >>> outgrows_trials(SearchConfig(epoch_texts=1000, max_epochs=6), training_texts=100_000)
    True
    """
    if search.epoch_texts is None:
        return False
    return _OUTGROWN * search.epoch_texts * int(search.max_epochs) < training_texts


def retrain_seconds(search: SearchConfig) -> float:
    """Return how long a final training may take."""
    minutes = search.max_minutes if search.retrain_minutes == AUTO else search.retrain_minutes
    return 60 * float(minutes)


def leaves_a_core(search: SearchConfig, plan: FinalTraining) -> bool:
    """Return whether linear models may be fitted while the network is trained again.

    Not where its time is measured or short: beside others it takes longer.
    """
    has_time = _SLOWER_BESIDE * plan.seconds <= FINAL_MARGIN * retrain_seconds(search)
    reads_all = plan.epoch_texts is None and plan.texts <= _MAX_TEXTS_BESIDE
    return usable_cores() > 1 and reads_all and has_time


def seconds_after_trials(
    config: SearchCommand,
    best: TrialRecord,
    *,
    training_tokens: int,
    training_texts: int,
    workers: int,
) -> float:
    """Estimate the time from the last trial to the end of the command.

    Args:
        config: `SearchCommand`. The configuration of the run, with the epochs decided.
        best: `TrialRecord`. The best trial so far, or one that has trained an epoch.
        training_tokens: Integer. Tokens of the training texts, which the linear models read.
        training_texts: Integer. Number of the training texts.
        workers: Integer. How many train at a time.
    """
    final = config.final
    seconds = 15.0  # scoring, exporting and checking, the report
    baseline = min(340.0, training_tokens * 7e-5) if final.baseline else 0.0
    if final.learning_curve:
        trained = 3 * best.seconds / max(1, min(workers, 3))
        seconds += min(learning_curve_seconds(config), trained)
    if final.retrain:
        plan = plan_final_training(
            *(config.search, best),
            max_epochs=config.search.max_epochs,
            training_texts=training_texts,
            rows=round(1.2 * training_texts),
        )
        # Validation texts are trained on as well, and with use_all_rows everything is done twice.
        seconds += plan.seconds * (2 if final.use_all_rows else 1)
        if leaves_a_core(config.search, plan):
            baseline -= _SAVED_BESIDE * min(baseline, plan.seconds)
    return seconds + baseline
