"""Accuracy on kinds of texts."""

from __future__ import annotations

import numpy as np

from ecomcat.model.metrics import score_slices


def test_texts_are_told_apart_by_length_and_script() -> None:
    texts = ["two words", " ".join(["word"] * 50), "लाल जूते", "123", ""]
    slices = score_slices(texts, np.array([True, False, False, True, True]))
    assert slices == {
        "length": {
            "under 10 words": {"rows": 4, "accuracy": 0.75},
            "50 to 199 words": {"rows": 1, "accuracy": 0.0},
        },
        "script": {
            "mostly Latin letters": {"rows": 4, "accuracy": 0.75},
            "mostly other letters": {"rows": 1, "accuracy": 0.0},
        },
    }


def test_no_texts_have_no_kinds() -> None:
    assert score_slices([], np.array([], bool)) == {"length": {}, "script": {}}
