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

TRIALS = 150
# Imported before the first fork, and no more than imported: no thread of TensorFlow runs yet.
import ecomcat.tuning.tuner  # noqa: E402, F401
from ecomcat.tuning.records import SearchListener  # noqa: E402


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


def killed_run(folder: Path, seconds: float) -> bool:
    """Search in a fork and kill it after some time; return whether it had come to its end."""
    child = os.fork()
    if child == 0:
        try:
            search(folder)
        except BaseException as error:
            sys.stdout.write(f"the search raised {error!r}\n")
            sys.stdout.flush()
            os._exit(1)
        os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) == 1:
        sys.exit(1)
    return os.waitstatus_to_exitcode(status) == 0


def check_records(folder: Path, before: dict[str, str]) -> dict[str, str]:
    """Check that no finished trial was lost or changed since the last kill."""
    from ecomcat.tuning.records import load_records
    from ecomcat.tuning.study import Study

    records = load_records(Study(folder / "study"))
    ended = {record.id: repr(record) for record in records if record.status == "completed"}
    for trial_id, record in before.items():
        if ended.get(trial_id) != record:
            sys.exit(f"trial {trial_id} was lost or run again: {record}, {ended.get(trial_id)}")
    return ended


def main(folder: Path, kills: int) -> None:
    """Kill searches, resume, and compare the whole with a search that nobody killed."""
    chance = random.Random(1)
    ended: dict[str, str] = {}
    for _ in range(kills):
        killed_run(folder, chance.uniform(0.01, 0.35))
        ended = check_records(folder, ended)
    if not 0 < len(ended) < TRIALS:
        sys.exit(f"the kills were not spread over the search: {len(ended)} of {TRIALS} had ended")
    search(folder)
    whole = check_records(folder, ended)
    heard = (folder / "ended.txt").read_text().split()
    if len(heard) != len(set(heard)):
        sys.exit(f"a trial ended twice: {heard}")
    search(folder / "undisturbed")
    if values_of(folder / "undisturbed") != values_of(folder) or len(whole) != TRIALS:
        sys.exit("the killed search gave other trials than an undisturbed one")


def values_of(folder: Path) -> list[Any]:
    """Return each trial's configuration and score."""
    from ecomcat.tuning.records import load_records
    from ecomcat.tuning.study import Study

    records = load_records(Study(folder / "study"))
    return [(record.id, record.values, record.objective) for record in records]


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
