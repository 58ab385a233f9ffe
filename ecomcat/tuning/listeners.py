"""Notifications about a search: for the progress display, TensorBoard and the report."""

from __future__ import annotations

from collections.abc import Mapping

from ecomcat.tuning.records import TrialRecord


class SearchListener:
    """Gets notified of the progress of a search; override the methods of interest."""

    def search_begins(
        self, *, workers: int, trials_left: int, deadline: float, may_end_early: bool
    ) -> None:
        """Handle the start of a search, which ends at `deadline`, a time of `time.monotonic()`.

        It may also end before its last trial, where more of them could gain too little.
        """

    def trial_begins(self, record: TrialRecord, epochs: int) -> None:
        """Handle the start of a trial, which may take so many epochs."""

    def batches_end(self, record: TrialRecord, done: int, batches: int) -> None:
        """Handle the progress of a long epoch, every ten seconds."""

    def epoch_ends(self, record: TrialRecord, epoch: int, logs: Mapping[str, float]) -> None:
        """Handle the end of an epoch, with its number (from 1) and scores."""

    def trial_retries(self, record: TrialRecord, reason: str) -> None:
        """Handle a trial that will begin again: its worker or all of its time was lost."""

    def trial_ends(self, record: TrialRecord) -> None:
        """Handle the end of a trial; its status says how it ended."""
