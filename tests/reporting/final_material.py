"""A final model's figures, made up: names that a page, a table or a font could stumble over."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.model.metrics import score_predictions

NAMES = [
    "<script>alert('x')</script>",
    "Tools | Home & *Garden*",
    "家具 [list](http://x)",
    "أثاث `code`",
    "$x^2$ __proto__\t\n<b>",
    "lone \ud800 surrogate",
]
MEMBER = {
    "trial": "0003",
    "share": 1.0,
    "epochs": 4,
    "val_macro_f1": 0.8,
    "hyperparameters": {"lstm_units": 64, "pooling": "max+mean", "dropout": 0.123456},
}


def answers_of(classes: int, texts: int = 300) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return labels, and probabilities of which many are right."""
    random = np.random.default_rng(1)
    labels = random.integers(classes, size=texts)
    probabilities = random.random((texts, classes)).astype(np.float32)
    probabilities[np.arange(texts), labels] += 0.5
    return labels, probabilities / probabilities.sum(axis=1, keepdims=True)


def metrics_of(names: list[str], **final: Any) -> dict[str, Any]:
    """Return what `metrics.json` would hold."""
    labels, probabilities = answers_of(len(names))
    scores = score_predictions(labels, probabilities.argmax(axis=1), names).describe()
    coverage = {
        "0.95": {"threshold": 0.5, "coverage": 0.4, "precision": 0.96},
        "0.99": {"threshold": None, "coverage": 0.0, "precision": None},
    }
    scores = {**scores, "coverage": coverage}
    return {
        "test": scores,
        "validation": scores,
        "baseline": {"name": "TF-IDF + LinearSVC", "test": {**scores, "accuracy": 0.1}},
        "search": {"study": "made"},
        "final": {
            "name": "single",
            "memory_share": 0.25,
            "linear_share": 0.2,
            "temperature": 0.9,
            "members": [MEMBER],
            "retrained": True,
            "trained_texts": 1234,
            "use_all_rows": False,
            **final,
        },
    }


def as_html(markdown: str) -> str:
    """Return what TensorBoard makes of Markdown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a library within it
        from tensorboard.plugin_util import markdown_to_safe_html
    page: str = markdown_to_safe_html(markdown)
    return page
