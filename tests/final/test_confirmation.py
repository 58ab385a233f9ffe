"""The best trials are compared on further validation sets before one of them is exported."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomcat.data.splitting import Split
from ecomcat.tuning.records import TrialRecord
from ecomcat.tuning.study import Study
from tests.tiny_network import VALUES, texts_and_labels
from tests.tuning.trial_records import saved

SINGLE, ENSEMBLE = {"_target_": "single"}, {"_target_": "ensemble", "max_members": 8}


@settings(max_examples=20, deadline=None)
@given(count=st.integers(1, 9), seed=st.integers(0, 50), grouped=st.booleans())
def test_further_splits_watch_other_texts_of_train_and_train_on_all_that_is_left(
    count: int, seed: int, grouped: bool
) -> None:
    from ecomcat.final.confirmation import further_splits

    rows = np.random.default_rng(seed).permutation(400)
    split = Split(np.sort(rows[:280]), np.sort(rows[280:340]), np.sort(rows[340:]))
    labels = np.random.default_rng(seed).integers(0, 3, 400)
    groups = np.arange(400) // 2 if grouped else None
    if groups is not None:  # none of them stands on both sides
        groups[split.train] += 1000
    found = further_splits(split, labels, groups, count, seed)
    assert len(found) == min(count, 5), "train has five parts as large as validation"
    both = np.union1d(split.train, split.validation)
    seen: set[int] = set(split.validation.tolist())
    for each in found:
        assert np.array_equal(np.union1d(each.train, each.validation), both)
        assert len(np.intersect1d(each.train, each.validation)) == 0
        assert seen.isdisjoint(each.validation.tolist())
        assert 40 <= len(each.validation) <= 80
        if groups is not None:
            assert set(groups[each.train]).isdisjoint(groups[each.validation])
        seen |= set(each.validation.tolist())
    again = further_splits(split, labels, groups, 1, seed)
    assert np.array_equal(again[0].validation, found[0].validation)


@pytest.mark.parametrize(
    ("texts_a_class", "groups", "expected"),
    [
        pytest.param(3, None, 3, id="no class has as many texts as there are parts"),
        pytest.param(1, None, 0, id="every text has a category of its own"),
        pytest.param(30, 4, 4, id="fewer groups than parts"),
        pytest.param(30, 1, 0, id="one group"),
    ],
)
def test_train_is_split_into_no_more_parts_than_it_can_be(
    texts_a_class: int, groups: int | None, expected: int
) -> None:
    from ecomcat.final.confirmation import further_splits

    rows = np.arange(66)
    split = Split(rows[:60], rows[60:], rows[:0])
    labels = rows % (60 // texts_a_class)
    of_group = None if groups is None else rows // 2 % groups
    found = further_splits(split, labels, of_group, 9, seed=1)
    assert len(found) == expected
    assert all(len(each.train) and len(each.validation) for each in found)


def test_the_best_on_average_comes_first_and_what_was_not_compared_last() -> None:
    from ecomcat.final.confirmation import Confirmation

    candidates: Any = [
        SimpleNamespace(record=SimpleNamespace(id=name)) for name in ("best", "steady", "other")
    ]
    found = Confirmation({"best": (0.9, 0.6, 0.6), "steady": (0.8, 0.8, 0.8)})
    assert [each.record.id for each in found.rank(candidates)] == ["steady", "best", "other"]
    assert found.describe() == {"macro_f1": {"best": [0.9, 0.6, 0.6], "steady": [0.8] * 3}}


def lucky_study(folder: Path) -> tuple[Any, Any, Study]:
    """Return configuration, inputs and a study whose first trial is good and whose best is not.

    The best one cannot learn at all: what it has on validation is luck.
    """
    from ecomcat.cli import compose
    from ecomcat.model.network import lstm_classifier
    from ecomcat.tuning.trial import TrialInputs

    options = ("final.folds=3", "search.workers=1", "search.max_epochs=3")
    texts, labels = texts_and_labels(180, seed=0, longest=8)
    split = Split(np.arange(120), np.arange(120, 150), np.arange(150, 180))
    inputs = TrialInputs(lstm_classifier, texts, labels, 3, split, seed=1, patience=9, max_epochs=3)
    study = Study(folder)
    for number, (rate, objective) in enumerate([(0.02, 0.7), (1e-7, 0.9)]):
        record = TrialRecord(f"{number:04}", {**VALUES, "learning_rate": rate}, number)
        record.status, record.objective, record.epochs = "completed", objective, 3
        saved(study, record)
    return compose("search", options), inputs, study


def confirmed(config: Any, inputs: Any, study: Study) -> Any:
    from ecomcat.final.confirmation import confirm_trials

    dataset: Any = SimpleNamespace(groups=None)
    return confirm_trials(config, dataset, inputs, study)


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of such a study, whose trials were compared."""
    folder = tmp_path_factory.mktemp("compared")
    assert confirmed(*lucky_study(folder)) is not None
    return folder


