"""Final steps: which trials are exported, with which weights, and which are comparable to them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomcat.cli import compose
from ecomcat.errors import UserError
from ecomcat.final.mixture_weights import mix
from ecomcat.final.steps import (
    Ensemble,
    Single,
    comparable_answers,
    find_candidates,
    tied_trials,
)
from ecomcat.option_fields import make
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


def choose(probabilities: list[np.ndarray], max_members: int = 6, seed: int = 1) -> dict:
    """Choose among candidates whose answers need no file."""
    held = [SimpleNamespace(answers=lambda each=each: each) for each in probabilities]
    return Ensemble(max_members).choose(held, LABELS, seed)


def test_a_perfect_trial_has_the_largest_weight_and_one_that_knows_nothing_a_small_one():
    assert next(iter(choose([answers(0.4, 1), answers(0.0, 2), answers(0.4, 3)]))) == 1
    assert choose([answers(0.1, 1), answers(0.12, 2), answers(0.67, 3)]).get(2, 0.0) < 0.25


def test_trials_that_err_on_different_texts_are_combined_and_err_less():
    weights = choose([answers(0.25, seed) for seed in range(5)])
    assert len(weights) > 2
    unseen = np.random.default_rng(9).integers(0, 3, 4000)
    fresh = [answers(0.25, 100 + seed, unseen) for seed in range(5)]
    alone = np.mean(fresh[0].argmax(axis=1) == unseen)
    whole = mix((fresh[trial], weight) for trial, weight in weights.items())
    assert np.mean(whole.argmax(axis=1) == unseen) > alone + 0.05


def test_trials_that_validation_cannot_tell_from_the_best_one_are_named(tmp_path):
    errors = [0.05, 0.3, 0.07]
    study = study_of(tmp_path, [1 - error for error in errors])
    for number, error in enumerate(errors):
        path = study.trial_dir(f"{number:04}") / "validation.npz"
        np.savez(path, probabilities=answers(error, number))
    assert tied_trials(find_candidates(study), LABELS) == ["0002"]
    for trial in ("0002", "0000", "0001"):  # to the last
        (study.trial_dir(trial) / "validation.npz").unlink()
        assert tied_trials(find_candidates(study), LABELS) == []


def test_one_trial_is_the_whole_and_a_single_model_is_the_best_trial():
    # A class that no validation text has is no obstacle.
    assert choose([np.pad(answers(0.2, 1), ((0, 0), (0, 1)))]) == {0: 1.0}
    assert Single().choose([], LABELS, 1) == {0: 1.0}


@settings(max_examples=8, deadline=None)
@given(count=st.integers(1, 7), most=st.integers(1, 4), seed=st.integers(0, 50))
def test_weights_are_of_distinct_trials_positive_ordered_and_sum_to_one(count, most, seed):
    trials = [answers(0.3, seed + number) for number in range(count)]
    weights = choose(trials, most)
    assert 1 <= len(weights) <= min(count, most)
    assert all(0 <= trial < count for trial in weights)
    assert list(weights.values()) == sorted(weights.values(), reverse=True)
    assert min(weights.values()) > 0
    assert sum(weights.values()) == pytest.approx(1)
    assert choose(trials, most) == weights


@pytest.mark.parametrize(
    ("overrides", "kind", "words"),
    [
        ([], Single, "the best configuration"),
        (["final=ensemble"], Ensemble, "an ensemble of at most 8 trials"),
        (["final=ensemble", "final.max_members=1"], Ensemble, "an ensemble of at most 1 trial"),
    ],
)
def test_a_yaml_file_names_the_class_of_a_final_step(overrides, kind, words):
    step = make("final.step", compose("search", overrides).final.step)
    assert type(step) is kind
    assert step.describe() == words


def study_of(folder: Path, objectives: list[float]) -> Study:
    """Make a study in which each trial answers all texts with its own number."""
    study = Study(folder)
    saved(study, *(ended(number, objective) for number, objective in enumerate(objectives)))
    for number in range(len(objectives)):
        probabilities = np.full((1000, 2), number, np.float32)
        np.savez(study.trial_dir(f"{number:04}") / "validation.npz", probabilities=probabilities)
    return study


def drawn(study: Study, count: int, *, texts: int = 1000, seed: int = 1) -> list[float]:
    found = comparable_answers(find_candidates(study), np.arange(texts), count=count, seed=seed)
    return [float(each[0, 0]) for each in found]


def test_candidates_are_the_completed_trials_the_best_first(tmp_path: Path) -> None:
    study = study_of(tmp_path, [0.5, 0.9, 0.7])
    saved(study, ended(2, 0.7, PRUNED))
    candidates = find_candidates(study)
    assert [each.record.id for each in candidates] == ["0001", "0000"]
    candidates[1].path.unlink()
    with pytest.raises(UserError, match=r"of trial 0000 in .*validation\.npz, found no"):
        candidates[1].answers()


@pytest.mark.parametrize(
    ("count", "texts", "found"),
    [
        pytest.param(1, 1000, [1, 3, 4], id="each that may be as good as the best"),
        pytest.param(1, 8, [1, 3, 4, 2], id="fewer texts tell less apart"),
        pytest.param(2, 1000, [2, 2.5, 3.5], id="several together in every set once"),
        pytest.param(3, 1000, [], id="no more are that good"),
    ],
)
def test_comparable_trials_are_those_as_good_as_the_best_but_for_chance(
    tmp_path: Path, count: int, texts: int, found: list[float]
) -> None:
    # Of 1,000 texts a score of 0.9 is known to 0.01 or so: 1, 3 and 4 may well be as good.
    study = study_of(tmp_path, [0.5, 0.9, 0.7, 0.89, 0.885, 0.4])
    given = drawn(study, count, texts=texts)
    assert (sorted(given) if count == 2 else given) == found
    (study.trial_dir("0004") / "validation.npz").unlink()
    assert 4 not in drawn(study, count, texts=texts)


def test_of_many_trials_a_random_sample_is_comparable_the_same_each_time(tmp_path: Path) -> None:
    study = study_of(tmp_path, [0.9 - 0.0001 * number for number in range(40)])
    one, several = drawn(study, 1), drawn(study, 4)
    assert one == sorted(set(one)) and len(one) == 12
    assert 12 < np.mean(one) < 27
    assert drawn(study, 4) == several != drawn(study, 4, seed=2)
