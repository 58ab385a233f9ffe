"""Write the report while a search goes on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from ecomcat.errors import UserError
from ecomcat.study_report.page import write_report
from ecomcat.tuning.study.records import TrialRecord
from ecomcat.tuning.study.study import Study

logger = logging.getLogger("ecomcat")

_LEAST_SECONDS = 30.0  # between two writings
_MOST_SHARE = 0.02  # of the search's time, which workers would wait for


class ReportListener:
    """Write the report when a trial has ended, unless it was written a moment ago.

    Args:
        study: the folder.
        clock: returns seconds.
    """

    def __init__(self, study: Study, clock: Callable[[], float] = time.monotonic) -> None:
        self._study = study
        self._clock = clock
        self._next = 0.0

    def trial_begins(self, record: TrialRecord, epochs: int) -> None:
        """Do nothing: what runs is not shown."""

    def epoch_ends(self, record: TrialRecord, epoch: int, logs: Mapping[str, float]) -> None:
        """Do nothing: what runs is not shown."""

    def trial_retries(self, record: TrialRecord, reason: str) -> None:
        """Do nothing: what runs is not shown."""

    def trial_ends(self, record: TrialRecord) -> None:
        """Write the report, if it is time."""
        began = self._clock()
        if began < self._next:
            return
        self._write(running=True)
        ended = self._clock()
        self._next = ended + max(_LEAST_SECONDS, (ended - began) / _MOST_SHARE)

    def close(self) -> None:
        """Write the report a last time: the search goes on no longer."""
        self._write(running=False)

    def _write(self, *, running: bool) -> None:
        try:
            write_report(self._study, running=running)
        except Exception as error:
            # The search is worth more than its report.
            say_no_report(error)


def say_no_report(error: Exception) -> None:
    """Warn that there is no report, with the traceback where the fault is our own."""
    logger.warning("No report: %s", error, exc_info=not isinstance(error, UserError))
