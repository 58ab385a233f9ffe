"""Steps that take a while: a line that moves in a terminal, a line at the end in a log."""

from __future__ import annotations

import io
import logging
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from ecomcat.console import error_console, logging_above, step
from ecomcat.reporting.terminal import SearchProgress

logger = logging.getLogger("ecomcat")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_MOVES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def _usual_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def a_console(width: int = 80, *, terminal: bool = True) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=width, height=20)


def drawn(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def lines(console: Console) -> list[str]:
    moved = _MOVES.sub("\n", _COLOURS.sub("", drawn(console)))
    return [line.rstrip() for line in moved.splitlines() if line]


# In a terminal


def test_a_terminal_shows_what_is_done_and_for_how_long():
    console = a_console()
    with step("Fitting the [vocabulary]", console=console):
        pass
    shown = " ".join(lines(console))
    assert "Fitting the [vocabulary]" in shown
    assert "0:00:00" in shown


def test_where_the_total_is_known_there_is_a_bar_and_a_count():
    console = a_console()
    with step("Scoring", total=8, console=console) as advance:
        advance()
        advance(2)
    shown = drawn(console)
    assert "3/8" in shown
    assert "━" in shown


def test_nothing_is_left_of_it_when_it_ends():
    console = a_console()
    with step("Scoring", console=console):
        pass
    assert drawn(console).endswith("\x1b[1A\x1b[2K")
    assert drawn(console).index("\x1b[?25l") < drawn(console).index("\x1b[?25h")


def test_nothing_is_left_of_it_when_it_fails():
    console = a_console()
    with pytest.raises(KeyboardInterrupt), step("Scoring", console=console):
        raise KeyboardInterrupt
    assert drawn(console).endswith("\x1b[1A\x1b[2K")


@pytest.mark.parametrize("width", [100, 60, 40, 20])
@pytest.mark.parametrize("total", [None, 100_000])
def test_no_line_is_wider_than_the_terminal(width, total):
    console = a_console(width)
    with step("Encoding the texts of a file with 語 in it" * 3, total=total, console=console):
        pass
    assert max(map(cell_len, lines(console))) <= width
    if width >= 40:
        assert any("0:00:00" in line for line in lines(console)), "the time is whole"


def test_a_count_is_whole_in_forty_columns():
    console = a_console(40)
    with step("Scoring the test set, once", total=100_000, console=console) as advance:
        advance(50_000)
    assert any("50000/100000 0:00:00" in line for line in lines(console))


def test_no_color_is_respected(monkeypatch):
    coloured = a_console()
    with step("Scoring", total=3, console=coloured):
        pass
    assert re.search(r"\x1b\[3\dm", drawn(coloured))
    monkeypatch.setenv("NO_COLOR", "1")
    plain = a_console()
    with step("Scoring", total=3, console=plain):
        pass
    assert not re.search(r"\x1b\[(3\d|38;)", drawn(plain))


def test_log_lines_go_above_what_is_drawn(caplog):
    console = a_console()
    with step("Scoring", console=console):
        logger.warning("a line of [ours] about %s", ":smile:")
    assert "a line of [ours] about :smile:" in lines(console)
    assert caplog.messages == [], "and not to the handlers that would write over it"
    logger.warning("later")
    assert caplog.messages == ["later"]


def test_a_step_within_a_step_is_drawn_below_it_and_says_a_line_once():
    console = a_console()
    with step("Training", console=console):
        assert error_console() is console
        with step("Scoring"):
            logger.warning("a line")
        logger.warning("another")
    shown = lines(console)
    assert shown.count("a line") == shown.count("another") == 1
    assert any("Training" in line for line in shown)
    assert any("Scoring" in line for line in shown)
    assert error_console() is not console


def test_a_step_within_a_search_leaves_its_table_alone():
    console = a_console()
    progress = SearchProgress(10, 600.0, console=console)
    with progress.live(), step("Scoring"):
        logger.warning("a line")
    shown = lines(console)
    assert shown.count("a line") == 1
    assert any(line.startswith("trial status") for line in shown)
    assert any("Scoring" in line for line in shown)


# In a log


@pytest.mark.parametrize("kind", ["no terminal", "dumb terminal"])
def test_a_log_gets_one_line_of_a_step_that_took_long(kind, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("TERM", "dumb")
    clock, console = Clock(), a_console(terminal=kind == "dumb terminal")
    with step("Fitting the vocabulary", console=console, clock=clock):
        clock.now += 75
    assert caplog.messages == ["Fitting the vocabulary: 1 min 15 s"]
    assert drawn(console) == ""


def test_a_log_hears_nothing_of_a_quick_step_nor_of_one_that_failed(caplog):
    caplog.set_level(logging.INFO)
    clock, console = Clock(), a_console(terminal=False)
    with step("Quick", console=console, clock=clock):
        clock.now += 0.9
    with pytest.raises(ValueError, match="no"), step("Failed", console=console, clock=clock):
        clock.now += 90
        raise ValueError("no")
    assert caplog.messages == []


def test_a_log_gets_a_line_now_and_then_where_the_total_is_known(caplog):
    caplog.set_level(logging.INFO)
    clock, console = Clock(), a_console(terminal=False)
    with step("Scoring", total=5_000, console=console, clock=clock) as advance:
        for _ in range(5):
            clock.now += 16
            advance(1_000)
    assert caplog.messages == [
        "Scoring: 2,000 of 5,000, 32 s",
        "Scoring: 4,000 of 5,000, 1 min 04 s",
        "Scoring: 1 min 20 s",
    ]


def test_the_logger_is_as_it_was_even_where_it_did_not_propagate():
    own = logging.getLogger("ecomcat")
    before = own.handlers[:]
    own.propagate = False
    try:
        with logging_above(a_console()):
            pass
        assert own.propagate is False
    finally:
        own.propagate = True
    assert own.handlers == before
