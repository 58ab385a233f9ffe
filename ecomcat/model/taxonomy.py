"""Categories whose names are paths: the tree that they form, and how deep an answer is accepted.

An answer that is not sure enough is replaced by its ancestor: the climbing of Goren, Galil and
El-Yaniv, "Hierarchical selective classification" (NeurIPS 2024, arXiv 2405.11533); here each
level has its own threshold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecomcat.model.confidence import Acceptance, Promise, acceptance_of, rounded, threshold_texts

_SUMMED_ROWS = 1024  # at a time: rows times categories may not fit in memory
_ACCEPTED = 2.0  # above every confidence: for texts that a deeper level has accepted


class Level(NamedTuple):
    """The nodes of a level, and the node that each category belongs to."""

    names: list[str]
    node_ids: NDArray[np.int64]


@dataclass(frozen=True)
class Taxonomy:
    """The tree of categories whose names are paths.

    A category whose path ends above a level is a node of its own there, and it may be an inner
    node of others, as "Home" is beside "Home > Lamps".

    Args:
        class_names: Sequence of strings, the paths.
        separator: String between the levels of a path.

    >>> tree = Taxonomy(["Home", "Home > Lamps", "Toys"], " > ")
    >>> tree.levels[0].names, tree.levels[0].node_ids.tolist()
    (['Home', 'Toys'], [0, 0, 1])
    """

    class_names: Sequence[str]
    separator: str

    @cached_property
    def paths(self) -> list[list[str]]:
        """The levels of each category."""
        return [name.split(self.separator) for name in self.class_names]

    @cached_property
    def depths(self) -> NDArray[np.int64]:
        """The number of levels of each category."""
        return np.array([len(path) for path in self.paths], np.int64)

    @property
    def depth(self) -> int:
        """The number of levels of the longest path."""
        return int(self.depths.max())

    @cached_property
    def levels(self) -> list[Level]:
        """The levels, the highest first; the last one has the categories themselves."""
        return [self._level(depth) for depth in range(1, self.depth + 1)]

    def _level(self, depth: int) -> Level:
        names = [self.separator.join(path[:depth]) for path in self.paths]
        numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
        return Level(list(numbers), np.array([numbers[name] for name in names], np.int64))

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        """An order of the categories in which those of a node are together, at every level."""
        return np.array(sorted(range(len(self.paths)), key=self.paths.__getitem__), np.int64)

    @cached_property
    def _bounds(self) -> list[NDArray[np.int64]]:
        """Where each category's node begins and ends in that order, `(2, classes)` per level."""
        places, bounds = np.argsort(self._order), []
        for level in self.levels:
            changes = np.flatnonzero(np.diff(level.node_ids[self._order])) + 1
            edges = np.array([0, *changes, len(places)])
            ends = np.searchsorted(edges, places, side="right")
            bounds.append(np.stack([edges[ends - 1], edges[ends]]))
        return bounds

    def confidences(
        self, probabilities: NDArray[np.float32], label_ids: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return the confidence of each level of some categories: the sum over all below its node.

        Args:
            probabilities: Array of shape `(texts, classes)`.
            label_ids: Array of shape `(texts,)`, a category for each text.

        Returns:
            Array of shape `(texts, depth)`.

        >>> tree = Taxonomy(["Home > Chairs", "Home > Lamps", "Toys > Cars"], " > ")
        >>> tree.confidences(np.array([[0.5, 0.25, 0.25]], np.float32), np.array([0])).tolist()
        [[0.75, 0.5]]
        """
        found = np.empty((len(label_ids), self.depth))
        sums = np.zeros((_SUMMED_ROWS, len(self.paths) + 1))
        for first in range(0, len(label_ids), _SUMMED_ROWS):
            rows = slice(first, first + _SUMMED_ROWS)
            ids, part = label_ids[rows], probabilities[rows][:, self._order]
            np.cumsum(part, axis=1, out=sums[: len(part), 1:])
            for level, bounds in enumerate(self._bounds):
                begin, end = bounds[:, ids]
                each = np.arange(len(ids))
                found[rows, level] = sums[each, end] - sums[each, begin]
        # Exactly the category's own probability, to the last digit.
        found[:, -1] = np.take_along_axis(probabilities, label_ids[:, None], axis=1)[:, 0]
        return found.clip(0, 1)


def taxonomy_of(class_names: Sequence[str], separator: str | None) -> Taxonomy | None:
    """Return the taxonomy of categories; None where no name has several levels."""
    if not separator or not any(separator in name for name in class_names):
        return None
    return Taxonomy(class_names, separator)


@dataclass(frozen=True)
class LevelAcceptance:
    """Confidences and correctness of answers at each level, from which thresholds are found.

    Args:
        taxonomy: Taxonomy of the answers.
        confidence: Array of shape `(texts, depth)`, `rounded`.
        correct: Boolean array of the same shape.
        leaves: The answers themselves, as `acceptance_of` returns them.
    """

    taxonomy: Taxonomy
    confidence: NDArray[np.float64]
    correct: NDArray[np.bool_]
    leaves: Acceptance

    @property
    def predicted(self) -> NDArray[np.int64]:
        """The categories that were answered, shape `(texts,)`."""
        return self.leaves.predicted

    def thresholds(self, promise: Promise) -> NDArray[np.float64]:
        """Return the least confidence that is accepted of each category at each level.

        From the deepest level up, each level accepts as many of the remaining texts as possible
        while the promise holds for all accepted texts together. Novel texts are never accepted.

        Returns:
            Array of shape `(depth, classes)`, infinite where none is accepted.
        """
        found = np.empty((self.taxonomy.depth, len(self.taxonomy.class_names)))
        known = ~self.leaves.is_novel(self.leaves.novel_from(promise.max_false_alarms))
        predicted = self.predicted[known]
        accepted = correct = np.zeros(len(predicted), bool)
        for depth in reversed(range(self.taxonomy.depth)):
            level, confidence = self.taxonomy.levels[depth], self.confidence[known, depth]
            correct = np.where(accepted, correct, self.correct[known, depth])
            highest = np.where(accepted, _ACCEPTED, confidence)
            answers = Acceptance(highest, correct, level.node_ids[predicted])
            least = answers.thresholds(promise, len(level.names))[level.node_ids]
            # Where it would accept no more than is accepted already, it accepts nothing.
            found[depth] = np.where(least == _ACCEPTED, np.inf, least)
            accepted = accepted | (confidence >= found[depth, predicted])
        return found

    def of(self, chosen: NDArray[Any]) -> LevelAcceptance:
        """Return some of the answers, by their numbers or a mask."""
        parts = self.confidence[chosen], self.correct[chosen]
        return LevelAcceptance(self.taxonomy, *parts, self.leaves.of(chosen))

    def describe(self) -> dict[str, Any]:
        """Return what the exported folder stores with `Acceptance.describe`, for the same texts."""
        rows = threshold_texts(self.confidence[:, -1])
        return {
            "confidence": self.confidence[rows, :-1].T.tolist(),
            "correct": self.correct[rows, :-1].T.astype(int).tolist(),
        }


def read_levels(
    taxonomy: Taxonomy, leaves: Acceptance, content: Mapping[str, Any]
) -> LevelAcceptance:
    """Return what `LevelAcceptance.describe` described, with the answers to the same texts."""
    confidence = np.array([*content["confidence"], leaves.confidence], np.float64)
    correct = np.array([*content["correct"], leaves.correct], bool)
    return LevelAcceptance(taxonomy, confidence.T, correct.T, leaves)


def level_acceptance(
    taxonomy: Taxonomy,
    probabilities: NDArray[np.float32],
    label_ids: NDArray[np.int64],
    unknown_shares: NDArray[np.float64] | None = None,
) -> LevelAcceptance:
    """Return confidence and correctness by level of answers to texts, `(texts, classes)`."""
    leaves = acceptance_of(probabilities, label_ids, unknown_shares)
    predicted = leaves.predicted
    correct = [level.node_ids[predicted] == level.node_ids[label_ids] for level in taxonomy.levels]
    confidence = rounded(taxonomy.confidences(probabilities, predicted))
    return LevelAcceptance(taxonomy, confidence, np.array(correct).T, leaves)


def join_levels(parts: Sequence[LevelAcceptance], leaves: Acceptance) -> LevelAcceptance:
    """Return the answers of several parts as one, whose `leaves` are joined already."""
    confidence = np.concatenate([part.confidence for part in parts])
    correct = np.concatenate([part.correct for part in parts])
    return LevelAcceptance(parts[0].taxonomy, confidence, correct, leaves)


def deepest_levels(
    confidence: NDArray[np.float64], thresholds: NDArray[np.float64], label_ids: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the deepest level, from 1, at which each text is sure enough; 0 where none is.

    Args:
        confidence: Array of shape `(texts, depth)`.
        thresholds: Array of shape `(depth, classes)`.
        label_ids: Array of the categories that were answered, shape `(texts,)`.

    >>> thresholds = np.array([[0.7], [0.8]])
    >>> confidence = np.array([[0.9, 0.5], [0.9, 0.8], [0.6, 0.4]])
    >>> deepest_levels(confidence, thresholds, np.array([0, 0, 0])).tolist()
    [1, 2, 0]
    """
    numbers = np.arange(1, len(thresholds) + 1)
    is_sure = confidence >= thresholds[:, label_ids].T
    deepest: NDArray[np.int64] = np.where(is_sure, numbers, 0).max(axis=1, initial=0)
    return deepest
