"""The most confident wrong answers to test texts, which the report shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.export.explanation import WordWeight
from ecomcat.model.answers import Answers
from ecomcat.text.fields import shown

Explain = Callable[[Sequence[str]], list[tuple[WordWeight, ...]]]

_MAX_CHARACTERS = 1200  # of a text that is shown
_MAX_EXPLAINED = 3000  # characters: a text is answered again without each of its words
_MAX_WORDS = 12  # that are marked in a text
_MIN_WEIGHT = 0.15  # of the strongest word's weight; weaker words are not marked


def confident_mistakes(
    texts: Sequence[str],
    label_ids: NDArray[np.int64],
    answers: Answers,
    class_names: Sequence[str],
    explain: Explain,
    max_mistakes: int = 30,
) -> list[dict[str, Any]]:
    """Return the wrong answers of the highest confidence, with the words that support them.

    Returns:
        For each the `text` (its beginning), `characters` (of the whole), the `true` class and the
        `predicted` one with their probabilities `true_probability` and `confidence`, and `spans`:
        start, end and weight (1 for the strongest) of each word to mark; `None` for a text that
        is too long to weigh its words.
    """
    predicted, confidence = answers.leaves.predicted, answers.leaves.confidence
    wrong = np.flatnonzero(predicted != label_ids)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:max_mistakes]
    short = [row for row in worst if len(texts[row]) <= _MAX_EXPLAINED]
    words = dict(zip(short, explain([texts[row] for row in short]), strict=True))
    return [
        {
            "text": shown(texts[row])[:_MAX_CHARACTERS],
            "characters": len(texts[row]),
            "true": class_names[label_ids[row]],
            "predicted": class_names[predicted[row]],
            "true_probability": float(answers.of_label[row]),
            "confidence": float(confidence[row]),
            "spans": _spans(words[row]) if row in words else None,
        }
        for row in worst
    ]


def _spans(words: Sequence[WordWeight]) -> list[tuple[int, int, float]]:
    """Return the places in the shown text of the strongest words for and against, in order."""
    strongest = sorted(words, key=lambda word: -abs(word.weight))[:_MAX_WORDS]
    highest = max((abs(word.weight) for word in strongest), default=0.0)
    marked = [word for word in strongest if abs(word.weight) > _MIN_WEIGHT * highest]
    return sorted(
        (start, stop, round(word.weight / highest, 3))
        for word in marked
        for start, stop in word.spans
        if stop <= _MAX_CHARACTERS
    )
