"""The answers that were wrong and most sure of themselves: faults of the model or of the labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.artifact.occlusion import WordWeight

Explain = Callable[[Sequence[str]], list[tuple[WordWeight, ...]]]

_MOST_CHARACTERS = 1200  # of a text that is shown
_MOST_EXPLAINED = 3000  # characters: a text is answered anew without each of its words
_MOST_WORDS = 12  # that are marked in a text
_LEAST_SHARE = 0.15  # of the strongest word's weight, from which a word is marked


def confident_mistakes(
    texts: Sequence[str],
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    classes: Sequence[str],
    explain: Explain,
    most: int = 30,
) -> list[dict[str, Any]]:
    """Return the wrong answers of the highest confidence, with the words that spoke for them.

    Args:
        texts: any number.
        labels: their class numbers, shape `(texts,)`.
        probabilities: of each class, shape `(texts, classes)`.
        classes: names of the classes.
        explain: weighs the words of texts for the answers to them.
        most: mistakes to return.

    Returns:
        For each the `text` (its beginning), `characters` (of the whole), the `true` class and the
        `predicted` one with their probabilities `true_probability` and `confidence`, and `spans`:
        start, end and weight of each word that is to be marked, the strongest word's weight 1; None
        for a text that is too long to weigh its words.
    """
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    confidence = probabilities.max(axis=1)
    surest = wrong[np.argsort(-confidence[wrong], kind="stable")][:most]
    short = [row for row in surest if len(texts[row]) <= _MOST_EXPLAINED]
    words = dict(zip(short, explain([texts[row] for row in short]), strict=True))
    return [
        {
            "text": texts[row][:_MOST_CHARACTERS],
            "characters": len(texts[row]),
            "true": classes[labels[row]],
            "predicted": classes[predicted[row]],
            "true_probability": float(probabilities[row, labels[row]]),
            "confidence": float(confidence[row]),
            "spans": _spans(words[row]) if row in words else None,
        }
        for row in surest
    ]


def _spans(words: Sequence[WordWeight]) -> list[tuple[int, int, float]]:
    """Return where the strongest words for and against stand in what is shown, in their order."""
    strongest = sorted(words, key=lambda word: -abs(word.weight))[:_MOST_WORDS]
    highest = max((abs(word.weight) for word in strongest), default=0.0)
    marked = [word for word in strongest if abs(word.weight) > _LEAST_SHARE * highest]
    return sorted(
        (start, stop, round(word.weight / highest, 3))
        for word in marked
        for start, stop in word.spans
        if stop <= _MOST_CHARACTERS
    )
