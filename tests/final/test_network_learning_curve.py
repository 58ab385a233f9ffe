"""What more texts would bring to the network that was chosen, by training it on parts of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomcat.data.splitting import Split
from ecomcat.model.learning_curve import extrapolated_curve
from ecomcat.tuning.records import TrialRecord
from ecomcat.tuning.study import Study
from ecomcat.tuning.trial_files import VALIDATION, packed
from tests.tiny_network import VALUES, texts_and_label_ids
from tests.tuning.trial_records import saved

# What is read off the points


@settings(max_examples=10, deadline=None)
@given(power=st.floats(0.05, 0.6), at_first=st.floats(0.1, 0.4))
def test_errors_that_fall_with_a_power_go_on_to_fall_with_it(power: float, at_first: float) -> None:
    sizes, texts = np.array([1000, 2000, 4000, 8000]), 5_000
    errors = at_first * (sizes / sizes[0]) ** -power
    right = np.arange(texts)[None] >= (errors * texts)[:, None]
    found = extrapolated_curve(right, sizes, seed=1)
    next_error = at_first * 16.0**-power
    assert found["doubled"]["texts"] == 16_000
    assert found["doubled"]["gain"] == pytest.approx(errors[-1] - next_error, abs=0.001)
    low, high = found["doubled"]["interval"]
    assert 0 <= low <= found["doubled"]["gain"] <= high


@pytest.mark.parametrize("accuracy", [0.0, 0.5, 1.0])
def test_a_level_curve_gains_nothing_and_right_or_wrong_on_all_is_no_trouble(
    accuracy: float,
) -> None:
    right = np.tile(np.arange(100) < 100 * accuracy, (3, 1))
    doubled = extrapolated_curve(right, np.array([100, 200, 400]), seed=1)["doubled"]
    assert doubled["gain"] == pytest.approx(0, abs=1e-9)


# A study


def study_of(folder: Path, texts: int, *options: str) -> tuple[Any, Any, Study, TrialRecord]:
    """Return configuration, inputs, a study with one trial, and that trial."""
    from ecomcat.cli import compose
    from ecomcat.model.network import lstm_classifier
    from ecomcat.tuning.trial import TrialInputs

    encoded, label_ids = texts_and_label_ids(texts + 60, seed=0, longest=8)
    rows = np.arange(texts + 60)
    split = Split(rows[:texts], rows[texts:], rows[:0])
    limits = {"seed": 1, "patience": 9, "max_epochs": 2}
    inputs = TrialInputs(lstm_classifier, encoded, label_ids, 3, split, **limits)
    study, record = Study(folder), TrialRecord("0000", {**VALUES, "learning_rate": 0.02})
    record.status, record.objective, record.epochs, record.best_epoch = "completed", 0.9, 2, 2
    saved(study, record)
    answers = np.eye(3, dtype=np.float32)[label_ids[texts:]]
    np.savez(study.trial_dir("0000") / VALIDATION, **packed(answers))
    return compose("search", ("search.workers=1", *options)), inputs, study, record


def learned(*of_study: Any) -> Any:
    from ecomcat.final.network_learning_curve import learn_from_parts

    return learn_from_parts(*of_study)


@pytest.mark.slow
def test_a_network_learns_parts_of_the_texts_once(tmp_path: Path) -> None:
    config, inputs, study, record = study_of(tmp_path, 400)
    found = learned(config, inputs, study, record)
    assert [point["texts"] for point in found["points"]] == [100, 200, 400]
    assert found["points"][-1]["accuracy"] == 1.0, "the trial's own answers"
    assert found["points"][1]["accuracy"] > 0.8
    assert (found["trial"], found["validation_texts"]) == ("0000", 60)

    # What is there is read; what is damaged is trained again, and comes to the same.
    paths = [study.trial_dir("0000") / f"part_{size}.npz" for size in (100, 200)]
    written = [path.stat().st_mtime_ns for path in paths]
    np.savez(paths[1], np.full(60, 0.5))
    assert learned(config, inputs, study, record) == found
    kept = [path.stat().st_mtime_ns == time for path, time in zip(paths, written, strict=True)]
    assert kept == [True, False]


@pytest.mark.slow
@pytest.mark.parametrize(("lost", "failed"), [(2, False), (5, True)])
def test_a_training_whose_worker_is_lost_begins_again_as_often_as_in_a_search(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, lost: int, failed: bool
) -> None:
    config, inputs, study, record = study_of(tmp_path, 400, "search.max_retries=2")
    losses = iter(range(lost))

    def build(values: Any, classes: int) -> Any:
        if next(losses, None) is not None:
            raise MemoryError("no room")
        return inputs.build(values, classes)

    found = learned(config, replace(inputs, build=build), study, record)
    assert caplog.text.count("Trial 0000 begins again: MemoryError: no room") == 2
    assert ("Trial 0000 could not be trained again" in caplog.text) is failed
    assert (found is None) is failed


@pytest.mark.slow
def test_a_training_that_diverges_ends_without_a_curve(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config, inputs, study, record = study_of(tmp_path, 400)
    record.values["learning_rate"] = 1e38
    assert learned(config, inputs, study, record) is None
    assert "Trial 0000 could not be trained again: diverged" in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("texts", "options", "status", "reason"),
    [
        pytest.param(390, (), "completed", "expected 2 parts of 100", id="few texts"),
        pytest.param(800, ("search.max_minutes=1e-9",), "completed", "expected 2", id="no time"),
        pytest.param(800, (), "cut short", "the time limit cut trial 0000 short", id="cut short"),
    ],
)
def test_too_few_texts_or_too_little_time_give_no_curve_and_a_reason(
    texts: int,
    options: tuple[str, ...],
    status: str,
    reason: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    *of_study, record = study_of(tmp_path, texts, *options)
    record.status = status
    assert learned(*of_study, record) is None
    assert f"No learning curve: {reason}" in caplog.text


@pytest.mark.slow
def test_of_a_trial_whose_epochs_read_some_texts_those_count_that_it_had_read_at_its_best(
    tmp_path: Path,
) -> None:
    found = learned(*study_of(tmp_path, 900, "search.epoch_texts=210"))
    assert [point["texts"] for point in found["points"]] == [105, 210, 420]
