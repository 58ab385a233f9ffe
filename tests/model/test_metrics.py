"""Scores by class, of answers with their confidences, and by kind of text."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    classification_report,
    confusion_matrix,
    f1_score,
    top_k_accuracy_score,
)

from ecomcat.model.answers import answers_of, join_answers
from ecomcat.model.confidence import Acceptance
from ecomcat.model.level_scores import score_levels
from ecomcat.model.metrics import (
    cross_entropy,
    macro_f1,
    score_answers,
    score_predictions,
    score_slices,
)
from ecomcat.model.taxonomy import Taxonomy

PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60)


def scores_of(labels: Any, predicted: Any, names: list[str]) -> Any:
    return score_predictions(np.array(labels), np.array(predicted), names).describe()


@settings(deadline=None)
@given(PAIRS)
def test_scores_are_those_of_scikit_learn_over_the_classes_that_occur_or_were_predicted(
    pairs: list[tuple[int, int]],
) -> None:
    labels, predicted = np.array(pairs).T
    names, present = list("dcba"), sorted({number for pair in pairs for number in pair})
    scores = scores_of(labels, predicted, names)
    shown = [names[number] for number in present]
    report = classification_report(
        labels, predicted, labels=present, target_names=shown, output_dict=True, zero_division=0
    )
    assert list(scores["per_class"]) == shown
    for name, found in scores["per_class"].items():
        expected = {**report[name], "f1": report[name]["f1-score"], "rows": report[name]["support"]}
        assert found == pytest.approx({key: expected[key] for key in found}, abs=1e-6)
    assert sorted([*shown, *scores["absent_classes"]]) == list("abcd")
    assert scores["rows"] == len(pairs)
    assert scores["accuracy"] == pytest.approx(np.mean(labels == predicted))
    expected = f1_score(labels, predicted, average="macro", zero_division=0)
    assert scores["macro_f1"] == pytest.approx(expected)
    assert scores["macro_f1"] == pytest.approx(macro_f1(labels, predicted, 4))
    assert scores["weighted_f1"] == pytest.approx(report["weighted avg"]["f1-score"])
    matrix = confusion_matrix(labels, predicted, labels=range(4))[np.ix_(present, present)]
    assert scores["confusion_matrix"] == matrix.tolist()
    off = {(shown[i], shown[j]): int(matrix[i, j]) for i, j in np.argwhere(matrix) if i != j}
    assert {(true, guess): texts for true, guess, texts in scores["confusions"]} == off
    assert [texts for *_, texts in scores["confusions"]] == sorted(off.values(), reverse=True)
    written = {**scores, "confusions": list(map(list, scores["confusions"]))}
    written["intervals"] = {name: list(each) for name, each in scores["intervals"].items()}
    assert json.loads(json.dumps(scores)) == written


def test_figures_of_thousands_of_classes_take_little_room() -> None:
    random = np.random.default_rng(1)
    names = [f"Home and garden > Furniture > Shelves and more > Category {n}" for n in range(3008)]
    labels = random.permutation(np.arange(120_000) % 3008)
    predicted = np.where(random.random(120_000) < 0.8, labels, random.integers(0, 3008, 120_000))
    scores = scores_of(labels, predicted, names)
    assert "confusion_matrix" not in scores and len(scores["confusions"]) == 1000
    assert len(json.dumps(scores, indent=2)) < 800_000


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 6))
def test_cross_entropy_is_that_of_keras(smoothing: float, seed: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(classes), 20).clip(1e-4)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    labels = random.integers(0, classes, 20)
    targets = np.eye(classes)[labels] * (1 - smoothing) + smoothing / classes
    found = cross_entropy(labels, probabilities.astype(np.float32), smoothing)
    assert found == pytest.approx(-(targets * np.log(probabilities)).sum(axis=1).mean(), rel=1e-4)


def test_a_certain_and_wrong_answer_has_a_finite_cross_entropy() -> None:
    certain = np.array([[0.0, 1.0]], np.float32)
    assert cross_entropy(np.array([0]), certain) == pytest.approx(-math.log(1e-7))


def test_answers_are_scored_with_their_confidence_and_kind() -> None:
    right = np.repeat([True, False], [60, 40])
    chosen_on = Acceptance(np.where(right, 0.8, 0.6), right, np.zeros(100, np.int64))
    probabilities = np.array([[0.95, 0.05], [0.1, 0.9], [0.7, 0.3]], np.float32)
    names, texts = ["Books", "Toys"], ["one", "two", "three"]
    scores = score_answers(
        answers_of(probabilities, np.zeros(3, np.int64)),
        np.array([0, 0, 0]),
        names,
        chosen_on,
        texts=texts,
    )
    assert scores.calibration_error == pytest.approx((0.05 + 0.9 + 0.3) / 3, abs=1e-4)
    assert scores.coverage is not None and scores.slices is not None
    accepted, none = scores.coverage["0.95"], scores.coverage["0.99"]
    assert (accepted["threshold"], accepted["coverage"], accepted["precision"]) == (0.8, 2 / 3, 0.5)
    assert accepted["promised"] == pytest.approx(0.1 ** (1 / 60))
    assert accepted["precision_interval"][0] < 0.5 < accepted["precision_interval"][1]
    assert none["threshold"] is none["promised"] is none["precision"] is None
    assert none["coverage"] == none["coverage_interval"][0] == 0
    assert scores.slices["length"]["under 10 words"]["accuracy"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("taxonomy", [None, Taxonomy(["Home > A", "Home > B", "Toys > C"], " > ")])
def test_answers_in_parts_have_the_scores_of_the_whole(taxonomy: Taxonomy | None) -> None:
    random = np.random.default_rng(1)
    probabilities = random.dirichlet(np.ones(3), 50).astype(np.float32)
    label_ids, is_even = random.integers(0, 3, 50), np.arange(50) % 2 == 0
    whole = answers_of(probabilities, label_ids, taxonomy)
    parts = [slice(0, 20), slice(20, 21), slice(21, 50)]
    joined = join_answers(
        [answers_of(probabilities[part], label_ids[part], taxonomy) for part in parts]
    )
    for answers, ids in ((joined, label_ids), (joined.of(is_even), label_ids[is_even])):
        same = whole if ids is label_ids else whole.of(is_even)
        scores = [score_answers(x, ids, list("abc"), x.leaves).describe() for x in (answers, same)]
        assert scores[0] == scores[1]
        levels = [score_levels(x.levels, ids, x.levels) for x in (answers, same)]
        assert levels[0] == levels[1] and bool(levels[0]) == (taxonomy is not None)


@given(st.integers(0, 2**32), st.integers(2, 8))
def test_the_right_class_is_counted_among_the_likeliest(seed: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(classes), 30).astype(np.float32)
    labels = random.integers(0, classes, 30)
    found = answers_of(probabilities, labels).top_k_accuracy()
    if classes <= 3:
        assert found is None
        return
    expected = {
        str(k): top_k_accuracy_score(labels, probabilities, k=k, labels=range(classes))
        for k in (3, 5)
        if k < classes
    }
    assert found == pytest.approx(expected)


def test_texts_are_told_apart_by_length_and_script() -> None:
    texts = ["two words", " ".join(["word"] * 50), "लाल जूते", "123", ""]
    slices = score_slices(texts, np.array([True, False, False, True, True]))
    found = {kind: tuple(each.values()) for part in slices.values() for kind, each in part.items()}
    assert found == {
        "under 10 words": (4, 0.75),
        "50 to 199 words": (1, 0.0),
        "mostly Latin letters": (4, 0.75),
        "mostly other letters": (1, 0.0),
    }
    assert score_slices([], np.array([], bool)) == {"length": {}, "script": {}}
