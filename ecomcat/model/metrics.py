"""Scores of a model: of a training, of answers by class, and of kinds of texts."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from ecomcat.config import MAX_FALSE_ALARMS
from ecomcat.model.answers import Answers
from ecomcat.model.confidence import Acceptance, Promise
from ecomcat.model.intervals import (
    Interval,
    calibration_interval,
    macro_f1_interval,
    share_interval,
)
from ecomcat.text.fields import split_fields

if TYPE_CHECKING:
    import pandas as pd

OBJECTIVE = "val_macro_f1"
PRECISIONS = (0.95, 0.98, 0.99)  # for which the coverage of every model is given
Figures = dict[str, dict[str, float]]  # of each class or kind of text, by name
_WORDS = (0, 10, 50, 200, np.inf)  # bounds of the kinds of length
_LENGTHS = ("under 10 words", "10 to 49 words", "50 to 199 words", "200 words and more")
MAX_MATRIX_CLASSES = 80  # a larger matrix cannot be read
_MAX_CONFUSIONS = 1000  # so that `metrics.json` stays small
_DIGITS = 6  # of a class's scores
_CHUNK = 4096  # texts at a time: texts times classes may not fit in memory
_SCRIPT_CHARACTERS = 300  # the first ones, which tell a text's script


def best_epoch(curves: Sequence[Mapping[str, float]]) -> int:
    """Return the epoch, from 1, of the highest macro-F1; among equals, of the lowest loss.

    A network may learn before its answers change, so the loss decides between equal scores.

    >>> best_epoch([{"val_macro_f1": 0.5, "val_loss": 0.3}, {"val_macro_f1": 0.5, "val_loss": 0.2}])
    2
    """
    ranks = [(row[OBJECTIVE], -row["val_loss"]) for row in curves]
    return ranks.index(max(ranks)) + 1 if ranks else 0


@dataclass
class Outcome:
    """The result of training one configuration."""

    curves: list[dict[str, float]] = field(default_factory=list)  # by epoch, with Keras's names
    probabilities: NDArray[np.float32] | None = None  # of validation, after the best epoch
    weights: list[NDArray[np.float32]] = field(default_factory=list)  # of the model then
    state: list[NDArray[Any]] = field(default_factory=list)  # from which a training continues


@dataclass(frozen=True)
class Scores:
    """Scores of answers to labelled texts."""

    rows: int
    accuracy: float
    macro_f1: float  # the unweighted mean of the classes' F1
    weighted_f1: float  # their mean, weighted by their texts
    per_class: Figures  # `precision`, `recall`, `f1` and `rows`
    confusions: list[tuple[str, str, int]]  # true class, predicted one, texts; the most first
    intervals: dict[str, Interval]  # of 95 %, of `accuracy` and so on
    absent_classes: list[str]  # that neither occur nor were predicted, and so are in none of these
    confusion_matrix: list[list[int]] | None = None  # one row per true class; of few classes only
    calibration_error: float | None = None
    coverage: dict[str, dict[str, Any]] | None = None  # for each of `PRECISIONS`
    novel: float | None = None  # the share of texts that are called novel: here, false alarms
    slices: dict[str, Figures] | None = None
    top_k_accuracy: dict[str, float] | None = None  # for each of `TOP_K` below the classes' number

    def totals(self) -> dict[str, Any]:
        """Return the scores of all classes together."""
        names = ("rows", "accuracy", "macro_f1", "weighted_f1", "intervals")
        return {name: getattr(self, name) for name in names}

    def describe(self) -> dict[str, Any]:
        """Return what `metrics.json` holds; scores that are not known are left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def macro_f1(label_ids: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int) -> float:
    """Return the unweighted mean of the F1 of the classes that occur or were predicted."""
    # Each epoch and each linear model is scored; scikit-learn's takes ten times as long.
    hits = np.bincount(label_ids[predicted == label_ids], minlength=num_classes)
    found = np.bincount(label_ids, minlength=num_classes)
    found += np.bincount(predicted, minlength=num_classes)
    return float(np.mean((2 * hits)[found > 0] / found[found > 0]))


