"""Scores of a model: of a training, of answers by class, of confidences, and of kinds of texts."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

OBJECTIVE = "val_macro_f1"
PRECISIONS = (0.95, 0.98, 0.99)  # that the coverage of every model is given for
BINS = 15  # as in Guo et al., "On calibration of modern neural networks" (ICML 2017, eq. 3)
MAX_POINTS = 200  # of a coverage curve
MAX_TEXTS = 20_000  # saved to read thresholds from
Points = list[dict[str, float]]  # of a curve, each with its values by name
Figures = dict[str, dict[str, float]]  # of each class or kind of text, by name
_WORDS = (0, 10, 50, 200, np.inf)  # where one kind of length ends and the next begins
_LENGTHS = ("under 10 words", "10 to 49 words", "50 to 199 words", "200 words and more")
_SCRIPT_CHARACTERS = 300  # the first ones, which tell a text's script


@dataclass
class Outcome:
    """What the training of one configuration gave."""

    best_epoch: int = 0  # epochs trained when validation macro-F1 was best
    epochs: int = 0  # trained in all
    scores: dict[str, float] = field(default_factory=dict)  # of validation after the best epoch
    probabilities: NDArray[np.float32] | None = None  # of the validation texts then
    weights: list[NDArray[np.float32]] = field(default_factory=list)  # of the model then
    curves: list[dict[str, float]] = field(default_factory=list)  # a row an epoch, Keras's names
    state: list[NDArray[Any]] = field(default_factory=list)  # what a later training goes on from


@dataclass(frozen=True)
class Scores:
    """Scores of answers to labelled texts."""

    rows: int
    accuracy: float
    macro_f1: float  # the unweighted mean of the classes' F1
    weighted_f1: float  # their mean, weighted by their texts
    per_class: Figures  # `precision`, `recall`, `f1` and `rows`
    confusion_matrix: NDArray[np.int64]  # a row a true class, a column a predicted one
    absent_classes: list[str] | None = None  # that were left out, where some may be
    calibration_error: float | None = None
    coverage: dict[str, dict[str, float | None]] | None = None  # for each of `PRECISIONS`
    slices: dict[str, Figures] | None = None

    def describe(self) -> dict[str, Any]:
        """Return what `metrics.json` holds; scores that are not known are left out."""
        described = {**asdict(self), "confusion_matrix": self.confusion_matrix.tolist()}
        return {name: value for name, value in described.items() if value is not None}


@dataclass(frozen=True)
class Acceptance:
    """Confidences of answers, and whether they were right: what thresholds are read from.

    Example:
        >>> answers = Acceptance(np.array([0.9, 0.8, 0.6]), np.array([True, True, False]))
        >>> answers.threshold(0.6)
        0.8
    """

    confidence: NDArray[np.float64]  # 0 to 1, shape `(texts,)`
    correct: NDArray[np.bool_]  # of the same shape

    def threshold(self, min_precision: float) -> float | None:
        """Return the lowest confidence from which answers are right often enough.

        One error more than was seen is counted, so that a few right answers prove nothing: a
        precision of 0.99 takes 99 texts at least. Without such a confidence it is `None`.
        """
        confidence, accepted, right = self._levels()
        precise = accepted - right + 1 <= (1 - min_precision) * (accepted + 1) + 1e-9
        return float(confidence[precise][-1]) if precise.any() else None

    def coverage(self, threshold: float | None) -> dict[str, float | None]:
        """Return `threshold`, `coverage` (fraction accepted), `precision` (of it that is right)."""
        accepted = self.confidence >= (np.inf if threshold is None else threshold)
        precision = float(self.correct[accepted].mean()) if accepted.any() else None
        coverage = float(accepted.mean()) if len(accepted) else 0.0
        return {"threshold": threshold, "coverage": coverage, "precision": precision}

    def coverage_curve(self) -> Points:
        """Return at most `MAX_POINTS` points with `threshold`, `coverage` and `precision`."""
        import pandas as pd

        confidence, accepted, right = self._levels()
        curve = pd.DataFrame({"threshold": confidence, "coverage": accepted, "precision": right})
        curve["precision"] /= accepted
        curve["coverage"] /= len(self.confidence)
        points = np.linspace(0, len(curve) - 1, min(len(curve), MAX_POINTS)).round()
        return cast(Points, curve.iloc[points.astype(np.int64)].to_dict("records"))

    def calibration_bins(self) -> Points:
        """Return `texts`, mean `confidence` and `accuracy` of each of `BINS` equal bins in use."""
        import pandas as pd

        bins = np.minimum((self.confidence * BINS).astype(np.int64), BINS - 1)
        answers = pd.DataFrame({"confidence": self.confidence, "accuracy": self.correct * 1.0})
        means = answers.groupby(bins).mean().assign(texts=np.unique(bins, return_counts=True)[1])
        return cast(Points, means.to_dict("records"))

    def calibration_error(self) -> float:
        """Return the mean distance between confidence and accuracy over the bins."""
        distances = (
            abs(each["confidence"] - each["accuracy"]) * each["texts"]
            for each in self.calibration_bins()
        )
        return sum(distances) / max(len(self.confidence), 1)

    def describe(self) -> dict[str, Any]:
        """Return what the exported folder holds: of very many texts, as many as are enough."""
        rows = np.linspace(0, len(self.confidence) - 1, min(len(self.confidence), MAX_TEXTS))
        chosen = np.argsort(-self.confidence, kind="stable")[rows.astype(np.int64)]
        return {
            "confidence": self.confidence[chosen].tolist(),
            "correct": self.correct[chosen].astype(int).tolist(),
        }

    def _levels(self) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
        """Return each confidence, the highest first, how many it accepts and how many are right."""
        order = np.argsort(-self.confidence, kind="stable")
        ranked = self.confidence[order]
        # Equal confidences are accepted together.
        ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)[: len(ranked)])
        return ranked[ends], ends + 1, np.cumsum(self.correct[order].astype(np.int64))[ends]


def read_acceptance(content: Mapping[str, Any]) -> Acceptance:
    """Return what `Acceptance.describe` described."""
    confidence = np.array(content["confidence"], np.float64)
    return Acceptance(confidence, np.array(content["correct"], bool))


def acceptance_of(probabilities: NDArray[np.float32], label_ids: NDArray[np.int64]) -> Acceptance:
    """Return confidence and correctness of answers `(texts, num_classes)` to labelled texts."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    return Acceptance(confidence, probabilities.argmax(axis=1) == label_ids)


