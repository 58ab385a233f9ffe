"""Who draws on standard error: one console at a time, and our log lines go above what it draws."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


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
