"""How far a confidence can be trusted: its calibration, and which answers need no second look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.model.reliability import calibration_bins

PRECISIONS = (0.95, 0.98, 0.99)  # that the figures of every model are given for
_MOST_TEXTS = 20_000  # kept to read thresholds from


def expected_calibration_error(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_]
) -> float:
    """Return the mean distance between confidence and accuracy, over bins of equal width.

    As in Guo et al., "On calibration of modern neural networks" (ICML 2017, equation 3).

    Args:
        confidence: of each answer, 0 to 1, shape `(texts,)`.
        correct: whether it was right, shape `(texts,)`.
    """
    distances = (
        abs(each["confidence"] - each["accuracy"]) * each["texts"]
        for each in calibration_bins(confidence, correct)
    )
    return sum(distances) / max(len(confidence), 1)


@dataclass(frozen=True)
class Acceptance:
    """Which answers may be taken without a look, read off texts that taught the model nothing.

    Args:
        confidence: of the answers to validation texts, shape `(texts,)`.
        correct: whether they were right, shape `(texts,)`.
    """

    confidence: NDArray[np.float64]
    correct: NDArray[np.bool_]

    def threshold(self, min_precision: float) -> float | None:
        """Return the least confidence above which answers are right often enough.

        One error more than was met is reckoned with, so that a few right answers prove nothing: a
        precision of 0.99 takes 99 texts at least.

        Args:
            min_precision: the share of accepted answers that are to be right, 0 to 1.

        Returns:
            The threshold of most answers accepted, itself accepted; None when there is none.
        """
        order = np.argsort(-self.confidence, kind="stable")
        ranked = self.confidence[order]
        accepted = np.arange(1, len(ranked) + 1)
        errors = np.cumsum(~self.correct[order])
        # Equal confidences are accepted together.
        last_of_equals = np.append(ranked[1:] != ranked[:-1], True)[: len(ranked)]
        precise = errors + 1 <= (1 - min_precision) * (accepted + 1) + 1e-9
        found = np.flatnonzero(precise & last_of_equals)
        return float(ranked[found[-1]]) if len(found) else None

    def describe(self) -> dict[str, Any]:
        """Return what the exported folder keeps: of very many texts, as many as suffice."""
        rows = np.linspace(0, len(self.confidence) - 1, min(len(self.confidence), _MOST_TEXTS))
        kept = np.argsort(-self.confidence, kind="stable")[rows.astype(np.int64)]
        return {
            "confidence": self.confidence[kept].tolist(),
            "correct": self.correct[kept].astype(int).tolist(),
        }


def read_acceptance(content: Mapping[str, Any]) -> Acceptance:
    """Return what `Acceptance.describe` described."""
    confidence = np.array(content["confidence"], np.float64)
    return Acceptance(confidence, np.array(content["correct"], bool))


def acceptance_of(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> Acceptance:
    """Judge answers to labelled texts.

    Args:
        probabilities: of each class, shape `(texts, classes)`.
        labels: class numbers, shape `(texts,)`.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    return Acceptance(confidence, probabilities.argmax(axis=1) == labels)


def score_confidence(answers: Acceptance, chosen_on: Acceptance) -> dict[str, Any]:
    """Score confidences, and what is accepted by them.

    Args:
        answers: those that are judged.
        chosen_on: those that the thresholds are taken from.

    Returns:
        `calibration_error` (the expected one) and `coverage`: for each of `PRECISIONS` the
        `threshold`, the share of texts accepted by it (`coverage`), and the share of these that
        are right (`precision`; None when nothing is accepted).
    """
    return {
        "calibration_error": expected_calibration_error(answers.confidence, answers.correct),
        "coverage": {
            str(precision): _coverage(answers, chosen_on.threshold(precision))
            for precision in PRECISIONS
        },
    }


def _coverage(answers: Acceptance, threshold: float | None) -> dict[str, float | None]:
    accepted = answers.confidence >= (np.inf if threshold is None else threshold)
    return {
        "threshold": threshold,
        "coverage": float(accepted.mean()) if len(accepted) else 0.0,
        "precision": float(answers.correct[accepted].mean()) if accepted.any() else None,
    }
