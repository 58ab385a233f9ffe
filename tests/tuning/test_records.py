"""The record of a trial: its best epoch, its file, the table, and which trial is the best."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trial_records import VALUES, ended, epoch, saved, table_of, trained

from ecomcat.errors import UserError
from ecomcat.json_files import UnreadableError
from ecomcat.model.metrics import OBJECTIVE, Outcome
from ecomcat.tuning.records import (
    COMPLETED,
    CUT_SHORT,
    FAILED,
    PRUNED,
    RUNNING,
    TrialRecord,
    best_record,
    candidates,
    require_best,
)
from ecomcat.tuning.study import Study
from ecomcat.tuning.trial_files import (
    BEST_WEIGHTS,
    load_answers,
    load_arrays,
    load_outcome,
    load_predicted,
    save_outcome,
)
from ecomcat.tuning.trial_table import TrialTable, trials_csv

ODD = ' padded, "quoted" é–語 🙂\n;\t|'


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path)


# The best epoch


@pytest.mark.parametrize(
    ("epochs", "best"),
    [
        pytest.param([epoch(0.5)], 1, id="the only one"),
        pytest.param([epoch(0.5), epoch(0.7), epoch(0.6)], 2, id="in between"),
        pytest.param([epoch(0.5, 0.1), epoch(0.6, 0.9)], 2, id="whatever the loss"),
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


def test_an_attempt_that_is_forgotten_leaves_its_time_alone() -> None:
    record = trained(epoch(0.5), epoch(0.7))
    record.seconds = 12.0
    assert record.seconds_per_epoch == 6.0
    record.forget_attempt()
    assert record == TrialRecord("0000", VALUES, seconds=12.0)


# The best trial


@pytest.mark.parametrize(
    ("records", "ranked"),
    [
        ([], []),
        ([ended(0, 0.5), ended(1, 0.7), ended(2, 0.6)], ["0001", "0002", "0000"]),
        ([ended(0, 0.5), ended(1, 0.5), ended(2, 0.4)], ["0000", "0001", "0002"]),
        ([ended(0, 0.5), ended(1, 0.9, PRUNED), ended(2, None, FAILED)], ["0000"]),
        ([ended(0, 0.9, PRUNED), ended(1, 0.9, RUNNING), ended(2, None, FAILED)], []),
        # One that was cut short counts only as the best, or where there is no other.
        ([ended(0, 0.5), ended(1, 0.4, CUT_SHORT), ended(2, 0.3)], ["0000", "0002"]),
        ([ended(0, 0.5), ended(1, 0.6, CUT_SHORT), ended(2, 0.55, CUT_SHORT)], ["0001", "0000"]),
        ([ended(0, 0.5, CUT_SHORT), ended(1, 0.5)], ["0001"]),
        ([ended(0, 0.5, CUT_SHORT), ended(1, 0.6, CUT_SHORT)], ["0001", "0000"]),
    ],
)
def test_the_trials_to_make_a_model_of_stand_in_the_order_of_their_scores(
    records: list[TrialRecord], ranked: list[str]
) -> None:
    assert [record.id for record in candidates(records)] == ranked
    best = best_record(records)
    assert (best.id if best else None) == next(iter(ranked), None)


@pytest.mark.parametrize(
    ("records", "message"),
    [
        (
            [ended(0, 0.5, PRUNED), TrialRecord("1", {}, status=FAILED, ended="too wide")],
            r"of 2 none did\. Trial 1: too wide\. .*folder.trials",
        ),
        (
            [ended(0, 0.5, RUNNING), ended(1, 0.5, PRUNED)],
            r"of 2 none did\. The study's time was used up before: raise search\.max_minutes",
        ),
    ],
)
def test_where_none_completed_the_message_says_why(
    records: list[TrialRecord], message: str
) -> None:
    assert require_best([*records, ended(7, 0.1)], Path("folder")).id == "0007"
    with pytest.raises(UserError, match=message):
        require_best(records, Path("folder"))


# The table


def test_the_table_has_a_row_a_trial() -> None:
    record = trained(epoch(0.5), epoch(0.71234567, 0.25, 0.875))
    record.status, record.ended = COMPLETED, "max_epochs"
    record.seconds, record.parameters = 12.345, 4321
    assert trials_csv([record, ended(3, None, FAILED)]).splitlines() == [
        "id,status,lstm_units,dropout,bidirectional,pooling,units,"
        "val_macro_f1,val_accuracy,val_loss,best_epoch,epochs,seconds,parameters,ended",
        "0000,completed,64,0.3,True,max+mean,,0.712346,0.875000,0.250000,2,2,12.3,4321,max_epochs",
        "0003,failed,,,,,3,,,,0,0,0.0,0,",
    ]
    assert trials_csv([]).startswith("id,status,val_macro_f1,")


# The files


def full_record(number: int) -> TrialRecord:
    record = trained(epoch(0.5), epoch(0.1 + 0.2, 1 / 3), number=number)
    record.root, record.status, record.ended = 3, COMPLETED, ODD
    record.seconds, record.parameters, record.retries = 1.23456789, 10**9, 2
    record.plan = {"tuner/epochs": 3, "tuner/trial_id": "0003"}
    return record


def test_records_read_back_as_they_were_saved_in_the_order_of_their_numbers(study: Study) -> None:
    assert study.trials.records == [] and list(study.directory.iterdir()) == []
    records = [full_record(0), ended(1, None, FAILED), ended(9999, 0.2), TrialRecord("10000", {})]
    saved(study, *reversed(records))
    # A copy that someone made of a folder is no trial.
    (study.directory / "trials" / "0000 (copy)").mkdir()
    again = Study(study.directory)
    assert again.trials.records == study.trials.records == records
    assert (again.trials.get("0001"), again.trials.get("0002")) == (records[1], None)
    assert again.trials.next_id == "10001"
    values = again.trials.records[0].values.values()
    assert [type(value) for value in values] == [int, float, bool, str]
    assert table_of(study)[0]["ended"] == ODD


@pytest.mark.parametrize("content", ['{"id": "00', '{"id": "0000", "colour": 1}', "[]"])
def test_a_record_that_is_none_and_that_the_table_lacks_is_named_and_left_out(
    study: Study, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = study.trial_dir("0000") / "record.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    assert study.trials.records == []
    assert str(path) in caplog.text and "Trial 0000 is left out; trials.csv lacks" in caplog.text


@settings(deadline=None)
@given(
    values=st.dictionaries(
        st.sampled_from(["units", "extra.kind", "dropout", "pooling"]),
        st.integers()
        | st.floats(allow_nan=False)
        | st.booleans()
        | st.sampled_from(["max", "é,\n"]),
        min_size=1,
    ),
    plan=st.sampled_from([{}, {"tuner/epochs": 4, "tuner/trial_id": "0000"}]),
    cut=st.integers(0, 40),
)
def test_a_trial_whose_file_is_lost_is_known_from_the_table_but_for_its_curves(
    tmp_path_factory: pytest.TempPathFactory, values: Any, plan: Any, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("lost")
    first, second = trained(epoch(0.5), epoch(0.75)), ended(1, 0.25)
    first.values, first.status, first.ended, first.plan = values, COMPLETED, "max_epochs", plan
    content = trials_csv([first, second])
    end = content.rindex("\n", 0, -1) + 1  # of the first trial's row
    (folder / "trials.csv").write_text(content[: end + cut], encoding="utf-8")
    found = TrialTable(folder).get("0000")
    assert found is not None and found.lost == COMPLETED
    assert (found.values, found.plan, found.objective) == (values, plan, 0.75)
    assert [type(value) for value in found.values.values()] == [*map(type, values.values())]


def test_a_trial_goes_on_from_what_it_left_and_what_is_gone_is_named(tmp_path: Path) -> None:
    directory = tmp_path / "0003"
    directory.mkdir()
    probabilities, curves = np.array([[0.25, 0.75]], np.float32), [epoch(0.5), epoch(0.4)]
    weights, state = [np.arange(3.0), np.ones((2, 2), np.float32)], [np.arange(4)]
    save_outcome(Outcome(curves, probabilities, weights, state), directory)
    found = load_outcome(directory, curves)
    assert found.curves == curves
    assert np.array_equal(found.probabilities, probabilities)
    for read, written in zip([*found.weights, *found.state], [*weights, *state], strict=True):
        assert np.array_equal(read, written)
    path = directory / BEST_WEIGHTS
    path.unlink()
    for content, found in ((None, "no such file"), (b"", "something else"), (b"x", "something")):
        if content is not None:
            path.write_bytes(content)
        message = f"arrays of trial 0003 in {path}, found {found}"
        with pytest.raises(UserError, match=re.escape(message)):
            load_arrays(path)


def test_arrays_of_another_name_or_shape_are_told_from_answers(tmp_path: Path) -> None:
    whole = tmp_path / "whole.npz"
    np.savez(whole, probabilities=np.eye(3, dtype=np.float32)[:2])
    assert load_answers(whole, (2, 3)).shape == (2, 3)
    assert load_predicted(whole, 2).tolist() == [0, 1]
    np.savez(tmp_path / "other.npz", other=np.ones((2, 3)))
    for name, shape in (("other", (2, 3)), ("whole", (1, 3))):
        for load, expected in ((load_answers, shape), (load_predicted, shape[0])):
            with pytest.raises(UnreadableError, match="found something else"):
                load(tmp_path / f"{name}.npz", expected)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["a pipe", "a folder"])
def test_what_is_no_file_is_neither_read_nor_written_over(make: Any, tmp_path: Path) -> None:
    make(tmp_path / "part_100.npz")
    with pytest.raises(UserError, match="Move away what stands there"):
        load_arrays(tmp_path / "part_100.npz")
