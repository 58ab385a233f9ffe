"""What whoever follows a search hears of it: the progress display, TensorBoard, the report."""

from __future__ import annotations

from collections.abc import Mapping

from ecomcat.tuning.records import TrialRecord


class SearchListener:
    """Someone who hears how a search goes; override what is of interest."""

    def search_begins(self, *, workers: int, trials_left: int, deadline: float) -> None:
        """Hear what there is to do until the `deadline`, a second of `time.monotonic()`."""

    def trial_begins(self, record: TrialRecord, epochs: int) -> None:
        """Hear of a trial that begins, and how many epochs it may take."""

    def batches_end(self, record: TrialRecord, done: int, batches: int) -> None:
        """Hear, every ten seconds of a long epoch, how many of its batches are done."""

    def epoch_ends(self, record: TrialRecord, epoch: int, logs: Mapping[str, float]) -> None:
        """Hear of an epoch's number (from 1) and scores."""

    def trial_retries(self, record: TrialRecord, reason: str) -> None:
        """Hear of a trial that will begin again: its worker or all of its time was lost."""

    def trial_ends(self, record: TrialRecord) -> None:
        """Hear of a trial that has ended, as its status says."""
