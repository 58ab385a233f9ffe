"""The benchmarks of the input pipeline and of `ecomcat-predict` feed the texts they say."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import input_pipeline, predict_speed
from benchmarks.common import Usage
from benchmarks.fixed_width import pad_to_width
from ecomcat.text.encoding import EncodedTexts, training_batches


def encoded(lengths: list[int]) -> EncodedTexts:
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    return EncodedTexts(np.arange(1, offsets[-1] + 1, dtype=np.int32), offsets)


class TestInputPipeline:
    """The two ways of padding differ in padding and in nothing else."""

    @given(st.lists(st.integers(1, 12), min_size=1, max_size=20))
    def test_fixed_width_adds_padding_and_changes_no_word(self, lengths):
        texts = encoded(lengths)
        fixed = pad_to_width(texts, 12)
        rows = np.arange(len(texts))[::-1]
        padded, narrow = fixed.padded(rows), texts.padded(rows)
        assert padded.shape == (len(texts), 12)
        assert (padded[:, : narrow.shape[1]] == narrow).all()
        assert not padded[:, narrow.shape[1] :].any()
        assert (fixed.lengths == texts.lengths).all()

    def test_some_of_the_texts_of_fixed_width_are_as_wide(self):
        fixed = pad_to_width(encoded([2, 5, 3]), 8)
        some = fixed.take(np.array([2, 0]))
        assert some.padded(np.array([0, 1])).tolist() == fixed.padded(np.array([2, 0])).tolist()
        assert some.lengths.tolist() == [3, 2]

    @pytest.mark.parametrize(
        ("lengths", "batch_size", "expected"),
        [([4, 4], 2, 0.0), ([2, 4], 2, 0.25), ([1, 1, 4, 4], 2, 0.0), ([1, 4], 1, 0.0)],
    )
    def test_padding_share_of_batches_of_similar_length(self, lengths, batch_size, expected):
        assert input_pipeline.padding_share(encoded(lengths), batch_size, 1) == expected

    @given(st.lists(st.integers(1, 10), min_size=1, max_size=20), st.integers(1, 3))
    def test_padding_share_of_a_fixed_width_does_not_depend_on_the_batches(self, lengths, epochs):
        fixed = pad_to_width(encoded(lengths), 10)
        expected = 1 - sum(lengths) / (10 * len(lengths))
        assert input_pipeline.padding_share(fixed, 3, epochs) == pytest.approx(expected)

    def test_both_variants_have_the_same_batches(self):
        texts = encoded([3, 1, 4, 1, 5])
        fixed = pad_to_width(texts, 9)
        batches = [training_batches(each.lengths, 2, 1, 0) for each in (texts, fixed)]
        assert [[rows.tolist() for rows in each] for each in batches] == (
            [[rows.tolist() for rows in batches[0]]] * 2
        )


class TestPredictSpeed:
    """Files of any size are made of the texts that there are."""

    def test_texts_are_taken_in_order_and_again(self, tmp_path):
        path = tmp_path / "rows.csv"
        predict_speed.write_texts(path, ['say "a"', "b,\nc"], 5)
        with path.open(encoding="utf-8", newline="") as stream:
            rows = [row for (row,) in csv.reader(stream)]
        assert rows == ["text", 'say "a"', "b,\nc", 'say "a"', "b,\nc", 'say "a"']

    def test_the_start_is_left_out_of_the_rate(self):
        usages = {100: [Usage(6, 6, 1)], 1100: [Usage(8, 8, 1)]}
        assert predict_speed.rate_after_start(usages) == 500

    def test_one_size_has_no_rate_without_the_start(self):
        assert predict_speed.rate_after_start({100: [Usage(6, 6, 1)]}) is None
