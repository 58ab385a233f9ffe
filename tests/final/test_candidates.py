"""Which trials may be exported, and which of them are as good as the best one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecomcat.errors import UserError
from ecomcat.final.candidates import comparable_answers, find_candidates, tied_trials
from ecomcat.tuning.records import PRUNED
from ecomcat.tuning.study import Study
from tests.tuning.trial_records import ended, saved

LABELS = np.random.default_rng(0).integers(0, 3, 300)


def answers(error: float, seed: int, labels: np.ndarray = LABELS) -> np.ndarray:
    """Return probabilities that are wrong in a part of the texts, others for each seed."""
    random = np.random.default_rng(seed)
    wrong = random.random(len(labels)) < error
    answer = np.where(wrong, (labels + random.integers(1, 3, len(labels))) % 3, labels)
    confidence = random.uniform(0.5, 0.9, len(labels))
    probabilities = np.repeat(((1 - confidence) / 2)[:, None], 3, axis=1)
    probabilities[np.arange(len(labels)), answer] = confidence
    return probabilities.astype(np.float32)


def test_trials_that_validation_cannot_tell_from_the_best_one_are_named(tmp_path):
    errors = [0.05, 0.3, 0.07]
    study = study_of(tmp_path, [1 - error for error in errors])
    for number, error in enumerate(errors):
        path = study.trial_dir(f"{number:04}") / "validation.npz"
        np.savez(path, probabilities=answers(error, number))
    assert tied_trials(find_candidates(study, (300, 3)), LABELS) == ["0002"]
    for trial in ("0002", "0000", "0001"):  # to the last
        (study.trial_dir(trial) / "validation.npz").unlink()
        assert tied_trials(find_candidates(study, (300, 3)), LABELS) == []


def study_of(folder: Path, objectives: list[float]) -> Study:
    """Make a study in which each trial answers all texts with its own number."""
    study = Study(folder)
    saved(study, *(ended(number, objective) for number, objective in enumerate(objectives)))
    for number in range(len(objectives)):
        probabilities = np.full((1000, 2), number, np.float32)
        np.savez(study.trial_dir(f"{number:04}") / "validation.npz", probabilities=probabilities)
    return study


def drawn(study: Study, seed: int = 1) -> list[float]:
    found = comparable_answers(find_candidates(study, (1000, 2)), np.arange(1000), seed)
    return [float(each[0, 0]) for each in found]


def test_candidates_are_the_completed_trials_the_best_first(tmp_path: Path) -> None:
    study = study_of(tmp_path, [0.5, 0.9, 0.7])
    saved(study, ended(2, 0.7, PRUNED))
    candidates = find_candidates(study, (1000, 2))
    assert [each.record.id for each in candidates] == ["0001", "0000"]
    candidates[1].path.unlink()
    with pytest.raises(UserError, match=r"of trial 0000 in .*validation\.npz, found no"):
        candidates[1].answers()


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        pytest.param(1000, [1, 3, 4], id="each that may be as good as the best"),
        pytest.param(8, [1, 3, 4, 2], id="fewer texts tell less apart"),
        pytest.param(10**6, [], id="no other one is that good"),
    ],
)
def test_comparable_trials_are_those_as_good_as_the_best_but_for_chance(
    tmp_path: Path, texts: int, found: list[float]
) -> None:
    # Of 1,000 texts a score of 0.9 is known to 0.01 or so: 1, 3 and 4 may well be as good.
    study = study_of(tmp_path, [0.5, 0.9, 0.7, 0.89, 0.885, 0.4])
    candidates, rows = find_candidates(study, (1000, 2)), np.arange(texts) % 1000
    given = [float(each[0, 0]) for each in comparable_answers(candidates, rows, seed=1)]
    assert given == found
    (study.trial_dir("0004") / "validation.npz").unlink()
    assert 4 not in drawn(study)


def test_of_many_trials_a_random_sample_is_comparable_the_same_each_time(tmp_path: Path) -> None:
    study = study_of(tmp_path, [0.9 - 0.0001 * number for number in range(40)])
    found = drawn(study)
    assert found == sorted(set(found)) and len(found) == 12
    assert 12 < np.mean(found) < 27
    assert drawn(study) == found != drawn(study, seed=2)