@pytest.fixture
def compared_before(compared: Path, tmp_path: Path) -> None:
    """Put the files of such a study in the folder of the test."""
    shutil.copytree(compared, tmp_path, dirs_exist_ok=True)


@pytest.mark.slow
@pytest.mark.usefixtures("compared_before")
def test_a_trial_that_was_lucky_on_its_validation_set_is_found_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config, inputs, study = lucky_study(tmp_path)
    caplog.set_level("INFO", logger="ecomcat")
    found = confirmed(config, inputs, study)
    assert found is not None
    lucky, steady = found.scores["0001"], found.scores["0000"]
    assert (lucky[0], steady[0], len(lucky), len(steady)) == (0.9, 0.7, 3, 3)
    assert min(steady[1:]) > 0.9 > max(lucky[1:])
    assert "on 3 validation sets trial 0000 has the highest macro-F1" in caplog.text

    # What is there is read; what is damaged is trained again, and comes to the same.
    paths = [study.trial_dir(trial) / f"fold_{n}.npz" for trial in found.scores for n in (1, 2)]
    written = [path.stat().st_mtime_ns for path in paths]
    paths[0].write_bytes(b"PK damaged")
    np.savez(paths[1], np.full(30, 3))  # of three classes
    np.savez(paths[2], np.full(30, 0.5))
    again = confirmed(config, inputs, study)
    assert again == found
    kept = [path.stat().st_mtime_ns == time for path, time in zip(paths, written, strict=True)]
    assert kept == [False, False, False, True]


@pytest.mark.slow
@pytest.mark.usefixtures("compared_before")
@pytest.mark.parametrize(("lost", "failed"), [(1, False), (3, True)])
def test_a_trial_whose_worker_is_lost_is_trained_again_as_often_as_in_a_search(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, lost: int, failed: bool
) -> None:
    config, inputs, study = lucky_study(tmp_path)
    undisturbed = confirmed(config, inputs, study)
    for path in (study.trial_dir("0000") / f"fold_{number}.npz" for number in (1, 2)):
        path.unlink()
    losses = iter(range(lost))

    def build(values: Any, classes: int) -> Any:
        if next(losses, None) is not None:
            raise MemoryError("no room")
        return inputs.build(values, classes)

    config.search.max_retries = 2
    found = confirmed(config, replace(inputs, build=build), study)
    assert caplog.text.count("Trial 0000 begins again: MemoryError: no room") == min(lost, 2)
    assert ("Trial 0000 could not be trained again" in caplog.text) is failed
    assert found == (None if failed else undisturbed)


@pytest.mark.slow
def test_where_time_or_a_trial_fails_the_searchs_own_validation_decides(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config, inputs, study = lucky_study(tmp_path)
    config.search.max_minutes = 1e-9
    assert confirmed(config, inputs, study) is None
    assert "No further validation set was trained on in time" in caplog.text
    config.search.max_minutes = 9
    study.trials["0001"].values["learning_rate"] = 1e38
    assert confirmed(config, inputs, study) is None
    assert "Trial 0001 could not be trained again: diverged" in caplog.text
    config.final.folds = 1
    assert confirmed(config, inputs, study) is None
