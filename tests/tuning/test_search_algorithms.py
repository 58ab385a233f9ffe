"""Each algorithm drives the same tuner; trials here are a formula, so that nothing is trained."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from formula import configure, peak, run_formula

from ecomcat.errors import UserError
from ecomcat.tuning.study.records import TrialRecord

pytestmark = [
    pytest.mark.slow,
    # Keras Tuner calls names that Python renamed.
    pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:getName:DeprecationWarning"),
    # scikit-learn's Gaussian process, when its few points say little.
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

ALGORITHMS = ["tpe", "random", "bayesian", "hyperband", "grid"]
# Those that try a configuration once; Hyperband trains its best for longer.
ONCE = ["tpe", "random", "bayesian", "grid"]
Tried = list[dict[str, Any]]


def plain(tried: Tried) -> list[tuple[Any, ...]]:
    return [tuple(values.values()) for values in tried]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_tries_as_many_configurations_as_asked_for_and_maximises(
    algorithm: str, tmp_path: Path
) -> None:
    tried: Tried = []
    result, records = run_formula(configure(algorithm, trials=6), tmp_path, tried=tried)
    assert len(tried) == len(records) == 6
    assert all(record.status == "completed" for record in records)
    assert result.best.objective == pytest.approx(max(peak(values) for values in tried))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_goes_on_where_it_stopped_as_if_it_had_not_stopped(algorithm: str, tmp_path: Path) -> None:
    stopped: Tried = []
    space = {"dropout": "0.0..0.6", "learning_rate": "1e-4..1e-2 log"}
    for trials in (3, 4, 9):
        config = configure(algorithm, trials=trials, **space)
        _, records = run_formula(config, tmp_path, tried=stopped)
    assert len(stopped) == len(records) == 9
    at_once: Tried = []
    config = configure(algorithm, trials=9, name="at_once", **space)
    run_formula(config, tmp_path / "at_once", tried=at_once)
    assert stopped == at_once


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_interrupted_trial_runs_again_and_the_search_goes_on(
    algorithm: str, tmp_path: Path
) -> None:
    tried: Tried = []
    interrupted = False

    def interrupted_once(values: Mapping[str, Any]) -> float:
        nonlocal interrupted
        if len(tried) == 3 and not interrupted:
            interrupted = True
            raise KeyboardInterrupt
        return peak(values)

    with pytest.raises(KeyboardInterrupt):
        run_formula(configure(algorithm, trials=5), tmp_path, interrupted_once, tried)
    _, records = run_formula(configure(algorithm, trials=5), tmp_path, interrupted_once, tried)
    assert [record.status for record in records] == ["completed"] * 5
    assert tried[2] == tried[3], "the interrupted configuration comes first on resuming"
    assert len(tried) == 6


@pytest.mark.parametrize("algorithm", ONCE)
def test_a_finite_space_is_tried_to_its_end_and_nothing_twice(
    algorithm: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tried: Tried = []
    caplog.set_level("INFO", "ecomcat")
    run_formula(configure(algorithm, trials=50), tmp_path, tried=tried)
    pairs = [(values["lstm_units"], values["dropout"]) for values in tried]
    assert len(pairs) == len(set(pairs)) == 12
    assert "all of its 12 configurations were tried" in caplog.text


def test_hyperband_ends_when_a_finite_space_gives_no_more(tmp_path: Path) -> None:
    tried: Tried = []
    config = configure("hyperband", trials=500, lstm_units=[16, 32], dropout=0.4)
    run_formula(config, tmp_path, tried=tried)
    fresh = [values["lstm_units"] for values in tried if values["parent"] is None]
    assert sorted(fresh) == [16, 32]


def test_hyperband_trains_most_briefly_and_continues_the_best(tmp_path: Path) -> None:
    tried: Tried = []
    config = configure("hyperband", trials=10, dropout="0.2..0.6")
    run_formula(config, tmp_path, tried=tried)
    continued = [values for values in tried if values["parent"] is not None]
    assert continued, "no configuration was promoted"
    assert min(values["epochs"] for values in tried) < 4
    assert all(values["epochs"] > values["parent"] >= 1 for values in continued)


@pytest.mark.parametrize("algorithm", ONCE)
def test_hopeless_trials_are_pruned_and_the_best_is_found_all_the_same(
    algorithm: str, tmp_path: Path
) -> None:
    rules = {"pruner": "median", "warmup_epochs": 1, "min_peers": 3}
    result, records = run_formula(configure(algorithm, trials=12, **rules), tmp_path)
    pruned = [record for record in records if record.status == "pruned"]
    assert 2 <= len(pruned) <= 9
    assert all(record.ended.startswith("pruned after epoch") for record in pruned)
    assert all(record.epochs < 4 for record in pruned)
    assert result.best.status == "completed"
    assert result.best.objective == pytest.approx(0.9)
    for record in pruned:
        folder = tmp_path / "study" / "trials" / record.id
        assert not (folder / "best_weights.npz").exists(), "nothing will ask for them"


def test_tpe_comes_nearer_to_the_best_than_chance(tmp_path: Path) -> None:
    space = {"lstm_units": "1..512", "dropout": "0.0..0.9"}

    def mean_of_the_last(algorithm: str, seed: int) -> float:
        config = configure(algorithm, trials=40, name=f"{algorithm}{seed}", **space)
        config.seed = seed
        _, records = run_formula(config, tmp_path)
        return sum(record.objective or 0.0 for record in records[-10:]) / 10

    for seed in (1, 2):
        assert mean_of_the_last("tpe", seed) > mean_of_the_last("random", seed) + 0.02


def test_a_failing_trial_is_recorded_with_its_reason_and_the_search_goes_on(
    tmp_path: Path,
) -> None:
    def fails_for_wide(values: Mapping[str, Any]) -> float:
        if values["lstm_units"] >= 48:
            raise ValueError("no room for\nso many units")
        return peak(values)

    result, records = run_formula(configure("grid", trials=12), tmp_path, fails_for_wide)
    failed = [record for record in records if record.status == "failed"]
    assert len(failed) == 6
    assert len(records) == 12
    assert failed[0].ended == "ValueError: no room for"
    assert result.best.values["lstm_units"] < 48
    trial = tmp_path / "study" / "trials" / failed[0].id
    assert "so many units" in (trial / "error.txt").read_text()


def test_a_trial_that_runs_out_of_memory_is_tried_again(tmp_path: Path) -> None:
    failures = iter([MemoryError("full"), MemoryError("still full")])

    def full_at_first(values: Mapping[str, Any]) -> float:
        for error in failures:
            raise error
        return peak(values)

    _, records = run_formula(configure("random", trials=3), tmp_path, full_at_first)
    assert [record.status for record in records] == ["completed"] * 3
    assert [record.retries for record in records] == [2, 0, 0]


def test_a_trial_that_never_finds_memory_fails_after_its_retries(tmp_path: Path) -> None:
    tried: Tried = []

    def full(values: Mapping[str, Any]) -> float:
        raise MemoryError("full")

    with pytest.raises(UserError, match="MemoryError: full"):
        run_formula(configure("random", trials=2, max_retries=1), tmp_path, full, tried)
    assert len(tried) == 4


def test_a_search_in_which_every_trial_fails_ends_with_the_first_reason(tmp_path: Path) -> None:
    def fails(values: Mapping[str, Any]) -> float:
        raise ValueError("a builder's own message")

    with pytest.raises(UserError, match="a builder's own message"):
        run_formula(configure("tpe", trials=4), tmp_path, fails)


@pytest.mark.parametrize("algorithm", ["tpe", "random", "grid"])
def test_a_trial_that_the_state_does_not_know_yet_runs_on_resuming(
    algorithm: str, tmp_path: Path
) -> None:
    """Keras Tuner writes a trial's file before its own state; a run may die in between."""
    tried: Tried = []

    def interrupted(values: Mapping[str, Any]) -> float:
        if len(tried) == 2:
            raise KeyboardInterrupt
        return peak(values)

    run_formula(configure(algorithm, trials=1), tmp_path, interrupted, tried)
    state = (tmp_path / "study" / "oracle.json").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        run_formula(configure(algorithm, trials=2), tmp_path, interrupted, tried)
    (tmp_path / "study" / "oracle.json").write_bytes(state)
    _, records = run_formula(configure(algorithm, trials=3), tmp_path, interrupted, tried)
    assert [record.status for record in records] == ["completed"] * 3


