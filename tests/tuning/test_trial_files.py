"""Validation answers are saved whole, or the largest of each text where there are very many."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecomcat.tuning.trial_files import packed, unpacked


@given(st.integers(0, 2**32), st.integers(1, 30), st.integers(2, 40), st.integers(0, 1200))
def test_what_is_saved_is_bounded_and_the_largest_come_back_as_they_were(
    seed: int, texts: int, classes: int, most: int
) -> None:
    random = np.random.default_rng(seed)
    shares = random.dirichlet(np.full(classes, 0.1), texts).astype(np.float32)
    saved = packed(shares, most, most)
    found = unpacked(saved)
    assert found.shape == shares.shape and found.dtype == np.float32
    assert (found.argmax(axis=1) == shares.argmax(axis=1)).all()
    assert found.sum(axis=1) == pytest.approx(np.ones(texts), abs=1e-5)
    if shares.size <= most:
        assert (found == shares).all()
        return
    count = min(classes - 1, max(8, most // texts))
    assert saved["largest"].size == texts * count
    kept = -np.sort(-shares, axis=1)[:, :count]
    assert -np.sort(-found, axis=1)[:, :count] == pytest.approx(kept, abs=1e-6)
