"""Accuracy on kinds of texts: short and long ones, and those of another script."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WORDS = (10, 50, 200)  # where one kind of length ends and the next begins
_LENGTHS = ("under 10 words", "10 to 49 words", "50 to 199 words", "200 words and more")
_READ = 300  # characters that tell a text's script
_LATIN, _OTHER = "mostly Latin letters", "mostly other letters"


def score_slices(
    texts: Sequence[str], correct: NDArray[np.bool_]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Count texts and right answers by the texts' length and script.

    Args:
        texts: any number of texts.
        correct: whether each one's answer was right, shape `(texts,)`.

    Returns:
        For `length` (in words parted by spaces) and `script` (whether most letters are Latin):
        `rows` and `accuracy` of each kind that occurs.
    """
    kinds: dict[str, Callable[[str], str]] = {"length": _length, "script": _script}
    return {
        name: _accuracies([kind(text) for text in texts], correct) for name, kind in kinds.items()
    }


def _accuracies(kinds: Sequence[str], correct: NDArray[np.bool_]) -> dict[str, dict[str, Any]]:
    names, numbers = np.unique(np.array(kinds, object), return_inverse=True)
    rows = np.bincount(numbers, minlength=len(names))
    right = np.bincount(numbers, weights=correct, minlength=len(names))
    found = {
        str(name): {"rows": int(count), "accuracy": float(hits / count)}
        for name, count, hits in zip(names, rows, right, strict=True)
    }
    return {name: found[name] for name in (*_LENGTHS, _LATIN, _OTHER) if name in found}


def _length(text: str) -> str:
    words = len(text.split())
    return _LENGTHS[int(np.searchsorted(_WORDS, words, side="right"))]


def _script(text: str) -> str:
    letters = [character for character in text[:_READ] if character.isalpha()]
    latin = sum(unicodedata.name(letter, "").startswith("LATIN") for letter in letters)
    return _LATIN if 2 * latin >= len(letters) else _OTHER
