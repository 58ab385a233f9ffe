"""Show how far a download has come, on a terminal or in a log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from ecomcat.drawing import error_console, print_plain

ProgressReport = Callable[[int, int | None], None]
"""Called with the bytes so far and the bytes in total, None when the server does not say."""


@contextmanager
def progress_bar(description: str) -> Iterator[ProgressReport]:
    """Show a download on stderr: bytes, speed and time left, gone when it ends.

    Where stderr is no terminal, one line at the end of a successful download is all.

    Args:
        description: the words before the bar.

    Yields:
        A callback for `download`'s `on_progress`.
    """
    console = error_console()
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    label = TextColumn("{task.description}", markup=False)
    task: TaskID | None = None
    latest: int | None = None

    def report(done: int, total: int | None) -> None:
        nonlocal task, latest
        latest = done
        if task is None:  # added only now, lest resumed bytes count as speed
            task = progress.add_task(description, total=total, completed=done)
        else:
            progress.update(task, completed=done, total=total)

    with Progress(
        label, *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        yield report
    if latest is not None and not console.is_terminal:
        print_plain(console, f"{description}: {decimal(latest)}")
