"""Show how far a download has come, on a terminal or in a log."""

from __future__ import annotations

import logging
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column

from ecomcat.config import PredictCommand, SearchCommand

logger = logging.getLogger("ecomcat")


def error_console() -> Console:
    """Return the console that is drawn on, or a new one on standard error.

    What is drawn on the same console stands below each other; two consoles would overwrite what
    the other one drew.
    """
    for handler in logging.getLogger("ecomcat").handlers:
        if isinstance(handler, _ConsoleHandler):
            return handler.console
    return Console(stderr=True)


def can_draw(console: Console) -> bool:
    """Tell a terminal whose lines can be drawn over from a log and from a dumb terminal."""
    return console.is_terminal and not console.is_dumb_terminal


def print_plain(console: Console, line: str) -> None:
    """Print a line as it is: it may hold a file's name, or an error's message."""
    console.print(line, highlight=False, markup=False, emoji=False, soft_wrap=True)


@contextmanager
def logging_above(console: Console) -> Iterator[None]:
    """Let our own log lines pass through the console, which keeps what it draws below them."""
    own = logging.getLogger("ecomcat")
    if any(isinstance(handler, _ConsoleHandler) for handler in own.handlers):
        yield
        return
    handler, propagated = _ConsoleHandler(console), own.propagate
    own.addHandler(handler)
    own.propagate = False
    try:
        yield
    finally:
        own.propagate = propagated
        own.removeHandler(handler)


class _ConsoleHandler(logging.Handler):
    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console

    def emit(self, record: logging.LogRecord) -> None:
        print_plain(self.console, self.format(record))


def format_seconds(seconds: float) -> str:
    """Write a duration as people read it."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


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


def say_what_next(commands: Mapping[str, str]) -> None:
    """Log commands to copy, each with what it does.

    Args:
        commands: as they are typed, and what each does, in a few words.
    """
    logger.info("Next:")
    for command, does in commands.items():
        # A line of its own each: a terminal may wrap it, and it can still be copied whole.
        logger.info("  %s  # %s", command, does)


def say_what_next_after_search(config: SearchCommand, study: Path) -> None:
    """Say where model and study are, and how to use them.

    Args:
        config: of the run.
        study: its folder.
    """
    card = Path(config.model_dir) / "README.md"
    logger.info("Model: %s (how good it is, and what it is bad at: %s)", config.model_dir, card)
    logger.info("Study: %s (what was tried, what mattered: %s)", study, study / "report.html")
    say_what_next(
        {
            our_command("predict", "input=FILE", "output=FILE", model_dir=config.model_dir): (
                "label a file"
            ),
            our_command("serve", model_dir=config.model_dir): "try it in a browser",
            f"tensorboard --logdir {shlex.quote(config.outputs_dir)}": "look at the trials",
        }
    )


def our_command(command: str, *arguments: str, model_dir: str = PredictCommand.model_dir) -> str:
    """Return how one of our commands is typed.

    Args:
        command: its name, such as `"predict"`.
        arguments: its overrides.
        model_dir: the folder of the model, left out where it is the default.
    """
    if model_dir != PredictCommand.model_dir:
        arguments = (*arguments, f"model_dir={model_dir}")
    return shlex.join(["python", "-m", f"ecomcat.{command}", *arguments])


@contextmanager
def said_if_stopped(what: str) -> Iterator[None]:
    """Say what became of things when Ctrl-C or a signal stops the block.

    Args:
        what: in a sentence or two.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        logger.info("Stopped. %s", what)
        raise


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
