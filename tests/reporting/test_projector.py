"""The files that TensorBoard's projector reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ecomcat.errors import UserError
from ecomcat.reporting.projector import CONFIG, METADATA, VECTORS, WordVectors, write_projector


def some_words(*words: str, categories: list[str] | None = None) -> WordVectors:
    vectors = np.arange(3.0 * len(words), dtype=np.float32).reshape(len(words), 3) / 7
    texts = list(range(len(words), 0, -1))
    return WordVectors(words, vectors, texts, categories or ["a category"] * len(words))


def test_each_word_has_its_line_in_both_files(tmp_path: Path) -> None:
    words = some_words("oak", "chair", "家具")
    write_projector(tmp_path, words)
    assert np.loadtxt(tmp_path / VECTORS, delimiter="\t") == pytest.approx(words.vectors, rel=1e-4)
    assert (tmp_path / METADATA).read_text(encoding="utf-8").splitlines() == [
        "word\tcategory\toccurrences",
        "oak\ta category\t3",
        "chair\ta category\t2",
        "家具\ta category\t1",
    ]
    assert (tmp_path / CONFIG).exists()


@pytest.mark.parametrize(
    "name", ["a\tb", "a\nb", "a\r\nb", "a\x0bb", "a\x85b", "a\u2028b", "\ud800", "", "\t"]
)
def test_no_word_or_category_leaves_its_cell(tmp_path: Path, name: str) -> None:
    write_projector(tmp_path, some_words(name, "next", categories=[name, "other"]))
    lines = (tmp_path / METADATA).read_bytes().decode("utf-8").split("\n")
    assert [line.count("\t") for line in lines] == [2, 2, 2, 0]
    assert all(cell for line in lines[:3] for cell in line.split("\t"))
    assert len("".join(lines).splitlines()) == 1


def test_a_place_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / VECTORS / "something").mkdir(parents=True)
    with pytest.raises(UserError, match=r"Cannot write .*vectors\.tsv"):
        write_projector(tmp_path, some_words("oak"))
    assert not (tmp_path / CONFIG).exists()
