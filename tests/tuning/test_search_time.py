"""What ends when the time of a search, or of one of its trials, is up."""

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


def test_no_trial_begins_after_the_time_is_up(tmp_path: Path) -> None:
    tried: list[dict[str, Any]] = []
    with pytest.raises(UserError, match=r"search\.max_minutes"):
        run_formula(configure("random", trials=5, max_minutes=1e-9), tmp_path, tried=tried)
    assert tried == []


def test_the_time_of_earlier_runs_counts(tmp_path: Path) -> None:
    run_formula(configure("random", trials=1), tmp_path)
    (tmp_path / "study" / "clock.json").write_text('{"active_seconds": 299.0}')
    result, _ = run_formula(configure("random", trials=2), tmp_path)
    assert 299.0 <= result.seconds < 310.0
    (tmp_path / "study" / "clock.json").write_text('{"active_seconds": 301.0}')
    _, records = run_formula(configure("random", trials=3), tmp_path)
    assert len(records) == 2, "the study's five minutes are over"


def test_a_trial_under_way_ends_with_its_epoch_when_the_time_is_up(tmp_path: Path) -> None:
    import time

    def slow(values: Mapping[str, Any]) -> float:
        time.sleep(0.4)
        return peak(values)

    tried: list[dict[str, Any]] = []
    config = configure("random", trials=50, max_minutes=1 / 60)
    result, records = run_formula(config, tmp_path, slow, tried)
    assert len(tried) == 1
    assert (records[0].ended, records[0].epochs, records[0].status) == ("time", 3, "completed")
    assert 1.0 < result.seconds < 2.5


def test_a_slow_trial_keeps_what_it_reached_before_its_time_was_up(tmp_path: Path) -> None:
    import time

    def slow(values: Mapping[str, Any]) -> float:
        time.sleep(0.4)
        return peak(values)

    config = configure("random", trials=1, trial_max_minutes=1.1 / 60)
    _, records = run_formula(config, tmp_path, slow)
    assert records[0].status == "completed"
    assert (records[0].ended, records[0].epochs) == ("trial_max_minutes", 2)


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
