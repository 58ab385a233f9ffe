"""Who is told how a search goes: a progress display, TensorBoard, a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ecomcat.tuning.study.records import TrialRecord


class SearchListener(Protocol):
    """Somebody who is told how a search goes."""

    def trial_begins(self, record: TrialRecord, epochs: int) -> None:
        """Hear of a trial that begins, and how many epochs it may take."""

    def epoch_ends(self, record: TrialRecord, epoch: int, logs: Mapping[str, float]) -> None:
        """Hear of an epoch's number (from 1) and scores."""

    def trial_retries(self, record: TrialRecord, reason: str) -> None:
        """Hear of a trial that will begin again, since its worker was lost."""

    def trial_ends(self, record: TrialRecord) -> None:
        """Hear of a trial that has completed, was pruned or has failed."""
