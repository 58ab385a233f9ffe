"""A trial under way, and what it may take."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from ecomcat.tuning.study.records import TrialRecord
from ecomcat.tuning.workers.messages import TrialTask


@dataclass(frozen=True)
class Limits:
    """What trials may take.

    Args:
        max_epochs: of one trial.
        deadline: `time.monotonic()` seconds after which no further epoch begins.
        trial_max_seconds: after which a trial ends.
        max_retries: further tries of a trial whose worker was lost or out of memory.
    """

    max_epochs: int
    deadline: float = math.inf
    trial_max_seconds: float = math.inf
    max_retries: int = 2


@dataclass
class RunningTrial:
    """A trial under way.

    Args:
        task: what its worker was told.
        record: what is written of it.
        began: `time.monotonic()` seconds.
        seconds_before: that lost attempts took.
        epoch_began: `time.monotonic()` seconds.
    """

    task: TrialTask
    record: TrialRecord
    began: float
    seconds_before: float
    epoch_began: float

    def note_time(self) -> None:
        """Bring the record's seconds up to now."""
        self.record.seconds = self.seconds_before + time.monotonic() - self.began

    def seconds_left(self, limits: Limits) -> float:
        """Return how long the trial may still take."""
        return self.began + limits.trial_max_seconds - time.monotonic()

    def next_epoch_is_too_long(self, limits: Limits) -> bool:
        """Return whether another epoch like the last would be cut off by the trial's limit."""
        return time.monotonic() - self.epoch_began > self.seconds_left(limits)
