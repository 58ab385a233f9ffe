"""Trials by lot stand for those that validation chose, without being flattered by it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecomcat.tuning.study.records import PRUNED
from ecomcat.tuning.study.study import Study
from tests.tuning.trial_records import ended, saved

pytestmark = pytest.mark.slow


def study_of(folder: Path, objectives: list[float]) -> Study:
    """Make a study in which each trial answers all texts with its own number."""
    from ecomcat.tuning.study.kept import VALIDATION

    study = Study(folder)
    saved(study, *(ended(number, objective) for number, objective in enumerate(objectives)))
    for number in range(len(objectives)):
        answers = np.full((4, 2), number, np.float32)
        np.savez(study.trial_dir(f"{number:04}") / VALIDATION, probabilities=answers)
    return study


def drawn(study: Study, count: int, seed: int = 1) -> list[float]:
    from ecomcat.final.members import networks_by_lot

    return [float(answers[0, 0]) for answers in networks_by_lot(study, count, seed)]


OBJECTIVES = [0.5, 0.9, 0.7, 0.8, 0.6, 0.4]  # the better half: trials 1, 3 and 2


def test_one_at_a_time_is_drawn_of_the_better_half(tmp_path: Path) -> None:
    assert set(drawn(study_of(tmp_path, OBJECTIVES), 1)) == {1, 2, 3}


def test_several_answer_together_and_none_twice(tmp_path: Path) -> None:
    assert set(drawn(study_of(tmp_path, OBJECTIVES), 2)) == {1.5, 2, 2.5}


def test_where_as_many_are_asked_for_as_there_are_they_are_all(tmp_path: Path) -> None:
    study = study_of(tmp_path, OBJECTIVES)
    assert drawn(study, 3) == [2]
    assert drawn(study, 6) == [2.5]


def test_where_fewer_were_completed_there_is_none(tmp_path: Path) -> None:
    study = study_of(tmp_path, OBJECTIVES)
    assert drawn(study, 7) == []
    saved(Study(tmp_path / "pruned"), ended(0, 0.9, PRUNED))
    assert drawn(Study(tmp_path / "pruned"), 1) == []


def test_the_lot_is_the_same_each_time(tmp_path: Path) -> None:
    study = study_of(tmp_path, OBJECTIVES)
    assert drawn(study, 1) == drawn(study, 1)
    assert drawn(study, 1) != drawn(study, 1, seed=2)