def test_a_trial_whose_end_the_oracle_did_not_hear_of_is_not_run_again(tmp_path: Path) -> None:
    tried: Tried = []
    rules = {"pruner": "median", "warmup_epochs": 1, "min_peers": 3}
    states = []

    class Keeper:
        def trial_begins(self, *_: Any) -> None:
            states.append((tmp_path / "study" / "oracle.json").read_bytes())

        def epoch_ends(self, *_: Any) -> None: ...

        def trial_ends(self, record: TrialRecord) -> None: ...

    config = configure("random", trials=8, **rules)
    _, before = run_formula(config, tmp_path, tried=tried, listeners=[Keeper()])
    (tmp_path / "study" / "oracle.json").write_bytes(states[-1])
    for record in before[-1:]:
        path = tmp_path / "study" / "trials" / record.id / "trial.json"
        path.write_text(path.read_text().replace('"COMPLETED"', '"RUNNING"'))
    _, after = run_formula(config, tmp_path, tried=tried)
    assert len(tried) == 8
    assert after == before


def test_a_study_without_trials_left_but_with_time_runs_none(tmp_path: Path) -> None:
    tried: Tried = []
    run_formula(configure("random", trials=2), tmp_path, tried=tried)
    run_formula(configure("random", trials=2), tmp_path, tried=tried)
    assert len(tried) == 2


