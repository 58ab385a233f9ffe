"""How a command ends: its exit code, its last words, and what signals and streams do to it."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import RunTask, run_program

from ecomcat.errors import UserError


def raising(error: BaseException) -> Any:
    def task(_config: object) -> None:
        raise error

    return task


def signalled(number: int) -> Any:
    def task(_config: object) -> None:
        os.kill(os.getpid(), number)
        time.sleep(10)  # The signal cuts it short.

    return task


@pytest.mark.parametrize(
    ("task", "code", "output", "errors"),
    [
        (lambda _: sys.stdout.write("result\n"), 0, "result\n", ""),
        (raising(UserError("Expected x.\nAnd z.")), 2, "", "Error: Expected x.\nAnd z.\n"),
        (raising(KeyboardInterrupt()), 130, "", "Interrupted.\n"),
        (signalled(signal.SIGTERM), 143, "", "Terminated.\n"),
        (signalled(signal.SIGHUP), 143, "", "Terminated.\n"),
    ],
)
def test_the_exit_code_says_how_it_went(
    run_task: RunTask, task: Any, code: int, output: str, errors: str
) -> None:
    ended = run_task("search", task)
    assert (ended.code, ended.output, ended.errors) == (code, output, errors)


BROKEN = ["Error: Expected a table of product", "texts, found a folder of pictures."]


@pytest.mark.parametrize(("is_terminal", "lines"), [("1", BROKEN), ("0", [" ".join(BROKEN)])])
def test_the_last_line_breaks_between_words_in_a_terminal_alone(
    run_task: RunTask, monkeypatch: pytest.MonkeyPatch, is_terminal: str, lines: list[str]
) -> None:
    for name, value in {"TTY_COMPATIBLE": is_terminal, "COLUMNS": "40", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    message = " ".join(BROKEN).removeprefix("Error: ")
    errors = run_task("search", raising(UserError(message))).errors
    assert [line.rstrip() for line in errors.splitlines()] == lines


def test_a_fault_of_ours_keeps_its_traceback(run_task: RunTask) -> None:
    with pytest.raises(ZeroDivisionError):
        run_task("search", raising(ZeroDivisionError()))


TASK = "from ecomcat.cli import run; run('search', lambda _: print('x'))"
SHOW = "from ecomcat.cli import run, show; run('search', lambda _: show('x'))"
HELP = "from ecomcat.search import main; sys.argv.append('--help'); main()"
TABLE = (
    "from ecomcat.cli import run; from ecomcat.reporting.printed_tables import print_tables, Table;"
    "run('search', lambda _: (print_tables(Table(['a'], [['b']], 'c')), sys.stderr.write('end')))"
)
LOG = "from ecomcat.cli import run; run('search', lambda _: logging.getLogger('ecomcat').info('x'))"
LEFT = "reader, writer = os.pipe(); os.dup2(writer, 1); os.close(reader)"
FULL = "os.dup2(os.open('/dev/full', os.O_WRONLY), {})"
CLOSED = (
    'os.execv(sys.executable, [sys.executable, \'-c\', \'import logging, os, sys;\' + """{}"""])'
)


@pytest.mark.parametrize(
    ("before", "program", "code", "errors"),
    [
        (LEFT, HELP, 0, ""),
        (LEFT, TASK, 141, ""),
        (LEFT, TABLE, 0, "end"),
        (FULL.format(1), SHOW, 2, "Error: Cannot write to standard output: No space left"),
        (FULL.format(1), HELP, 2, "Error: Cannot write to standard output: No space left"),
        (FULL.format(1), TABLE, 2, "Error: Cannot write to standard output: No space left"),
        (FULL.format(2), LOG, 0, ""),
        (FULL.format(2), TASK.replace("run('search", "run('serch"), 2, ""),
        ("os.close(0); os.close(2)", CLOSED.format(LOG), 0, ""),
        ("os.close(1)", CLOSED.format(LOG), 0, "x"),
        ("os.close(1)", CLOSED.format(TASK), 2, "Error: Cannot write to standard output: Bad file"),
        ("os.mkdir('x'); os.chdir('x'); os.rmdir('../x')", TASK, 2, "Error: Expected a working"),
    ],
)
def test_streams_that_are_left_full_or_closed_and_a_folder_that_is_gone_have_their_end(
    tmp_path: Path, before: str, program: str, code: int, errors: str
) -> None:
    ended = run_program(f"import logging, os, sys; {before}; {program}", tmp_path)
    assert ended.returncode == code, ended.stderr
    assert ended.stderr.startswith(errors) and bool(errors) == bool(ended.stderr)


def test_ctrl_c_pressed_many_times_is_one_wish(tmp_path: Path) -> None:
    program = """
import os, signal, time
from ecomcat.cli import run
signal.signal(signal.SIGINT, signal.default_int_handler)
class Finalized:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
def task(_):
    lost = Finalized()
    del lost
    try:
        time.sleep(1.1)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    finally:
        for _ in range(9):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
        print("put in order")
run("search", task)
"""
    ended = run_program(program, tmp_path)
    assert (ended.returncode, ended.stdout) == (130, "put in order\n")
    assert ended.stderr == "Interrupted.\n"
