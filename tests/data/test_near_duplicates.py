"""Texts that are nearly the same are found, whatever their order, script and length."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ecomcat.data.near_duplicates import all_shingles, find_near_duplicates
from ecomcat.data.sample import generate_sample

SIMILARITY = 0.6
OAK = "A solid oak bookshelf with five wide shelves for the living room, easy to build at home"
FEW_WORDS = st.lists(st.sampled_from("abcdefg"), max_size=12).map(" ".join)


def grouped(texts: Sequence[str], similarity: float = SIMILARITY) -> set[frozenset[int]]:
    """Return the groups of more than one text, by text numbers."""
    groups = find_near_duplicates(texts, similarity).groups
    members = (frozenset(np.flatnonzero(groups == group).tolist()) for group in set(groups))
    return {group for group in members if len(group) > 1}


def jaccard(one: str, other: str) -> float:
    first, second = (set(shingles.tolist()) for shingles in all_shingles([one, other]))
    return len(first & second) / len(first | second) if first | second else 0.0


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        pytest.param(OAK, OAK.replace("oak", "pine"), True, id="another colour or wood"),
        pytest.param(OAK, OAK.upper() + "!!!", True, id="other case and punctuation"),
        pytest.param(OAK, OAK + " Now on sale", True, id="a few words more"),
        pytest.param(OAK, "Running shoes of a light mesh", False, id="another product"),
        pytest.param("Oak bookshelf", "oak  BOOKSHELF.", True, id="two words, the same"),
        pytest.param("Oak bookshelf", "Oak table", False, id="two words, one of them another"),
        pytest.param("Lamp", "Lamp", True, id="one word"),
        pytest.param("", "", False, id="no words at all"),
        pytest.param("!!!", "???", False, id="punctuation alone"),
        pytest.param(
            "オーク材の本棚です五段", "オーク材の本棚です六段", True, id="no spaces: Japanese"
        ),
        pytest.param("ชั้นหนังสือไม้โอ๊คห้าชั้น", "รองเท้าวิ่งน้ำหนักเบา", False, id="no spaces: Thai"),
        pytest.param("हिन्दी की किताब अच्छी है", "हिन्दी की किताब अच्छी है।", True, id="Hindi"),
        pytest.param("caf\ud800 de la paix", "caf\ud800 de la paix!", True, id="lone surrogates"),
    ],
)
def test_what_counts_as_nearly_the_same(first: str, second: str, alike: bool) -> None:
    similarity = 0.5 if "オ" in first else SIMILARITY
    assert grouped([first, "something else in between them", second], similarity) == (
        {frozenset({0, 2})} if alike else set()
    )


@settings(deadline=None, max_examples=60)
@given(st.lists(FEW_WORDS, max_size=25), st.sampled_from([0.3, 0.6, 0.9]))
@example([], 0.6)
@example(["a"], 0.6)
def test_every_pair_is_as_similar_as_it_says_and_lies_in_one_group(
    texts: list[str], similarity: float
) -> None:
    found = find_near_duplicates(texts, similarity)
    assert found.groups.shape == (len(texts),)
    assert found.sizes.sum() == len(texts)
    for (one, other), value in zip(found.pairs.tolist(), found.similarities, strict=True):
        assert one < other
        assert value == pytest.approx(jaccard(texts[one], texts[other]))
        assert value >= similarity
        assert found.groups[one] == found.groups[other]
    assert found.pairs.tolist() == sorted(found.pairs.tolist())


def variants(count: int) -> list[str]:
    """Return texts of a shop of which a third are others with some words changed."""
    draw = random.Random(3)
    texts = [row.text for row in generate_sample(count, 0.0, seed=4)]
    for place in range(0, count, 3):
        words = texts[place].split()
        for _ in range(max(1, len(words) // 15)):
            words[draw.randrange(len(words))] = f"other{draw.randrange(100)}"
        texts.append(" ".join(words))
    return texts


def test_hardly_a_pair_is_missed() -> None:
    texts = variants(300)
    shingles = [set(each.tolist()) for each in all_shingles(texts)]
    every = {
        (one, other)
        for one, other in combinations(range(len(texts)), 2)
        if len(shingles[one] & shingles[other]) >= SIMILARITY * len(shingles[one] | shingles[other])
    }
    found = find_near_duplicates(texts, SIMILARITY)
    together = {pair for pair in every if found.groups[pair[0]] == found.groups[pair[1]]}
    assert len(every) > 50
    assert len(together) >= 0.97 * len(every)


def test_the_groups_do_not_depend_on_the_order_of_the_texts() -> None:
    texts = variants(300)
    order = random.Random(1).sample(range(len(texts)), len(texts))
    moved = grouped([texts[place] for place in order])
    assert {frozenset(order[place] for place in group) for group in moved} == grouped(texts)


def test_thousands_of_a_template_are_one_group_without_every_pair() -> None:
    texts = [f"{OAK} in colour {number}" for number in range(1500)]
    found = find_near_duplicates(texts, SIMILARITY)
    assert found.sizes.tolist() == [1500]
    assert len(found.pairs) < 1500 * 100


def test_long_texts_of_a_template_take_no_more_memory_than_some_of_their_pairs() -> None:
    rng = random.Random(1)
    words = [f"word{number}" for number in range(2000)]
    texts = [" ".join([*words, *rng.sample(words, 20)]) for _ in range(100)]
    tracemalloc.start()
    try:
        found = find_near_duplicates(texts, SIMILARITY)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(found.sizes) == 1
    assert peak < 60e6
