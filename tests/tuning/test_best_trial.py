"""Which epoch of a trial and which trial of a study is the best."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trial_records import VALUES, ended, epoch, saved, trained

from ecomcat.errors import UserError
from ecomcat.model.metrics import OBJECTIVE
from ecomcat.tuning.records import FAILED, PRUNED, RUNNING, TrialRecord, best_record, require_best
from ecomcat.tuning.study import Study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path)


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
