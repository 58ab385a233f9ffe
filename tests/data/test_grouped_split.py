"""Splits that keep groups whole, with every class in every part."""

from __future__ import annotations

from collections import Counter
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ecomcat.data.splitting import Split, split_groups
from ecomcat.errors import UserError

PARTS = ("train", "validation", "test")
FRACTIONS = {"train": 0.7, "validation": 0.15, "test": 0.15}
seeds = st.integers(0, 2**32 - 1)
# Sizes of the groups of each class.
pure = st.lists(st.lists(st.integers(1, 8), min_size=3, max_size=60), min_size=2, max_size=5)
# Rows as pairs of class and group.
mixed = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 15)), min_size=1, max_size=80)


def rows_of(sizes: list[list[int]]) -> tuple[list[str], NDArray[np.int64]]:
    labels = [f"class {number}" for number, each in enumerate(sizes) for _ in range(sum(each))]
    flat = list(chain.from_iterable(sizes))
    return labels, np.repeat(np.arange(len(flat)), flat)


def drawn(labels: list[str], groups: NDArray[np.int64], seed: int = 1) -> Split:
    return split_groups(labels, groups, FRACTIONS["validation"], FRACTIONS["test"], seed)


def parts(split: Split) -> dict[str, list[int]]:
    return {name: getattr(split, name).tolist() for name in PARTS}


@settings(deadline=None)
@given(pure, seeds)
def test_each_row_stands_in_one_part_and_each_group_whole(
    sizes: list[list[int]], seed: int
) -> None:
    labels, groups = rows_of(sizes)
    split = parts(drawn(labels, groups, seed))
    assert sorted(chain.from_iterable(split.values())) == list(range(len(labels)))
    assert all(rows == sorted(rows) for rows in split.values())
    places = [{groups[row] for row in rows} for rows in split.values()]
    assert sum(map(len, places)) == len(set(groups))


@settings(deadline=None)
@given(pure, seeds)
def test_each_part_has_every_class_and_its_share_as_near_as_groups_allow(
    sizes: list[list[int]], seed: int
) -> None:
    labels, groups = rows_of(sizes)
    split = parts(drawn(labels, groups, seed))
    for part, rows in split.items():
        found = Counter(labels[row] for row in rows)
        assert set(found) == set(labels)
        for number, each in enumerate(sizes):
            # The last groups may be too large for what is left, and a part takes one in any case.
            difference = found[f"class {number}"] - FRACTIONS[part] * sum(each)
            assert abs(difference) <= 2 * max(each) + 1, (part, number)


@settings(deadline=None)
@given(st.lists(st.integers(20, 80), min_size=2, max_size=4), seeds)
def test_groups_of_one_are_split_as_exactly_as_rows(counts: list[int], seed: int) -> None:
    labels, groups = rows_of([[1] * count for count in counts])
    for part, rows in parts(drawn(labels, groups, seed)).items():
        found = Counter(labels[row] for row in rows)
        for number, count in enumerate(counts):
            assert abs(found[f"class {number}"] - FRACTIONS[part] * count) <= 2


@settings(deadline=None)
@given(mixed, seeds)
def test_groups_of_several_classes_are_split_or_refused(
    rows: list[tuple[int, int]], seed: int
) -> None:
    labels = [f"class {label}" for label, _ in rows]
    groups = np.array([group for _, group in rows])
    try:
        split = parts(drawn(labels, groups, seed))
    except UserError as error:
        assert "near-duplicates kept together" in str(error)
        return
    assert all({labels[row] for row in found} == set(labels) for found in split.values())
    assert sum(len({groups[row] for row in found}) for found in split.values()) == len(set(groups))


@settings(deadline=None, max_examples=30)
@given(pure, seeds)
def test_the_same_seed_gives_the_same_split(sizes: list[list[int]], seed: int) -> None:
    labels, groups = rows_of(sizes)
    assert parts(drawn(labels, groups, seed)) == parts(drawn(labels, groups, seed))


def test_another_seed_gives_another_split() -> None:
    labels, groups = rows_of([[3, 2, 1] * 20, [2, 1] * 20])
    first, second = (parts(drawn(labels, groups, seed)) for seed in (1, 2))
    assert all(first[name] != second[name] for name in PARTS)


def test_large_groups_come_to_every_part_when_they_fit() -> None:
    labels, groups = rows_of([[5] * 40, [5] * 40])
    found = dict.fromkeys(PARTS, 0)
    for seed in range(5):
        for part, rows in parts(drawn(labels, groups, seed)).items():
            found[part] += len({groups[row] for row in rows})
    assert found == {"train": 5 * 56, "validation": 5 * 12, "test": 5 * 12}


@pytest.mark.parametrize(("groups", "said"), [(1, "in 1 group"), (2, "in 2 groups")])
def test_a_class_of_too_few_groups_is_named(groups: int, said: str) -> None:
    labels, numbers = rows_of([[1] * 50, [10] * groups])
    with pytest.raises(UserError, match=rf"{10 * groups} texts of 'class 1' {said}"):
        drawn(labels, numbers)
