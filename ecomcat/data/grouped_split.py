"""Split texts into train, validation and test so that near-duplicates stay together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ecomcat.data.split import Split
from ecomcat.errors import UserError

_PARTS = 3


def split_groups(
    labels: Sequence[str],
    groups: NDArray[np.int64],
    validation_fraction: float,
    test_fraction: float,
    seed: int,
) -> Split:
    """Draw a stratified split of whole groups, the same for the same arguments.

    The groups are shuffled, then placed one after the other, the large ones first: each goes to
    the part that lacks the largest share of its classes, of those that have room for it.

    Args:
        labels: one per row.
        groups: the group of each row, shape `(rows,)`; a class needs three at least.
        validation_fraction: share of all rows, between 0 and 1.
        test_fraction: share of all rows, between 0 and 1.
        seed: of the shuffling.

    Raises:
        UserError: when a part would be left without one of the classes.
    """
    names, numbers = np.unique(np.array(labels, object), return_inverse=True)
    fractions = np.array([1 - validation_fraction - test_fraction, validation_fraction])
    fractions = np.append(fractions, test_fraction)
    members, classes = _contents(groups, numbers)
    placement = _Placement(fractions, np.bincount(numbers), classes)
    random = np.random.default_rng(seed)
    shuffled = random.permutation(len(members))
    sizes = np.array([len(rows) for rows in members])
    part_of = np.empty(len(labels), np.int64)
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        part_of[members[group]] = placement.place(classes[group], random)
    for part in range(_PARTS):
        if absent := np.flatnonzero(placement.groups[part] == 0).tolist():
            name = min((names[number] for number in absent), key=str)
            found = len(
                {group for group, label in zip(groups, labels, strict=True) if label == name}
            )
            raise UserError(_too_few(str(name), Counter(labels)[name], found))
    return Split(*(np.flatnonzero(part_of == part) for part in range(_PARTS)))


def _contents(
    groups: NDArray[np.int64], numbers: NDArray[np.int64]
) -> tuple[list[NDArray[np.int64]], list[tuple[NDArray[np.int64], NDArray[np.int64]]]]:
    """Return the rows of each group, and its classes with how many rows they have in it."""
    order = np.argsort(groups, kind="stable")
    ends = np.flatnonzero(np.diff(groups[order])) + 1
    members = np.split(order, ends)
    return members, [np.unique(numbers[rows], return_counts=True) for rows in members]


class _Placement:
    """What each part wants of each class, and has.

    Args:
        fractions: of train, validation and test, shape `(3,)`.
        totals: rows of each class, shape `(classes,)`.
        classes: classes of each group with their rows in it.
    """

    def __init__(
        self,
        fractions: NDArray[np.float64],
        totals: NDArray[np.int64],
        classes: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
    ) -> None:
        self._fractions = fractions
        self._wanted = np.outer(fractions, totals)
        self._lacking = self._wanted.copy()
        self.groups = np.zeros(self._wanted.shape, np.int64)  # groups of a class in a part
        self._left = np.zeros(len(totals), np.int64)  # groups of a class that wait
        for present, _ in classes:
            self._left[present] += 1

    def place(
        self,
        group: tuple[NDArray[np.int64], NDArray[np.int64]],
        random: np.random.Generator,
    ) -> int:
        """Choose a part for a group.

        Args:
            group: numbers of its classes, and rows of each of them in it.
            random: decides between equals, the larger part more often.
        """
        present, counts = group
        lacking, wanted = self._lacking[:, present], self._wanted[:, present]
        allowed = self._needed(present)
        fits = allowed & (lacking + 1 > counts).all(axis=1)
        if fits.any():
            score = (lacking / wanted) @ counts
        else:
            fits, score = allowed, ((lacking - counts) / wanted) @ counts
        best = np.flatnonzero(fits & np.isclose(score, score[fits].max(), rtol=1e-9, atol=1e-9))
        share = self._fractions[best]
        part = int(best[0] if len(best) == 1 else random.choice(best, p=share / share.sum()))
        self._lacking[part, present] -= counts
        self.groups[part, present] += 1
        self._left[present] -= 1
        return part

    def _needed(self, present: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which parts may take a group: those without a class whose groups run out."""
        absent = self.groups[:, present] == 0
        urgent = self._left[present] <= absent.sum(axis=0)
        needing = (absent & urgent).any(axis=1)
        return needing if needing.any() else np.ones(_PARTS, bool)


def _too_few(name: str, rows: int, groups: int) -> str:
    return (
        "Expected every class in train, validation and test with near-duplicates kept together; "
        f"found {rows} texts of '{name}' in {groups} {'group' if groups == 1 else 'groups'}. Add "
        "texts, raise data.min_class_rows together with data.rare_classes=drop, raise "
        "data.near_duplicate_similarity, or split with data.group_near_duplicates=false."
    )
