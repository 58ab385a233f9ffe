"""Search in forked processes that are killed at random moments, then to the end.

    python killed_search.py FOLDER KILLS

Ends with what went wrong on standard output, and exit code 1; or with code 0.
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

TRIALS = 120
# Imported before the first fork, and no more than imported: no thread of TensorFlow runs yet.
import ecomcat.tuning.tuner  # noqa: E402, F401
from ecomcat.tuning.records import SearchListener  # noqa: E402
from ecomcat.tuning.study import Study  # noqa: E402


def search(folder: Path) -> None:
    """Search with two epochs a trial of a few milliseconds; note each trial that begins."""
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


def killed_run(folder: Path, trials: int, seconds: float) -> None:
    """Search in a fork and kill it some time after so many more trials have ended."""
    log = folder / "ended.txt"
    wanted = ended_in(log) + trials
    child = os.fork()
    if child == 0:
        try:
            search(folder)
        except BaseException as error:
            sys.stdout.write(f"the search raised {error!r}\n")
            sys.stdout.flush()
            os._exit(1)
        os._exit(0)
    while ended_in(log) < wanted and os.waitpid(child, os.WNOHANG) == (0, 0):
        time.sleep(0.001)
    time.sleep(seconds)
    try:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    except (ProcessLookupError, ChildProcessError):
        sys.exit("the search ended before it was killed")


def ended_in(log: Path) -> int:
    """Return how many trials have ended in all runs."""
    return log.read_text().count("\n") if log.exists() else 0


def completed(folder: Path) -> dict[str, str]:
    """Return the trials that came to their end."""
    records = Study(folder / "study").trials.records
    return {record.id: repr(record) for record in records if record.status == "completed"}


def values_of(folder: Path) -> list[Any]:
    """Return each trial's configuration and score."""
    records = Study(folder / "study").trials.records
    return [(record.id, record.values, record.objective) for record in records]


def main(folder: Path, kills: int) -> None:
    """Kill searches, resume, and compare the whole with a search that nobody killed."""
    chance = random.Random(1)
    before: dict[str, str] = {}
    for kill in range(kills + 1):
        if kill < kills:
            killed_run(folder, chance.randrange(5), chance.uniform(0.0, 0.1))
        else:
            search(folder)
        after = completed(folder)
        changed = [each for each, record in before.items() if after.get(each) != record]
        if changed:
            sys.exit(f"trials were lost or run again: {changed}")
        before = after
    heard = (folder / "ended.txt").read_text().split()
    if len(heard) != len(set(heard)):
        sys.exit(f"a trial ended twice: {heard}")
    search(folder / "undisturbed")
    if values_of(folder / "undisturbed") != values_of(folder) or len(before) != TRIALS:
        sys.exit("the killed search gave other trials than an undisturbed one")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
