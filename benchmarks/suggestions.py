"""What a trial costs the search's own process: the oracle's suggestion, pruning and files.

A study's trials are run by a worker that answers at once with a formula, so that what is left of
the time is the driver's. It decides how many workers one driver can keep busy.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from benchmarks.common import (
    describe_machine,
    format_spread,
    format_table,
    new_parser,
    positive,
    print_result,
    run_script,
)
from benchmarks.listening import Listener

if TYPE_CHECKING:
    from ecomcat.tuning.records import TrialRecord

_WINDOW = 20  # trials
_AROUND = (10, 100, 500)  # trials, and the last
_EPOCHS = 8  # of a trial; halving ends most after two
_WARM_UP_TRIALS = 10  # more than tpe draws by chance
_TRIAL_SECONDS = 60


@dataclass
class Driver(Listener):
    """What was measured of one study; hears of its trials.

    Args:
        suggestions: seconds of each.
        marks: wall and CPU seconds at each trial's begin, and at the end of the study.
    """

    suggestions: list[float] = field(default_factory=list)
    marks: list[tuple[float, float]] = field(default_factory=list)

    def mark(self) -> None:
        """Note the time."""
        self.marks.append((time.perf_counter(), time.process_time()))

    def trial_begins(self, record: TrialRecord, epochs: int) -> None:
        """Note when a trial begins."""
        self.mark()

    def milliseconds(self, trials: range) -> tuple[float, float]:
        """Return wall and CPU milliseconds a trial of some trials, in the order of their begin."""
        before, after = self.marks[trials.start], self.marks[trials.stop]
        wall, cpu = (
            1000 * (last - first) / len(trials) for first, last in zip(before, after, strict=True)
        )
        return wall, cpu


def windows(trials: int) -> list[range]:
    """Return the windows around the 10th, 100th, 500th and last trial, from trial 0 on."""
    found = []
    for center in sorted({*(trial for trial in _AROUND if trial < trials), trials}):
        start = max(0, min(center - _WINDOW // 2, trials - _WINDOW))
        found.append(range(start, min(start + _WINDOW, trials)))
    return list(dict.fromkeys(found))


def measure(algorithm: str, trials: int, *, tensorboard: bool) -> Driver:
    """Run a study in a temporary folder.

    Args:
        algorithm: `tpe`, `random` or `bayesian`.
        trials: in all.
        tensorboard: whether its events are written.
    """
    from benchmarks.formula_worker import FormulaWorker, search_formula
    from ecomcat.config import SearchConfig
    from ecomcat.tuning.workers import LocalPool

    search = SearchConfig(
        algorithm=algorithm, max_trials=trials, max_minutes=600.0, max_epochs=_EPOCHS
    )
    driver = Driver()
    with (
        tempfile.TemporaryDirectory(prefix="suggestions_") as folder,
        _timed_suggestions(algorithm, driver.suggestions),
    ):
        pool = LocalPool(FormulaWorker)
        search_formula(search, Path(folder), pool, [driver], tensorboard=tensorboard)
        driver.mark()
    return driver


@contextmanager
def _timed_suggestions(algorithm: str, seconds: list[float]) -> Iterator[None]:
    """Time an oracle's `populate_space`, which suggests a configuration."""
    from ecomcat.tuning.oracles import BayesianOracle, RandomOracle, TpeOracle

    oracle: Any = {"tpe": TpeOracle, "random": RandomOracle, "bayesian": BayesianOracle}[algorithm]
    original = oracle.populate_space

    def populate_space(self: Any, trial_id: str) -> Any:
        began = time.perf_counter()
        answer = original(self, trial_id)
        seconds.append(time.perf_counter() - began)
        return answer

    with mock.patch.object(oracle, "populate_space", populate_space):
        yield


def suggestions_table(drivers: Mapping[str, Sequence[Driver]]) -> str:
    """Write a row a window, and one for all trials of an algorithm.

    Args:
        drivers: of each algorithm, without TensorBoard's events and with them.
    """
    rows = []
    for algorithm, (plain, tensorboard) in drivers.items():
        trials = len(plain.suggestions)
        for window in dict.fromkeys([*windows(trials), range(trials)]):
            suggestions = plain.suggestions[window.start : window.stop]
            costs = (*plain.milliseconds(window), *tensorboard.milliseconds(window))
            rows.append(
                [
                    algorithm,
                    f"{window.start + 1} to {window.stop}",
                    format_spread([1000 * seconds for seconds in suggestions], 1),
                    *(f"{cost:,.1f}" for cost in costs),
                ]
            )
    header = ["algorithm", "trials", "ms a suggestion", "driver's ms a trial", "CPU ms"]
    return format_table([*header, "ms with TensorBoard", "CPU ms with TensorBoard"], rows)


def busy_workers(milliseconds: float) -> int:
    """Return how many workers a driver keeps busy that takes so long for each of their trials."""
    return int(1000 * _TRIAL_SECONDS / milliseconds)


def describe_capacity(drivers: Mapping[str, Sequence[Driver]]) -> str:
    """Say how many workers one driver keeps busy, TensorBoard's events included."""
    counts = []
    for algorithm, (_, tensorboard) in drivers.items():
        trials = len(tensorboard.suggestions)
        wall, cpu = map(busy_workers, tensorboard.milliseconds(range(trials)))
        counts.append(f"{algorithm} {wall:,} by the clock, {cpu:,} by CPU time ({trials} trials)")
    return (
        f"Workers that one driver keeps busy when a trial takes {_TRIAL_SECONDS} s, with "
        f"TensorBoard: {'; '.join(counts)}."
    )


def main() -> None:
    """Run the script."""
    parser = new_parser("suggestions", "Time suggestions, and a search without its trainings.")
    algorithms = ("tpe", "random", "bayesian")
    parser.add_argument(
        "--algorithms", nargs="+", choices=algorithms, default=algorithms, help="(default: all)"
    )
    for name, default, of_what in (
        ("--trials", 500, "tpe and random"),
        ("--bayesian-trials", 20, "bayesian, whose suggestions take longer and longer"),
    ):
        parser.add_argument(
            name,
            type=positive,
            default=default,
            metavar="N",
            help=f"of {of_what} (default: %(default)s)",
        )
    arguments = parser.parse_args()
    machine = describe_machine()

    from ecomcat.process import import_tensorflow

    import_tensorflow()
    drivers: dict[str, list[Driver]] = {}
    for algorithm in arguments.algorithms:
        trials = arguments.bayesian_trials if algorithm == "bayesian" else arguments.trials
        measure(algorithm, min(trials, _WARM_UP_TRIALS), tensorboard=True)
        drivers[algorithm] = [measure(algorithm, trials, tensorboard=on) for on in (False, True)]
    print_result(machine, suggestions_table(drivers))
    print(f"\n{describe_capacity(drivers)}")


if __name__ == "__main__":
    run_script(main)
