"""Splits in which every class is in every part and no text in two."""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomcat.data.cleaning import CleanRows, clean_rows, labelled_frame, normalized_key
from ecomcat.data.splitting import Split, require_classes, split_rows
from ecomcat.errors import UserError

PARTS = ("train", "validation", "test")
class_counts = st.lists(st.integers(10, 120), min_size=2, max_size=6)
seeds = st.integers(0, 2**32 - 1)


def labels_of(counts: list[int]) -> list[str]:
    return [f"class {number}" for number, count in enumerate(counts) for _ in range(count)]


def rows_of(**counts: int) -> CleanRows:
    rows = [(f"{name} {n}", name) for name, count in counts.items() for n in range(count)]
    return clean_rows(labelled_frame([text for text, _ in rows], [label for _, label in rows]))


def parts(split: Split) -> dict[str, list[int]]:
    return {name: getattr(split, name).tolist() for name in PARTS}


@settings(deadline=None)
@given(class_counts, seeds)
def test_each_row_stands_in_exactly_one_part(counts: list[int], seed: int) -> None:
    split = parts(split_rows(labels_of(counts), 0.15, 0.15, seed))
    assert sorted(chain.from_iterable(split.values())) == list(range(sum(counts)))
    assert all(rows == sorted(rows) for rows in split.values())


@settings(deadline=None)
@given(class_counts, seeds)
def test_each_part_has_its_share_of_each_class(counts: list[int], seed: int) -> None:
    labels = labels_of(counts)
    split = parts(split_rows(labels, 0.15, 0.15, seed))
    assert len(split["test"]) == math.ceil(round(0.15 * len(labels), 6))
    # Both draws round; what they leave, the training part takes.
    for part, share, tolerance in (("test", 0.15, 2), ("validation", 0.15, 2), ("train", 0.7, 3)):
        found = Counter(labels[row] for row in split[part])
        assert set(found) == set(labels)
        for name, count in Counter(labels).items():
            assert abs(found[name] - share * count) < tolerance


@settings(deadline=None, max_examples=30)
@given(class_counts, seeds)
def test_the_same_seed_gives_the_same_split(counts: list[int], seed: int) -> None:
    first, second = (split_rows(labels_of(counts), 0.15, 0.15, seed) for _ in range(2))
    assert parts(first) == parts(second)


def test_another_seed_gives_another_split() -> None:
    first, second = (parts(split_rows(labels_of([60, 40]), 0.15, 0.15, seed)) for seed in (1, 2))
    assert all(first[name] != second[name] for name in PARTS)


def test_the_split_does_not_go_by_position() -> None:
    test = split_rows(labels_of([200, 200]), 0.15, 0.15, 1).test
    assert np.ptp(test[test < 200]) > 100


@pytest.mark.parametrize(("validation", "test"), [(0.1, 0.3), (0.3, 0.1), (0.25, 0.25)])
def test_fractions_are_those_of_all_rows(validation: float, test: float) -> None:
    split = split_rows(labels_of([500, 300, 200]), validation, test, 1)
    assert len(split.validation) == pytest.approx(1000 * validation, abs=1)
    assert len(split.test) == pytest.approx(1000 * test, abs=1)


@pytest.mark.parametrize("rare", [1, 2, 3])
def test_a_class_too_small_for_three_parts_is_named(rare: int) -> None:
    labels = ["plenty"] * 100 + ["rare"] * rare
    with pytest.raises(UserError, match=rf"found {rare} of 'rare'.*data\.min_class_rows"):
        split_rows(labels, 0.15, 0.15, 1)


def test_the_training_part_needs_every_class_too() -> None:
    labels = ["plenty"] * 100 + ["rare"] * 4
    try:
        split = split_rows(labels, 0.45, 0.45, 1)
    except UserError as error:
        assert "found 4 of 'rare'" in str(error)
    else:
        assert {labels[row] for row in split.train} == {"plenty", "rare"}


