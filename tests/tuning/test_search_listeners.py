"""What a search tells of its trials: to those that listen, and in a table."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from formula import configure, peak, run_formula

from ecomcat.tuning.records import TrialRecord

pytestmark = [
    pytest.mark.slow,
    # Keras Tuner calls names that Python renamed.
    pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:getName:DeprecationWarning"),
]


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
