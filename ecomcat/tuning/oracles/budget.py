"""How long a search and each of its trials may take."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ecomcat.config import SearchConfig
from ecomcat.model.domains import Domain
from ecomcat.rules import AUTO

_FEWEST_EPOCHS, _LEAST_PATIENCE = 4, 2


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
    search: SearchConfig, space: Mapping[str, Domain], training_texts: int
) -> SearchConfig:
    """Replace `auto` in `max_epochs` and `patience` by numbers.

    A network learns by updates: few texts give few of them an epoch, and so need more epochs and,
    as single epochs then say little, more patience.

    Args:
        search: the configuration; `max_batches` is what `auto` aims at.
        space: domains, with the batch size decided.
        training_texts: how many texts an epoch has.
    """
    max_epochs, patience = search.max_epochs, search.patience
    if max_epochs == AUTO:
        batches_an_epoch = math.ceil(training_texts / int(space["batch_size"].highest))
        max_epochs = max(round(search.max_batches / batches_an_epoch), _FEWEST_EPOCHS)
    if patience == AUTO:
        patience = max(round(max_epochs / 4), _LEAST_PATIENCE)
    return replace(search, max_epochs=max_epochs, patience=patience)