def test_the_time_of_earlier_runs_counts(tmp_path: Path) -> None:
    run_formula(configure("random", trials=1), tmp_path)
    (tmp_path / "study" / "clock.json").write_text('{"active_seconds": 299.0}')
    result, _ = run_formula(configure("random", trials=2), tmp_path)
    assert 299.0 <= result.seconds < 310.0
    (tmp_path / "study" / "clock.json").write_text('{"active_seconds": 301.0}')
    _, records = run_formula(configure("random", trials=3), tmp_path)
    assert len(records) == 2, "the study's five minutes are over"


def test_a_listener_that_fails_ends_the_search_and_not_the_trial(tmp_path: Path) -> None:
    class Broken:
        def trial_begins(self, *_: Any) -> None: ...

        def epoch_ends(self, *_: Any) -> None: ...

        def trial_ends(self, record: TrialRecord) -> None:
            raise RuntimeError("the screen fell over")

    with pytest.raises(RuntimeError, match="the screen fell over"):
        run_formula(configure("random", trials=2), tmp_path, listeners=[Broken()])
    _, records = run_formula(configure("random", trials=2), tmp_path)
    assert [record.status for record in records] == ["completed", "completed"]


def test_no_trial_begins_after_the_time_is_up(tmp_path: Path) -> None:
    tried: Tried = []
    with pytest.raises(UserError, match=r"search\.max_minutes"):
        run_formula(configure("random", trials=5, max_minutes=1e-9), tmp_path, tried=tried)
    assert tried == []


def test_a_trial_under_way_ends_with_its_epoch_when_the_time_is_up(tmp_path: Path) -> None:
    import time

    def slow(values: Mapping[str, Any]) -> float:
        time.sleep(0.4)
        return peak(values)

    tried: Tried = []
    config = configure("random", trials=50, max_minutes=1 / 60)
    result, records = run_formula(config, tmp_path, slow, tried)
    assert len(tried) == 1
    assert (records[0].ended, records[0].epochs, records[0].status) == ("time", 3, "completed")
    assert 1.0 < result.seconds < 2.5


