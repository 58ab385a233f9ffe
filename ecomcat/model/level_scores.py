"""Scores of answers whose categories form a taxonomy: by level, and of whole paths."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.model.confidence import Promise
from ecomcat.model.intervals import macro_f1_interval, share_interval
from ecomcat.model.metrics import (
    MAX_MATRIX_CLASSES,
    PRECISIONS,
    accepted_shares,
    macro_f1,
    score_predictions,
)
from ecomcat.model.taxonomy import LevelAcceptance, Taxonomy, deepest_levels


def score_levels(
    answers: LevelAcceptance | None,
    label_ids: NDArray[np.int64],
    chosen_on: LevelAcceptance | None,
) -> dict[str, Any]:
    """Return the scores that a taxonomy adds to those of `score_answers`; none without one.

    Args:
        answers: The answers. None without a taxonomy.
        label_ids: Array of the true classes, shape `(texts,)`.
        chosen_on: Answers to other texts, from which the levels' thresholds are taken.

    Returns:
        Dictionary of `taxonomy`: of each of its `levels`, the highest first, the `nodes`,
        `accuracy` and `macro_f1` with their `intervals`; `hierarchical`: see
        `hierarchical_scores`; `coverage`: for each precision the share of texts accepted at any
        level, and of these the share right, and by level; and `readable`: the scores of the
        deepest level above the categories that has a matrix, if there is one.
    """
    if answers is None or chosen_on is None:
        return {}
    taxonomy = chosen_on.taxonomy
    predicted = answers.predicted
    levels = [
        _level_scores(node_ids[label_ids], node_ids[predicted], len(names))
        for names, node_ids in taxonomy.levels
    ]
    coverage = {str(asked): _coverage(answers, chosen_on, Promise(asked)) for asked in PRECISIONS}
    found = {
        "levels": levels,
        "hierarchical": hierarchical_scores(taxonomy, label_ids, predicted),
        "coverage": coverage,
        "readable": _readable_level(taxonomy, label_ids, predicted),
    }
    return {"taxonomy": found}


def _level_scores(
    true: NDArray[np.int64], predicted: NDArray[np.int64], nodes: int
) -> dict[str, Any]:
    right = true == predicted
    return {
        "nodes": nodes,
        "accuracy": float(right.mean()),
        "macro_f1": macro_f1(true, predicted, nodes),
        "intervals": {
            "accuracy": share_interval(int(right.sum()), len(true)),
            "macro_f1": macro_f1_interval(true, predicted, nodes),
        },
    }


def hierarchical_scores(
    taxonomy: Taxonomy, label_ids: NDArray[np.int64], predicted: NDArray[np.int64]
) -> dict[str, float]:
    """Return hierarchical `precision`, `recall` and `f1`: of nodes, ancestors included.

    The share of the nodes of the predicted paths that is right, and the share of the nodes of the
    true paths that was found (Kiritchenko, Matwin, Nock and Famili, "Learning and evaluation in the
    presence of class hierarchies", Canadian AI 2006; recommended by Silla and Freitas, "A survey of
    hierarchical classification across different application domains", 2011).

    >>> tree = Taxonomy(["Home", "Home > Lamps"], " > ")
    >>> hierarchical_scores(tree, np.array([1, 1]), np.array([0, 1]))["recall"]
    0.75
    """
    true, given = taxonomy.depths[label_ids], taxonomy.depths[predicted]
    shared = np.zeros(len(true), np.int64)
    for depth, (_, node_ids) in enumerate(taxonomy.levels, 1):
        reached = np.minimum(true, given) >= depth
        shared += reached & (node_ids[label_ids] == node_ids[predicted])
    precision, recall = (float(shared.sum() / max(each.sum(), 1)) for each in (given, true))
    both = precision + recall
    f1 = 2 * precision * recall / both if both else 0.0
    return {"precision": precision, "recall": recall, "f1": f1}


def accepted_levels(
    answers: LevelAcceptance, chosen_on: LevelAcceptance, promise: Promise
) -> NDArray[np.int64]:
    """Return the level down to which each answer is accepted, from 1; 0 where none is.

    Args:
        answers: The answers.
        chosen_on: Answers to other texts, from which the thresholds are taken.
        promise: What is asked of all that are accepted.
    """
    thresholds = chosen_on.thresholds(promise)
    novel = answers.leaves.is_novel(chosen_on.leaves.novel_from(promise.max_false_alarms))
    found = deepest_levels(answers.confidence, thresholds, answers.predicted)
    return np.where(novel, 0, found)


def _coverage(
    answers: LevelAcceptance, chosen_on: LevelAcceptance, promise: Promise
) -> dict[str, Any]:
    thresholds = chosen_on.thresholds(promise)
    accepted = accepted_levels(answers, chosen_on, promise)
    rows = np.flatnonzero(accepted)
    right = answers.correct[rows, accepted[rows] - 1]
    by_level = np.bincount(accepted, minlength=len(thresholds) + 1)[1:] / max(len(accepted), 1)
    return {
        # Not by category: they are the same for all.
        "thresholds": [None if each == np.inf else float(each) for each in thresholds[:, 0]],
        **accepted_shares(right, len(accepted)),
        "by_level": by_level.tolist(),
    }


def _readable_level(
    taxonomy: Taxonomy, label_ids: NDArray[np.int64], predicted: NDArray[np.int64]
) -> dict[str, Any] | None:
    above = list(enumerate(taxonomy.levels[:-1], 1))
    for depth, (names, node_ids) in reversed(above):
        if len(names) <= MAX_MATRIX_CLASSES:
            scores = score_predictions(node_ids[label_ids], node_ids[predicted], names)
            return {"level": depth, **scores.describe()}
    return None