@settings(deadline=None, max_examples=30)
@given(
    counts=st.lists(st.integers(10, 30), min_size=2, max_size=4),
    repeats=st.lists(
        st.tuples(
            st.integers(0, 3),
            st.integers(0, 29),
            st.sampled_from(["{}", "  {}!!", "{} 😀", "«{}»", "{}\ud800"]),
            st.booleans(),
        ),
        max_size=60,
    ),
    seed=seeds,
)
def test_no_text_of_the_test_part_is_trained_on(
    counts: list[int], repeats: list[tuple[int, int, str, bool]], seed: int
) -> None:
    originals = {
        (kind, number): f"Item {number} of kind {'ABCD'[kind]}"
        for kind, count in enumerate(counts)
        for number in range(count)
    }
    rows = [(text, f"class {kind}") for (kind, _), text in originals.items()]
    for kind, number, spelling, shouted in repeats:
        if (kind, number) in originals:
            respelt = spelling.format(originals[kind, number])
            rows.append((respelt.upper() if shouted else respelt, f"class {kind}"))
    cleaned = clean_rows(labelled_frame([text for text, _ in rows], [label for _, label in rows]))
    split = parts(split_rows(cleaned.labels, 0.15, 0.15, seed))
    keys = {part: {normalized_key(cleaned.texts[row]) for row in split[part]} for part in PARTS}
    digests = {part: {cleaned.digests[row] for row in split[part]} for part in PARTS}
    for found in (keys, digests):
        assert not found["test"] & (found["train"] | found["validation"])
        assert not found["train"] & found["validation"]
    assert set().union(*keys.values()) == {normalized_key(text) for text, _ in rows}


def test_rare_classes_are_refused_by_name_and_count() -> None:
    with pytest.raises(UserError) as refused:
        require_classes(rows_of(a=20, b=9, c=20, d=1), 10, "refuse")
    message = str(refused.value)
    assert "at least 10" in message and "'b' (9), 'd' (1)" in message
    assert "'a'" not in message and "data.rare_classes=drop" in message


def test_rare_classes_are_dropped_and_counted() -> None:
    rows = rows_of(a=20, b=9, c=20, d=1)
    left = require_classes(rows, 10, "drop")
    assert Counter(left.labels) == {"a": 20, "c": 20}
    assert left.report.rare_classes_dropped == {"b": 9, "d": 1}
    assert left.report.rows_read == 50
    assert set(zip(left.texts, left.digests, strict=True)) < set(
        zip(rows.texts, rows.digests, strict=True)
    )


@pytest.mark.parametrize(
    ("text", "cause"),
    [("", "Rows were read of 'lost' \\(15\\)"), ("a {}", "of .*several labels.* symbols alone")],
)
def test_a_class_of_which_nothing_is_left_is_refused_or_dropped_by_name(
    text: str, cause: str
) -> None:
    rows = [(f"{name} {n}", name) for name in "abc" for n in range(15)]
    # Symbols are not read, so that a text of a's stands under two labels.
    rows += [(f"{text.format(n)} +++" if text else "", "lost") for n in range(15)]
    cleaned = clean_rows(labelled_frame([text for text, _ in rows], [label for _, label in rows]))
    with pytest.raises(UserError, match=rf"'lost' \(0\)\..*{cause}"):
        require_classes(cleaned, 10, "refuse")
    assert require_classes(cleaned, 10, "drop").report.rare_classes_dropped["lost"] == 0


@pytest.mark.parametrize("rare_classes", ["refuse", "drop"])
@pytest.mark.parametrize(
    ("counts", "found"),
    [
        ({}, "no labelled text"),
        ({"a": 50}, "'a' (50)"),
        ({"a": 3}, "'a' (3)"),
        ({"a": 20, "b": 9}, "'a' (20), 'b' (9)"),
        ({f"{n}": 1 for n in range(900)}, "and 895 more. There are 900 labels of 900 texts"),
    ],
)
def test_fewer_than_two_classes_are_refused(
    counts: dict[str, int], found: str, rare_classes: str
) -> None:
    with pytest.raises(UserError, match=rf"at least two classes .*{re.escape(found)}") as refused:
        require_classes(rows_of(**counts), 10, rare_classes)
    assert len(str(refused.value)) < 400