def cross_entropy(
    label_ids: NDArray[np.int64], probabilities: NDArray[np.float32], smoothing: float = 0.0
) -> float:
    """Return the mean cross-entropy in nats, with the label smoothing that training used."""
    costs = np.empty(len(label_ids), np.float32)
    for first in range(0, len(label_ids), _CHUNK):
        rows = slice(first, first + _CHUNK)
        logs = np.log(np.clip(probabilities[rows], 1e-7, 1.0))
        of_label = logs[np.arange(len(logs)), label_ids[rows]]
        costs[rows] = (1 - smoothing) * of_label + smoothing * logs.mean(axis=1)
    return float(-np.mean(costs))


def score_predictions(
    label_ids: NDArray[np.int64],
    predicted: NDArray[np.int64],
    class_names: Sequence[str],
    intervals: Mapping[str, Interval] | None = None,
    **further: Any,
) -> Scores:
    """Score predicted classes, without those that neither occur nor were predicted.

    Args:
        label_ids: Array of true class numbers, shape `(texts,)`.
        predicted: Array of class numbers, shape `(texts,)`.
        class_names: Names of all classes.
        intervals: Further intervals, by figure.
        **further: Further fields of `Scores`.

    Example:
        >>> scores = score_predictions(np.array([0, 0]), np.array([0, 1]), ["Books", "Toys"])
        >>> scores.accuracy, scores.per_class["Books"]["recall"]
        (0.5, 0.5)
    """
    present = np.union1d(label_ids, predicted).tolist()
    absent = sorted(set(range(len(class_names))).difference(present))
    per_class = _class_scores(label_ids, predicted, present, class_names)
    f1, rows = per_class["f1"].to_numpy(), per_class["rows"].to_numpy()
    right = int(np.sum(label_ids == predicted))
    return Scores(
        rows=len(label_ids),
        accuracy=right / max(len(label_ids), 1),
        macro_f1=float(f1.mean()),
        weighted_f1=float(f1 @ rows / max(rows.sum(), 1)),
        per_class=cast(Figures, per_class.round(_DIGITS).to_dict("index")),
        confusions=_confusions(label_ids, predicted, class_names),
        confusion_matrix=_confusion_matrix(label_ids, predicted, present),
        absent_classes=[class_names[number] for number in absent],
        intervals={
            "accuracy": share_interval(right, len(label_ids)),
            "macro_f1": macro_f1_interval(label_ids, predicted, len(class_names)),
            **(intervals or {}),
        },
        **further,
    )


def _class_scores(
    label_ids: NDArray[np.int64],
    predicted: NDArray[np.int64],
    present: Sequence[int],
    class_names: Sequence[str],
) -> pd.DataFrame:
    """Return precision, recall, F1 and rows of each class that occurs or was predicted."""
    import pandas as pd
    from sklearn.metrics import precision_recall_fscore_support

    scores = precision_recall_fscore_support(label_ids, predicted, labels=present, zero_division=0)
    columns = dict(zip(("precision", "recall", "f1", "rows"), scores, strict=True))
    return pd.DataFrame(columns, index=[class_names[number] for number in present])


