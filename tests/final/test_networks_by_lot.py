"""Trials by lot stand for those that validation chose, without being flattered by it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecomcat.tuning.records import PRUNED
from ecomcat.tuning.study import Study
from tests.tuning.trial_records import ended, saved

pytestmark = pytest.mark.slow


def study_of(folder: Path, objectives: list[float]) -> Study:
    """Make a study in which each trial answers all texts with its own number."""
    from ecomcat.tuning.records import VALIDATION

    study = Study(folder)
    saved(study, *(ended(number, objective) for number, objective in enumerate(objectives)))
    for number in range(len(objectives)):
        answers = np.full((1000, 2), number, np.float32)
        np.savez(study.trial_dir(f"{number:04}") / VALIDATION, probabilities=answers)
    return study


def drawn(study: Study, count: int, *, texts: int = 1000, seed: int = 1) -> list[float]:
    from ecomcat.final.ensemble import networks_by_lot

    rows = np.arange(texts)
    answers = networks_by_lot(study, rows, count=count, seed=seed)
    assert all(each.shape == (texts, 2) for each in answers)
    return [float(each[0, 0]) for each in answers]


# Of 1,000 texts a score of 0.9 is known to 0.01 or so: trials 1, 3 and 4 may well be as good.
OBJECTIVES = [0.5, 0.9, 0.7, 0.89, 0.885, 0.4]


def test_one_at_a_time_is_each_that_may_be_as_good_as_the_best(tmp_path: Path) -> None:
    assert drawn(study_of(tmp_path, OBJECTIVES), 1) == [1, 3, 4]


def test_fewer_texts_tell_less_apart(tmp_path: Path) -> None:
    assert drawn(study_of(tmp_path, OBJECTIVES), 1, texts=8) == [1, 3, 4, 2]


def test_several_answer_together_in_every_set_once(tmp_path: Path) -> None:
    assert sorted(drawn(study_of(tmp_path, OBJECTIVES), 2)) == [2, 2.5, 3.5]


@pytest.mark.parametrize("count", [3, 6, 7])
def test_where_no_more_are_that_good_there_is_no_lot(tmp_path: Path, count: int) -> None:
    assert drawn(study_of(tmp_path, OBJECTIVES), count) == []


def test_trials_that_were_not_completed_or_whose_answers_are_gone_are_left_out(
    tmp_path: Path,
) -> None:
    from ecomcat.tuning.records import VALIDATION

    study = study_of(tmp_path, OBJECTIVES)
    saved(study, ended(3, 0.89, PRUNED))
    (study.trial_dir("0001") / VALIDATION).unlink()
    assert drawn(study, 1) == []
    assert drawn(study, 1, texts=8) == [4, 2]


def test_of_many_those_that_validation_likes_best_are_no_likelier(tmp_path: Path) -> None:
    study = study_of(tmp_path, [0.9 - 0.0001 * number for number in range(40)])
    lots = [drawn(study, 1, seed=seed) for seed in range(8)]
    assert all(lot == sorted(set(lot)) and len(lot) == 12 for lot in lots)
    assert 15 < np.mean(lots) < 24


def test_the_lot_is_the_same_each_time(tmp_path: Path) -> None:
    study = study_of(tmp_path, [0.9] * 12)
    assert drawn(study, 4) == drawn(study, 4)
    assert drawn(study, 4) != drawn(study, 4, seed=2)
