"""One console on standard error: log lines, progress bars, steps, and what to type next."""

from __future__ import annotations

import logging
import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from ecomcat.errors import UserError
from ecomcat.files import write_failure
from ecomcat.process import is_installed, silenced_stderr

if TYPE_CHECKING:
    from rich.console import Console

logger = logging.getLogger("ecomcat")

Advance = Callable[..., None]
Item = TypeVar("Item")

_MIN_LOGGED_SECONDS = 1.0  # of a step that gets a line in the log
_SECONDS_BETWEEN_LINES = 30.0
_MIN_BAR_WIDTH = 60  # columns
_COUNTED_AT_A_TIME = 4096  # items, of which each takes little
# With these a text may move the cursor, clear the screen, or reverse the reading direction.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    r"""Escape the characters of a text that control a terminal.

    >>> printable("red\x1b[2J shoe\u202e")
    'red\\x1b[2J shoe\\u202e'
    """
    return _CONTROLS.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def visible(text: str) -> str:
    r"""Replace these characters of a text, for output that is not a terminal.

    >>> visible("red\x1b[2J shoe\r\n") == "red\ufffd[2J shoe\r\n"
    True
    """
    return _CONTROLS.sub(lambda match: "\r" if match[0] == "\r" else "\ufffd", text)


class ConsoleHandler(logging.StreamHandler[Any]):
    """Write log lines above what is drawn on a console, by default on `error_console()`."""

    def __init__(self, console: Console | None = None) -> None:
        super().__init__()
        self.console = console

    def format(self, record: logging.LogRecord) -> str:
        """Return a line that is safe for a terminal: it may contain files' names, labels, texts."""
        return printable(super().format(record))

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line; in a terminal it breaks between words, unless it is a command."""
        from rich.text import Text

        console = self.console or error_console()
        if can_draw(console):
            text = Text(self.format(record))
            console.print(text, soft_wrap=getattr(record, "whole_line", False))
        else:
            # Not with Rich, which ends the program when nobody reads its output.
            self.stream = console.file
            super().emit(record)


def error_console() -> Console:
    """Return the console in use, or a new one on standard error.

    Two drawings on one console are shown below each other; two consoles would overwrite each
    other's.
    """
    from rich.console import Console

    return _drawn_on() or Console(stderr=True)


def _drawn_on() -> Console | None:
    consoles = [each.console for each in logger.handlers if isinstance(each, ConsoleHandler)]
    return next(filter(None, consoles), None)


@contextmanager
def standard_output() -> Iterator[TextIO]:
    """Yield standard output, for results; it is flushed at the end of the block.

    Raises:
        UserError: It is closed, or the disk is full.
        BrokenPipeError: Its reader, such as `head`, has stopped; further output is discarded.
    """
    try:
        yield sys.stdout
        sys.stdout.flush()
    except OSError as error:
        # What is flushed when the process ends is discarded.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        raise UserError(f"Cannot write to standard output: {write_failure(error)}") from error


def can_draw(console: Console) -> bool:
    """Return whether lines can be redrawn: not in a log, nor in a dumb terminal."""
    if console.is_jupyter:
        return is_installed("ipywidgets")  # Rich draws with it
    return console.is_terminal and not console.is_dumb_terminal


@contextmanager
def drawing(console: Console) -> Iterator[Console]:
    """Yield the console to draw on; only log lines are written above the drawing."""
    if _drawn_on() is not None:
        yield console
        return
    with _without_libraries(console) as screen:
        handler, propagated = ConsoleHandler(screen), logger.propagate
        logger.addHandler(handler)
        logger.propagate = False
        try:
            yield screen
        finally:
            logger.propagate = propagated
            logger.removeHandler(handler)


@contextmanager
def _without_libraries(console: Console) -> Iterator[Console]:
    """Hold back what libraries such as TensorFlow write to a terminal by themselves."""
    if console.is_jupyter or console.file is not sys.stderr or not os.isatty(2):
        yield console
        return
    from rich.console import Console

    with silenced_stderr() as screen:
        yield Console(file=screen)


def format_seconds(seconds: float) -> str:
    """Return a duration in hours, minutes and seconds.

    >>> format_seconds(75)
    '1 min 15 s'
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


