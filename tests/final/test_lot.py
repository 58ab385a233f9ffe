"""Choices look at some rows by lot where all of them would take too much time or memory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecomcat.final.baseline import most_texts, some_of_each, some_rows


@given(st.integers(0, 50), st.integers(1, 60), st.integers(0, 3))
def test_rows_are_distinct_ascending_and_no_more_than_allowed(
    rows: int, most: int, seed: int
) -> None:
    chosen = some_rows(rows, most, np.random.default_rng(seed))
    assert len(chosen) == min(rows, most)
    assert chosen.tolist() == sorted(set(chosen.tolist()) & set(range(rows)))


@given(st.lists(st.integers(0, 6), max_size=50), st.integers(1, 60), st.integers(0, 3))
def test_no_class_is_lost_by_lot(labels: list[int], most: int, seed: int) -> None:
    numbers = np.array(labels, np.int64)
    chosen = some_of_each(numbers, most, np.random.default_rng(seed))
    assert set(numbers[chosen]) == set(labels)
    assert len(chosen) <= min(most, len(labels)) + len(set(labels))
    assert set(some_rows(len(labels), most, np.random.default_rng(seed))) <= set(chosen)


@pytest.mark.parametrize(
    ("classes", "texts"), [(2, 20_000), (100, 20_000), (1_000, 2_000), (10_000_000, 1)]
)
def test_the_more_categories_the_fewer_texts_are_looked_at(classes: int, texts: int) -> None:
    assert most_texts(classes) == texts
