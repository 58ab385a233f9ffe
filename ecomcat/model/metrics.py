"""Accuracy on kinds of texts: short and long ones, and those of another script."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15  # as in Guo et al., "On calibration of modern neural networks" (ICML 2017)
_MOST_POINTS = 200


def calibration_bins(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_]
) -> list[dict[str, float]]:
    """Return mean confidence and accuracy of each of `BINS` bins of equal width that has answers.

    Args:
        confidence: of each answer, 0 to 1, shape `(texts,)`.
        correct: whether it was right, shape `(texts,)`.

    Returns:
        For each bin the `texts`, their mean `confidence` and their `accuracy`.
    """
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    texts = np.bincount(bins, minlength=BINS)
    trusted = np.bincount(bins, weights=confidence, minlength=BINS)
    right = np.bincount(bins, weights=correct, minlength=BINS)
    return [
        {
            "texts": int(texts[number]),
            "confidence": float(trusted[number] / texts[number]),
            "accuracy": float(right[number] / texts[number]),
        }
        for number in np.flatnonzero(texts)
    ]


def coverage_curve(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_]
) -> list[dict[str, float]]:
    """Return how precise the surest answers are, for growing shares of all answers.

    Args:
        confidence: of each answer, 0 to 1, shape `(texts,)`.
        correct: whether it was right, shape `(texts,)`.

    Returns:
        At most 200 points with the `threshold` of confidence, the share accepted by it
        (`coverage`) and the `precision` of what is accepted.
    """
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    accepted = np.arange(1, len(ranked) + 1)
    precision = np.cumsum(correct[order]) / accepted
    # Equal confidences are accepted together.
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)[: len(ranked)])
    places = np.linspace(0, len(ends) - 1, min(len(ends), _MOST_POINTS))
    kept = ends[places.round().astype(np.int64)]
    return [
        {
            "threshold": float(ranked[end]),
            "coverage": float(accepted[end] / len(ranked)),
            "precision": float(precision[end]),
        }
        for end in kept
    ]


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


OBJECTIVE = "val_macro_f1"


def macro_f1(labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int) -> float:
    """Return the unweighted mean of the classes' F1; a class never met or predicted scores 0."""
    from sklearn.metrics import f1_score

    return float(
        f1_score(labels, predicted, labels=range(classes), average="macro", zero_division=0)
    )


def cross_entropy(
    labels: NDArray[np.int64], probabilities: NDArray[np.float32], smoothing: float = 0.0
) -> float:
    """Return the mean cross-entropy in nats, with the label smoothing that training used.

    Args:
        labels: class numbers, shape `(texts,)`.
        probabilities: of each class, shape `(texts, classes)`.
        smoothing: share of the target spread evenly over all classes.
    """
    logs = np.log(np.clip(probabilities, 1e-7, 1.0))
    of_label = logs[np.arange(len(labels)), labels]
    return float(-np.mean((1 - smoothing) * of_label + smoothing * logs.mean(axis=1)))


def score_predictions(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: Sequence[str]
) -> dict[str, Any]:
    """Score a set of predictions over all classes.

    Args:
        labels: true class numbers, shape `(texts,)`.
        predicted: class numbers, shape `(texts,)`.
        classes: names of the classes.

    Returns:
        `rows`, `accuracy`, `macro_f1`, `weighted_f1`, `per_class` (precision, recall, f1, rows)
        and `confusion_matrix` (a row a true class, a column a predicted one).
    """
    from sklearn.metrics import f1_score, precision_recall_fscore_support

    count = len(classes)
    numbers = range(count)
    # Counted here: scikit-learn warns of a matrix of one class.
    crossed = np.bincount(count * labels + predicted, minlength=count**2).reshape(count, count)
    per_class = precision_recall_fscore_support(labels, predicted, labels=numbers, zero_division=0)
    return {
        "rows": len(labels),
        "accuracy": float(np.mean(labels == predicted)),
        "macro_f1": macro_f1(labels, predicted, count),
        "weighted_f1": float(
            f1_score(labels, predicted, labels=numbers, average="weighted", zero_division=0)
        ),
        "per_class": {
            name: {
                "precision": float(precision),
                "recall": float(recall),
                "f1": float(f1),
                "rows": int(rows),
            }
            for name, precision, recall, f1, rows in zip(classes, *per_class, strict=True)
        },
        "confusion_matrix": crossed.tolist(),
    }


def score_met_classes(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: Sequence[str]
) -> dict[str, Any]:
    """Score a set of predictions over the classes that occur or were predicted.

    A file need not hold every class that a model knows; those that it has nothing to do with
    would each count as an F1 of 0.

    Args:
        labels: true class numbers, shape `(texts,)`.
        predicted: class numbers, shape `(texts,)`.
        classes: names of all classes.

    Returns:
        What `score_predictions` returns for those classes, and the names of the others as
        `absent_classes`.
    """
    met = np.union1d(labels, predicted)
    names = [classes[number] for number in met]
    scores = score_predictions(np.searchsorted(met, labels), np.searchsorted(met, predicted), names)
    absent = set(range(len(classes))).difference(met.tolist())
    return {**scores, "absent_classes": [classes[number] for number in sorted(absent)]}


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


@dataclass
class Outcome:
    """What training one configuration gave.

    Args:
        best_epoch: epochs trained when validation macro-F1 was best.
        epochs: epochs trained in all.
        scores: validation `macro_f1`, `accuracy` and `loss` after the best epoch.
        probabilities: of the validation texts then, shape `(texts, classes)`.
        weights: of the model then, as `keras.Model.set_weights` takes them.
        curves: a row an epoch, with Keras's names (`val_` for validation).
        state: all that a later training would go on from, where one may.
    """

    best_epoch: int = 0
    epochs: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    probabilities: NDArray[np.float32] | None = None
    weights: list[NDArray[np.float32]] = field(default_factory=list)
    curves: list[dict[str, float]] = field(default_factory=list)
    state: list[NDArray[Any]] = field(default_factory=list)
