"""A search by several workers, as a user runs it: the same trials, and nothing left behind."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import ROOT, TINY_SEARCH, RunMain

import ecomcat
from ecomcat import train

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="needs the cluster extra"),
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads Linux's list of processes"),
]

# What is tried does not depend on which trial ends first.
SEARCH = (
    *(*TINY_SEARCH, "search=random", "search.pruner=none", "search.max_trials=5"),
    "final.linear=false",
    "model.build=mine.network",
)
TWO_WORKERS = ("search.workers=2", "search.memory_gb_per_worker=0.5", "search.name=two")


def trials(folder: Path, study: str) -> list[dict[str, str]]:
    with (folder / "outputs" / "search" / study / "trials.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Enter the folder of a search by two workers that was killed after two trials."""
    folder = tmp_path_factory.mktemp("workers")
    (folder / "mine.py").write_text(
        "from ecomcat.model.network import lstm_classifier\n"
        "def network(values, classes):\n"
        "    return lstm_classifier(values, classes)\n"
    )
    # The builder's module is in the user's folder alone, and no socket has so long a path.
    long = folder / ("temporary" * 9)
    long.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "ecomcat.search", *SEARCH, *TWO_WORKERS, "search.max_trials=500"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(long)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert process.stderr is not None
    with process.stderr:
        lines = []
        while sum("after epoch" in line for line in lines) < 2:
            lines.append(process.stderr.readline())
            assert lines[-1], "".join(lines)
        assert any("Workers: 2 on this machine" in line for line in lines)
        assert len(processes_of(long)) > 3
        process.send_signal(signal.SIGKILL)
        process.wait(60)
    # Ray's agents look for their parent now and then only.
    deadline = time.monotonic() + 180
    while processes_of(long) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes_of(long) == []
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder


def processes_of(folder: Path) -> list[str]:
    """Return the processes that a search started, by a folder in their environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes()
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if f"TMPDIR={folder}".encode() in environment and command:
            found.append(command.decode(errors="replace"))
    return found


@pytest.fixture(scope="module")
def resumed(killed: Path) -> Path:
    before = [row for row in trials(killed, "two") if row["status"] == "completed"]
    assert 2 <= len(before) < 5
    ecomcat.search(None, *SEARCH, "search.name=two", budget="default")
    after = trials(killed, "two")
    assert [row["status"] for row in after] == ["completed"] * 5
    assert all(row in after for row in before)
    return killed


def test_two_workers_that_were_killed_and_one_that_went_on_run_the_trials_that_one_runs(
    resumed: Path,
) -> None:
    ecomcat.search(None, *SEARCH, "search.name=one", budget="default")
    assert trials(resumed, "two") == trials(resumed, "one")
    study = resumed / "outputs" / "search" / "two"
    for trial in ("0000", "0001", "0004"):
        assert (study / "trials" / trial / "best_weights.npz").stat().st_size > 0
        assert (study / "trials" / trial / "validation.npz").stat().st_size > 0
        assert list((study / "tensorboard" / trial / "validation").iterdir())


def test_a_trial_that_a_worker_ran_is_reproduced_alone(
    resumed: Path,
    run_main: RunMain,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(resumed)
    before = (resumed / "model" / "manifest.json").read_bytes()
    done = run_main(train.main, "search.from_trial=two/0002")
    assert done.code == 0, done.errors
    record = resumed / "outputs" / "search" / "two" / "trials" / "0002" / "record.json"
    score = json.loads(record.read_text())["objective"]
    assert f"macro-F1 {score:.6f} then, {score:.6f} now." in caplog.text
    assert (resumed / "outputs" / "rerun" / "two-0002" / "model.keras").exists()
    assert (resumed / "model" / "manifest.json").read_bytes() == before, "the model in use stays"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["search.from_trial=two/0044"], "Trials of the study two: 0000, 0001"),
        (["search.from_trial=nowhere/0001"], "expected <study>/<trial>"),
        (
            ["search.from_trial=two/0001", "data=csv", "data.path=other.csv"],
            "Expected the data of the study two",
        ),
    ],
)
def test_a_trial_that_is_not_there_or_of_other_data_is_a_clear_message(
    killed: Path,
    run_main: RunMain,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(killed)
    rows = [f"{'ab'[n % 2]},text number {n} of {'ab'[n % 2]}" for n in range(60)]
    (killed / "other.csv").write_text("\n".join(rows))
    done = run_main(train.main, *arguments)
    assert done.code == 2
    assert message in done.errors
