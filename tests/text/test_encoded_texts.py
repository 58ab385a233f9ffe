"""Encoded texts: smaller views, chosen rows, padding and dropped words."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecomcat.text import encoding
from ecomcat.text.encoding import EncodedTexts, drop_words, encode_all
from ecomcat.text.tokenizer import PADDING_ID, UNKNOWN_ID, encode_texts, fit_tokenizer

Texts = list[list[int]]

texts_strategy = st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=20), max_size=15)


def encoded(texts: Texts) -> EncodedTexts:
    offsets = np.cumsum([0, *map(len, texts)])
    return EncodedTexts(np.array([*chain.from_iterable(texts)], np.int32), offsets.astype(np.int64))


def as_lists(texts: EncodedTexts) -> Texts:
    return [
        texts.ids[start:end].tolist()
        for start, end in zip(texts.offsets, texts.offsets[1:], strict=False)
    ]


@given(texts_strategy)
def test_length_and_lengths(texts: Texts) -> None:
    assert len(encoded(texts)) == len(texts)
    assert encoded(texts).lengths.tolist() == [len(text) for text in texts]


@given(texts_strategy, st.integers(2, 60), st.integers(1, 25))
def test_a_view_clips_ids_and_cuts_texts(
    texts: Texts, vocabulary_size: int, max_tokens: int
) -> None:
    view = encoded(texts).view(vocabulary_size, max_tokens)
    assert as_lists(view) == [
        [token if token < vocabulary_size else UNKNOWN_ID for token in text[:max_tokens]]
        for text in texts
    ]
    assert view.ids.dtype == np.int32


@given(texts_strategy, st.integers(2, 60), st.integers(1, 25))
def test_a_view_leaves_its_texts_alone_and_may_be_viewed_again(
    texts: Texts, vocabulary_size: int, max_tokens: int
) -> None:
    whole = encoded(texts)
    view = whole.view(vocabulary_size, max_tokens)
    assert as_lists(whole) == texts
    assert as_lists(view.view(vocabulary_size, max_tokens)) == as_lists(view)


def test_texts_are_gathered_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [[number + 2] * (number % 5) for number in range(20)]
    rows = np.random.default_rng(0).permutation(20)
    whole = encoded(texts).take(rows)
    monkeypatch.setattr(encoding, "_CHUNK", 3)
    assert as_lists(encoded(texts).take(rows)) == as_lists(whole) == [texts[row] for row in rows]


@given(st.data(), texts_strategy.filter(len))
def test_take_gives_rows_in_the_order_asked_for(data: st.DataObject, texts: Texts) -> None:
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1)))
    taken = encoded(texts).take(np.array(rows, np.int64))
    assert as_lists(taken) == [texts[row] for row in rows]


@given(st.data(), texts_strategy.filter(len))
def test_padding_stands_only_after_the_text(data: st.DataObject, texts: Texts) -> None:
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1), min_size=1))
    matrix = encoded(texts).padded(np.array(rows, np.int64))
    longest = max(len(texts[row]) for row in rows)
    assert matrix.shape == (len(rows), longest)
    assert matrix.dtype == np.int32
    assert matrix.tolist() == [
        texts[row] + [PADDING_ID] * (longest - len(texts[row])) for row in rows
    ]


def padded_ids() -> np.ndarray:
    ids = np.random.default_rng(0).integers(2, 100, (400, 80)).astype(np.int32)
    ids[:, 60:] = PADDING_ID
    return ids


def test_dropping_no_word_changes_nothing() -> None:
    ids = padded_ids()
    assert np.array_equal(drop_words(ids, 0.0, np.random.default_rng(1)), ids)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.9])
def test_about_the_share_of_the_words_becomes_unknown(share: float) -> None:
    ids = padded_ids()
    before = ids.copy()
    dropped = drop_words(ids, share, np.random.default_rng(1))
    changed = dropped != ids
    assert np.array_equal(ids, before)
    assert dropped.dtype == np.int32
    assert set(dropped[changed]) == {UNKNOWN_ID}
    assert changed[:, :60].mean() == pytest.approx(share, abs=0.02)


@given(st.floats(0, 1), st.integers(0, 2**32))
def test_padding_is_never_dropped(share: float, seed: int) -> None:
    ids = padded_ids()[:5]
    dropped = drop_words(ids, share, np.random.default_rng(seed))
    assert np.array_equal(dropped == PADDING_ID, ids == PADDING_ID)


@pytest.mark.parametrize(
    ("words", "part"), [(5, 0.1), (10, 0.2), (25, 0.5), (49, 0.98), (50, 1.0), (300, 1.0)]
)
def test_a_short_text_loses_a_smaller_share_of_its_words(words: int, part: float) -> None:
    ids = np.full((4000, 301), 7, np.int32)
    ids[:, words:] = PADDING_ID
    dropped = drop_words(ids, 0.4, np.random.default_rng(1)) == UNKNOWN_ID
    assert dropped[:, :words].mean() == pytest.approx(0.4 * part, abs=0.01)


def test_texts_of_a_batch_lose_words_each_by_its_own_length() -> None:
    ids = np.full((2000, 100), 7, np.int32)
    ids[::2, 5:] = PADDING_ID
    dropped = drop_words(ids, 0.5, np.random.default_rng(1)) == UNKNOWN_ID
    assert dropped[::2, :5].mean() == pytest.approx(0.05, abs=0.01)
    assert dropped[1::2].mean() == pytest.approx(0.5, abs=0.01)


def test_every_word_may_be_dropped() -> None:
    dropped = drop_words(np.full((1, 60), 7, np.int32), 1.0, np.random.default_rng(1))
    assert dropped.tolist() == [[UNKNOWN_ID] * 60]


def test_a_text_without_words_loses_none() -> None:
    empty = np.zeros((1, 3), np.int32)
    assert drop_words(empty, 1.0, np.random.default_rng(1)).tolist() == [[PADDING_ID] * 3]


@pytest.mark.parametrize("texts", [0, 1, 4096, 4097])
def test_many_texts_are_encoded_as_one_by_one(texts: int) -> None:
    tokenizer = fit_tokenizer(["red blue shirt"] * 2, 100)
    written = [["red", "blue shirt", "?", "red red red red"][number % 4] for number in range(texts)]
    result = encode_all(tokenizer, iter(written), 3)
    expected = [encode_texts(tokenizer, [text])[0][:3] for text in written]
    assert as_lists(result) == expected
    assert (result.ids.dtype, result.offsets.dtype) == (np.int32, np.int64)
