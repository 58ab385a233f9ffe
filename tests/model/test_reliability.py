"""Calibration bins and coverage curves, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecomcat.model.metrics import BINS, calibration_bins, coverage_curve, expected_calibration_error

ANSWERS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=400)


def arrays(answers):
    confidence, correct = zip(*answers, strict=True)
    return np.array(confidence, np.float64), np.array(correct, bool)


@given(ANSWERS)
def test_bins_hold_each_answer_once_and_give_the_calibration_error(answers):
    confidence, correct = arrays(answers)
    bins = calibration_bins(confidence, correct)
    assert len(bins) <= BINS
    assert sum(each["texts"] for each in bins) == len(answers)
    error = sum(each["texts"] * abs(each["confidence"] - each["accuracy"]) for each in bins)
    assert error / len(answers) == pytest.approx(
        expected_calibration_error(confidence, correct), abs=1e-12
    )


@given(ANSWERS)
def test_each_point_of_the_curve_is_what_its_threshold_accepts(answers):
    confidence, correct = arrays(answers)
    points = coverage_curve(confidence, correct)
    assert 1 <= len(points) <= 200
    for point in points:
        accepted = confidence >= point["threshold"]
        assert point["coverage"] == pytest.approx(accepted.mean())
        assert point["precision"] == pytest.approx(correct[accepted].mean())
    assert points[-1]["coverage"] == 1.0


def test_no_answers_give_no_points():
    nothing = np.empty(0)
    assert calibration_bins(nothing, nothing.astype(bool)) == []
    assert coverage_curve(nothing, nothing.astype(bool)) == []
