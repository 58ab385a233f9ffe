"""Random samples of rows, where all of them would take too much time or memory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecomcat.final.sampling import max_judged_texts, sample_rows, sample_with_each_class


@given(st.integers(0, 50), st.integers(1, 60), st.integers(0, 3))
def test_rows_are_distinct_ascending_and_no_more_than_allowed(
    rows: int, most: int, seed: int
) -> None:
    chosen = sample_rows(rows, most, np.random.default_rng(seed))
    assert len(chosen) == min(rows, most)
    assert chosen.tolist() == sorted(set(chosen.tolist()) & set(range(rows)))


@given(st.lists(st.integers(0, 6), max_size=50), st.integers(1, 60), st.integers(0, 3))
def test_no_class_is_lost_in_a_sample(labels: list[int], most: int, seed: int) -> None:
    numbers = np.array(labels, np.int64)
    chosen = sample_with_each_class(numbers, most, np.random.default_rng(seed))
    assert set(numbers[chosen]) == set(labels)
    assert len(chosen) <= min(most, len(labels)) + len(set(labels))
    assert set(sample_rows(len(labels), most, np.random.default_rng(seed))) <= set(chosen)


@pytest.mark.parametrize(
    ("classes", "texts"), [(2, 20_000), (100, 20_000), (1_000, 2_000), (10_000_000, 1)]
)
def test_the_more_categories_the_fewer_texts_are_judged(classes: int, texts: int) -> None:
    assert max_judged_texts(classes) == texts
