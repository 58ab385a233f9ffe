"""Splits in which every class is in every part, no text in two, and no group in two."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomcat.data.cleaning import CleanRows, clean_rows, labelled_frame, normalized_key
from ecomcat.data.splitting import Split, require_classes, split_groups, split_rows
from ecomcat.errors import UserError

PARTS = {"train": 0.7, "validation": 0.15, "test": 0.15}
class_counts = st.lists(st.integers(10, 120), min_size=2, max_size=6)
seeds = st.integers(0, 2**32 - 1)
# Sizes of the groups of each class; and rows as pairs of class and group.
group_sizes = st.lists(st.lists(st.integers(1, 8), min_size=3, max_size=60), min_size=2, max_size=5)
mixed_rows = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 15)), min_size=1, max_size=80)
spellings = ("ITEM {}", "  item {}!!", "ITEM {} 😀", "«Item {}»", "Item {}\ud800")
repeated_texts = st.sampled_from([each.format(n) for each in spellings for n in range(10)])


def labels_of(counts: Sequence[int]) -> list[str]:
    return [f"class {number}" for number, count in enumerate(counts) for _ in range(count)]


def cleaned(rows: Sequence[tuple[str, str]]) -> CleanRows:
    return clean_rows(labelled_frame([text for text, _ in rows], [label for _, label in rows]))


def rows_of(**counts: int) -> CleanRows:
    return cleaned([(f"{name} {n}", name) for name, count in counts.items() for n in range(count)])


def parts(split: Split) -> dict[str, list[int]]:
    return {name: getattr(split, name).tolist() for name in PARTS}


def of_rows(labels: list[str], seed: int = 1) -> dict[str, list[int]]:
    return parts(split_rows(labels, 0.15, 0.15, seed))


def of_groups(labels: list[str], groups: Sequence[int], seed: int = 1) -> dict[str, list[int]]:
    return parts(split_groups(labels, np.array(groups), 0.15, 0.15, seed))


def grouped(sizes: list[list[int]]) -> tuple[list[str], list[int]]:
    flat = list(chain.from_iterable(sizes))
    return labels_of([sum(each) for each in sizes]), np.repeat(range(len(flat)), flat).tolist()


def assert_whole(split: dict[str, list[int]], rows: int) -> None:
    assert sorted(chain.from_iterable(split.values())) == list(range(rows))
    assert all(found == sorted(found) for found in split.values())


@settings(deadline=None)
@given(class_counts, seeds)
def test_each_part_has_its_share_of_each_class(counts: list[int], seed: int) -> None:
    labels = labels_of(counts)
    split = of_rows(labels, seed)
    assert_whole(split, len(labels))
    assert len(split["test"]) == math.ceil(round(0.15 * len(labels), 6))
    for part, share in PARTS.items():
        found = Counter(labels[row] for row in split[part])
        assert set(found) == set(labels)
        for name, count in Counter(labels).items():
            # Both draws round; what they leave, the training part takes.
            assert abs(found[name] - share * count) < (3 if part == "train" else 2)


@settings(deadline=None)
@given(group_sizes, seeds)
def test_each_group_is_whole_and_shares_are_as_near_as_groups_allow(
    sizes: list[list[int]], seed: int
) -> None:
    labels, groups = grouped(sizes)
    split = of_groups(labels, groups, seed)
    assert_whole(split, len(labels))
    assert sum(len({groups[row] for row in rows}) for rows in split.values()) == len(set(groups))
    for part, rows in split.items():
        found = Counter(labels[row] for row in rows)
        assert set(found) == set(labels)
        for number, each in enumerate(sizes):
            # The last groups may be too large for what is left, and a part takes one in any case.
            difference = found[f"class {number}"] - PARTS[part] * sum(each)
            assert abs(difference) <= 2 * max(each) + 1, (part, number)


@settings(deadline=None)
@given(mixed_rows, seeds)
def test_groups_of_several_classes_are_split_or_refused(
    rows: list[tuple[int, int]], seed: int
) -> None:
    labels, groups = [f"class {label}" for label, _ in rows], [group for _, group in rows]
    try:
        split = of_groups(labels, groups, seed)
    except UserError as error:
        assert "train, validation, test with groups together" in str(error)
        return
    assert all({labels[row] for row in found} == set(labels) for found in split.values())
    assert sum(len({groups[row] for row in found}) for found in split.values()) == len(set(groups))


@pytest.mark.parametrize("by_group", [False, True])
def test_a_split_depends_on_the_seed_alone(by_group: bool) -> None:
    labels, groups = grouped([[3, 2, 1] * 20, [2, 1] * 20])
    first, again, other = (
        of_groups(labels, groups, seed) if by_group else of_rows(labels, seed) for seed in (1, 1, 2)
    )
    assert first == again
    assert all(first[name] != other[name] for name in PARTS)


@pytest.mark.parametrize("rare", [1, 2, 3])
def test_a_class_too_small_for_three_parts_is_named(rare: int) -> None:
    with pytest.raises(UserError, match=rf"found {rare} of 'rare'.*data\.min_class_rows"):
        of_rows(["plenty"] * 100 + ["rare"] * rare)


@pytest.mark.parametrize(("groups", "named"), [(1, "in 1 group"), (2, "in 2 groups")])
def test_a_class_of_too_few_groups_is_named(groups: int, named: str) -> None:
    with pytest.raises(UserError, match=rf"{10 * groups} texts of 'class 1' {named}"):
        of_groups(*grouped([[1] * 50, [10] * groups]))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(repeated_texts, st.sampled_from("ab")), max_size=60), seeds)
def test_no_text_of_the_test_part_is_trained_on(repeats: list[tuple[str, str]], seed: int) -> None:
    rows = [(f"Item {n} of {kind}", kind) for kind in "ab" for n in range(20)]
    rows += [(f"{text} of {kind}", kind) for text, kind in repeats]
    clean = cleaned(rows)
    split = of_rows(clean.labels, seed)
    keys = {part: {normalized_key(clean.texts[row]) for row in split[part]} for part in PARTS}
    assert not keys["test"] & (keys["train"] | keys["validation"])
    assert not keys["train"] & keys["validation"]
    assert set().union(*keys.values()) == {normalized_key(text) for text, _ in rows}


def test_rare_classes_are_refused_by_name_and_count_or_dropped() -> None:
    rows = rows_of(a=20, b=9, c=20, d=1)
    with pytest.raises(UserError, match=r"at least 10 .*found 'b' \(9\), 'd' \(1\)\. Add rows"):
        require_classes(rows, 10, refuse=True)
    left = require_classes(rows, 10, refuse=False)
    assert Counter(left.labels) == {"a": 20, "c": 20}
    assert (left.report.rare_classes_dropped, left.report.rows_read) == ({"b": 9, "d": 1}, 50)
    pairs = (zip(each.texts, each.digests, strict=True) for each in (left, rows))
    assert set(next(pairs)) < set(next(pairs))


@pytest.mark.parametrize(
    ("text", "cause"),
    [("", r"Rows were read of 'lost' \(15\)"), ("a {} +++", "of .*several labels.* in symbols")],
)
def test_a_class_of_which_nothing_is_left_is_refused_or_dropped_by_name(
    text: str, cause: str
) -> None:
    rows = [(f"{name} {n}", name) for name in "abc" for n in range(15)]
    # Symbols are not read, so that a text of a's stands under two labels.
    rows += [(text.format(n), "lost") for n in range(15)]
    with pytest.raises(UserError, match=rf"'lost' \(0\)\..*{cause}"):
        require_classes(cleaned(rows), 10, refuse=True)
    assert require_classes(cleaned(rows), 10, refuse=False).report.rare_classes_dropped["lost"] == 0


@pytest.mark.parametrize("refuse", [True, False])
@pytest.mark.parametrize(
    ("counts", "found"),
    [
        ({}, "no labelled text"),
        ({"a": 50}, "'a' (50)"),
        ({"a": 20, "b": 9}, "'a' (20), 'b' (9)"),
        ({f"{n}": 1 for n in range(900)}, "and 895 more. There are 900 labels of 900 texts"),
    ],
)
def test_fewer_than_two_classes_are_refused(
    counts: dict[str, int], found: str, refuse: bool
) -> None:
    with pytest.raises(UserError, match=rf"at least two classes .*{re.escape(found)}") as refused:
        require_classes(rows_of(**counts), 10, refuse=refuse)
    assert len(str(refused.value)) < 400
