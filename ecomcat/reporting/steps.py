"""Show that a step which takes a while goes on: a moving line in a terminal, a line in a log.

with step("Fitting the vocabulary"):
...
with step("Scoring", total=len(batches)) as advance:
for batch in batches:
...
advance()
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Column

from ecomcat.drawing import can_draw, error_console, logging_above
from ecomcat.reporting.durations import format_seconds

logger = logging.getLogger("ecomcat")

_WORTH_A_LINE = 1.0  # seconds that a step takes before a log hears of it
_SECONDS_BETWEEN_LINES = 30.0
_BAR_FITS = 60  # columns


class Advance(Protocol):
    """Called when some more of the step is done."""

    def __call__(self, count: int = 1) -> None:
        """Count so many more, one unless given."""


@contextmanager
def step(
    description: str,
    *,
    total: int | None = None,
    console: Console | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Advance]:
    """Tell on standard error that a step is under way, and for how long.

    In a terminal a line with a spinner, a bar where the total is known, and the time stands below
    our log lines, and is gone when the step ends. Elsewhere a step that took a second or more
    gets one line when it has ended well, and one of known total a line every half minute.
    Steps may stand within each other and within a search's table.

    Args:
        description: what is done, in a few words, such as "Fitting the vocabulary".
        total: how often the yielded function will be called; None where that is not known.
        console: where to draw; by default standard error.
        clock: returns seconds.

    Yields:
        What to call when one more, or `count` more, of the total is done.
    """
    console = console or error_console()
    if can_draw(console):
        with _drawn(description, total, console) as advance:
            yield advance
        return
    told = _Told(description, total, clock)
    yield told
    told.end()


@contextmanager
def _drawn(description: str, total: int | None, console: Console) -> Iterator[Advance]:
    with (
        Progress(
            *_columns(console.width, total),
            console=console,
            transient=True,
            redirect_stdout=False,
            # So long a line as fits: a wrapped one would not be drawn over.
            expand=True,
        ) as progress,
        logging_above(console),
    ):
        task = progress.add_task(description, total=total)

        def advance(count: int = 1) -> None:
            progress.advance(task, count)

        yield advance


def _columns(width: int, total: int | None) -> list[ProgressColumn]:
    words = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    columns: list[ProgressColumn] = [
        SpinnerColumn(table_column=Column(no_wrap=True, width=1)),
        TextColumn("{task.description}", markup=False, table_column=words),
    ]
    if total is not None:
        if width >= _BAR_FITS:
            columns.append(BarColumn(bar_width=20))
        columns.append(MofNCompleteColumn(table_column=Column(no_wrap=True)))
    return [*columns, TimeElapsedColumn(table_column=Column(no_wrap=True))]


class _Told:
    """What a log hears of a step."""

    def __init__(self, description: str, total: int | None, clock: Callable[[], float]) -> None:
        self._description = description
        self._total = total
        self._clock = clock
        self._began = self._told = clock()
        self._done = 0

    def __call__(self, count: int = 1) -> None:
        self._done += count
        now = self._clock()
        if now - self._told >= _SECONDS_BETWEEN_LINES and self._done != self._total:
            self._told = now
            of = "" if self._total is None else f" of {self._total:,}"
            self._say(f"{self._done:,}{of}, {format_seconds(now - self._began)}")

    def end(self) -> None:
        """Say how long it took, if that was long."""
        seconds = self._clock() - self._began
        if seconds >= _WORTH_A_LINE:
            self._say(format_seconds(seconds))

    def _say(self, what: str) -> None:
        logger.info("%s: %s", self._description, what)
