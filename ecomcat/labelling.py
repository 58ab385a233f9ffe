"""What is said of each text: category, confidence, whether to accept it, and why."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ecomcat.data.clean import has_words
from ecomcat.rows.added import (
    ACCEPT,
    CATEGORY,
    CONFIDENCE,
    REASON,
    WORDS,
    Added,
    refuse_name_clash,
)
from ecomcat.rows.batch import Texts
from ecomcat.text_classifier import TextClassifier

__all__ = ["ADDED_COLUMNS", "LabelOptions", "Labeller", "refuse_name_clash"]

ADDED_COLUMNS = (CATEGORY, CONFIDENCE)

NO_WORDS, EMPTY = "no letter, mark or digit", "empty text"
_EXPLAINED_AT_ONCE = 256  # texts, each of which is labelled once without each of its words
_DIGITS = 4  # of a confidence


@dataclass(frozen=True)
class LabelOptions:
    """What is added to a row besides its category and confidence.

    Args:
        min_precision: which share of the accepted answers is to be right; adds `accept`.
        words: how many words explain an answer; 0 adds no `words`.
        reasons: whether `reason` says why a row has no answer.
    """

    min_precision: float | None = None
    words: int = 0
    reasons: bool = False

    @property
    def added(self) -> tuple[str, ...]:
        """The names of the columns that are added, in their order."""
        extra = {
            ACCEPT: self.min_precision is not None,
            WORDS: self.words > 0,
            REASON: self.reasons,
        }
        return (*ADDED_COLUMNS, *(name for name, wanted in extra.items() if wanted))


class Labeller:
    """Labels texts batch by batch, and counts.

    Args:
        classifier: labels the texts.
        options: what is said of each.

    Attributes:
        threshold: the confidence from which an answer is accepted; None where none is.
        rows: labelled so far.
        unreadable: those of them without an answer, since they have no text.
        accepted: those of them whose answer is accepted.
    """

    def __init__(self, classifier: TextClassifier, options: LabelOptions) -> None:
        self._classifier = classifier
        self.options = options
        wanted = options.min_precision
        threshold = None if wanted is None else classifier.threshold(wanted)
        # Of the digits that are written, so that whoever reads them comes to the same rows.
        self.threshold = None if threshold is None else _rounded_up(threshold)
        self.rows = self.unreadable = self.accepted = 0

    def label(self, texts: Texts) -> Added:
        """Return what is added to the rows of a batch.

        A text without a letter, mark or digit gets no category and no confidence.
        """
        count = len(texts.values)
        columns: dict[str, list[Any]] = {name: [None] * count for name in self.options.added}
        if ACCEPT in columns:
            columns[ACCEPT] = [False] * count
        readable = [i for i, text in enumerate(texts.values) if has_words(text)]
        if readable:
            self._answer(columns, readable, [texts.values[i] for i in readable])
        if REASON in columns:
            for position in set(range(count)).difference(readable):
                columns[REASON][position] = _reason(texts, position)
        self.rows += count
        self.unreadable += count - len(readable)
        return Added(columns)

    def _answer(
        self, columns: dict[str, list[Any]], positions: Sequence[int], texts: Sequence[str]
    ) -> None:
        """Fill in what is said of rows that have a text."""
        probabilities = self._classifier.probabilities(texts)
        best, confidences = probabilities.argmax(axis=1), probabilities.max(axis=1)
        labels = self._classifier.labels
        for position, answer, confidence in zip(
            positions, best.tolist(), confidences.tolist(), strict=True
        ):
            columns[CATEGORY][position] = labels[answer]
            columns[CONFIDENCE][position] = round(confidence, _DIGITS)
        if ACCEPT in columns and self.threshold is not None:
            for position in positions:
                accepted = columns[CONFIDENCE][position] >= self.threshold
                columns[ACCEPT][position] = accepted
                self.accepted += accepted
        if WORDS in columns:
            for position, words in zip(positions, self._explained(texts), strict=True):
                columns[WORDS][position] = words

    def _explained(self, texts: Sequence[str]) -> Iterator[list[str]]:
        for start in range(0, len(texts), _EXPLAINED_AT_ONCE):
            for words in self._classifier.explain(texts[start : start + _EXPLAINED_AT_ONCE]):
                spoke_for = [word.word for word in words if word.weight > 0]
                yield spoke_for[: self.options.words]


def _rounded_up(confidence: float) -> float:
    steps = 10.0**_DIGITS
    return min(math.ceil(round(confidence * steps, 6)) / steps, 1.0)


def reason_of(text: str) -> str:
    """Say why a text has no answer."""
    return NO_WORDS if text.strip() else EMPTY


def _reason(texts: Texts, position: int) -> str:
    if position in texts.absent:
        return texts.absent[position]
    return reason_of(texts.values[position])
