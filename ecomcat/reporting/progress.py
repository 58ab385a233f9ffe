"""Show how a search goes: a live table in a terminal, plain lines in a log."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ecomcat.drawing import can_draw, error_console, logging_above, print_plain
from ecomcat.model.scores import OBJECTIVE
from ecomcat.reporting.durations import format_seconds

if TYPE_CHECKING:
    from ecomcat.tuning.study.records import TrialRecord

_ENDED_SHOWN = 6  # trials, below those that run
TELLING = ("lstm_units", "embedding_dim", "dropout", "learning_rate")  # where there is little room
_STYLES = {"running": "", "completed": "green", "pruned": "yellow", "failed": "red"}


class SearchProgress:
    """Tell on standard error which trials run, how the others ended, and the time left.

    Args:
        max_trials: of the study.
        seconds_left: of its time.
        names: hyperparameters in which trials may differ.
        done: trials that an earlier run of the study ended.
        best: the best of them.
        console: where to write; by default standard error.
    """

    def __init__(
        self,
        max_trials: int,
        seconds_left: float,
        *,
        names: Sequence[str] = (),
        done: int = 0,
        best: TrialRecord | None = None,
        console: Console | None = None,
    ) -> None:
        self._console = console or error_console()
        self._max_trials = max_trials
        self._began = time.monotonic()
        self._deadline = self._began + seconds_left
        self._names = [name for name in TELLING if name in names]
        self._names += [name for name in names if name not in TELLING]
        self._done_before = self._done = done
        self._best = best
        self._running: dict[str, tuple[TrialRecord, int]] = {}
        self._ended: list[tuple[TrialRecord, int]] = []

    @contextmanager
    def live(self) -> Iterator[SearchProgress]:
        """Keep the table on the screen while the block runs; log lines go above it."""
        if not self._has_table:
            yield self
            return
        live = Live(
            get_renderable=self._table,
            console=self._console,
            refresh_per_second=2,
            transient=True,
            redirect_stdout=False,
        )
        with live, logging_above(self._console):
            yield self

    def trial_begins(self, record: TrialRecord, epochs: int) -> None:
        """Show a trial that begins."""
        self._running[record.id] = record, epochs

    def epoch_ends(self, record: TrialRecord, epoch: int, logs: Mapping[str, float]) -> None:
        """Show an epoch's validation score."""
        _, epochs = self._running[record.id]
        self._say(
            f"trial {record.id} epoch {epoch}/{epochs}: "
            f"loss {logs['loss']:.4f}, validation macro-F1 {logs[OBJECTIVE]:.4f}, "
            f"accuracy {logs['val_accuracy']:.4f}"
        )

    def trial_retries(self, record: TrialRecord, reason: str) -> None:
        """Say that a trial begins again."""
        self._running.pop(record.id, None)
        self._say(f"trial {record.id} begins again: {reason}")

    def trial_ends(self, record: TrialRecord) -> None:
        """Say how a trial ended."""
        self._ended.append(self._running.pop(record.id))
        self._done += 1
        if record.objective is None:
            self._say(f"trial {record.id} failed: {record.ended}")
            return
        score = (
            f"macro-F1 {record.objective:.4f} after epoch {record.best_epoch} of {record.epochs}, "
            f"{record.seconds:.0f} s"
        )
        if record.status == "pruned":
            self._say(f"trial {record.id} pruned: {score}, {self._time_left()}")
            return
        if self._best is None or record.objective > (self._best.objective or 0.0):
            self._best, note = record, "(best so far)"
            self._say(f"trial {record.id}: {score} {note}, {self._time_left()}")
        else:
            note = f"best so far {self._best.objective:.4f}"
            self._say(f"trial {record.id}: {score}, {note}, {self._time_left()}")

    def _say(self, line: str) -> None:
        """Write a line where there is no table."""
        if not self._has_table:
            print_plain(self._console, line)

    @property
    def _has_table(self) -> bool:
        return can_draw(self._console)

    def _table(self) -> Group:
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold", expand=True)
        for heading, width in (("trial", 5), ("status", 9)):
            table.add_column(heading, no_wrap=True, min_width=width)
        for heading in ("epoch", "macro-F1", "seconds"):
            table.add_column(heading, justify="right", no_wrap=True, min_width=len(heading))
        table.add_column("hyperparameters", no_wrap=True, overflow="ellipsis", ratio=1)
        summary = self._summary()
        shown = [*self._running.values(), *self._ended[: -_ENDED_SHOWN - 1 : -1]]
        # What the screen cannot hold would push the summary off it.
        for record, epochs in shown[: max(1, self._console.height - 2 - len(summary))]:
            score = "" if record.objective is None else f"{record.objective:.4f}"
            table.add_row(
                record.id,
                Text(record.status, style=_STYLES[record.status]),
                f"{record.epochs}/{epochs}",
                score,
                f"{record.seconds:.0f}",
                Text(describe_values(record, self._names)),
            )
        return Group(table, *(Text(line, style="bold") for line in summary))

    def _summary(self) -> list[str]:
        """Say how far the search is, in one line, or in several where that is too long."""
        parts = [f"{self._done} of {self._max_trials} trials"]
        if self._best is not None:
            parts.append(f"best macro-F1 {self._best.objective:.4f} (trial {self._best.id})")
        parts.append(self._time_left())
        line = ", ".join(parts)
        return [line] if len(line) <= self._console.width else parts

    def _time_left(self) -> str:
        """Estimate from the pace so far, bounded by the study's time."""
        now = time.monotonic()
        bound = max(0.0, self._deadline - now)
        ended = self._done - self._done_before
        if ended:
            pace = (now - self._began) / ended
            bound = min(bound, pace * max(0, self._max_trials - self._done))
        return f"about {format_seconds(bound)} left"


def describe_values(record: TrialRecord, names: Sequence[str]) -> str:
    """Write some of a trial's hyperparameters in a line."""
    return "  ".join(f"{name}={plain_value(record.values.get(name))}" for name in names)


def plain_value(value: object) -> str:
    """Write a hyperparameter's value, a real number in three digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
