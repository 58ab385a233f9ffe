"""Word vectors from a file: where a network's embeddings begin, for the words that the file has.

The text formats of GloVe, word2vec and fastText: a word and its numbers on each line, separated by
spaces; a first line of two whole numbers (words, width) is passed over.
"""

from __future__ import annotations

import gzip
import logging
import unicodedata
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from ecomcat.errors import UserError

logger = logging.getLogger("ecomcat")

_SIZE = 0.05  # root mean square of an element: that of embeddings which begin at random


def load_vectors(path: Path, vocabulary: Mapping[str, int]) -> NDArray[np.float32]:
    """Read the vectors of a vocabulary's words.

    Args:
        path: a text file, or one compressed by gzip whose name ends in `.gz`.
        vocabulary: ids by words, as the tokenizer spells them: NFKC, lower case.

    Returns:
        Shape `(vocabulary, width)`, turned so that the first columns tell the most and scaled
        like embeddings that begin at random; a word that the file lacks has NaN.

    Raises:
        UserError: when the file cannot be read, or has none of the words.
    """
    vectors: NDArray[np.float32] | None = None
    exact: set[str] = set()
    for number, word, numbers in _lines(path):
        spelling = unicodedata.normalize("NFKC", word).lower()
        token = vocabulary.get(spelling)
        # `Apple` stands for `apple` only where the file has no `apple`.
        if token is None or spelling in exact:
            continue
        vector = _vector(path, number, numbers)
        if vectors is None:
            vectors = np.full((len(vocabulary), len(vector)), np.nan, np.float32)
        if word == spelling:
            exact.add(word)
        elif not np.isnan(vectors[token, 0]):
            continue
        vectors[token] = vector
    if vectors is None:
        raise UserError(
            f"model.pretrained_vectors: expected a word and its numbers on each line of {path}, "
            "found none of the training texts' words. Name a file of vectors in their language."
        )
    found = ~np.isnan(vectors[:, 0])
    logger.info("Word vectors: %d of %d words are in %s.", found.sum(), len(vocabulary), path)
    vectors[found] = _turned(vectors[found])
    return vectors


def _lines(path: Path) -> Iterator[tuple[int, str, list[str]]]:
    """Yield each line's number, its word and its numbers."""
    width = 0
    try:
        with _open(path) as stream:
            for number, line in enumerate(stream, start=1):
                if not line.strip():
                    continue
                cells = line.rstrip().split(" ")
                if number == 1 and len(cells) == 2 and all(cell.isdigit() for cell in cells):
                    continue
                width = width or len(cells) - 1
                if len(cells) <= width or width == 0:
                    raise UserError(
                        f"model.pretrained_vectors: expected a word and {max(width, 1)} numbers in "
                        f"line {number} of {path}, found {line[:60]!r}."
                    )
                # A few files have words that hold spaces.
                yield number, " ".join(cells[:-width]), cells[-width:]
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise UserError(
            f"model.pretrained_vectors: expected a readable text file in UTF-8 at {path}, found: "
            f"{error}."
        ) from error


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="\n")
    return path.open(encoding="utf-8-sig", newline="\n")


def _vector(path: Path, number: int, cells: list[str]) -> NDArray[np.float32]:
    try:
        vector = np.array(cells, np.float32)
    except ValueError:
        vector = np.full(1, np.nan, np.float32)
    if not np.isfinite(vector).all():
        raise UserError(
            f"model.pretrained_vectors: expected numbers in line {number} of {path}, found "
            f"{' '.join(cells)[:60]!r}."
        )
    return vector


def _turned(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn vectors to their principal axes, so that a narrower embedding keeps what tells most."""
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    turned = centred @ axes[:, ::-1]
    size = np.sqrt(np.mean(turned**2)) or 1.0
    scaled: NDArray[np.float32] = (turned * (_SIZE / size)).astype(np.float32)
    return scaled


def begin_with(
    embeddings: NDArray[np.float32], vectors: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return embeddings that begin with a file's vectors, for the words that it has.

    Args:
        embeddings: as they begin at random, shape `(vocabulary, width)`.
        vectors: as `load_vectors` returns them, of as large a vocabulary or a larger one, or a
            smaller one; columns that only one of both has stay as they are or are left out.
    """
    begun = embeddings.copy()
    words, width = (
        min(ours, theirs) for ours, theirs in zip(begun.shape, vectors.shape, strict=True)
    )
    found = ~np.isnan(vectors[:words, 0])
    begun[:words, :width][found] = vectors[:words, :width][found]
    return begun
