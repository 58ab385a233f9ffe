"""Groups of letters of words, and what a model reads of those that its vocabulary lacks."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecomcat.text.encoding import EncodedTexts, encode_all, model_inputs
from ecomcat.text.letters import letter_groups
from ecomcat.text.tokenizer import fit_tokenizer

TOKENIZER = fit_tokenizer(["red shirt"] * 2, 100)


def numbers(*groups: str) -> list[int]:
    return [zlib.crc32(group.encode()) & 0x7FFFFFFF for group in groups]


@pytest.mark.parametrize(
    ("word", "groups"),
    [
        ("", []),
        ("a", []),
        ("灯", []),
        ("45", ["<4", "45", "5>", "<45", "45>", "<45>"]),
        ("rêv", ["<r", "rê", "êv", "v>", "<rê", "rêv", "êv>", "<rêv", "rêv>", "<rêv>"]),
    ],
)
def test_a_word_has_groups_of_two_to_five_letters(word: str, groups: list[str]) -> None:
    assert letter_groups(word) == numbers(*groups)


@given(st.text(max_size=60))
def test_groups_are_above_0_and_bounded_in_number(word: str) -> None:
    groups = letter_groups(word)
    assert all(0 < group < 2**31 for group in groups)
    assert len(groups) < 100
    assert groups == letter_groups(word[:24] + "x" * len(word[24:]))


def letters(*texts: str, max_tokens: int = 100) -> list[list[int]]:
    encoded = encode_all(TOKENIZER, texts, max_tokens)
    return [[int(each) for each in row if each] for row in encoded.letters(np.arange(len(texts)))]


def test_a_model_reads_the_letters_of_unknown_words_alone_within_what_it_reads_of_a_text() -> None:
    found = letters("red ox shirt", "shirt", "…", "Ox, ox", max_tokens=2)
    assert found == [letter_groups("ox"), [], [], letter_groups("ox") * 2]
    assert letters("red shirt ox", max_tokens=2) == [[]]
    assert letters() == []


def test_words_that_are_not_spelled_have_no_letters() -> None:
    texts = EncodedTexts(np.array([5, 2, 7], np.int32), np.array([0, 1, 3])).view(4, 9)
    assert texts.letters(np.arange(2)).tolist() == [[0], [0]]


@given(st.lists(st.integers(0, 900), min_size=1, max_size=40), st.integers(1, 2))
def test_a_batch_of_many_letters_comes_in_parts_each_row_once(
    lengths: list[int], count: int
) -> None:
    texts = [" ".join(["zebras"] * length) for length in lengths]
    encoded = encode_all(TOKENIZER, texts, 1000)
    given_rows = np.arange(len(texts))
    parts = list(model_inputs(encoded, given_rows, count))
    assert np.concatenate([rows for rows, _ in parts]).tolist() == given_rows.tolist()
    for rows, inputs in parts:
        assert np.array_equal(inputs[0], encoded.padded(rows))
        assert [len(each) for each in inputs] == [len(rows)] * count
        assert len(rows) == 1 or inputs[-1].size <= 1 << 16