def test_a_trial_that_hangs_is_ended_and_the_search_goes_on(tmp_path: Path) -> None:
    import time

    def hangs_for_wide(values: Mapping[str, Any]) -> float:
        if values["lstm_units"] == 64:
            time.sleep(3600)
        return peak(values)

    config = configure("grid", trials=12, trial_max_minutes=0.3 / 60)
    _, records = run_formula(config, tmp_path, hangs_for_wide)
    failed = [record for record in records if record.status == "failed"]
    assert [record.values["lstm_units"] for record in failed] == [64] * 3
    assert {record.ended for record in failed} == {"trial_max_minutes"}
    assert {record.retries for record in failed} == {0}, "it would hang again"


def test_a_slow_trial_keeps_what_it_reached_before_its_time_was_up(tmp_path: Path) -> None:
    import time

    def slow(values: Mapping[str, Any]) -> float:
        time.sleep(0.4)
        return peak(values)

    config = configure("random", trials=1, trial_max_minutes=1.1 / 60)
    _, records = run_formula(config, tmp_path, slow)
    assert records[0].status == "completed"
    assert (records[0].ended, records[0].epochs) == ("trial_max_minutes", 2)


@pytest.mark.parametrize("algorithm", ["tpe", "random", "bayesian"])
def test_the_same_seed_tries_the_same_configurations_and_another_seed_others(
    algorithm: str, tmp_path: Path
) -> None:
    runs = []
    for number, seed in enumerate((1, 1, 2, 0, 0)):
        tried: Tried = []
        config = configure(algorithm, trials=9, dropout="0.0..0.6")
        config.seed = seed
        run_formula(config, tmp_path / str(number), tried=tried)
        runs.append(tried)
    first, again, other, zero, zero_again = runs
    assert first == again
    assert first != other
    assert zero == zero_again, "Keras Tuner reads seed 0 as any seed"


