"""Show how far labelling has come: a bar in a terminal, a line now and then in a log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from ecomcat.drawing import can_draw, error_console

logger = logging.getLogger("ecomcat")

RowsReport = Callable[[int], None]
"""Called with the number of rows so far."""

_SECONDS_BETWEEN_LINES = 30.0
_BAR_FITS, _RATE_FITS = 80, 60  # columns


@contextmanager
def labelling_progress(
    fraction_read: Callable[[], float | None],
    *,
    console: Console | None = None,
    clock: Callable[[], float] = time.monotonic,
    bar: bool = True,
) -> Iterator[RowsReport]:
    """Tell on standard error how many rows are labelled, and how fast.

    Args:
        fraction_read: returns the share of the input that has been read, None if not known.
        console: where to draw; by default standard error.
        clock: returns seconds.
        bar: whether to draw a bar where the console is a terminal; not where rows go there.

    Yields:
        What to call after each batch.
    """
    console = console or error_console()
    began = clock()
    if bar and can_draw(console):
        with _drawn(console, fraction_read, began, clock) as report:
            yield report
    else:
        yield _logged(began, clock)


@contextmanager
def _drawn(
    console: Console,
    fraction_read: Callable[[], float | None],
    began: float,
    clock: Callable[[], float],
) -> Iterator[RowsReport]:
    bar = (BarColumn(bar_width=20),) if console.width >= _BAR_FITS else ()
    with Progress(
        SpinnerColumn(),
        *bar,
        TextColumn("{task.description}", markup=False),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as progress:
        task = progress.add_task("0 rows", total=None)

        def said(rows: int) -> str:
            # Where the rate has no room, it would push out what matters more.
            return rows_and_rate(rows, clock() - began if console.width >= _RATE_FITS else 0.0)

        def report(rows: int) -> None:
            fraction = fraction_read()
            percent = "" if fraction is None else f"{fraction:.0%}, "
            progress.update(
                task,
                total=None if fraction is None else 1.0,
                completed=fraction or 0.0,
                description=f"{percent}{said(rows)}",
            )

        yield report


def _logged(began: float, clock: Callable[[], float]) -> RowsReport:
    last = began

    def report(rows: int) -> None:
        nonlocal last
        now = clock()
        if now - last >= _SECONDS_BETWEEN_LINES:
            last = now
            logger.info("%s", rows_and_rate(rows, now - began))

    return report


def rows_and_rate(rows: int, seconds: float) -> str:
    """Write a number of rows, and how many that were a second."""
    rate = f", {rows / seconds:,.0f} rows/s" if seconds > 0 and rows else ""
    return f"{rows:,} {'row' if rows == 1 else 'rows'} labelled{rate}"
