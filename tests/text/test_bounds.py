"""No text, however it was made, takes long to normalise; ordinary texts stay as they are."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecomcat.data.cleaning import clean_label, folded, has_words, normalized_key
from ecomcat.text.bounds import MAX_CHARACTERS, bounded
from ecomcat.text.tokenizer import Encoder, fit_tokenizer, mean_words, split_words

ACCENT, CEDILLA, VOICED, LONGER = "\u0315", "\u0327", "\uff9e", "\u0344"  # the third by NFKD alone
MARKS = st.sampled_from([ACCENT, CEDILLA, VOICED, LONGER, "\u0f73", "\u3099", "\U0001d165"])
BOMBS = {
    "two kinds": ACCENT * 50_000 + CEDILLA * 50_000,
    "by turns": (CEDILLA + VOICED) * 500_000,
    "after letters": "a" * 50_000 + (LONGER + CEDILLA) * 100_000,
    "long letters": "\ufdfa" * 200_000,
    "some long letters": "\ufdfa" * 20_000 + "é" * 80_000,
}


def longest_run(text: str) -> int:
    """Return how many characters follow each other that normalising sorts."""
    runs = [0]
    for character in unicodedata.normalize("NFKD", text):
        runs.append(runs[-1] + 1 if unicodedata.combining(character) else 0)
    return max(runs)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Oak bookshelf, five shelves",
        "हिन्दी किताब " * 100,
        "c\u0327\u0301" * 1000,
        "แก้" * 5000,
        "z" + 30 * ACCENT,
        "\ud800 half",
        "한국어 책 " * 1000,
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_an_ordinary_text_is_read_as_it_stands(text: str) -> None:
    assert bounded(text) == text


@given(st.lists(st.one_of(MARKS, st.characters()), max_size=40).map("".join))
def test_what_follows_each_other_is_bounded_and_all_else_stays_in_its_place(piece: str) -> None:
    text = 40 * piece
    read = bounded(text)
    assert longest_run(read) <= 30 * 2 + 3  # a mark may become two, and a letter end in three
    assert len(read) == len(text)
    assert all(a == b or b == "\u034f" for a, b in zip(text, read, strict=True))
    assert bounded(read) == read


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_a_text_made_to_take_long_is_read_by_every_part(text: str) -> None:
    assert longest_run(bounded(text)) < 64
    assert len(unicodedata.normalize("NFKC", bounded(text))) <= MAX_CHARACTERS
    tokenizer = fit_tokenizer([text, text, "red shirt", "red shirt"], 100)
    assert len(Encoder(tokenizer).encode([text, "red"], 100)) == 2
    assert len(split_words(text)) >= 1 <= mean_words([text])
    assert has_words(text)
    assert normalized_key(text) == normalized_key(bounded(text))
    assert clean_label(text)


def test_what_stands_behind_the_beginning_is_not_read() -> None:
    short, long = " " * MAX_CHARACTERS, "a " * MAX_CHARACTERS
    assert not has_words(short + "words")
    assert folded(long + "b") == folded(long + "c")
    assert split_words(long + "end") == ["a"] * (MAX_CHARACTERS // 2)
