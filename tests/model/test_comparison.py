"""Whether two models differ."""

from __future__ import annotations

import numpy as np
import pytest

from ecomcat.model.comparison import compare_answers


def test_a_comparison_counts_the_texts_that_only_one_is_right_on():
    ours = np.repeat([True, True, False, False], [90, 9, 1, 5])
    theirs = np.repeat([True, False, True, False], [90, 9, 1, 5])
    found = compare_answers(ours, theirs)
    assert (found["only_ours_right"], found["only_baseline_right"]) == (9, 1)
    # Ten flips of a coin: one head at most, or one tail at most.
    assert found["p_value"] == pytest.approx(2 * (1 + 10) / 2**10)
    assert compare_answers(ours, ours)["p_value"] == 1
