"""What is written down of trials: the best epoch, the best trial, the files and the table."""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomcat.errors import UserError
from ecomcat.model.scores import OBJECTIVE
from ecomcat.tuning.study.records import (
    COMPLETED,
    FAILED,
    PRUNED,
    RUNNING,
    TrialRecord,
    TrialTable,
    best_record,
    load_record,
    load_records,
    require_best,
    trials_csv,
)
from ecomcat.tuning.study.study import Study

VALUES = {"lstm_units": 64, "dropout": 0.3, "bidirectional": True, "pooling": "max+mean"}


def epoch(objective: float, loss: float = 0.5, accuracy: float = 0.9) -> dict[str, float]:
    return {"loss": 0.4, OBJECTIVE: objective, "val_accuracy": accuracy, "val_loss": loss}


def trained(*epochs: dict[str, float], number: int = 0) -> TrialRecord:
    record = TrialRecord(f"{number:04}", dict(VALUES))
    for count, logs in enumerate(epochs, start=1):
        record.note_epoch(count, logs)
    return record


def ended(number: int, objective: float | None, status: str = COMPLETED) -> TrialRecord:
    return TrialRecord(f"{number:04}", {"units": number}, status=status, objective=objective)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def table_of(study: Study) -> list[dict[str, str]]:
    return rows_of((study.directory / "trials.csv").read_text(encoding="utf-8"))


# The best epoch


def test_a_trial_that_has_trained_no_epoch_has_no_score() -> None:
    record = trained()
    assert (record.objective, record.accuracy, record.loss) == (None, None, None)
    assert (record.best_epoch, record.epochs, record.status) == (0, 0, RUNNING)


@pytest.mark.parametrize(
    ("epochs", "best"),
    [
        pytest.param([epoch(0.5)], 1, id="the only one"),
        pytest.param([epoch(0.5), epoch(0.6), epoch(0.7)], 3, id="the last"),
        pytest.param([epoch(0.5), epoch(0.7), epoch(0.6)], 2, id="in between"),
        pytest.param([epoch(0.5, 0.1), epoch(0.6, 0.9)], 2, id="whatever the loss"),
        pytest.param([epoch(0.5, 0.1, 0.9), epoch(0.6, 0.1, 0.1)], 2, id="or the accuracy"),
        pytest.param([epoch(0.6, 0.3), epoch(0.6, 0.2), epoch(0.6, 0.4)], 2, id="tie: the loss"),
        pytest.param([epoch(0.6, 0.3), epoch(0.6, 0.3), epoch(0.5)], 1, id="tie: the earlier"),
        pytest.param([epoch(0.0, 0.3), epoch(0.0, 0.2)], 2, id="scores of nothing"),
    ],
)
def test_the_best_epoch_is_that_of_the_highest_score(
    epochs: list[dict[str, float]], best: int
) -> None:
    record = trained(*epochs)
    assert (record.best_epoch, record.epochs) == (best, len(epochs))
    logs = epochs[best - 1]
    assert record.objective == logs[OBJECTIVE]
    assert (record.accuracy, record.loss) == (logs["val_accuracy"], logs["val_loss"])


@pytest.mark.parametrize(
    ("parent", "own", "best"),
    [
        ([epoch(0.5), epoch(0.6)], [epoch(0.7)], 3),
        ([epoch(0.5), epoch(0.6)], [epoch(0.55), epoch(0.7), epoch(0.65)], 4),
        ([epoch(0.5), epoch(0.6)], [epoch(0.55)], 2),
        ([epoch(0.6), epoch(0.5)], [epoch(0.6)], 1),
        ([epoch(0.6, 0.3)], [epoch(0.6, 0.2)], 2),
        ([epoch(0.6)] * 3, [epoch(0.6)] * 2, 1),
    ],
)
def test_a_continued_trial_counts_the_epochs_of_the_one_that_it_continues(
    parent: list[dict[str, float]], own: list[dict[str, float]], best: int
) -> None:
    record = TrialRecord("0007", dict(VALUES), curves=list(parent))
    for count, logs in enumerate(own, start=len(parent) + 1):
        record.note_epoch(count, logs)
    assert (record.best_epoch, record.epochs) == (best, len(parent) + len(own))
    assert record.objective == [*parent, *own][best - 1][OBJECTIVE]
    assert record.curves == [*parent, *own]


