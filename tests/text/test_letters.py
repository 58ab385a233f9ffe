"""Groups of letters of words, and what a model reads of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecomcat.text.encoding import EncodedTexts, Lexicon, bounded_inputs, drop_words, encode_all
from ecomcat.text.letters import spell
from ecomcat.text.tokenizer import UNKNOWN_ID, fit_tokenizer

TOKENIZER = fit_tokenizer(["red red shirt"] * 2, 100)


def numbers(*groups: str) -> list[int]:
    """Return what a group is told from others by, written without NumPy."""
    found = []
    for group in groups:
        number = 0
        for letter in group:
            number = (number * 2_654_435_761 + ord(letter)) % 2**31
        found.append(number or 1)
    return found


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
    assert spell([word]).groups.tolist() == numbers(*groups)


@given(st.lists(st.text(max_size=60), max_size=8))
def test_each_word_has_its_own_groups_above_0_and_bounded_in_number(words: list[str]) -> None:
    spelling = spell(words)
    together = np.split(spelling.groups, spelling.starts[1:-1])
    assert (spelling.groups > 0).all()
    for word, groups in zip(words, together, strict=False):
        assert groups.tolist() == spell([word[:24] + "x" * len(word[24:])]).groups.tolist()
        assert len(groups) < 100


def groups_of(*words: str) -> list[int]:
    return spell(words).groups.tolist()


def letters(*texts: str, **options: Any) -> list[list[int]]:
    encoded = encode_all(TOKENIZER, texts, 1000, **options)
    return [[int(each) for each in row if each] for row in encoded.letters(np.arange(len(texts)))]


def test_a_model_reads_the_letters_of_known_and_unknown_words() -> None:
    found = letters("red ox", "shirt", "…", "Ox, ox")
    assert found == [groups_of("red", "ox"), groups_of("shirt"), [], groups_of("ox", "ox")]
    assert letters("ox red", known=Lexicon(TOKENIZER)) == [groups_of("ox", "red")]
    assert letters() == []


@pytest.mark.parametrize("most", [512, 600])
def test_of_a_long_text_the_letters_of_its_rarest_words_are_read(most: int) -> None:
    # In the vocabulary "shirt" comes after "red", and "zebra" and "yak" stand outside of it.
    text, known = "yak " + "red " * 90 + "shirt " * 15 + "zebra", Lexicon(TOKENIZER, most)
    (found,) = letters(text, known=known)
    expected = groups_of("yak", "zebra", *["shirt"] * 15)
    assert found[: len(expected)] == expected
    assert (len(found), {*found[len(expected) :]}) == (most, {*groups_of("red")})
    assert letters(text, "ox", "zebra yak", known=known)[0] == found


def test_words_that_are_not_spelled_have_no_letters() -> None:
    texts = EncodedTexts(np.array([5, 2, 7], np.int32), np.array([0, 1, 3])).view(4, 9)
    assert texts.letters(np.arange(2)).tolist() == [[0], [0]]


def test_dropped_words_are_not_spelled() -> None:
    texts = encode_all(TOKENIZER, ["red ox " * 30], 1000)
    dropped = drop_words(texts, 0.5, np.random.default_rng(1))
    left = [word for word in dropped.words if word != UNKNOWN_ID]
    assert 10 < len(left) < 50
    assert np.count_nonzero(dropped.letters(np.array([0]))) == sum(
        {2: 10, 4: 6}[word] for word in left
    )


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 90), min_size=1, max_size=300), st.integers(1, 2))
def test_a_batch_of_many_letters_comes_in_parts_each_row_once(
    lengths: list[int], count: int
) -> None:
    encoded = encode_all(TOKENIZER, [" ".join(["zebras"] * length) for length in lengths], 1000)
    given_rows = np.arange(len(lengths))
    parts = list(bounded_inputs(encoded, given_rows, count))
    assert np.concatenate([rows for rows, _ in parts]).tolist() == given_rows.tolist()
    for rows, inputs in parts:
        assert np.array_equal(inputs[0], encoded.take(rows).padded(np.arange(len(rows))))
        assert [len(each) for each in inputs] == [len(rows)] * count
        assert count == 1 or len(rows) == 1 or inputs[-1].size <= 1 << 16
