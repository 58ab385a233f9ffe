"""A model's answers by Keras and by its ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ecomcat.text.encoding import EncodedTexts
from tests.tiny_network import VALUES


def network(seed: int = 1, **values: Any) -> Any:
    """Build a tiny network whose weights, biases included, are all random."""
    from ecomcat.model.network import lstm_classifier

    return with_random_weights(lstm_classifier({**VALUES, **values}, 3), seed)


def with_random_weights(model: Any, seed: int = 1) -> Any:
    """Give a model random weights; those that are not trained are positive, as variances are."""
    random = np.random.default_rng(seed)
    model.set_weights([random.uniform(0.1, 2.0, each.shape) for each in model.get_weights()])
    for each in model.trainable_variables:
        each.assign(each.numpy() - 1.0)
    return model


def both_answers(model: Any, path: Path, texts: EncodedTexts) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities by Keras and those by the ONNX file, which is written first."""
    from ecomcat.model.training import predict_probabilities
    from ecomcat.onnx.export import write_onnx
    from ecomcat.onnx.scorer import OnnxScorer

    write_onnx(model, path)
    return predict_probabilities(model, texts), OnnxScorer(path)(texts)


def require_alike(model: Any, path: Path, texts: EncodedTexts) -> None:
    """Fail unless both answer alike, to what floats of four bytes can tell."""
    expected, found = both_answers(model, path, texts)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-6)
    # Else nothing was compared.
    assert expected.std(axis=0).max() > 1e-3
