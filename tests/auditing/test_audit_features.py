"""Folds, probabilities and the linear model that an audit is built on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomcat.auditing.labels import (
    LinearModel,
    deal_folds,
    is_separable,
    probabilities,
    weigh_words,
)

rows = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=1, max_size=120)


@given(rows, st.integers(2, 6), st.integers(0, 99))
def test_no_group_is_torn_and_every_fold_is_a_number_below_their_count(
    rows: list[tuple[int, int]], folds: int, seed: int
) -> None:
    labels, groups = (np.array(column) for column in zip(*rows, strict=True))
    dealt = deal_folds(groups, labels, folds, seed)
    assert dealt.shape == labels.shape
    assert set(dealt.tolist()) <= set(range(folds))
    assert all(len(set(dealt[groups == group])) == 1 for group in set(groups.tolist()))


@given(st.lists(st.integers(10, 60), min_size=2, max_size=4), st.integers(0, 99))
def test_each_class_is_spread_evenly(counts: list[int], seed: int) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    dealt = deal_folds(np.arange(len(labels)), labels, 5, seed)
    for label, count in enumerate(counts):
        found = np.bincount(dealt[labels == label], minlength=5)
        assert found.max() - found.min() <= 1
        assert found.sum() == count


@settings(deadline=None)
@given(
    st.integers(2, 5).flatmap(
        lambda classes: st.lists(
            st.tuples(
                st.lists(st.floats(-50, 50), min_size=classes, max_size=classes),
                st.integers(0, classes - 1),
            ),
            min_size=1,
            max_size=20,
        )
    )
)
def test_probabilities_sum_to_one_and_keep_the_order(
    scored: list[tuple[list[float], int]],
) -> None:
    scores, labels = np.array([each for each, _ in scored]), np.array([n for _, n in scored])
    found = probabilities(scores, labels)
    assert np.allclose(found.sum(axis=1), 1)
    assert (found >= 0).all()
    best = np.take_along_axis(found, scores.argmax(axis=1)[:, None], axis=1)[:, 0]
    assert np.allclose(best, found.max(axis=1))


def test_probabilities_are_as_sure_as_the_scores_are_right() -> None:
    random = np.random.default_rng(1)
    labels = random.integers(0, 2, 400)
    right = np.where(random.random(400) < 0.75, labels, 1 - labels)
    scores = np.eye(2)[right] * 10
    assert probabilities(scores, labels).max(axis=1).mean() == pytest.approx(0.75, abs=0.1)


@pytest.mark.parametrize("classes", [2, 3, 60])
def test_a_class_that_was_not_trained_on_is_never_answered(classes: int) -> None:
    texts = [f"word{label} other{label} n{n}" for label in range(classes) for n in range(4)]
    labels = np.repeat(np.arange(classes), 4)
    features = weigh_words(texts, classes + 1)
    model = LinearModel(features, labels, classes + 1)
    scores = model.scores(features)
    assert scores.shape == (len(texts), classes + 1)
    assert (scores.argmax(axis=1) == labels).all()


@pytest.mark.parametrize("texts", [[], [""], ["a b"], ["once"], ["\ud800\ud800"]])
def test_texts_without_common_words_have_no_columns(texts: list[str]) -> None:
    features = weigh_words(texts or [""], 2)
    assert features.shape[1] == 0
    assert not is_separable(features, np.zeros(max(len(texts), 1), np.int64))


def test_very_many_classes_keep_fewer_words() -> None:
    texts = [f"common word{number // 2} pair{number // 2}" for number in range(400)]
    many, few = weigh_words(texts, 1_000_000), weigh_words(texts, 2)
    assert many.shape[1] == 10 < few.shape[1]
