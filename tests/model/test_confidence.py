"""How far a confidence can be trusted, and which answers to accept by it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecomcat.model.metrics import (
    Acceptance,
    acceptance_of,
    expected_calibration_error,
    read_acceptance,
    score_confidence,
)

answers = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


def accepting(pairs: list[tuple[float, bool]]) -> Acceptance:
    return Acceptance(
        np.array([confidence for confidence, _ in pairs], np.float64),
        np.array([correct for _, correct in pairs], bool),
    )


@pytest.mark.parametrize(
    ("confidence", "correct", "error"),
    [
        pytest.param([0.5, 0.5], [True, False], 0.0, id="as right as it says"),
        pytest.param([1.0, 1.0], [True, False], 0.5, id="too sure"),
        pytest.param([0.5, 0.5], [True, True], 0.5, id="not sure enough"),
        pytest.param([1.0, 0.5, 0.5], [True, True, False], 0.0, id="bin by bin"),
    ],
)
def test_the_calibration_error_is_how_far_confidence_and_accuracy_are_apart(
    confidence: list[float], correct: list[bool], error: float
) -> None:
    found = expected_calibration_error(np.array(confidence), np.array(correct))
    assert found == pytest.approx(error)


def test_the_threshold_accepts_as_many_as_are_right_often_enough() -> None:
    right = [(0.9 - number / 1000, True) for number in range(99)]
    assert accepting(right).threshold(0.99) == pytest.approx(0.802)
    assert accepting([*right, (0.5, False), (0.4, True)]).threshold(0.99) == pytest.approx(0.802)
    assert accepting([*right, (0.5, False), (0.4, True)]).threshold(0.95) == pytest.approx(0.4)


@pytest.mark.parametrize(
    "pairs",
    [
        pytest.param([], id="no text"),
        pytest.param([(0.9, True)] * 98, id="too few texts to tell"),
        pytest.param([(0.9, False), *[(0.8, True)] * 50], id="the surest one is wrong"),
    ],
)
def test_no_confidence_may_be_enough(pairs: list[tuple[float, bool]]) -> None:
    assert accepting(pairs).threshold(0.99) is None


@given(answers, st.floats(0, 1))
def test_what_is_accepted_was_right_often_enough(
    pairs: list[tuple[float, bool]], min_precision: float
) -> None:
    acceptance = accepting(pairs)
    threshold = acceptance.threshold(min_precision)
    if threshold is not None:
        accepted = acceptance.correct[acceptance.confidence >= threshold]
        assert accepted.mean() >= min_precision - 1e-9


@given(answers)
def test_equals_are_accepted_together(pairs: list[tuple[float, bool]]) -> None:
    acceptance = accepting([(round(confidence, 1), correct) for confidence, correct in pairs])
    threshold = acceptance.threshold(0.5)
    assert threshold is None or threshold in acceptance.confidence


@given(answers)
def test_the_exported_folder_keeps_the_thresholds(pairs: list[tuple[float, bool]]) -> None:
    acceptance = accepting([(round(confidence, 3), correct) for confidence, correct in pairs])
    kept = read_acceptance(json.loads(json.dumps(acceptance.describe())))
    for precision in (0.5, 0.9):
        assert kept.threshold(precision) == acceptance.threshold(precision)


def test_of_very_many_texts_as_many_are_kept_as_suffice() -> None:
    random = np.random.default_rng(0)
    confidence = random.uniform(0.5, 1, 100_000)
    acceptance = Acceptance(confidence, random.uniform(0, 1, 100_000) < confidence)
    kept = read_acceptance(acceptance.describe())
    assert len(kept.confidence) == 20_000
    assert kept.threshold(0.9) == pytest.approx(acceptance.threshold(0.9), abs=0.02)


def test_scores_say_how_much_is_accepted_and_how_right_it_is() -> None:
    chosen_on = accepting([(0.9, True)] * 60 + [(0.6, False)] * 40)
    probabilities = np.array([[0.95, 0.05], [0.1, 0.9], [0.7, 0.3]], np.float32)
    judged = acceptance_of(probabilities, np.array([0, 0, 0]))
    scores = score_confidence(judged, chosen_on)
    assert scores["calibration_error"] == pytest.approx((0.05 + 0.9 + 0.3) / 3, abs=1e-4)
    assert scores["coverage"]["0.95"] == {
        "threshold": pytest.approx(0.9),
        "coverage": pytest.approx(1 / 3) if judged.confidence[1] < 0.9 else pytest.approx(2 / 3),
        "precision": pytest.approx(1.0) if judged.confidence[1] < 0.9 else pytest.approx(0.5),
    }
    assert scores["coverage"]["0.99"] == {"threshold": None, "coverage": 0.0, "precision": None}