def test_the_table_of_trials_holds_every_hyperparameter_and_result(tmp_path: Path) -> None:
    _, records = run_formula(configure("random", trials=3), tmp_path)
    with (tmp_path / "study" / "trials.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["id"] for row in rows] == ["0000", "0001", "0002"]
    assert set(records[0].values) <= set(rows[0])
    assert {"val_macro_f1", "best_epoch", "epochs", "seconds", "parameters", "ended"} <= set(
        rows[0]
    )
    assert float(rows[1]["val_macro_f1"]) == pytest.approx(records[1].objective)


def test_listeners_hear_of_each_trial(tmp_path: Path) -> None:
    heard: list[tuple[str, str]] = []

    class Listener:
        def trial_begins(self, record: TrialRecord, epochs: int) -> None:
            heard.append(("begins", record.id))

        def epoch_ends(self, *_: Any) -> None: ...

        def trial_retries(self, record: TrialRecord, reason: str) -> None:
            heard.append((reason, record.id))

        def trial_ends(self, record: TrialRecord) -> None:
            heard.append((record.status, record.id))

    failures = iter([MemoryError("full")])

    def full_at_first(values: Mapping[str, Any]) -> float:
        for error in failures:
            raise error
        return peak(values)

    config = configure("random", trials=2)
    run_formula(config, tmp_path, full_at_first, listeners=[Listener()])
    assert heard == [
        ("begins", "0000"),
        ("MemoryError: full", "0000"),
        ("begins", "0000"),
        ("completed", "0000"),
        ("begins", "0001"),
        ("completed", "0001"),
    ]


def test_a_crash_before_the_first_trial_ends_leaves_a_study_that_starts_again(
    tmp_path: Path,
) -> None:
    def interrupted(values: Mapping[str, Any]) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_formula(configure("random", trials=2), tmp_path, interrupted)
    _, records = run_formula(configure("random", trials=2), tmp_path)
    assert [record.status for record in records] == ["completed", "completed"]


def test_hyperband_promotes_in_a_space_that_is_smaller_than_its_first_round(
    tmp_path: Path,
) -> None:
    tried: Tried = []
    config = configure("hyperband", trials=50, dropout=0.4, max_epochs=15)
    run_formula(config, tmp_path, tried=tried)
    assert sum(values["parent"] is None for values in tried) == 4
    assert max(values["epochs"] for values in tried) == 15


def test_a_trial_that_failed_is_no_measure_for_others(tmp_path: Path) -> None:
    begun: dict[tuple[Any, ...], int] = {}

    def first_ones_fail_late(values: Mapping[str, Any]) -> float:
        key = (values["lstm_units"], values["dropout"])
        begun[key] = begun.get(key, 0) + 1
        if list(begun).index(key) < 4:
            if begun[key] > 2:
                raise ValueError("late")
            return 1.0
        return peak(values)

    rules = {"pruner": "median", "warmup_epochs": 1, "min_peers": 3}
    _, records = run_formula(configure("grid", trials=12, **rules), tmp_path, first_ones_fail_late)
    assert [record.status for record in records[:4]] == ["failed"] * 4
    assert any(record.status == "completed" for record in records)


def test_a_trial_that_the_search_dies_of_fails_in_the_end(tmp_path: Path) -> None:
    class DiedError(BaseException):
        """What no handler runs for: the process is gone."""

    def deadly(values: Mapping[str, Any]) -> float:
        if values["lstm_units"] == 32:
            raise DiedError
        return peak(values)

    from ecomcat.tuning.tuner import StudyTuner

    config = configure("grid", trials=4, dropout=0.4, max_retries=1)
    with pytest.MonkeyPatch.context() as dies:
        dies.setattr(StudyTuner, "_take_back_unfinished", lambda _: None)
        for _ in range(2):
            with pytest.raises(DiedError):
                run_formula(config, tmp_path, deadly)
    _, records = run_formula(config, tmp_path, deadly)
    assert [record.status for record in records].count("failed") == 1
    assert records[1].ended == "the search died 2 times while it ran this trial"


def test_a_trial_that_is_stopped_in_order_is_begun_as_often_as_it_takes(tmp_path: Path) -> None:
    def stopped(values: Mapping[str, Any]) -> float:
        raise KeyboardInterrupt

    for _ in range(5):
        with pytest.raises(KeyboardInterrupt):
            run_formula(configure("random", trials=1), tmp_path, stopped)
    _, records = run_formula(configure("random", trials=1), tmp_path)
    assert records[0].status == "completed"


def test_an_exhausted_oracle_is_not_asked_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ecomcat.tuning.oracles.algorithms import TpeOracle

    asked: list[str] = []
    real = TpeOracle.populate_space

    def counting(self: Any, trial_id: str) -> Any:
        asked.append(trial_id)
        return real(self, trial_id)

    monkeypatch.setattr(TpeOracle, "populate_space", counting)
    run_formula(configure("tpe", trials=50), tmp_path)
    assert len(asked) == 13


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(143)])
def test_a_signal_whose_exception_was_lost_ends_the_search_all_the_same(
    tmp_path: Path, error: BaseException
) -> None:
    from ecomcat.stopping import forget_requests, request_stop

    tried: Tried = []

    def lost(values: Mapping[str, Any]) -> float:
        # As in a finalizer, from which no exception comes out.
        if len(tried) == 3:
            request_stop(error)
        return peak(values)

    try:
        with pytest.raises(type(error)):
            run_formula(configure("random", trials=9), tmp_path, lost, tried)
    finally:
        forget_requests()
    assert len(tried) == 3
    _, records = run_formula(configure("random", trials=9), tmp_path)
    assert [record.status for record in records] == ["completed"] * 9
