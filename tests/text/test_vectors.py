"""Word vectors from a file: which lines count, what is refused, where embeddings begin."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from ecomcat.errors import UserError
from ecomcat.text.vectors import begin_with, load_vectors

VOCABULARY = {"[PAD]": 0, "[UNK]": 1, "lamp": 2, "book": 3, "shirt": 4, "new york": 5}


def vectors_of(tmp_path: Path, *lines: str) -> np.ndarray:
    path = tmp_path / "vectors.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load_vectors(path, VOCABULARY)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def test_words_of_the_file_get_vectors_and_others_none(tmp_path):
    vectors = vectors_of(tmp_path, "lamp 1 2 3", "book 3 -2 1", "unheard 5 5 5")
    assert vectors.shape == (6, 3)
    assert sorted(np.flatnonzero(~np.isnan(vectors[:, 0]))) == [2, 3]


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["2 2", "lamp 1 2", "book 2 1"], [2, 3]),  # word2vec's first line
        (["lamp 1 2", "new york 2 1"], [2, 5]),  # a word that holds a space
        (["Lamp 1 2", "BOOK 2 1"], [2, 3]),  # spelt as the tokenizer spells them
        (["lamp 1 2 ", "book 2 1 "], [2, 3]),  # fastText's space at the end
        (["\ufefflamp 1 2", "book 2 1", "", ""], [2, 3]),  # a byte order mark, empty lines
    ],
)
def test_every_text_format_is_read(tmp_path, lines, found):
    vectors = vectors_of(tmp_path, *lines)
    assert sorted(np.flatnonzero(~np.isnan(vectors[:, 0]))) == found


def test_a_compressed_file_is_read(tmp_path):
    path = tmp_path / "vectors.vec.gz"
    path.write_bytes(gzip.compress(b"lamp 1 2\nbook 2 1\n"))
    assert (~np.isnan(load_vectors(path, VOCABULARY)[:, 0])).sum() == 2


def test_the_exact_spelling_counts_before_another(tmp_path):
    lines = ["lamp 1 0", "Lamp 0 9", "book 0 1", "shirt 1 1"]
    once, turned = vectors_of(tmp_path, *lines), vectors_of(tmp_path, *reversed(lines))
    assert np.allclose(np.abs(once[2]), np.abs(turned[2]))


def test_vectors_keep_their_angles_and_get_an_embeddings_size(tmp_path):
    random = np.random.default_rng(0)
    given = random.normal(3.0, 10.0, (3, 5))
    words = ("lamp", "book", "shirt")
    lines = [f"{word} {' '.join(map(str, row))}" for word, row in zip(words, given, strict=True)]
    vectors = vectors_of(tmp_path, *lines)[2:5]
    centred = given - given.mean(axis=0)
    assert cosine(vectors[0], vectors[1]) == pytest.approx(cosine(centred[0], centred[1]), abs=1e-4)
    assert np.sqrt(np.mean(vectors**2)) == pytest.approx(0.05, rel=1e-3)


def test_the_first_columns_tell_the_most(tmp_path):
    vectors = vectors_of(tmp_path, "lamp 0 9 0", "book 0 -9 1", "shirt 1 0 0")[2:5]
    spread = vectors.var(axis=0)
    assert list(spread) == sorted(spread, reverse=True)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["zzz 1 2"], "none of the training texts' words"),
        (["lamp 1 2", "book 1"], "line 2"),
        (["lamp one two"], "expected numbers in line 1"),
        (["lamp nan 2"], "expected numbers in line 1"),
        (["lamp"], "line 1"),
    ],
)
def test_what_is_no_file_of_vectors_is_refused_with_its_line(tmp_path, lines, message):
    with pytest.raises(UserError, match=message):
        vectors_of(tmp_path, *lines)


def test_a_damaged_compressed_file_is_refused(tmp_path):
    path = tmp_path / "vectors.gz"
    path.write_bytes(gzip.compress(b"lamp 1 2\n" * 500)[:-8])
    with pytest.raises(UserError, match="readable text file"):
        load_vectors(path, VOCABULARY)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "vectors.bin"
    path.write_bytes(b"\xff\xfe\x00 1 2\n")
    with pytest.raises(UserError, match="readable text file"):
        load_vectors(path, VOCABULARY)


@pytest.mark.parametrize(("words", "width"), [(6, 3), (4, 3), (9, 3), (6, 2), (6, 5)])
def test_embeddings_begin_with_what_fits_and_keep_the_rest(words, width):
    vectors = np.full((6, 3), np.nan, np.float32)
    vectors[2] = [7, 8, 9]
    begun = begin_with(np.zeros((words, width), np.float32), vectors)
    assert begun.shape == (words, width)
    assert list(begun[2, :3]) == [7, 8, 9][:width]
    assert begun.sum() == sum([7, 8, 9][:width])
