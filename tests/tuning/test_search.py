"""What a search does around its trials, which are a formula here, so that nothing is trained."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from formula import FormulaWorker, configure, peak, run, run_formula
from trial_records import table_of

from ecomcat.errors import UserError
from ecomcat.tuning.jobs import BatchesDone, EpochReport
from ecomcat.tuning.listeners import SearchListener
from ecomcat.tuning.records import TrialRecord
from ecomcat.tuning.study import Study

pytestmark = [
    pytest.mark.slow,
    # scikit-learn's Gaussian process, when its few points say little.
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

MEDIAN: dict[str, Any] = {"pruner": "median", "rules": {"warmup_epochs": 1, "min_trials": 3}}
Tried = list[dict[str, Any]]


# What each algorithm tries


# Units and dropout of the first eight trials, for the seed 1.
RANDOM = [(48, 0.4), (16, 0.2), (64, 0.4), (16, 0.6), (48, 0.6), (64, 0.2), (32, 0.2), (32, 0.4)]
EXACT = {
    "tpe": [(16, 0.4), (16, 0.6), (32, 0.2), (64, 0.4), (48, 0.4), (32, 0.6), (64, 0.2), (32, 0.4)],
    "random": RANDOM,
    "bayesian": RANDOM[:6],  # what the Gaussian process says then takes seconds, and may vary
    "grid": list(itertools.product((16, 32, 48, 64), (0.2, 0.4, 0.6)))[:8],
    "hyperband": [*RANDOM[:5], (48, 0.4), (64, 0.4), (32, 0.4)],  # two of five go on
}


@pytest.mark.parametrize("algorithm", EXACT)
def test_a_seed_gives_the_configurations_that_it_always_gave_and_the_best_of_them(
    algorithm: str, tmp_path: Path
) -> None:
    tried: Tried = []
    trials = len(EXACT[algorithm])
    result, records = run_formula(configure(algorithm, trials=trials), tmp_path, tried=tried)
    assert [record.status for record in records] == ["completed"] * trials
    assert result.best.objective == pytest.approx(max(peak(values) for values in tried))
    pairs = [(values["lstm_units"], values["dropout"]) for values in tried]
    assert pairs == EXACT[algorithm]


@pytest.mark.parametrize("algorithm", ["tpe", "random", "grid"])
def test_a_finite_space_is_tried_to_its_end_and_nothing_twice(
    algorithm: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tried: Tried = []
    caplog.set_level("INFO", "ecomcat")
    run_formula(configure(algorithm, trials=50), tmp_path, tried=tried)
    pairs = [(values["lstm_units"], values["dropout"]) for values in tried]
    assert len(pairs) == len(set(pairs)) == 12
    assert "all of its 12 configurations were tried" in caplog.text


def test_another_seed_tries_other_configurations_and_seed_0_is_one_of_them(tmp_path: Path) -> None:
    runs = []
    for number, seed in enumerate((1, 0, 0)):
        tried: Tried = []
        config = configure("hyperband", trials=6, dropout="0.0..0.6")
        config.seed = seed
        run_formula(config, tmp_path / str(number), tried=tried)
        runs.append(tried)
    other, zero, zero_again = runs
    assert zero == zero_again != other, "Keras Tuner reads seed 0 as any seed"


def test_hopeless_trials_are_pruned_and_the_best_is_found_all_the_same(tmp_path: Path) -> None:
    result, records = run_formula(configure("tpe", trials=12, **MEDIAN), tmp_path)
    pruned = [record for record in records if record.status == "pruned"]
    assert 2 <= len(pruned) <= 9
    assert all(record.ended.startswith("pruned after epoch") for record in pruned)
    assert (result.best.status, result.best.objective) == ("completed", pytest.approx(0.9))
    for record in pruned:
        folder = tmp_path / "study" / "trials" / record.id
        assert not (folder / "best_weights.npz").exists(), "nothing will ask for them"


@pytest.mark.parametrize(("units", "longest"), [([16, 32], 4), ("16..64 step 16", 15)])
def test_hyperband_promotes_in_a_space_smaller_than_its_first_round_and_ends(
    tmp_path: Path, units: Any, longest: int
) -> None:
    tried: Tried = []
    config = configure("hyperband", trials=50, lstm_units=units, dropout=0.4, max_epochs=longest)
    run_formula(config, tmp_path, tried=tried)
    fresh = [values["lstm_units"] for values in tried if values["parent"] is None]
    assert len(set(fresh)) == len(fresh) == (2 if longest == 4 else 4)
    assert max(values["epochs"] for values in tried) == longest
    assert all(values["epochs"] > (values["parent"] or 0) for values in tried)


# Trials that fail


def test_a_failing_trial_is_recorded_with_its_reason_and_is_no_measure_for_others(
    tmp_path: Path,
) -> None:
    begun: dict[Any, int] = {}

    def narrow_fails_late(values: Mapping[str, Any]) -> float:
        key = (values["lstm_units"], values["dropout"])
        begun[key] = begun.get(key, 0) + 1
        if values["lstm_units"] == 16 and begun[key] > 2:
            raise ValueError("no room for\nso many units")
        return 1.0 if values["lstm_units"] == 16 else peak(values)

    result, records = run_formula(
        configure("grid", trials=12, **MEDIAN), tmp_path, narrow_fails_late
    )
    assert [record.status for record in records[:4]] == ["failed"] * 3 + ["completed"]
    assert records[0].ended == "ValueError: no room for"
    assert result.best.values["lstm_units"] == 48
    trial = tmp_path / "study" / "trials" / "0000"
    assert "so many units" in (trial / "error.txt").read_text()


@pytest.mark.parametrize(
    ("error", "begun", "message"),
    [
        (ValueError("a builder's own message"), 2, "a builder's own message"),
        (MemoryError("full"), 4, "MemoryError: full"),  # each is tried again, once
    ],
)
def test_a_search_in_which_every_trial_fails_ends_with_the_first_reason(
    tmp_path: Path, error: Exception, begun: int, message: str
) -> None:
    tried: Tried = []

    def fails(values: Mapping[str, Any]) -> float:
        raise error

    with pytest.raises(UserError, match=message):
        run_formula(configure("tpe", trials=2, max_retries=1), tmp_path, fails, tried)
    assert len(tried) == begun


# What a search tells of its trials


class Heard(SearchListener):
    """A listener that notes what it hears."""

    def __init__(self) -> None:
        self.notes: list[tuple[Any, ...]] = []

    def search_begins(
        self, *, workers: int, trials_left: int, deadline: float, may_end_early: bool
    ) -> None:
        assert deadline > time.monotonic()
        self.notes.append(("search", workers, trials_left))

    def trial_begins(self, record: TrialRecord, epochs: int) -> None:
        self.notes.append(("begins", record.id, epochs))

    def batches_end(self, record: TrialRecord, done: int, batches: int) -> None:
        self.notes.append(("batches", record.id, done, batches))

    def trial_retries(self, record: TrialRecord, reason: str) -> None:
        self.notes.append((reason, record.id))

    def trial_ends(self, record: TrialRecord) -> None:
        self.notes.append((record.status, record.id))


def test_listeners_hear_of_each_trial_and_of_the_batches_of_a_long_epoch(tmp_path: Path) -> None:
    from ecomcat.tuning.workers import LocalPool

    failures = iter([MemoryError("full")])

    def full_at_first(values: Mapping[str, Any]) -> float:
        for error in failures:
            raise error
        return peak(values)

    class LongEpochs(FormulaWorker):
        def train_epoch(self, within_seconds: float, scored_anyhow: bool) -> Any:
            if self.epoch == 2:
                yield BatchesDone(7, 9)
            yield from super().train_epoch(within_seconds, scored_anyhow)

    heard = Heard()
    pool = LocalPool(LongEpochs(full_at_first))
    run(configure("random", trials=2), tmp_path, pool, [heard])
    assert heard.notes == [
        ("search", 1, 2),
        ("begins", "0000", 4),
        ("MemoryError: full", "0000"),
        *(("begins", "0000", 4), ("batches", "0000", 7, 9), ("completed", "0000")),
        *(("begins", "0001", 4), ("batches", "0001", 7, 9), ("completed", "0001")),
    ]


# Time


def test_while_a_trial_runs_its_epochs_and_the_time_of_all_runs_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, seen, study = [1000.0], [], Study(tmp_path / "study")
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    class Watch(SearchListener):
        def epoch_ends(self, record: TrialRecord, epoch: int, logs: Any) -> None:
            seen.append((table_of(study)[int(record.id)]["epochs"], study.active_seconds))
            now[0] += 3.0

    run_formula(configure("random", trials=1), tmp_path, listeners=[Watch()])
    now[0] = 50.0  # on a machine that was started anew
    run_formula(configure("random", trials=2), tmp_path, listeners=[Watch()])
    assert seen[:4] == [("0", 0.0), ("1", 3.0), ("2", 6.0), ("3", 9.0)]
    assert seen[4:] == [("0", 12.0), ("1", 15.0), ("2", 18.0), ("3", 21.0)]
    # No trial begins after the time is up.
    study.write("clock.json", {"active_seconds": 301.0})
    result, records = run_formula(configure("random", trials=3), tmp_path)
    assert (result.seconds, len(records)) == (301.0, 2), "the study's five minutes are over"


@pytest.mark.parametrize(
    ("limits", "ended"),
    [
        ({"max_minutes": 1 / 60}, "time"),
        ({"trial_max_minutes": 1.4 / 60, "trials": 1}, "trial_max_minutes"),
    ],
)
def test_a_trial_whose_time_is_up_ends_with_its_epoch_as_cut_short(
    tmp_path: Path, limits: dict[str, Any], ended: str
) -> None:
    def slow(values: Mapping[str, Any]) -> float:
        time.sleep(0.5)
        return peak(values)

    result, (record,) = run_formula(configure("random", **limits), tmp_path, slow)
    assert (record.ended, record.status) == (ended, "cut short")
    assert 1 <= record.epochs < 4
    assert result.best is record, "there is no better one"


@pytest.mark.parametrize(
    ("minutes", "statuses", "epochs"),
    [
        pytest.param(0.4, ["cut short"], [1], id="in the first epoch of all, which is scored"),
        pytest.param(2.2, ["completed", "running"], [4, 0], id="in the first of another trial"),
        pytest.param(3.2, ["completed", "cut short"], [4, 2], id="later"),
    ],
)
def test_an_epoch_that_is_not_scored_in_time_is_dropped_unless_no_trial_has_a_score(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    minutes: float,
    statuses: list[str],
    epochs: list[int],
) -> None:
    from ecomcat.tuning.workers import LocalPool

    now, seconds, tried, heard = [1000.0], 30.0, list[dict[str, Any]](), Heard()
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    class LongEpochs(FormulaWorker):
        def train_epoch(self, within_seconds: float, scored_anyhow: bool) -> Any:
            now[0] += seconds
            if within_seconds < seconds and not scored_anyhow:
                yield EpochReport(self.epoch + 1, {}, "time")
                return
            yield from super().train_epoch(within_seconds, scored_anyhow)

    def search(minutes: float) -> tuple[Any, list[TrialRecord]]:
        config = configure("random", trials=3, max_minutes=minutes)
        return run(config, tmp_path, LocalPool(LongEpochs(peak, tried)), [heard])

    result, records = search(minutes)
    assert [record.status for record in records] == statuses
    assert [record.epochs for record in records] == epochs
    assert result.best.id == "0000"
    result_again, _ = search(minutes)
    assert result_again.best == result.best, "there is no time left"
    # With more time a trial without a score begins again, before any new one.
    _, records = search(60)
    assert [record.status for record in records] == [
        *(status.replace("running", "completed") for status in statuses),
        *["completed"] * (3 - len(statuses)),
    ]
    again = [values for values in tried if tried.count(values) > 1]
    assert len(again) == 2 * statuses.count("running")
