"""A command ends with the exit code that says how it went."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from ecomcat.errors import UserError
from tests.conftest import ROOT


def raising(error):
    def task(_config):
        raise error

    return task


def terminate(_config):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)  # The signal cuts it short.


def test_success_is_0_and_prints_nothing_of_its_own(run_task):
    ended = run_task("search", lambda config: sys.stdout.write("result\n"))
    assert (ended.code, ended.output, ended.errors) == (0, "result\n", "")


def test_what_the_user_can_mend_is_2_without_a_traceback(run_task):
    ended = run_task("search", raising(UserError("Expected x, found y.\nAnd z.")))
    assert (ended.code, ended.errors) == (2, "Error: Expected x, found y.\nAnd z.\n")


def test_ctrl_c_is_130(run_task):
    ended = run_task("search", raising(KeyboardInterrupt()))
    assert (ended.code, ended.errors) == (130, "Interrupted.\n")


def test_sigterm_is_143(run_task):
    ended = run_task("search", terminate)
    assert (ended.code, ended.errors) == (143, "Terminated.\n")


def test_a_fault_of_ours_keeps_its_traceback(run_task):
    with pytest.raises(ZeroDivisionError):
        run_task("search", lambda config: 1 // 0)


def test_a_fault_of_ours_is_1(tmp_path):
    code = "from ecomcat.cli import run; run('search', lambda config: 1 // 0)"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "ZeroDivisionError" in ended.stderr


def test_a_reader_who_leaves_is_2_without_a_traceback(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "ecomcat.search", "--cfg", "job"],
            cwd=tmp_path,
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
    finally:
        os.close(writer)
    assert ended.returncode == 2
    assert ended.stderr.startswith("Error: ")
    assert ended.stderr.count("\n") == 1
