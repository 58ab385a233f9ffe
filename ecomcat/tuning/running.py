"""A trial under way, and what it may take."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from ecomcat.tuning.study.records import TrialRecord
from ecomcat.tuning.workers.messages import TrialTask

SENDING_SECONDS = 600.0  # that a trial's weights may take from a worker
_HANGS_AFTER = 20  # times the longest epoch
_LEAST_PATIENCE_SECONDS = 600.0
_MARGIN = 1.5  # by which an epoch may take longer than the longest before it


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
        longest_epoch: seconds.
    """

    task: TrialTask
    record: TrialRecord
    began: float
    seconds_before: float
    epoch_began: float
    longest_epoch: float = 0.0

    def note_time(self) -> None:
        """Bring the record's seconds up to now."""
        self.record.seconds = self.seconds_before + time.monotonic() - self.began

    def is_over(self, limits: Limits) -> bool:
        """Return whether the trial has had its time."""
        return time.monotonic() >= self.began + limits.trial_max_seconds

    def note_epoch_time(self) -> None:
        """Remember how long the longest epoch took."""
        self.longest_epoch = max(self.longest_epoch, time.monotonic() - self.epoch_began)

    def seconds_for_a_call(self, limits: Limits) -> float:
        """Return how long the worker may take to answer.

        Where the trial itself has no limit, an epoch that takes many times as long as those before
        it is taken for one that hangs.
        """
        seconds_left = self.began + limits.trial_max_seconds - time.monotonic()
        if self.longest_epoch == 0.0:
            return seconds_left
        return min(seconds_left, max(_LEAST_PATIENCE_SECONDS, _HANGS_AFTER * self.longest_epoch))

    def next_epoch_is_too_long(self, limits: Limits) -> bool:
        """Return whether another epoch, somewhat longer than the others, would be cut off."""
        seconds_left = self.began + limits.trial_max_seconds - time.monotonic()
        return _MARGIN * self.longest_epoch > seconds_left
