"""What is shown while something takes a while, in a terminal and in a log, and what to type."""

from __future__ import annotations

import logging
import os
import pty
import re
import shlex
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from terminal_material import Clock, a_log, a_terminal, lines

from ecomcat.config import DataConfig
from ecomcat.console import (
    ConsoleHandler,
    counted,
    drawing,
    error_console,
    format_seconds,
    log_if_stopped,
    log_next,
    our_command,
    printable,
    step,
)
from ecomcat.data.cleaning import clean_rows
from ecomcat.data.reading import read_labelled
from ecomcat.errors import UserError
from ecomcat.text.tokenizer import fit_tokenizer

logger = logging.getLogger("ecomcat")


@pytest.fixture
def clock(monkeypatch):
    stopped = Clock()
    monkeypatch.setattr(time, "monotonic", lambda: stopped.now)
    return stopped


@pytest.fixture(autouse=True)
def _usual_terminal(monkeypatch, caplog):
    caplog.set_level(logging.INFO, "ecomcat")
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


@given(st.text())
def test_text_that_is_printed_controls_nothing_and_is_else_as_it_was(text):
    shown = printable(text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    if shown != text:
        assert len(shown) > len(text)
    assert printable(shown) == shown


def test_a_log_line_and_the_last_line_of_a_command_control_no_terminal(run_task, capsys):
    def task(_config):
        logger.info("Data: a\x1b[2J\u202eb, ü ك")
        raise UserError("Expected x, found a\x1b]0;title\x07.")

    errors = run_task("search", task).errors
    assert "Data: a\\x1b[2J\\u202eb, ü ك" in errors or "\x1b" not in errors
    assert "found a\\x1b]0;title\\x07." in errors and "\x1b" not in errors


# Steps in a terminal


@pytest.mark.parametrize(
    ("total", "calls", "shown"),
    [
        (None, [], ""),
        (8, [(1, None), (2, None)], "3 of 8"),
        (None, [(1200, None)], "1,200"),
        (None, [(1200, 0.25)], "1,200, 25%"),
        (None, [(0, 0.5)], "50%"),
    ],
)
def test_what_is_counted_is_shown_with_what_is_known_of_the_whole(total, calls, shown):
    console = a_terminal()
    with step("Fitting the [vocabulary]", total=total, console=console) as advance:
        for call in calls:
            advance(*call)
    last = [line for line in lines(console) if "Fitting the [vocabulary]" in line][-1]
    assert f" {shown} 0:00:00" in last


def test_log_lines_go_above_what_is_drawn_once_and_to_nobody_else(caplog):
    console = a_terminal()
    with step("Training", console=console):
        assert error_console() is console
        with step("Scoring"):
            logger.warning("a line of [ours] about %s", ":smile:")
    shown = lines(console)
    assert shown.count("a line of [ours] about :smile:") == 1
    assert any("Scoring" in line for line in shown)
    assert caplog.messages == []
    logger.warning("later")
    assert caplog.messages == ["later"]
    assert error_console() is not console


def test_a_long_log_line_breaks_between_words_but_a_command_stays_whole():
    console = a_terminal(40)
    with drawing(console):
        logger.warning("Expected a file of product texts, found a folder of pictures.")
        log_next({"python -m ecomcat.predict input=FILE output=FILE": "label a file"})
    assert lines(console) == [
        "Expected a file of product texts, found",
        "a folder of pictures.",
        "Next: python -m ecomcat.predict input=FILE output=FILE  # label a file",
    ]


_DRAWN = """
import os, time
from ecomcat.console import step
with step("Training"):
    os.write(2, b"a line of a library\\n")
    time.sleep(0.3)
    {then}
"""


@pytest.mark.parametrize(
    ("then", "is_shown"), [("pass", False), ("raise KeyboardInterrupt", False), ("1 / 0", True)]
)
def test_what_libraries_write_by_themselves_is_shown_where_the_step_fails_alone(then, is_shown):
    reader, terminal = pty.openpty()
    command = [sys.executable, "-c", _DRAWN.format(then=then)]
    subprocess.run(command, stderr=terminal, env={**os.environ, "TERM": "xterm"}, check=False)
    os.close(terminal)
    shown = b""
    with os.fdopen(reader, "rb", buffering=0) as written:
        try:
            while block := written.read(4096):
                shown += block
        except OSError:  # the end of a terminal
            pass
    assert b"Training" in shown
    assert (b"a line of a library" in shown) == is_shown


# Steps in a log


@pytest.mark.parametrize("kind", ["no terminal", "dumb terminal", "notebook without ipywidgets"])
def test_a_log_gets_one_line_of_a_step_that_took_long(kind, clock, monkeypatch, caplog):
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    console = a_terminal() if kind == "dumb terminal" else a_log(notebook="notebook" in kind)
    for name, seconds in (("Quick", 0.9), ("Fitting the vocabulary", 75)):
        with step(name, console=console):
            clock.now += seconds
    with pytest.raises(ValueError, match="no"), step("Failed", console=console):
        clock.now += 90
        raise ValueError("no")
    assert caplog.messages == ["Fitting the vocabulary: 1 min 15 s"]
    assert lines(console) == []


@pytest.mark.parametrize(
    ("total", "fraction", "of"),
    [(5_000, None, " of 5,000"), (None, None, ""), (None, 0.5, ", 50%")],
)
def test_a_log_gets_a_line_now_and_then_where_something_is_counted(
    total, fraction, of, clock, caplog
):
    with step("Scoring", total=total, console=a_terminal(), draw=False) as advance:
        for _ in range(5):
            clock.now += 16
            advance(1_000, fraction)
    assert caplog.messages == [
        f"Scoring: 2,000{of}, 32 s",
        f"Scoring: 4,000{of}, 1 min 04 s",
        "Scoring: 1 min 20 s",
    ]


def test_a_log_hears_nothing_of_a_part_of_a_step(clock, caplog):
    with step("Cleaning", console=a_log()), step("Comparing", in_log=False) as advance:
        for _ in counted(range(10_000), advance):
            clock.now += 0.01
    assert caplog.messages == ["Cleaning: 1 min 40 s"]


def test_reading_cleaning_and_the_vocabulary_say_in_a_terminal_how_far_they_are(tmp_path, caplog):
    path = tmp_path / "shop.csv"
    path.write_text("category,text\n" + "".join(f"{n % 2},ball {n}\n" for n in range(9000)))
    console = a_terminal()
    with drawing(console):
        frame, _ = read_labelled(path, DataConfig())
        cleaned = clean_rows(frame)
        with step("Counting words", total=9000) as advance:
            fit_tokenizer(cleaned.texts, 100, on_texts=advance)
    shown = "\n".join(lines(console))
    for words in (
        "Reading rows *9,000, 100%",
        "Comparing texts *9,000 of 9,000",
        "Counting words *9,000 of 9,000",
    ):
        assert re.search(words.replace(" *", ".* "), shown), words
    assert caplog.messages == []


@pytest.mark.parametrize("line", [":smile:", "[bold]x[/q]", "c:\\[b]\\", "word " * 50 + "end"])
def test_a_log_line_is_written_as_it_is_on_one_line_of_a_log(line):
    console = a_log()
    ConsoleHandler(console).emit(logging.makeLogRecord({"msg": line}))
    assert lines(console) == [line]


# Words


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0.4, "0 s"), (59.6, "1 min 00 s"), (3599.6, "1 h 00 min"), (360_061, "100 h 01 min")],
)
def test_a_duration_is_written_as_people_read_it(seconds, written):
    assert format_seconds(seconds) == written


@pytest.mark.parametrize("folder", ["my model", "it's", "a$b", "(1)", "café;rm"])
def test_a_shell_reads_a_command_as_it_is_meant(folder):
    words = shlex.split(our_command("predict", "input=FILE", model_dir=folder))
    assert words == ["python", "-m", "ecomcat.predict", "input=FILE", f"model_dir={folder}"]


@pytest.mark.parametrize("signal", [KeyboardInterrupt(), SystemExit(143)])
def test_what_became_of_things_is_logged_when_a_signal_stops_the_block(caplog, signal):
    with pytest.raises(type(signal)), log_if_stopped("Nothing was written."):
        raise signal
    with pytest.raises(ValueError, match="no"), log_if_stopped("Never logged."):
        raise ValueError("no")
    assert caplog.messages == ["Stopped. Nothing was written."]
