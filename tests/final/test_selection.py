"""Which trials make an ensemble, and with which shares."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomcat.final.experts import mix, select_members

LABELS = np.random.default_rng(0).integers(0, 3, 300)


def answers(error: float, seed: int, labels: np.ndarray = LABELS) -> np.ndarray:
    """Return probabilities that are wrong in a share of the texts, others for each seed."""
    random = np.random.default_rng(seed)
    wrong = random.random(len(labels)) < error
    answer = np.where(wrong, (labels + random.integers(1, 3, len(labels))) % 3, labels)
    sure = random.uniform(0.5, 0.9, len(labels))
    probabilities = np.repeat(((1 - sure) / 2)[:, None], 3, axis=1)
    probabilities[np.arange(len(labels)), answer] = sure
    return probabilities.astype(np.float32)


def select(probabilities: list[np.ndarray], **options: int) -> dict[int, float]:
    return select_members(probabilities, LABELS, **{"max_members": 6, "seed": 1, **options})


def test_a_perfect_trial_has_the_most_to_say():
    shares = select([answers(0.4, 1), answers(0.0, 2), answers(0.4, 3)])
    assert next(iter(shares)) == 1


def test_trials_that_err_on_different_texts_are_combined_and_err_less():
    trials = [answers(0.25, seed) for seed in range(5)]
    shares = select(trials)
    assert len(shares) > 2
    unseen = np.random.default_rng(9).integers(0, 3, 4000)
    fresh = [answers(0.25, 100 + seed, unseen) for seed in range(5)]
    alone = np.mean(fresh[0].argmax(axis=1) == unseen)
    together = np.mean(
        mix((fresh[trial], share) for trial, share in shares.items()).argmax(axis=1) == unseen
    )
    assert together > alone + 0.05


def test_a_trial_that_knows_nothing_has_little_to_say():
    trials = [answers(0.1, 1), answers(0.12, 2), answers(0.67, 3)]
    assert select(trials).get(2, 0.0) < 0.25


def test_one_trial_is_the_whole_ensemble():
    assert select([answers(0.2, 1)]) == {0: 1.0}


def test_the_same_seed_selects_the_same():
    trials = [answers(0.2, seed) for seed in range(6)]
    assert select(trials) == select(trials)


@settings(max_examples=15, deadline=None)
@given(count=st.integers(1, 7), most=st.integers(1, 4), seed=st.integers(0, 50))
def test_shares_are_of_distinct_trials_positive_ordered_and_sum_to_one(count, most, seed):
    shares = select([answers(0.3, seed + number) for number in range(count)], max_members=most)
    assert 1 <= len(shares) <= min(count, most)
    assert all(0 <= trial < count for trial in shares)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    assert min(shares.values()) > 0
    assert sum(shares.values()) == pytest.approx(1)


def test_a_class_that_no_validation_text_has_is_no_obstacle():
    four = [np.pad(answers(0.2, seed), ((0, 0), (0, 1))) for seed in range(3)]
    assert select_members(four, LABELS, max_members=3, seed=0)


def test_a_mixture_is_the_weighted_mean():
    one, other = answers(0.2, 1), answers(0.2, 2)
    assert np.allclose(mix([(other, 0.75), (one, 0.25)]), 0.25 * one + 0.75 * other)
