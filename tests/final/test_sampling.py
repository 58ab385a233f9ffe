"""Random samples of rows, where all of them would take too much time or memory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecomcat.final.sampling import judged_rows, sample_rows


@given(st.integers(0, 50), st.integers(1, 60), st.integers(0, 3))
def test_rows_are_distinct_ascending_and_no_more_than_allowed(rows, most, seed):
    chosen = sample_rows(rows, most, np.random.default_rng(seed))
    assert len(chosen) == min(rows, most)
    assert chosen.tolist() == sorted(set(chosen.tolist()) & set(range(rows)))


@pytest.mark.parametrize(("classes", "texts"), [(100, 20_000), (1_000, 2_000), (10_000_000, 1)])
def test_the_more_categories_the_fewer_texts_are_judged(classes, texts):
    assert len(judged_rows(30_000, classes, seed=1)) == texts
