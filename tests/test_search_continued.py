"""A search that is stopped ends with its code, loses no finished trial, and can go on."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import ROOT, TINY_SEARCH, RunMain

import ecomcat
from ecomcat import search
from tests.command_line import heed_interrupts

pytestmark = pytest.mark.slow


def stopped(folder: Path, arguments: Sequence[str], line: str, number: int) -> tuple[int, str]:
    """Send a search a signal once it logs a line; return its exit code and last words."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ecomcat.search", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        preexec_fn=heed_interrupts,
    )
    assert process.stderr is not None
    with process.stderr:
        for logged in process.stderr:
            if line in logged:
                process.send_signal(number)
                break
        rest = process.stderr.read()
    return process.wait(60), rest


def completed_trials(folder: Path) -> list[dict[str, str]]:
    (table,) = (folder / "outputs" / "search").glob("*/trials.csv")
    with table.open(newline="") as stream:
        return [row for row in csv.DictReader(stream) if row["status"] == "completed"]


TRIALS, RETRAINING = "after epoch", "Retraining trial"


def test_a_signal_ends_a_search_with_its_code_and_the_same_command_goes_on(
    tmp_path: Path, run_main: RunMain, caplog: pytest.LogCaptureFixture
) -> None:
    before: list[dict[str, str]] = []
    for trials, line, number, code in (
        (500, TRIALS, signal.SIGINT, 130),
        (1, RETRAINING, signal.SIGTERM, 143),
    ):
        arguments = [*TINY_SEARCH, f"search.max_trials={trials}"]
        ended, words = stopped(tmp_path, arguments, line, number)
        assert ended == code, words
        assert "Traceback" not in words and "The same command continues study" in words
        assert {path.name for path in tmp_path.iterdir()} == {"outputs"}
        completed = completed_trials(tmp_path)
        assert [row for row in before if row not in completed] == []
        before = completed
    assert before
    done = run_main(search.main, *TINY_SEARCH, "search.max_trials=1")
    assert done.code == 0, done.errors
    assert RETRAINING in caplog.text and TRIALS not in caplog.text
    assert completed_trials(tmp_path) == before
    assert len(ecomcat.load(tmp_path / "model").predict(["an oak shelf"])) == 1
