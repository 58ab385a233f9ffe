"""What commands ask of a classifier, whatever computes its answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class WeightedWord(Protocol):
    """A word and what it speaks for the answer, as `Classifier.explain` gives it."""

    @property
    def word(self) -> str:
        """The word."""

    @property
    def weight(self) -> float:
        """How far the answer's probability falls without it."""

    @property
    def spans(self) -> Sequence[tuple[int, int]]:
        """Where it stands, in characters."""


class TextClassifier(Protocol):
    """What labelling and serving need of a classifier."""

    @property
    def labels(self) -> Sequence[str]:
        """Names of the classes."""

    @property
    def text_columns(self) -> Sequence[str | int]:
        """The columns that it was trained on."""

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return each class's probability for each text, `(texts, classes)`."""

    def threshold(self, min_precision: float) -> float | None:
        """Return the least confidence whose answers are right so often."""

    def explain(self, texts: Sequence[str]) -> Sequence[Sequence[WeightedWord]]:
        """Return the words of each text, strongest first."""
