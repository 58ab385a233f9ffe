"""The progress of a search: a table that is redrawn in a terminal, lines in a log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, InitVar, dataclass, field
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ecomcat.console import can_draw, drawing, error_console, format_seconds
from ecomcat.model.metrics import OBJECTIVE
from ecomcat.reporting.printed_tables import SHOWN_FIRST, STATUS_STYLES, describe_values
from ecomcat.tuning.listeners import SearchListener
from ecomcat.tuning.records import PRUNED, TrialRecord, best_record

logger = logging.getLogger("ecomcat")

_SECONDS_BETWEEN_LINES = 30.0
_MAX_ENDED = 6  # trials, below those that run


@dataclass
class SearchProgress(SearchListener):
    """Show which trials run, how the others ended, and the time left.

    Args:
        max_trials: Integer. Trials of the study.
        seconds_left: Float. Seconds left for trials.
        names: Names of the hyperparameters in which trials may differ.
        earlier: Sequence of `TrialRecord`. Trials that earlier runs of the study ended. Defaults
            to none.
        seconds_after: Function that takes the best trial so far and returns the seconds from the
            last trial to the end of the command. Defaults to none.
        console: Where to write. Defaults to standard error.
    """

    max_trials: int
    seconds_left: InitVar[float]
    _: KW_ONLY
    names: Sequence[str] = ()
    earlier: InitVar[Sequence[TrialRecord]] = ()
    seconds_after: Callable[[TrialRecord], float] = lambda _best: 0.0
    console: Console = field(default_factory=error_console)

    def __post_init__(self, seconds_left: float, earlier: Sequence[TrialRecord]) -> None:
        self._logged = time.monotonic()
        self._deadline = self._logged + seconds_left
        self._seconds = [record.seconds for record in earlier]  # of all trials that have ended
        self.best = best_record(earlier)
        self._began = self._logged - sum(self._seconds)
        self._may_end_early = False
        self._running: dict[str, tuple[TrialRecord, int]] = {}
        self._within: dict[str, float] = {}  # fraction of the current epoch, by trial
        self._ended: list[tuple[TrialRecord, int]] = []
        first = [name for name in SHOWN_FIRST if name in self.names]
        self.names = [*first, *(name for name in self.names if name not in first)]

    @contextmanager
    def live(self) -> Iterator[SearchProgress]:
        """Draw the table while the block runs; log lines go above it."""
        if not can_draw(self.console):
            yield self
            return
        options: dict[str, Any] = {"refresh_per_second": 2, "transient": True}
        with (
            drawing(self.console) as screen,
            Live(get_renderable=self._drawn, console=screen, redirect_stdout=False, **options),
        ):
            yield self

    def search_begins(
        self, *, workers: int, trials_left: int, deadline: float, may_end_early: bool
    ) -> None:
        """Take how many trials there are, and until when they may run."""
        self.max_trials, self._deadline = len(self._seconds) + trials_left, deadline
        self._may_end_early = may_end_early
        # As if as many workers had just run the earlier trials.
        self._began = time.monotonic() - sum(self._seconds) / workers

    def trial_begins(self, record: TrialRecord, epochs: int) -> None:
        """Show a trial that begins."""
        self._running[record.id] = record, epochs

    def batches_end(self, record: TrialRecord, done: int, batches: int) -> None:
        """Show how far a long epoch is."""
        self._within[record.id] = done / batches
        now = time.monotonic()
        if now - self._logged >= _SECONDS_BETWEEN_LINES:
            self._logged = now
            share = f"{done / batches:.0%}, {self._time_left()}"
            self._log(f"trial {record.id} epoch {record.epochs + 1}: {share}")

    def epoch_ends(self, record: TrialRecord, epoch: int, logs: Mapping[str, float]) -> None:
        """Show an epoch's validation score."""
        self._within.pop(record.id, None)
        _, epochs = self._running[record.id]
        self._log(
            f"trial {record.id} epoch {epoch}/{epochs}: "
            f"loss {logs['loss']:.4f}, validation macro-F1 {logs[OBJECTIVE]:.4f}, "
            f"accuracy {logs['val_accuracy']:.4f}"
        )

    def trial_retries(self, record: TrialRecord, reason: str) -> None:
        """Log that a trial begins again."""
        self._running.pop(record.id, None)
        self._within.pop(record.id, None)
        self._log(f"trial {record.id} begins again: {reason}")

    def trial_ends(self, record: TrialRecord) -> None:
        """Show how a trial ended."""
        self._ended.append(self._running.pop(record.id))
        self._seconds.append(record.seconds)
        if record.objective is None:
            self._log(f"trial {record.id} failed: {record.ended}")
            return
        note = ""
        if record.status != PRUNED:
            best = self.best.objective if self.best else None
            note = f"best so far {best:.4f}, " if best else ""
            if best is None or record.objective > best:
                self.best, note = record, "the best so far, "
        self._log(
            f"trial {record.id} {record.status}: macro-F1 {record.objective:.4f} after epoch "
            f"{record.best_epoch} of {record.epochs}, {record.seconds:.0f} s, {note}"
            f"{self._time_left()}"
        )

    def _log(self, line: str) -> None:
        """Write a line where there is no table."""
        if not can_draw(self.console):
            logger.info("%s", line)

    def _drawn(self) -> Group:
        summary = [Text(line, style="bold") for line in self._summary()]
        shown = [*self._running.values(), *self._ended[: -_MAX_ENDED - 1 : -1]]
        if not shown:
            return Group(Text("Starting workers"), *summary)
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold", expand=True)
        for number, heading in enumerate(("trial", "status", "epoch", "macro-F1", "seconds")):
            table.add_column(heading, justify="right" if number > 1 else "left", no_wrap=True)
        table.add_column("hyperparameters", no_wrap=True, overflow="ellipsis", ratio=1)
        # More lines than the screen has would push the summary off it.
        for record, epochs in shown[: max(1, self.console.height - 2 - len(summary))]:
            table.add_row(
                record.id,
                Text(record.status, style=STATUS_STYLES.get(record.status, "")),
                f"{record.epochs + self._within.get(record.id, 0):.3g}/{epochs}",
                "" if record.objective is None else f"{record.objective:.4f}",
                f"{record.seconds:.0f}",
                Text(describe_values(record, self.names)),
            )
        return Group(table, *summary)

    def _summary(self) -> list[str]:
        """Return how far the search is, in one line, or in several where that is too long."""
        parts = [f"{len(self._seconds)} of {self.max_trials} trials"]
        if self.best is not None:
            parts.append(f"best macro-F1 {self.best.objective:.4f} (trial {self.best.id})")
        parts.append(self._time_left())
        line = ", ".join(parts)
        return [line] if len(line) <= self.console.width else parts

    def _time_left(self) -> str:
        """Estimate from the trials' pace and the study's time, with what follows the trials."""
        now = time.monotonic()
        left = max(0.0, self._deadline - now)
        done = len(self._seconds) + sum(self._fraction(*each) for each in self._running.values())
        if done > 0:
            left = min(left, (now - self._began) / done * max(0.0, self.max_trials - done))
        # Before there is a best trial, the one with most epochs says how long an epoch takes.
        running = [record for record, _ in self._running.values()]
        best = self.best or max(running, key=lambda record: record.epochs, default=None)
        after = self.seconds_after(best) if best is not None else 0.0
        all_begun = len(self._seconds) + len(self._running) >= self.max_trials
        at_most = "at most " if self._may_end_early and not all_begun else ""
        return f"{at_most}about {format_seconds(left + after)} left"

    def _fraction(self, record: TrialRecord, epochs: int) -> float:
        """Return the fraction of a running trial that is done: by others' time or its epochs."""
        mean = sum(self._seconds) / max(1, len(self._seconds))
        if mean > 0:
            return min(record.seconds / mean, 0.9)
        return (record.epochs + self._within.get(record.id, 0.0)) / epochs
