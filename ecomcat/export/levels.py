"""Answers whose categories are paths: how sure each level is, and which levels are accepted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.model.taxonomy import Taxonomy, deepest_levels

ACCEPTED_PATH, ACCEPTED_LEVEL = "accepted_path", "accepted_level"
_LEVEL, _CONFIDENCE = "level_", "confidence_level_"  # and the level's number from 1


def level_columns(depth: int) -> dict[str, type]:
    """Return the columns that hold the levels of a path, with the types of their values."""
    return {
        f"{name}{level}": kind
        for level in range(1, depth + 1)
        for name, kind in ((_LEVEL, str), (_CONFIDENCE, float))
    }


@dataclass(frozen=True)
class LevelAnswers:
    """The levels of some answers.

    Args:
        taxonomy: Taxonomy of the categories.
        label_ids: Array of the category of each text, shape `(texts,)`.
        confidences: Array of how sure each level of it is, shape `(texts, depth)`.
        thresholds: Array of the least confidence that is accepted for each category at each level,
            shape `(depth, classes)`; None: nothing is accepted.
        novel: Boolean array of the novel texts, for which nothing is accepted.
    """

    taxonomy: Taxonomy
    label_ids: NDArray[np.int64]
    confidences: NDArray[np.float64]
    thresholds: NDArray[np.float64] | None
    novel: NDArray[np.bool_]

    @cached_property
    def accepted(self) -> NDArray[np.int64]:
        """The deepest level of each path that is sure enough, from 1; 0 where none is."""
        if self.thresholds is None:
            return np.zeros(len(self.label_ids), np.int64)
        found = deepest_levels(self.confidences, self.thresholds, self.label_ids)
        return np.where(self.novel, 0, np.minimum(found, self.taxonomy.depths[self.label_ids]))

    @property
    def accepted_paths(self) -> list[str | None]:
        """The part of each path down to that level; None where none is accepted."""
        separator, paths = self.taxonomy.separator, self.taxonomy.paths
        pairs = zip(self.label_ids.tolist(), self.accepted.tolist(), strict=True)
        return [separator.join(paths[label][:level]) if level else None for label, level in pairs]

    def described(self, text: int) -> list[tuple[str, float]]:
        """Return the levels of a text's path: their names, and how sure they are."""
        path = self.taxonomy.paths[self.label_ids[text]]
        return list(zip(path, self.confidences[text].tolist(), strict=False))

    def columns(self, rows: int, answered: NDArray[np.int64]) -> dict[str, Any]:
        """Return all of it as columns for a number of rows, some of which have an answer."""
        import pandas as pd

        levels, paths = np.zeros(rows, np.int64), np.full(rows, None, object)
        levels[answered], paths[answered] = self.accepted, self.accepted_paths
        numbers = pd.arrays.IntegerArray(levels, levels == 0)
        found: dict[str, Any] = {ACCEPTED_PATH: paths, ACCEPTED_LEVEL: numbers}
        for depth in range(self.taxonomy.depth):
            names, sure = np.full(rows, None, object), np.full(rows, np.nan)
            has = self.taxonomy.depths[self.label_ids] > depth
            own = [self.taxonomy.paths[label][depth] for label in self.label_ids[has].tolist()]
            names[answered[has]], sure[answered[has]] = own, self.confidences[has, depth]
            found |= {f"{_LEVEL}{depth + 1}": names, f"{_CONFIDENCE}{depth + 1}": sure}
        return found
