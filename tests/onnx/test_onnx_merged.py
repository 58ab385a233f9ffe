"""Merged models, their companions and a temperature answer in ONNX as they do in Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecomcat.text.encoding import EncodedTexts
from tests.onnx.both_answers import network, require_alike
from tests.tiny_network import VALUES, texts_and_labels

pytestmark = pytest.mark.slow


def memory(texts: EncodedTexts, labels: np.ndarray) -> Any:
    from ecomcat.final.experts import build_memory
    from ecomcat.model.training import Examples

    return build_memory(Examples(texts, labels), 3, VALUES["vocabulary_size"], seed=1)


def linear(texts: EncodedTexts, labels: np.ndarray) -> Any:
    from ecomcat.final.experts import build_linear
    from ecomcat.model.training import Examples

    examples = Examples(texts, labels)
    return build_linear(examples, 3, VALUES["vocabulary_size"], temperature=0.4, seed=1)


def merged(texts: EncodedTexts, labels: np.ndarray) -> Any:
    """Merge members that read less of a text or know fewer words, and companions."""
    from ecomcat.final.experts import Part, merge_models

    small = {
        "vocabulary_size": 12,
        "lstm_tokens": 2,
        "pooling": "last",
        "embedding_pooling": "mean",
    }
    parts = [
        Part(network(1), 0.5, 20, 8),
        Part(network(2, **small), 0.25, 12, 3),
        Part(memory(texts, labels), 0.15, 20, 8),
        Part(linear(texts, labels), 0.1, 20, 8),
    ]
    return merge_models(parts, vocabulary_size=20, max_tokens=8)


@pytest.mark.parametrize("companion", [memory, linear])
def test_what_stands_beside_the_networks_answers_alike(companion: Any, tmp_path: Path) -> None:
    texts, labels = texts_and_labels(90, seed=0, longest=8)
    require_alike(companion(texts, labels), tmp_path / "model.onnx", texts)


@pytest.mark.parametrize("companion", [memory, linear])
def test_it_answers_alike_to_a_text_of_unknown_words(companion: Any, tmp_path: Path) -> None:
    texts, labels = texts_and_labels(90, seed=0, longest=8)
    asked = EncodedTexts(np.array([1, 1, 5, 9], np.int32), np.array([0, 2, 3, 4]))
    require_alike(companion(texts, labels), tmp_path / "model.onnx", asked)


def test_a_merged_model_answers_alike(tmp_path: Path) -> None:
    texts, labels = texts_and_labels(90, seed=0, longest=8)
    require_alike(merged(texts, labels), tmp_path / "model.onnx", texts)


def test_one_part_alone_answers_alike(tmp_path: Path) -> None:
    from ecomcat.final.experts import Part, merge_models

    whole = merge_models([Part(network(1), 1.0, 20, 8)], vocabulary_size=20, max_tokens=8)
    require_alike(whole, tmp_path / "model.onnx", texts_and_labels(90, seed=0, longest=8)[0])


def test_a_model_within_a_merged_model_answers_alike(tmp_path: Path) -> None:
    from ecomcat.final.experts import Part, merge_models

    texts, labels = texts_and_labels(90, seed=0, longest=8)
    parts = [Part(merged(texts, labels), 0.5, 20, 8), Part(network(3), 0.5, 20, 8)]
    whole = merge_models(parts, vocabulary_size=20, max_tokens=8)
    require_alike(whole, tmp_path / "model.onnx", texts)


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_a_temperature_on_top_answers_alike(temperature: float, tmp_path: Path) -> None:
    import keras
    from keras import ops

    texts, labels = texts_and_labels(90, seed=0, longest=8)
    model = merged(texts, labels)
    scores = ops.log(ops.maximum(model.output, 1e-9)) / temperature
    calibrated = keras.Model(model.input, ops.softmax(scores, axis=-1))
    require_alike(calibrated, tmp_path / "model.onnx", texts)
