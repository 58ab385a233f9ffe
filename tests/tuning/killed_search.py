"""Search in forked processes that are killed at random moments, then to the end.

    python killed_search.py FOLDER KILLS

Ends with what went wrong on standard error, and exit code 1; or with code 0.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from formula import configure, peak, run_formula

TRIALS = 80
# Imported before the first fork, and no more than imported: no thread of TensorFlow runs yet.
import optuna  # noqa: E402, F401

import ecomcat.tuning.tuner  # noqa: E402, F401
from ecomcat.tuning.listeners import SearchListener  # noqa: E402
from ecomcat.tuning.study import Study  # noqa: E402


def search(folder: Path) -> None:
    """Search with epochs of two milliseconds; note each trial that ends."""
    space = {"dropout": "0.0..0.6", "learning_rate": "1e-4..1e-2 log"}
    # Not to be taken for a trial that kills the search.
    config = configure("tpe", trials=TRIALS, max_retries=1000, **space)

    def slow_peak(values: Any) -> float:
        time.sleep(0.002)
        return peak(values)

    class Noted(SearchListener):
        def trial_ends(self, record: Any) -> None:
            with (folder / "ended.txt").open("a") as stream:
                stream.write(f"{record.id}\n")

    run_formula(config, folder, slow_peak, listeners=[Noted()])


def ended_in(folder: Path) -> list[str]:
    """Return the trials that have ended in all runs."""
    log = folder / "ended.txt"
    return log.read_text().split() if log.exists() else []


def killed_run(folder: Path, trials: int, seconds: float) -> None:
    """Search in a fork and kill it some time after so many more trials have ended."""
    wanted = len(ended_in(folder)) + trials
    child = os.fork()
    if child == 0:
        search(folder)
        os._exit(0)
    while len(ended_in(folder)) < wanted and os.waitpid(child, os.WNOHANG) == (0, 0):
        time.sleep(0.001)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the search ended before it was killed"


def completed(folder: Path) -> dict[str, Any]:
    """Return the trials that came to their end."""
    records = Study(folder / "study").trials.records
    return {record.id: record for record in records if record.status == "completed"}


def main(folder: Path, kills: int) -> None:
    """Kill searches, resume, and compare the whole with a search that nobody killed."""
    chance = random.Random(1)
    before: dict[str, Any] = {}
    for _ in range(kills):
        killed_run(folder, chance.randrange(3), chance.uniform(0.0, 0.05))
        after = completed(folder)
        assert {each: after.get(each) for each in before} == before, "trials were lost or run again"
        before = after
    search(folder)
    ended = ended_in(folder)
    assert len(ended) == len(set(ended)), f"a trial ended twice: {ended}"
    search(folder / "undisturbed")
    outlines = [
        [(record.id, record.values, record.objective) for record in completed(each).values()]
        for each in (folder, folder / "undisturbed")
    ]
    assert outlines[0] == outlines[1], "the killed search gave other trials than an undisturbed one"
    assert len(outlines[0]) == TRIALS


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
