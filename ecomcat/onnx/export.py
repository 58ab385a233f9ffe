"""Write a Keras model as ONNX, and require that both give the same answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecomcat.files import atomic_path
from ecomcat.onnx.scorer import OnnxScorer
from ecomcat.onnx.translation import translate
from ecomcat.text.encoding import EncodedTexts

if TYPE_CHECKING:
    import keras

_MOST_TEXTS = 1_000  # that both answer


class DifferentAnswersError(Exception):
    """An ONNX file does not answer as the model that it was made of."""


def write_onnx(model: keras.Model, path: Path) -> None:
    """Write a model from token ids to probabilities as an ONNX file.

    Args:
        model: functional or sequential.
        path: the file, which is written whole or not at all.

    Raises:
        CannotTranslateError: naming the layer or operation that has no translation.
        UserError: when the file cannot be written.
    """
    content = translate(model).SerializeToString()
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def require_same_answers(
    model: keras.Model, path: Path, texts: EncodedTexts, most_difference: float = 1e-4
) -> None:
    """Let a model and its ONNX file answer the same texts.

    Args:
        model: that the file was made of.
        path: the file.
        texts: as the model reads them; of more than 1,000, as many from the shortest to the
            longest.
        most_difference: between two probabilities; this much is refused.

    Raises:
        DifferentAnswersError: with the difference found.
        UserError: when ONNX Runtime is not installed or cannot open the file.
    """
    from ecomcat.model.training import predict_probabilities

    by_length = np.argsort(texts.lengths, kind="stable")
    steps = np.linspace(0, len(by_length) - 1, min(len(by_length), _MOST_TEXTS))
    asked = texts.take(by_length[steps.astype(np.int64)])
    expected, found = predict_probabilities(model, asked), OnnxScorer(path)(asked)
    if expected.shape != found.shape:
        raise DifferentAnswersError(
            f"{path} answers with {found.shape[1]} classes, the model with {expected.shape[1]}."
        )
    difference = float(np.abs(expected - found).max(initial=0.0))
    # Not `>=`, which lets through what is not a number.
    if not difference < most_difference:
        raise DifferentAnswersError(
            f"{path} does not answer as the model does: a probability differs by {difference:.2g} "
            f"on {len(asked)} texts, of less than {most_difference:g} allowed."
        )
