"""What was begun goes on: a promoted trial where it stood, a stopped search with its trials."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, TINY_SEARCH, RunCommand, study_of

from tests.command_line import heed_interrupts

pytestmark = pytest.mark.slow


def test_hyperband_continues_a_trial_where_it_stood(
    run_command: RunCommand, tmp_path: Path
) -> None:
    arguments = [*TINY_SEARCH, "search=hyperband", "search.max_trials=4", "search.max_epochs=3"]
    done = run_command("search", arguments, tmp_path)
    assert done.returncode == 0, done.stderr
    trials = study_of(tmp_path) / "trials"
    records = [
        json.loads((trial / "record.json").read_text()) for trial in sorted(trials.iterdir())
    ]
    assert [record["epochs"] for record in records] == [1, 1, 1, 3]
    promoted = records[3]
    parent = max(records[:3], key=lambda record: record["objective"])
    assert promoted["values"] == parent["values"]
    assert promoted["root"] == int(parent["id"])
    assert promoted["curves"][0] == parent["curves"][0]
    assert len(promoted["curves"]) == 3
    assert promoted["curves"][1]["loss"] < parent["curves"][0]["loss"]
    assert promoted["objective"] >= parent["objective"]


def test_ctrl_c_and_sigterm_end_with_their_codes_and_lose_no_finished_trial(
    run_command: RunCommand, tmp_path: Path
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
