"""A search that is stopped ends with its code and loses no finished trial."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, TINY_SEARCH

from tests.command_line import heed_interrupts

pytestmark = pytest.mark.slow


def test_ctrl_c_and_sigterm_end_with_their_codes_and_lose_no_finished_trial(
    tmp_path: Path,
) -> None:
    for signal_number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        arguments = [*TINY_SEARCH, "search.max_trials=500", "search.name=long"]
        process = subprocess.Popen(
            [sys.executable, "-m", "ecomcat.search", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            preexec_fn=heed_interrupts,
        )
        assert process.stderr is not None
        finished = 0
        for line in process.stderr:
            finished += "after epoch" in line
            if finished == 1:
                process.send_signal(signal_number)
                break
        process.stderr.read()
        process.stderr.close()
        assert process.wait(60) == code
    with (tmp_path / "outputs" / "search" / "long" / "trials.csv").open(newline="") as stream:
        completed = [row for row in csv.DictReader(stream) if row["status"] == "completed"]
    assert len(completed) >= 2
    assert not (tmp_path / "model").exists()
