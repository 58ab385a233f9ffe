"""Show how a search goes: a live line in a terminal, plain lines in a log."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ecomcat.model.scores import OBJECTIVE

if TYPE_CHECKING:
    from ecomcat.tuning.records import TrialRecord


class SearchProgress:
    """Tell on standard error which trial runs, its epoch, the best so far and the time left.

    Args:
        max_trials: of the study.
        seconds_left: of its time.
        done: trials that an earlier run of the study completed.
        best: the highest objective among them.
        console: where to write; by default standard error.
    """

    def __init__(
        self,
        max_trials: int,
        seconds_left: float,
        *,
        done: int = 0,
        best: float | None = None,
        console: Console | None = None,
    ) -> None:
        self._console = console or Console(stderr=True)
        self._max_trials = max_trials
        self._deadline = time.monotonic() + seconds_left
        self._done = done
        self._best = best
        self._seconds: list[float] = []
        self._epochs = 0
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task("search", total=max_trials, state="", completed=done)

    @contextmanager
    def live(self) -> Iterator[SearchProgress]:
        """Keep the live line on the screen while the block runs."""
        with self._progress:
            yield self

    def trial_begins(self, record: TrialRecord, epochs: int) -> None:
        """Show a trial that begins."""
        self._epochs = epochs
        self._show(record, 0)

    def epoch_ends(self, record: TrialRecord, epoch: int, logs: Mapping[str, float]) -> None:
        """Show an epoch's validation score."""
        self._show(record, epoch, logs[OBJECTIVE])
        if not self._console.is_terminal:
            self._print(
                f"trial {record.id} epoch {epoch}/{self._epochs}: "
                f"loss {logs['loss']:.4f}, validation macro-F1 {logs[OBJECTIVE]:.4f}, "
                f"accuracy {logs['val_accuracy']:.4f}"
            )

    def trial_ends(self, record: TrialRecord) -> None:
        """Write a line that stays."""
        self._done += 1
        self._seconds.append(record.seconds)
        if record.objective is None:
            self._print(f"trial {record.id} failed: {record.ended}")
        else:
            better = self._best is None or record.objective > self._best
            self._best = record.objective if better else self._best
            self._print(
                f"trial {record.id}: macro-F1 {record.objective:.4f} "
                f"after epoch {record.best_epoch} of {record.epochs}, {record.seconds:.0f} s"
                f"{' (best so far)' if better else f', best so far {self._best:.4f}'}"
                f", {self._time_left()}"
            )
        self._progress.update(self._task, completed=self._done)

    def _print(self, line: str) -> None:
        self._progress.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _show(self, record: TrialRecord, epoch: int, score: float | None = None) -> None:
        state = f"trial {record.id} of {self._max_trials}, epoch {epoch}/{self._epochs}"
        if score is not None:
            state += f", macro-F1 {score:.4f}"
        if self._best is not None:
            state += f", best {self._best:.4f}"
        self._progress.update(self._task, state=f"{state}, {self._time_left()}")

    def _time_left(self) -> str:
        """Estimate from the mean trial so far, bounded by the study's time."""
        bound = max(0.0, self._deadline - time.monotonic())
        if self._seconds:
            mean = sum(self._seconds) / len(self._seconds)
            bound = min(bound, mean * max(0, self._max_trials - self._done))
        return f"at most {format_seconds(bound)} left"


def format_seconds(seconds: float) -> str:
    """Write a duration as people read it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
