"""Batches of texts of similar length."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ecomcat.text.encoding import scoring_batches, training_batches

Batches = list[NDArray[np.int64]]

lengths_strategy = st.lists(st.integers(1, 300), max_size=400).map(
    lambda lengths: np.array(lengths, np.int64)
)
batch_sizes = st.integers(1, 70)


def log_normal_lengths(texts: int = 9000, longest: int = 2000) -> NDArray[np.int64]:
    random = np.random.default_rng(0)
    return np.clip(random.lognormal(4.2, 0.9, texts).astype(np.int64), 1, longest)


def padded_share(batches: Batches, lengths: NDArray[np.int64]) -> float:
    """Return how many times the true tokens the padded batches hold."""
    return float(sum(len(rows) * lengths[rows].max() for rows in batches) / lengths.sum())


def as_lists(batches: Batches) -> list[list[int]]:
    return [rows.tolist() for rows in batches]


@given(lengths_strategy, batch_sizes, st.integers(0, 2**32), st.integers(0, 100))
def test_an_epoch_trains_on_every_text_once(
    lengths: NDArray[np.int64], batch_size: int, seed: int, epoch: int
) -> None:
    batches = training_batches(lengths, batch_size, seed, epoch)
    assert sorted(row for rows in batches for row in rows) == list(range(len(lengths)))
    assert_full(batches, len(lengths), batch_size)


@given(lengths_strategy, batch_sizes)
def test_scoring_meets_every_text_once(lengths: NDArray[np.int64], batch_size: int) -> None:
    batches = scoring_batches(lengths, batch_size)
    assert sorted(row for rows in batches for row in rows) == list(range(len(lengths)))
    assert_full(batches, len(lengths), batch_size)


def assert_full(batches: Batches, texts: int, batch_size: int) -> None:
    """Check that all batches but one are of the full size, and that one is not empty."""
    sizes = sorted(map(len, batches), reverse=True)
    assert sizes[:-1] == [batch_size] * (len(sizes) - 1)
    assert len(sizes) == -(-texts // batch_size)
    assert all(1 <= size <= batch_size for size in sizes)


def test_the_same_seed_and_epoch_give_the_same_batches() -> None:
    lengths = log_normal_lengths(500)
    first, second = (as_lists(training_batches(lengths, 16, 7, 3)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(("seed", "epoch"), [(7, 4), (8, 3), (3, 7)])
def test_another_epoch_or_seed_mixes_other_texts(seed: int, epoch: int) -> None:
    lengths = log_normal_lengths(5000)
    usual, other = (
        {frozenset(rows.tolist()) for rows in training_batches(lengths, 16, *drawn)}
        for drawn in ((7, 3), (seed, epoch))
    )
    assert len(usual & other) < len(usual) / 20


def test_training_batches_do_not_come_by_length() -> None:
    lengths = log_normal_lengths()
    longest = [int(lengths[rows].max()) for rows in training_batches(lengths, 32, 1, 0)]
    halves = np.mean(longest[: len(longest) // 2]), np.mean(longest[len(longest) // 2 :])
    assert longest != sorted(longest)
    assert halves[0] == pytest.approx(halves[1], rel=0.5)


@pytest.mark.parametrize("limit", [256, 2000])
@pytest.mark.parametrize("batch_size", [8, 16, 32, 64])
def test_training_pads_by_less_than_a_third(batch_size: int, limit: int) -> None:
    lengths = log_normal_lengths(longest=limit)
    share = padded_share(training_batches(lengths, batch_size, 1, 0), lengths)
    to_the_longest = len(lengths) * lengths.max() / lengths.sum()
    assert share < 1.35
    assert share < to_the_longest / 2


def test_scoring_hardly_pads() -> None:
    lengths = log_normal_lengths()
    assert padded_share(scoring_batches(lengths, 64), lengths) < 1.05