def _confusions(
    label_ids: NDArray[np.int64], predicted: NDArray[np.int64], class_names: Sequence[str]
) -> list[tuple[str, str, int]]:
    """Return the largest cells off the diagonal: thousands of classes have millions of them."""
    wrong, count = label_ids != predicted, len(class_names)
    cells, texts = np.unique(count * label_ids[wrong] + predicted[wrong], return_counts=True)
    largest = np.argsort(-texts, kind="stable")[:_MAX_CONFUSIONS]
    return [
        (class_names[cell // count], class_names[cell % count], int(number))
        for cell, number in zip(cells[largest], texts[largest], strict=True)
    ]


def _confusion_matrix(
    label_ids: NDArray[np.int64], predicted: NDArray[np.int64], present: Sequence[int]
) -> list[list[int]] | None:
    count = len(present)
    if count > MAX_MATRIX_CLASSES:
        return None
    # Counted here: scikit-learn warns of a matrix of one class.
    cells = count * np.searchsorted(present, label_ids) + np.searchsorted(present, predicted)
    matrix: list[list[int]] = np.bincount(cells, minlength=count**2).reshape(count, count).tolist()
    return matrix


def score_answers(
    answers: Answers,
    label_ids: NDArray[np.int64],
    class_names: Sequence[str],
    chosen_on: Acceptance,
    *,
    texts: Sequence[str] | None = None,
) -> Scores:
    """Score answers and their confidences, as `score_predictions` scores classes.

    Args:
        answers: The answers.
        label_ids: Array of true class numbers, shape `(texts,)`.
        class_names: Names of all classes.
        chosen_on: Answers to other texts, from which the thresholds of confidence are taken.
        texts: The texts, for the scores by kind of text.
    """
    leaves = answers.leaves
    novel = int(leaves.is_novel(chosen_on.novel_from(MAX_FALSE_ALARMS)).sum())
    return score_predictions(
        label_ids,
        leaves.predicted,
        class_names,
        intervals={
            "calibration_error": calibration_interval(leaves),
            "novel": share_interval(novel, len(label_ids)),
        },
        novel=novel / max(len(label_ids), 1),
        calibration_error=leaves.calibration_error(),
        coverage={
            str(precision): _coverage(leaves, chosen_on, Promise(precision))
            for precision in PRECISIONS
        },
        slices=None if texts is None else score_slices(texts, leaves.correct),
        top_k_accuracy=answers.top_k_accuracy(),
    )


def _coverage(answers: Acceptance, chosen_on: Acceptance, promise: Promise) -> dict[str, Any]:
    """Return what a threshold promised, and what it reached."""
    threshold = chosen_on.threshold(promise)
    novel_from = chosen_on.novel_from(promise.max_false_alarms)
    right = answers.correct[answers.accepted(threshold, novel_from)]
    known = chosen_on.known(novel_from)
    return {
        "threshold": None if threshold == np.inf else threshold,
        "promised": known.lower_bound(threshold, promise.confidence_level),
        **accepted_shares(right, len(answers.confidence)),
    }


def accepted_shares(right: NDArray[np.bool_], rows: int) -> dict[str, Any]:
    """Return how many of some texts are accepted, and how precisely, with intervals.

    Args:
        right: Boolean array, whether each accepted answer is right.
        rows: Integer. Number of all texts.

    Example:
        >>> found = accepted_shares(np.array([True, True, False]), 4)
        >>> found["coverage"], round(found["precision"], 3)
        (0.75, 0.667)
    """
    texts, hits = len(right), int(right.sum())
    return {
        "coverage": texts / max(rows, 1),
        "coverage_interval": share_interval(texts, rows),
        "precision": hits / texts if texts else None,
        "precision_interval": share_interval(hits, texts) if texts else None,
    }


def score_slices(texts: Sequence[str], correct: NDArray[np.bool_]) -> dict[str, Figures]:
    """Count the `rows` of each kind of text, by `length` and by `script`, and their `accuracy`.

    Example:
        >>> score_slices(["red shoes"], np.array([True]))["length"]
        {'under 10 words': {'rows': 1, 'accuracy': 1.0}}
    """
    import pandas as pd

    texts = [split_fields(text)[1] for text in texts]
    words = [len(text.split()) for text in texts]
    letters = ["Latin" if _is_latin(text) else "other" for text in texts]
    kinds = {
        "length": pd.cut(words, _WORDS, right=False, labels=_LENGTHS),
        "script": [f"mostly {each} letters" for each in letters],
    }
    answers = pd.DataFrame({**kinds, "correct": correct})
    slices = {
        by: answers.groupby(by, observed=True).agg(
            rows=("correct", "size"), accuracy=("correct", "mean")
        )
        for by in kinds
    }
    return {by: cast(Figures, found.to_dict("index")) for by, found in slices.items()}


def _is_latin(text: str) -> bool:
    letters = [letter for letter in text[:_SCRIPT_CHARACTERS] if letter.isalpha()]
    latin = sum(unicodedata.name(letter, "").startswith("LATIN") for letter in letters)
    return 2 * latin >= len(letters)
