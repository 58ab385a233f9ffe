"""What the log says of the weight of each part."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ecomcat.data.splitting import Split

pytestmark = pytest.mark.slow

CLASSES = 3


def answers(label_ids: np.ndarray, noise: float, seed: int) -> np.ndarray:
    """Return probabilities that are right unless the noise is large."""
    scores = 3.0 * np.eye(CLASSES)[label_ids]
    scores += noise * np.random.default_rng(seed).normal(size=scores.shape)
    exponents = np.exp(scores)
    return (exponents / exponents.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize(
    ("texts", "shift", "expected"),
    [
        (9, 0, r"a weight of 50% \(.*\); .* usual weights, since validation has only 9 texts\."),
        (900, 0, r"a weight of \d+% \(LinearSVC \d+%, naive Bayes \d+%\)\."),
        (900, 1, r"left out, on validation none of its models has a weight of 5% or more\."),
    ],
    ids=["few texts", "many texts", "wrong answers"],
)
def test_a_line_says_where_the_weight_of_the_linear_part_comes_from(
    texts: int, shift: int, expected: str, caplog: pytest.LogCaptureFixture
) -> None:
    from ecomcat.final.choice import mix_parts

    label_ids, none = np.arange(texts) % CLASSES, np.arange(0)
    split = Split(none, np.arange(texts), none)
    inputs: Any = SimpleNamespace(label_ids=label_ids, split=split, num_classes=CLASSES, seed=1)
    linear: Any = SimpleNamespace(mix=lambda _weights: None)
    of_linear = [answers((label_ids + shift) % CLASSES, 2.0, seed) for seed in (1, 2)]
    with caplog.at_level("INFO", "ecomcat"):
        mix_parts(inputs, answers(label_ids, 2.0, 3), (linear, of_linear))
    assert caplog.text.count("Linear part of words and letters: ") == 1
    assert re.search(expected, caplog.text)
