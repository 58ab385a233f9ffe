"""Trials that fail, or find no memory, in a search that goes on without them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from formula import configure, peak, run_formula

from ecomcat.errors import UserError

pytestmark = [
    pytest.mark.slow,
    # Keras Tuner calls names that Python renamed.
    pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:getName:DeprecationWarning"),
]


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


def test_a_search_in_which_every_trial_fails_ends_with_the_first_reason(tmp_path: Path) -> None:
    def fails(values: Mapping[str, Any]) -> float:
        raise ValueError("a builder's own message")

    with pytest.raises(UserError, match="a builder's own message"):
        run_formula(configure("tpe", trials=4), tmp_path, fails)


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
    tried: list[dict[str, Any]] = []

    def full(values: Mapping[str, Any]) -> float:
        raise MemoryError("full")

    with pytest.raises(UserError, match="MemoryError: full"):
        run_formula(configure("random", trials=2, max_retries=1), tmp_path, full, tried)
    assert len(tried) == 4


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