def macro_f1(label_ids: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int) -> float:
    """Return the unweighted mean of the classes' F1; a class that never occurs scores 0."""
    # Ensembles ask for thousands of them, and scikit-learn's takes ten times as long.
    hits = np.bincount(label_ids[predicted == label_ids], minlength=num_classes)
    found = np.bincount(label_ids, minlength=num_classes)
    found += np.bincount(predicted, minlength=num_classes)
    return float(np.mean(2 * hits / np.maximum(found, 1)))


def cross_entropy(
    label_ids: NDArray[np.int64], probabilities: NDArray[np.float32], smoothing: float = 0.0
) -> float:
    """Return the mean cross-entropy in nats, with the label smoothing that training used."""
    logs = np.log(np.clip(probabilities, 1e-7, 1.0))
    of_label = logs[np.arange(len(label_ids)), label_ids]
    return float(-np.mean((1 - smoothing) * of_label + smoothing * logs.mean(axis=1)))


def score_predictions(
    label_ids: NDArray[np.int64],
    predicted: NDArray[np.int64],
    class_names: Sequence[str],
    *,
    present_only: bool = False,
    **further: Any,
) -> Scores:
    """Score predicted classes.

    Args:
        label_ids: Array of true class numbers, shape `(texts,)`.
        predicted: Array of class numbers, shape `(texts,)`.
        class_names: Names of all classes.
        present_only: Boolean. Whether to leave out classes that neither occur nor were predicted,
            each of which would count as an F1 of 0. Defaults to `False`.
        **further: Further fields of `Scores`.

    Example:
        >>> scores = score_predictions(np.array([0, 0]), np.array([0, 1]), ["Books", "Toys"])
        >>> scores.accuracy, scores.per_class["Books"]["recall"]
        (0.5, 0.5)
    """
    import pandas as pd
    from sklearn.metrics import precision_recall_fscore_support

    present = list(range(len(class_names)))
    if present_only:
        present = np.union1d(label_ids, predicted).tolist()
        absent = sorted(set(range(len(class_names))).difference(present))
        further["absent_classes"] = [class_names[number] for number in absent]
    precision, recall, f1, rows = precision_recall_fscore_support(
        label_ids, predicted, labels=present, zero_division=0
    )
    per_class = pd.DataFrame(
        {"precision": precision, "recall": recall, "f1": f1, "rows": rows},
        index=[class_names[number] for number in present],
    )
    # Counted here: scikit-learn warns of a matrix of one class.
    count = len(present)
    cells = count * np.searchsorted(present, label_ids) + np.searchsorted(present, predicted)
    return Scores(
        rows=len(label_ids),
        accuracy=float(np.mean(label_ids == predicted)),
        macro_f1=float(f1.mean()),
        weighted_f1=float(f1 @ rows / max(rows.sum(), 1)),
        per_class=cast(Figures, per_class.to_dict("index")),
        confusion_matrix=np.bincount(cells, minlength=count**2).reshape(count, count),
        **further,
    )


def score_answers(
    probabilities: NDArray[np.float32],
    label_ids: NDArray[np.int64],
    class_names: Sequence[str],
    chosen_on: Acceptance,
    *,
    texts: Sequence[str] | None = None,
    present_only: bool = False,
) -> Scores:
    """Score answers and their confidences, as `score_predictions` scores classes.

    Args:
        probabilities: Array of shape `(texts, num_classes)`.
        label_ids: Array of true class numbers, shape `(texts,)`.
        class_names: Names of all classes.
        chosen_on: Answers to other texts, which the thresholds of confidence are taken from.
        texts: The texts, for the scores by kind of text.
        present_only: Boolean. Defaults to `False`.
    """
    answers = acceptance_of(probabilities, label_ids)
    return score_predictions(
        label_ids,
        probabilities.argmax(axis=1),
        class_names,
        present_only=present_only,
        calibration_error=answers.calibration_error(),
        coverage={
            str(precision): answers.coverage(chosen_on.threshold(precision))
            for precision in PRECISIONS
        },
        slices=None if texts is None else score_slices(texts, answers.correct),
    )


def score_slices(texts: Sequence[str], correct: NDArray[np.bool_]) -> dict[str, Figures]:
    """Count the `rows` of each kind of text, by `length` and by `script`, and their `accuracy`.

    Example:
        >>> score_slices(["red shoes"], np.array([True]))["length"]
        {'under 10 words': {'rows': 1, 'accuracy': 1.0}}
    """
    import pandas as pd

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
