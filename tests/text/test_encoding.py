"""Encoded texts: smaller views, chosen rows, padding, dropped words, and batches of them."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ecomcat.text.encoding import (
    EncodedTexts,
    drop_words,
    encode_all,
    scoring_batches,
    training_batches,
)
from ecomcat.text.tokenizer import PADDING_ID, UNKNOWN_ID, Encoder, fit_tokenizer

Texts = list[list[int]]
Lengths = NDArray[np.int64]

some_texts = st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=20), max_size=15)
some_lengths = st.lists(st.integers(1, 300), max_size=400).map(lambda all_: np.array(all_, int))


def encoded(texts: Texts) -> EncodedTexts:
    offsets = np.cumsum([0, *map(len, texts)])
    return EncodedTexts(np.array([*chain.from_iterable(texts)], np.int32), offsets.astype(np.int64))


def as_lists(texts: EncodedTexts) -> Texts:
    ends = zip(texts.offsets, texts.offsets[1:], strict=False)
    return [texts.ids[start:end].tolist() for start, end in ends]


@given(some_texts, st.integers(2, 60), st.integers(1, 25))
def test_a_view_clips_ids_and_cuts_texts_and_leaves_them_alone(
    texts: Texts, vocabulary_size: int, max_tokens: int
) -> None:
    whole = encoded(texts)
    view = whole.view(vocabulary_size, max_tokens)
    assert as_lists(view) == [
        [token if token < vocabulary_size else UNKNOWN_ID for token in text[:max_tokens]]
        for text in texts
    ]
    assert view.ids.dtype == np.int32
    shares = [text.count(UNKNOWN_ID) / len(text) for text in as_lists(view)]
    assert view.unknown_shares.tolist() == pytest.approx(shares)
    assert as_lists(view.view(vocabulary_size, max_tokens)) == as_lists(view)
    assert (as_lists(whole), len(whole)) == (texts, len(texts))


@given(st.data(), some_texts.filter(len))
def test_rows_come_in_the_order_asked_for_and_padding_after_the_text(
    data: st.DataObject, texts: Texts
) -> None:
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1), min_size=1))
    whole, asked = encoded(texts), [texts[row] for row in rows]
    matrix = whole.padded(np.array(rows))
    longest = max(map(len, asked))
    assert as_lists(whole.take(np.array(rows))) == asked
    assert matrix.dtype == np.int32
    assert matrix.tolist() == [text + [PADDING_ID] * (longest - len(text)) for text in asked]


@pytest.mark.parametrize(
    ("words", "share", "expected"),
    [
        (50, 0.0, 0.0),
        (60, 0.1, 0.1),
        (60, 0.9, 0.9),
        (60, 1.0, 1.0),
        # A short text loses a smaller share of its words.
        (5, 0.4, 0.04),
        (25, 0.4, 0.2),
        (49, 0.4, 0.392),
        (300, 0.4, 0.4),
        (0, 1.0, 0.0),
    ],
)
def test_a_share_of_the_words_becomes_unknown(words: int, share: float, expected: float) -> None:
    texts = encoded([[7] * words] * 4000)
    before = texts.words.copy()
    dropped = drop_words(texts, share, np.random.default_rng(1))
    assert np.array_equal(texts.words, before)
    assert (dropped.words.dtype, len(dropped)) == (np.int32, 4000)
    assert set(np.unique(dropped.words)) <= {7, UNKNOWN_ID}
    found = (dropped.words == UNKNOWN_ID).sum() / max(1, words * 4000)
    assert found == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("texts", [0, 1, 4096, 4097])
def test_many_texts_are_encoded_as_one_by_one(texts: int) -> None:
    tokenizer = fit_tokenizer(["red blue shirt"] * 2, 100)
    written = [["red", "blue shirt", "?", "red red red red"][number % 4] for number in range(texts)]
    counts: list[int] = []
    result = encode_all(tokenizer, iter(written), 3, on_texts=counts.append)
    encoder = Encoder(tokenizer)
    assert as_lists(result) == [encoder.encode([text], 3)[0][0] for text in written]
    assert (result.ids.dtype, result.offsets.dtype) == (np.int32, np.int64)
    assert sum(counts) == texts


@given(some_lengths, st.integers(1, 70), st.integers(0, 2**32), st.integers(0, 100))
def test_each_text_stands_in_one_batch_and_batches_are_full(
    lengths: Lengths, batch_size: int, seed: int, epoch: int
) -> None:
    for batches in (
        training_batches(lengths, batch_size, seed, epoch),
        scoring_batches(lengths, batch_size),
    ):
        sizes = sorted(map(len, batches), reverse=True)
        assert sorted(chain.from_iterable(batches)) == list(range(len(lengths)))
        assert sizes[:-1] == [batch_size] * (len(sizes) - 1)
        assert all(1 <= size <= batch_size for size in sizes)


def log_normal_lengths(texts: int = 9000, longest: int = 2000) -> Lengths:
    drawn = np.random.default_rng(0).lognormal(4.2, 0.9, texts)
    return np.clip(drawn.astype(np.int64), 1, longest)


@pytest.mark.parametrize(("seed", "epoch"), [(7, 4), (8, 3), (3, 7)])
def test_another_epoch_or_seed_mixes_other_texts(seed: int, epoch: int) -> None:
    lengths = log_normal_lengths(5000)
    usual, again, other = (
        {frozenset(rows.tolist()) for rows in training_batches(lengths, 16, *drawn)}
        for drawn in ((7, 3), (7, 3), (seed, epoch))
    )
    assert usual == again
    assert len(usual & other) < len(usual) / 20


@pytest.mark.parametrize("limit", [256, 2000])
@pytest.mark.parametrize("batch_size", [8, 64])
def test_training_pads_by_less_than_a_third_and_scoring_hardly(batch_size: int, limit: int) -> None:
    lengths = log_normal_lengths(longest=limit)

    def padded(batches: list[Lengths]) -> float:
        return float(sum(len(rows) * lengths[rows].max() for rows in batches) / lengths.sum())

    assert padded(training_batches(lengths, batch_size, 1, 0)) < 1.35
    assert padded(scoring_batches(lengths, batch_size)) < 1.05
