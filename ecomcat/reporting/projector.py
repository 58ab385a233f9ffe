"""Write a word embedding for TensorBoard's projector.

Keras's own callback writes a checkpoint that the projector cannot read; tab-separated files it can.
Format: https://github.com/tensorflow/tensorboard/blob/master/docs/tensorboard_projector_plugin.ipynb
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecomcat.files import write_text
from ecomcat.text.tokenizer import valid_unicode

VECTORS, METADATA, CONFIG = "vectors.tsv", "metadata.tsv", "projector_config.pbtxt"
MOST_WORDS = 10_000  # what a browser can still draw
_BETWEEN_CELLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True)
class WordVectors:
    """Words, most frequent first, and where a network places them.

    Args:
        words: as the tokenizer knows them.
        vectors: of each word, shape `(words, width)`.
        texts: how often each stands in the training texts.
        categories: whose training texts use each word most, for their number of words.
    """

    words: Sequence[str]
    vectors: NDArray[np.float32]
    texts: Sequence[int]
    categories: Sequence[str]


def write_projector(directory: Path, words: WordVectors) -> None:
    """Write vectors, labels and the file by which TensorBoard finds them.

    Args:
        directory: of a run, which holds events, too.
        words: with their vectors.

    Raises:
        UserError: when the disk is full.
    """
    from tensorboard.plugins.projector import ProjectorConfig

    table = io.StringIO()
    np.savetxt(table, words.vectors, fmt="%.5g", delimiter="\t")
    write_text(directory / VECTORS, table.getvalue(), durable=False)
    rows = zip(words.words, words.categories, words.texts, strict=True)
    lines = ["word\tcategory\toccurrences", *("\t".join(map(_cell, row)) for row in rows)]
    write_text(directory / METADATA, "\n".join(lines) + "\n", durable=False)
    config = ProjectorConfig()
    config.embeddings.add(tensor_name="words", tensor_path=VECTORS, metadata_path=METADATA)
    # Last, since it is what TensorBoard looks for.
    write_text(directory / CONFIG, str(config), durable=False)


def _cell(value: object) -> str:
    """Write a value so that it stays in its line and its column."""
    return _BETWEEN_CELLS.sub(" ", valid_unicode(str(value))) or " "
