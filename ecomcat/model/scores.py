"""Scores over a whole set of texts, never a mean over batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