@contextmanager
def step(
    description: str,
    *,
    total: int | None = None,
    draw: bool = True,
    in_log: bool = True,
    console: Console | None = None,
) -> Iterator[Advance]:
    """Show that a step is running, and for how long.

    In a terminal or a notebook it is a line below our log lines that disappears when the step
    ends. In a log a step of a second or more gets one line when it has succeeded, and a step that
    is counted also one every half minute. Steps may be nested, also within a search's table.

    Args:
        description: What is done, in a few words, such as "Fitting the vocabulary".
        total: Integer. How many the yielded function will count. Defaults to not known.
        draw: Whether it may be drawn; not where results go to the same terminal. Defaults to yes.
        in_log: Whether it is logged; False for a part of a step. Defaults to yes.
        console: Where to draw. Defaults to standard error.

    Yields:
        A function to call when one more, or `count` more, is done; `fraction` is the fraction of
        the whole, where only this is known.
    """
    console = console or error_console()
    is_drawn = draw and can_draw(console)
    done = 0

    def advance(count: int = 1, fraction: float | None = None) -> None:
        nonlocal done
        done += count
        words = [f"{done:,} of {total:,}" if total else f"{done:,}"] if done else []
        words += [f"{fraction:.0%}"] if fraction is not None else []
        show(", ".join(words), done / total if total else fraction)

    with _drawn(description, console) if is_drawn else _logged(description, in_log) as show:
        yield advance


@contextmanager
def _logged(description: str, in_log: bool) -> Iterator[Callable[[str, float | None], None]]:
    """Log counts every half minute, and the time when the step has succeeded."""
    began = logged = time.monotonic()

    def log(counts: str, fraction: float | None) -> None:
        nonlocal logged
        now = time.monotonic()
        if in_log and now - logged >= _SECONDS_BETWEEN_LINES and fraction != 1:
            logged = now
            logger.info("%s: %s, %s", description, counts, format_seconds(now - began))

    yield log
    if in_log and time.monotonic() - began >= _MIN_LOGGED_SECONDS:
        logger.info("%s: %s", description, format_seconds(time.monotonic() - began))


@contextmanager
def _drawn(description: str, console: Console) -> Iterator[Callable[[str, float | None], None]]:
    """Draw a line with a spinner, words, a bar where a fraction is known, counts, and the time."""
    from rich import progress as rich
    from rich.table import Column

    words = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    columns = [
        rich.SpinnerColumn(),
        rich.TextColumn("{task.description}", markup=False, table_column=words),
        *([rich.BarColumn(bar_width=20)] if console.width >= _MIN_BAR_WIDTH else []),
        rich.TextColumn("{task.fields[counts]}", table_column=Column(no_wrap=True)),
        rich.TimeElapsedColumn(table_column=Column(no_wrap=True)),
    ]
    options: dict[str, Any] = {"transient": True, "redirect_stdout": False, "expand": True}
    with (
        drawing(console) as screen,
        rich.Progress(*columns, console=screen, **options) as progress,
    ):
        task = progress.add_task(description, total=None, counts="")
        yield lambda counts, fraction: progress.update(
            task, counts=counts, completed=fraction or 0, total=fraction and 1
        )


def counted(items: Iterable[Item], advance: Callable[[int], None]) -> Iterator[Item]:
    """Yield items, and report to a step from time to time how many were taken.

    >>> list(counted("abc", print))
    3
    ['a', 'b', 'c']
    """
    iterator = iter(items)
    while some := list(islice(iterator, _COUNTED_AT_A_TIME)):
        yield from some
        advance(len(some))


def our_command(command: str, *arguments: str, model_dir: str = "model") -> str:
    """Return the command line of one of our commands.

    Args:
        command: Its name, such as `"predict"`.
        arguments: Its overrides.
        model_dir: The folder of the model, left out where it is the default.

    >>> our_command("predict", "input=my file.csv")
    "python -m ecomcat.predict 'input=my file.csv'"
    """
    if model_dir != "model":
        arguments = (*arguments, f"model_dir={model_dir}")
    return shlex.join(["python", "-m", f"ecomcat.{command}", *arguments])


def log_next(commands: Mapping[str, str]) -> None:
    """Log commands to copy, one per line, each with its purpose in a few words."""
    for command, purpose in commands.items():
        # A command is copied as one line.
        logger.info("Next: %s  # %s", command, purpose, extra={"whole_line": True})


@contextmanager
def log_if_stopped(consequence: str) -> Iterator[None]:
    """Log the consequence, in a sentence, when Ctrl-C or a signal stops the block."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        logger.info("Stopped. %s", consequence)
        raise
