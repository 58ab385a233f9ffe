"""Lengths of texts: every text counted once, and what a limit cuts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecomcat.data.dataset import describe_lengths


@given(st.lists(st.text(max_size=300), min_size=1, max_size=30))
def test_every_text_with_a_character_falls_into_one_bin(texts):
    tokens = np.array([len(text.split()) for text in texts])
    characters = describe_lengths(texts, tokens, 10)["characters"]
    assert sum(characters["counts"]) == sum(1 for text in texts if text)
    assert characters["edges"] == sorted(set(characters["edges"]))
    assert characters["longest"] == max(map(len, texts))


@pytest.mark.parametrize(
    ("tokens", "limit", "cut"), [([1, 2, 3], 4, 0.0), ([1, 4, 4, 2], 4, 0.5), ([9], 9, 1.0)]
)
def test_texts_that_reach_the_limit_are_counted_as_cut(tokens, limit, cut):
    found = describe_lengths(["text"] * len(tokens), np.array(tokens), limit)
    assert found["cut"] == cut
    assert found["max_tokens"] == limit


def test_quantiles_are_lengths_that_occur():
    texts = ["x" * length for length in (1, 2, 3, 4, 100)]
    quantiles = describe_lengths(texts, np.ones(5), 10)["characters"]["quantiles"]
    assert quantiles["0.5"] == 3
    assert quantiles["0.99"] == 100
