"""Listeners of a search that measure it."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecomcat.tuning.records import TrialRecord


class Listener:
    """Hear all that a search tells, and do nothing."""

    def trial_begins(self, record: TrialRecord, epochs: int) -> None:
        """Do nothing."""

    def epoch_ends(self, record: TrialRecord, epoch: int, logs: Mapping[str, float]) -> None:
        """Do nothing."""

    def trial_retries(self, record: TrialRecord, reason: str) -> None:
        """Say that a worker was lost, which spoils a figure."""
        print(f"Trial {record.id} begins again: {reason}", file=sys.stderr, flush=True)

    def trial_ends(self, record: TrialRecord) -> None:
        """Do nothing."""


class TrialClock(Listener):
    """Note when the first trial begins and when the last one has ended, on the same clock."""

    def __init__(self) -> None:
        self.first_began = self.last_ended = 0.0

    def trial_begins(self, record: TrialRecord, epochs: int) -> None:
        """Note the first trial's begin."""
        self.first_began = self.first_began or time.perf_counter()

    def trial_ends(self, record: TrialRecord) -> None:
        """Note the latest end."""
        self.last_ended = time.perf_counter()