def test_epochs_keep_their_numbers_where_the_first_are_not_known() -> None:
    record = TrialRecord("0000", dict(VALUES))
    for count, score in ((4, 0.5), (5, 0.7), (6, 0.6)):
        record.note_epoch(count, epoch(score))
    assert (record.best_epoch, record.epochs) == (5, 6)


shares = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])


@settings(deadline=None)
@given(st.lists(st.builds(epoch, shares, shares, shares), min_size=1, max_size=8), st.data())
def test_after_each_epoch_the_best_so_far_stands_in_the_record(
    epochs: list[dict[str, float]], data: st.DataObject
) -> None:
    before = data.draw(st.integers(0, len(epochs) - 1), label="epochs of the parent")
    record = TrialRecord("0000", {}, curves=epochs[:before])
    for count in range(before + 1, len(epochs) + 1):
        record.note_epoch(count, epochs[count - 1])
        ranked = sorted(epochs[:count], key=lambda logs: (-logs[OBJECTIVE], logs["val_loss"]))
        assert epochs[record.best_epoch - 1] == ranked[0]
        assert ranked[0] not in epochs[: record.best_epoch - 1]
        found = record.objective, record.loss, record.accuracy
        assert found == tuple(ranked[0][key] for key in (OBJECTIVE, "val_loss", "val_accuracy"))


# The best trial


@pytest.mark.parametrize(
    ("records", "best"),
    [
        ([], None),
        ([ended(0, 0.5), ended(1, 0.7), ended(2, 0.6)], "0001"),
        ([ended(0, 0.5), ended(1, 0.5), ended(2, 0.4)], "0000"),
        ([ended(0, 0.0), ended(1, 0.0)], "0000"),
        ([ended(0, 0.5), ended(1, 0.9, PRUNED), ended(2, None, FAILED)], "0000"),
        ([ended(0, 0.9, RUNNING), ended(1, 0.1)], "0001"),
        ([ended(0, 0.9, PRUNED), ended(1, 0.9, RUNNING), ended(2, None, FAILED)], None),
    ],
)
def test_the_best_trial_is_the_first_completed_one_of_the_highest_score(
    records: list[TrialRecord], best: str | None
) -> None:
    found = best_record(iter(records))
    assert (found and found.id) == best


def saved(study: Study, *records: TrialRecord) -> TrialTable:
    table = TrialTable(study)
    for record in records:
        table.save(record)
    return table


def test_the_best_trial_is_required_of_a_study(study: Study) -> None:
    saved(study, ended(0, 0.5), ended(1, 0.7), ended(2, None, FAILED))
    assert require_best(study).id == "0001"


def test_where_none_completed_the_first_failure_says_why(study: Study) -> None:
    first, second = ended(1, None, FAILED), ended(2, None, FAILED)
    first.ended, second.ended = "ValueError: too wide", "MemoryError: full"
    saved(study, ended(0, 0.5, PRUNED), first, second)
    with pytest.raises(UserError) as refused:
        require_best(study)
    message = str(refused.value)
    assert "of 3 none did" in message and "Trial 0001: ValueError: too wide" in message
    assert str(study.directory / "trials") in message


def test_where_none_completed_or_failed_the_time_was_too_short(study: Study) -> None:
    saved(study, ended(0, 0.5, RUNNING), ended(1, 0.5, PRUNED))
    with pytest.raises(UserError, match=r"one of 2 did\. Raise search\.max_minutes"):
        require_best(study)


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
