"""A network so small that a test can train it, and texts whose class shows in every word."""

from __future__ import annotations

from typing import Any

import numpy as np

from ecomcat.text.encoding import EncodedTexts

VALUES: dict[str, Any] = {
    "vocabulary_size": 20,
    "max_tokens": 8,
    "lstm_tokens": 8,
    "embedding_dim": 6,
    "lstm_units": 4,
    "lstm_layers": 1,
    "bidirectional": False,
    "pooling": "max",
    "embedding_pooling": "none",
    "letter_dim": 0,
    "word_dropout": 0.1,
    "spatial_dropout": 0.1,
    "dropout": 0.1,
    "learning_rate": 0.02,
    "learning_rate_schedule": "linear",
    "batch_size": 8,
    "label_smoothing": 0.0,
}


def texts_and_label_ids(count: int, seed: int, longest: int) -> tuple[EncodedTexts, np.ndarray]:
    """Make some texts of three classes, each with six words of its own, at most `longest`."""
    random = np.random.default_rng(seed)
    label_ids = random.integers(0, 3, count)
    texts = [
        random.integers(2, 8, random.integers(1, longest + 1)) + 6 * label for label in label_ids
    ]
    offsets = np.concatenate([[0], np.cumsum([len(text) for text in texts])])
    return EncodedTexts(np.concatenate(texts).astype(np.int32), offsets), label_ids


def train_epoch(training: Any) -> dict[str, float]:
    """Train one epoch and return its scores."""
    batches = training.train_batches()
    while True:
        try:
            next(batches)
        except StopIteration as end:
            return dict(end.value)
