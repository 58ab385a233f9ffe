"""A search by several workers, as a user runs it: the same trials, and nothing left behind."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from conftest import ROOT, TINY_SEARCH, Completed, RunCommand

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="needs the cluster extra"),
]

# What is tried does not depend on which trial ends first.
SEARCH = (*TINY_SEARCH, "search=random", "search.pruner=none", "search.max_trials=4")
TWO_WORKERS = ("search.workers=2", "search.memory_gb_per_worker=0.5")


def trials(folder: Path, study: str) -> list[dict[str, str]]:
    with (folder / "outputs" / "search" / study / "trials.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workers")
    (folder / "mine.py").write_text(
        "from ecomcat.model.network import lstm_classifier\n"
        "def network(values, classes):\n"
        "    return lstm_classifier(values, classes)\n"
    )
    return folder


@pytest.fixture(scope="module")
def searched(run_command: RunCommand, folder: Path) -> Completed:
    # The builder's module is in the user's folder alone, and no socket has so long a path.
    long = folder / ("temporary" * 9)
    long.mkdir()
    options = [*SEARCH, *TWO_WORKERS, "search.name=two", "model.build=mine.network"]
    done = run_command("search", options, folder, environment={"TMPDIR": str(long)})
    assert done.returncode == 0, done.stderr
    return done


def test_two_workers_run_the_trials_that_one_runs(
    searched: Completed, run_command: RunCommand, folder: Path
) -> None:
    assert "Workers: 2 on this machine" in searched.stderr
    options = [*SEARCH, "search.name=one", "model.build=mine.network"]
    done = run_command("search", options, folder)
    assert done.returncode == 0, done.stderr
    assert trials(folder, "two") == trials(folder, "one")
    assert len(trials(folder, "one")) == 4
    study = folder / "outputs" / "search" / "two"
    for trial in ("0000", "0001", "0002", "0003"):
        assert (study / "trials" / trial / "best_weights.npz").stat().st_size > 0
        assert (study / "trials" / trial / "validation.npz").stat().st_size > 0
        assert list((study / "tensorboard" / trial / "validation").iterdir())


def test_a_trial_that_a_worker_ran_is_reproduced_alone(
    searched: Completed, run_command: RunCommand, folder: Path
) -> None:
    before = (folder / "model" / "manifest.json").read_bytes()
    done = run_command("train", ["search.from_trial=two/0002"], folder)
    assert done.returncode == 0, done.stderr
    record = folder / "outputs" / "search" / "two" / "trials" / "0002" / "record.json"
    score = json.loads(record.read_text())["objective"]
    assert f"macro-F1 {score:.6f} then, {score:.6f} now." in done.stderr
    assert (folder / "outputs" / "rerun" / "two-0002" / "model.keras").exists()
    assert (folder / "model" / "manifest.json").read_bytes() == before, "the model in use stays"


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
    searched: Completed, run_command: RunCommand, folder: Path, arguments: list[str], message: str
) -> None:
    rows = [f"{'ab'[n % 2]},text number {n} of {'ab'[n % 2]}" for n in range(60)]
    (folder / "other.csv").write_text("\n".join(rows))
    done = run_command("train", arguments, folder)
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads Linux's list of processes")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 143)]
)
def test_a_search_that_is_ended_leaves_no_worker_behind_and_is_resumed_by_one(
    run_command: RunCommand, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    options = [*SEARCH, *TWO_WORKERS, "search.name=ended", "search.max_trials=500"]
    assert end_after_three_trials(options, tmp_path, number) == code
    before = [row for row in trials(tmp_path, "ended") if row["status"] == "completed"]
    assert len(before) >= 3
    if number == signal.SIGTERM:
        return
    total = len(before) + 2
    options = [*SEARCH, "search.name=ended", f"search.max_trials={total}"]
    done = run_command("search", options, tmp_path)
    assert done.returncode == 0, done.stderr
    after = trials(tmp_path, "ended")
    assert [row["status"] for row in after] == ["completed"] * total
    assert all(row in after for row in before)


def end_after_three_trials(options: list[str], folder: Path, number: signal.Signals) -> int:
    """Search until three trials have ended, send a signal, and see that no process is left."""
    process = subprocess.Popen(
        [sys.executable, "-m", "ecomcat.search", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "ECOMCAT_TEST": str(folder)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert process.stderr is not None
    ended = 0
    for line in process.stderr:
        ended += "after epoch" in line
        if ended == 3:
            break
    assert len(processes_of(folder)) > 3
    process.send_signal(number)
    # What Ray started may hold the pipe a moment longer, so its end is not waited for.
    drain = threading.Thread(target=process.stderr.read, daemon=True)
    drain.start()
    code = process.wait(60)
    # Ray's agents look for their parent now and then only.
    deadline = time.monotonic() + 180
    while processes_of(folder) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert processes_of(folder) == []
    drain.join(10)
    process.stderr.close()
    return code


def processes_of(folder: Path) -> list[str]:
    """Return the processes that a search in a folder started, by a word in their environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes()
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if f"ECOMCAT_TEST={folder}".encode() in environment and command:
            found.append(command.decode(errors="replace"))
    return found
