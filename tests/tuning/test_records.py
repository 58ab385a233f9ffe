"""What is written down of trials: their files and the table."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from trial_records import VALUES, ended, epoch, rows_of, saved, table_of, trained

from ecomcat.tuning.records import (
    COMPLETED,
    FAILED,
    RUNNING,
    TrialRecord,
    TrialTable,
    load_record,
    load_records,
    trials_csv,
)
from ecomcat.tuning.study import Study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path)


# The table as text


def test_the_table_has_a_row_a_trial() -> None:
    record = trained(epoch(0.5), epoch(0.71234567, 0.25, 0.875))
    record.status, record.ended = COMPLETED, "max_epochs"
    record.seconds, record.parameters = 12.345, 4321
    assert trials_csv([record]).splitlines() == [
        "id,status,lstm_units,dropout,bidirectional,pooling,"
        "val_macro_f1,val_accuracy,val_loss,best_epoch,epochs,seconds,parameters,ended",
        "0000,completed,64,0.3,True,max+mean,0.712346,0.875000,0.250000,2,2,12.3,4321,max_epochs",
    ]


def test_what_a_trial_has_no_score_for_is_left_empty() -> None:
    (row,) = rows_of(trials_csv([ended(3, None, FAILED)]))
    assert (row["id"], row["status"], row["units"]) == ("0003", "failed", "3")
    assert row["val_macro_f1"] == row["val_accuracy"] == row["val_loss"] == row["ended"] == ""
    assert (row["best_epoch"], row["epochs"], row["seconds"]) == ("0", "0", "0.0")


def test_a_score_of_nothing_is_a_score() -> None:
    (row,) = rows_of(trials_csv([trained(epoch(0.0, 0.0, 0.0))]))
    assert row["val_macro_f1"] == row["val_accuracy"] == row["val_loss"] == "0.000000"


def test_trials_of_other_hyperparameters_stand_in_one_table() -> None:
    records = [
        TrialRecord("0000", {"units": 8, "extra.heads": 2}),
        TrialRecord("0001", {"units": 16, "extra.kind": "gru"}),
    ]
    text = trials_csv(records)
    assert text.startswith("id,status,units,extra.heads,extra.kind,val_macro_f1,")
    first, second = rows_of(text)
    assert (first["extra.heads"], first["extra.kind"]) == ("2", "")
    assert (second["extra.heads"], second["extra.kind"]) == ("", "gru")


@pytest.mark.parametrize("text", ["a, b", 'a "b" c', "two\nlines", "é–語 🙂", " padded ", ";\t|"])
def test_any_text_reads_back_from_the_table(text: str) -> None:
    record = TrialRecord("0000", {"extra.kind": text}, ended=text)
    (row,) = rows_of(trials_csv([record]))
    assert (row["extra.kind"], row["ended"]) == (text, text)


def test_a_study_without_trials_has_a_table_of_headings() -> None:
    (heading,) = trials_csv([]).splitlines()
    assert heading.startswith("id,status,val_macro_f1,") and heading.endswith(",ended")


# The files


def full_record(number: int) -> TrialRecord:
    record = trained(epoch(0.5), epoch(0.1 + 0.2, 1 / 3), number=number)
    record.root, record.status, record.ended = 3, COMPLETED, "patience: é 🙂 \udce9"
    record.seconds, record.parameters, record.retries = 1.23456789, 10**9, 2
    return record


def test_a_record_reads_back_as_it_was_saved(study: Study) -> None:
    records = [full_record(0), ended(1, None, FAILED), TrialRecord("0002", {})]
    saved(study, *records)
    assert load_records(study) == records
    assert load_record(study, "0000") == records[0]
    types = [type(value) for value in load_record(study, "0000").values.values()]
    assert types == [int, float, bool, str]


def test_a_table_begins_with_what_earlier_runs_recorded(study: Study) -> None:
    earlier = saved(study, full_record(0), full_record(1))
    table = TrialTable(study)
    assert table.records == earlier.records == [full_record(0), full_record(1)]
    assert table.get("0001") == full_record(1)
    assert table.get("0002") is None


def test_a_new_study_has_no_trials(study: Study) -> None:
    assert TrialTable(study).records == load_records(study) == []
    assert list(study.directory.iterdir()) == []


def test_trials_stand_in_the_order_of_their_numbers(study: Study) -> None:
    numbers = ["0000", "0001", "9999", "10000"]
    table = saved(study, ended(10_000, 0.1), ended(9999, 0.2), ended(0, 0.2), ended(1, 0.3))
    assert [record.id for record in table.records] == numbers
    assert [record.id for record in load_records(study)] == numbers
    assert [row["id"] for row in table_of(study)] == numbers


def test_a_trial_saved_again_replaces_what_was_saved(study: Study) -> None:
    table = saved(study, ended(0, None, RUNNING), ended(1, 0.5), ended(0, 0.7))
    assert [record.objective for record in table.records] == [0.7, 0.5]
    assert [row["status"] for row in table_of(study)] == ["completed", "completed"]
    assert load_record(study, "0000") == ended(0, 0.7)


def test_each_trial_has_a_file_of_its_own(study: Study) -> None:
    saved(study, ended(0, 0.5), ended(1, 0.7))
    files = {path.relative_to(study.directory).as_posix() for path in study.directory.rglob("*.*")}
    assert files == {"trials.csv", "trials/0000/record.json", "trials/0001/record.json"}
    written: dict[str, Any] = json.loads((study.trial_dir("0001") / "record.json").read_text())
    assert (written["id"], written["objective"], written["values"]) == ("0001", 0.7, {"units": 1})


# While trials run


class Now:
    """The time that `time.monotonic` tells, which passes when the test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def pass_by(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Now:
    stopped = Now()
    monkeypatch.setattr(time, "monotonic", lambda: stopped.seconds)
    return stopped


def test_the_table_is_refreshed_at_most_once_a_second(study: Study, now: Now) -> None:
    record = TrialRecord("0000", dict(VALUES))
    table = saved(study, record)

    def epochs_written_after(seconds: float) -> int:
        now.pass_by(seconds)
        record.note_epoch(record.epochs + 1, epoch(0.5))
        table.refresh()
        return int(table_of(study)[0]["epochs"])

    assert [epochs_written_after(seconds) for seconds in (0.0, 0.5, 0.5)] == [0, 0, 3]
    assert [epochs_written_after(seconds) for seconds in (0.9, 60.0, 0.9, 0.1)] == [3, 5, 5, 7]
    assert load_record(study, "0000").epochs == 0, "the trial's own file waits for its end"


def test_a_trial_stands_in_the_table_a_second_after_it_began_and_when_it_ends(
    study: Study, now: Now
) -> None:
    table = saved(study, ended(0, 0.5, RUNNING), ended(1, 0.5, RUNNING))
    assert [record.id for record in load_records(study)] == ["0000", "0001"]
    now.pass_by(1.0)
    table.refresh()
    assert [row["status"] for row in table_of(study)] == ["running", "running"]
    for number, status in enumerate((COMPLETED, FAILED)):
        table.save(ended(number, 0.5, status))
        assert table_of(study)[number]["status"] == status
