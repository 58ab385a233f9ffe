"""Consoles that keep what is written to them, and a clock that stands still."""

from __future__ import annotations

import io
import re

from rich.console import Console

_COLOURS, _MOVES = re.compile(r"\x1b\[[0-9;]*m"), re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Clock:
    """The time that `time.monotonic` returns, which passes when a test says so."""

    now = 1000.0


def a_terminal(width: int = 100, height: int = 40) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=height)


def a_log(*, notebook: bool = False) -> Console:
    return Console(file=io.StringIO(), force_jupyter=notebook, width=80)


def lines(console: Console) -> list[str]:
    """Return what was written, without what steers a terminal."""
    assert isinstance(console.file, io.StringIO)
    shown = _MOVES.sub("\n", _COLOURS.sub("", console.file.getvalue()))
    return [line.rstrip() for line in shown.splitlines() if line]
