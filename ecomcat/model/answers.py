"""Answers to labelled texts, reduced to what is scored: there may be thousands of categories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecomcat.model.confidence import Acceptance, acceptance_of, joined
from ecomcat.model.taxonomy import LevelAcceptance, Taxonomy, join_levels, level_acceptance

TOP_K = (3, 5)  # likeliest classes: how often is the right one among them?
_CHUNK = 4096  # texts at a time: texts times classes may not fit in memory


@dataclass(frozen=True)
class Answers:
    """The parts of answers to labelled texts that are scored: less than all probabilities.

    Args:
        leaves: Their confidences, and whether they are right.
        of_label: Array of the probability of the right class, shape `(texts,)`.
        ranks: Array of its place among the likeliest classes, from 1, shape `(texts,)`. Among
            equally likely ones it is the last.
        num_classes: Integer. Number of classes.
        levels: The same as `leaves` by level of a taxonomy. Defaults to None, for no taxonomy.
    """

    leaves: Acceptance
    of_label: NDArray[np.float32]
    ranks: NDArray[np.int64]
    num_classes: int
    levels: LevelAcceptance | None = None

    def of(self, chosen: NDArray[np.bool_]) -> Answers:
        """Return the answers that a mask chooses."""
        levels = None if self.levels is None else self.levels.of(chosen)
        own = self.of_label[chosen], self.ranks[chosen]
        return Answers(self.leaves.of(chosen), *own, self.num_classes, levels)

    def top_k_accuracy(self) -> dict[str, float] | None:
        """Return how often the right class is among `TOP_K`; None for three classes or less."""
        counted = [k for k in TOP_K if k < self.num_classes]
        return {str(k): float((self.ranks <= k).mean()) for k in counted} or None


def answers_of(
    probabilities: NDArray[np.float32],
    label_ids: NDArray[np.int64],
    taxonomy: Taxonomy | None = None,
    unknown_shares: NDArray[np.float64] | None = None,
) -> Answers:
    """Reduce probabilities `(texts, num_classes)` of labelled texts to what is scored.

    `unknown_shares` are those of `uncertainty`.

    >>> found = answers_of(np.array([[0.4, 0.3, 0.2, 0.1]] * 2, np.float32), np.array([2, 3]))
    >>> found.top_k_accuracy()
    {'3': 0.5}
    """
    of_label = np.take_along_axis(probabilities, label_ids[:, None], axis=1)
    ranks = np.empty(len(label_ids), np.int64)
    for first in range(0, len(label_ids), _CHUNK):
        rows = slice(first, first + _CHUNK)
        ranks[rows] = (probabilities[rows] >= of_label[rows]).sum(axis=1)
    given = probabilities, label_ids, unknown_shares
    levels = None if taxonomy is None else level_acceptance(taxonomy, *given)
    leaves = acceptance_of(*given) if levels is None else levels.leaves
    return Answers(leaves, of_label[:, 0], ranks, probabilities.shape[1], levels)


def join_answers(parts: Sequence[Answers]) -> Answers:
    """Return the answers of several parts as one."""
    leaves = joined([part.leaves for part in parts])
    levels = [part.levels for part in parts if part.levels is not None]
    return Answers(
        leaves,
        np.concatenate([part.of_label for part in parts]),
        np.concatenate([part.ranks for part in parts]),
        parts[0].num_classes,
        join_levels(levels, leaves) if levels else None,
    )
