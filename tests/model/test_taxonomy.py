"""The tree of categories: how sure each level is, what is accepted where, and the scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ecomcat.model.confidence import Promise, acceptance_of, read_acceptance
from ecomcat.model.level_scores import accepted_levels, hierarchical_scores, score_levels
from ecomcat.model.taxonomy import (
    Taxonomy,
    level_acceptance,
    read_levels,
    taxonomy_of,
)

UNEQUAL = ["Home", "Home > Lamps", "Home > Lamps > Desk", "Home (x)", "Toys", "Toys > Cars"]
TREE = Taxonomy(UNEQUAL, " > ")

trees = st.lists(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(" > ".join),
    min_size=2,
    max_size=8,
    unique=True,
).map(lambda names: Taxonomy(names, " > "))


def shares_of(tree: Taxonomy, rows: int) -> st.SearchStrategy[np.ndarray]:
    """Return probabilities of a tree's categories."""
    drawn = arrays(np.float64, (rows, len(tree.class_names)), elements=st.floats(0.01, 1))
    return drawn.map(lambda each: (each / each.sum(axis=1, keepdims=True)).astype(np.float32))


def test_a_category_that_ends_above_a_level_stays_itself_there() -> None:
    assert [level.names for level in TREE.levels] == [
        ["Home", "Home (x)", "Toys"],
        ["Home", "Home > Lamps", "Home (x)", "Toys", "Toys > Cars"],
        UNEQUAL,
    ]
    assert TREE.levels[1].node_ids.tolist() == [0, 1, 1, 2, 3, 4]
    assert (TREE.depth, TREE.depths.tolist()) == (3, [1, 2, 3, 1, 1, 2])


@pytest.mark.parametrize(
    ("names", "separator", "found"),
    [
        (UNEQUAL, " > ", True),
        (["a", "b"], " > ", False),
        (["a > b"], None, False),
        (["a"], "", False),
    ],
)
def test_names_without_levels_are_no_taxonomy(names, separator, found) -> None:
    assert (taxonomy_of(names, separator) is not None) == found


@given(st.data())
def test_a_level_is_as_sure_as_all_categories_below_its_node(data: st.DataObject) -> None:
    tree = data.draw(trees)
    shares = data.draw(shares_of(tree, 3))
    for label in range(len(tree.class_names)):
        found = tree.confidences(shares, np.full(3, label))
        for depth, level in enumerate(tree.levels):
            below = level.node_ids == level.node_ids[label]
            assert np.allclose(found[:, depth], shares[:, below].sum(axis=1), atol=1e-6)
        assert (np.diff(found, axis=1) <= 1e-6).all()
        assert (found[:, -1] == shares[:, label]).all()


@given(st.data(), st.sampled_from([0.5, 0.8, 0.9]), st.booleans())
@settings(deadline=None)
def test_what_is_accepted_anywhere_holds_the_precision_and_is_no_less_than_the_leaves(
    data: st.DataObject, precision: float, by_category: bool
) -> None:
    tree = data.draw(trees)
    shares = np.repeat(data.draw(shares_of(tree, 12)), 10, axis=0)
    labels = data.draw(arrays(np.int64, 120, elements=st.integers(0, len(tree.class_names) - 1)))
    answers = level_acceptance(tree, shares, labels)
    promise = Promise(precision, by_category=by_category)
    thresholds = answers.thresholds(promise)
    leaves = acceptance_of(shares, labels)
    own = leaves.thresholds(promise, len(tree.class_names))
    assert thresholds[-1].tolist() == own.tolist()
    levels = accepted_levels(answers, answers, promise)
    rows = np.flatnonzero(levels)
    if len(rows):
        assert answers.correct[rows, levels[rows] - 1].mean() >= precision
    known = ~leaves.is_novel(leaves.novel_from(promise.max_false_alarms))
    assert len(rows) >= (known & (leaves.confidence >= own[leaves.predicted])).sum()
    assert not levels[~known].any()
    stored = read_levels(tree, read_acceptance(leaves.describe()), answers.describe())
    assert stored.thresholds(promise) == pytest.approx(thresholds)


def test_the_scores_of_each_level_and_of_whole_paths() -> None:
    true, predicted = np.array([2, 1, 0, 4]), np.array([1, 1, 2, 0])
    shares = np.eye(6, dtype=np.float32)[predicted]
    labels = np.repeat(true, 60)
    chosen_on = level_acceptance(TREE, np.repeat(shares, 60, axis=0), labels)
    found = score_levels(chosen_on, labels, chosen_on)["taxonomy"]
    assert [level["nodes"] for level in found["levels"]] == [3, 5, 6]
    assert [level["accuracy"] for level in found["levels"]] == [0.75, 0.5, 0.25]
    # Nodes of the true paths 3 + 2 + 1 + 1, of the predicted ones 2 + 2 + 3 + 1, in both 2 + 2 + 1.
    assert found["hierarchical"]["recall"] == pytest.approx(5 / 7)
    assert found["hierarchical"]["precision"] == pytest.approx(5 / 8)
    assert found["hierarchical"]["f1"] == pytest.approx(10 / 15)
    assert found["readable"]["level"] == 2
    low, high = found["levels"][0]["intervals"]["accuracy"]
    assert 0.65 < low < 0.75 < high < 0.85
    coverage = found["coverage"]["0.95"]
    assert coverage["thresholds"] == [None, None, None]
    assert (coverage["coverage"], coverage["precision"]) == (0.0, None)
    assert coverage["by_level"] == [0.0, 0.0, 0.0]
    assert score_levels(None, true, None) == {}


@given(st.data())
def test_a_right_answer_has_the_highest_hierarchical_scores(data: st.DataObject) -> None:
    tree = data.draw(trees)
    ids = arrays(np.int64, 5, elements=st.integers(0, len(tree.class_names) - 1))
    true, predicted = data.draw(ids), data.draw(ids)
    assert set(hierarchical_scores(tree, true, true).values()) == {1.0}
    scores = hierarchical_scores(tree, true, predicted)
    swapped = hierarchical_scores(tree, predicted, true)
    assert (scores["precision"], scores["recall"]) == (swapped["recall"], swapped["precision"])
    assert all(0 <= value <= 1 for value in scores.values())


def test_a_level_of_too_many_nodes_has_no_matrix() -> None:
    names = [f"{number % 90} > {number % 300} > {number}" for number in range(900)]
    ids = np.arange(900)
    tree = Taxonomy(names, " > ")
    answers = np.full((900, 900), 1 / 900, np.float32)
    found = level_acceptance(tree, answers, ids)
    assert score_levels(found, ids, found)["taxonomy"]["readable"] is None
