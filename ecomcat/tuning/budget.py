"""How long a search and each of its trials may take."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ecomcat.config import AUTO, SearchConfig
from ecomcat.model.space import Domain

_FEWEST_EPOCHS, _LEAST_PATIENCE = 4, 2
_FEW_CATEGORIES = 4  # for which `max_batches` is enough
_LONG_TEXT = 100  # words, of which a batch costs what the budgets allow for
_MOST_TIMES = 2.0  # as many batches, for any categories and texts


@dataclass
class Budget:
    """When a search stops to begin trials.

    Args:
        max_trials: trials begun in all, resumed runs included.
        deadline: `time.monotonic()` seconds.
    """

    max_trials: int
    deadline: float = math.inf

    def spent(self, trials: int) -> bool:
        """Return whether no further trial may begin."""
        return trials >= self.max_trials or time.monotonic() >= self.deadline


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

    Args:
        search: the configuration; `max_batches` is what `auto` aims at for few categories.
        space: domains, with the batch size decided.
        training_texts: how many texts an epoch has.
        categories: how many there are to tell apart.
        mean_words: of a training text.
    """
    max_epochs, patience = search.max_epochs, search.patience
    if max_epochs == AUTO:
        batches_an_epoch = math.ceil(training_texts / int(space["batch_size"].highest))
        batches = search.max_batches * _times_as_many(categories, mean_words)
        max_epochs = max(round(batches / batches_an_epoch), _FEWEST_EPOCHS)
    if patience == AUTO:
        patience = max(round(max_epochs / 4), _LEAST_PATIENCE)
    return replace(search, max_epochs=max_epochs, patience=patience)


def _times_as_many(categories: int, mean_words: float) -> float:
    """Return how many times as many batches are wanted, and affordable."""
    wanted = math.sqrt(categories / _FEW_CATEGORIES)
    affordable = _LONG_TEXT / max(mean_words, 1)
    return max(min(wanted, affordable, _MOST_TIMES), 1)
