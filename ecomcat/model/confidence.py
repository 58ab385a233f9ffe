"""Confidences: from which one an answer is accepted, and one temperature that calibrates them.

Answers are accepted from the lowest confidence at which validation promises the precision that
is asked: if the precision were just below it, so few errors would be found in less than one case
of ten. This is the test behind the one-sided bound of Clopper and Pearson, "The use of confidence
or fiducial limits illustrated in the case of the binomial" (Biometrika 26, 1934). The share of
right answers on validation alone promises nothing: in about half of all cases the true precision
is below it.

A text is called novel where its answer is less certain, by its entropy and the share of its words
that are unknown, than those to nearly all validation texts: an outlier by the conformal test of
Bates et al., "Testing for outliers with conformal p-values" (Annals of Statistics 51, 2023,
section 2), so that the share of texts like those of training that are called novel is bounded
whatever their distribution.

The temperature is that of Guo et al., "On calibration of modern neural networks" (ICML 2017,
section 4.2), fitted on texts that the model was not trained on: the logarithms of the
probabilities are divided by it before they are normalised again. The predicted class stays the
same; only its confidence changes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ecomcat.config import CONFIDENCE_LEVEL, MAX_FALSE_ALARMS

BINS = 15  # as in Guo et al., eq. 3
MAX_POINTS = 200  # of a coverage curve
MAX_TEXTS = 20_000  # saved to read thresholds from
MIN_PROBABILITY = 1e-7
MIN_UNCERTAINTY = 0.3251  # nats: of an answer that is 0.9 sure to a text of known words
_DIGITS = 4  # of a confidence, wherever it is shown
_NEGLIGIBLE = 1e-12  # of a sum
_ROWS = 8192  # at a time
_MAX_LOGITS = 10_000_000  # that a temperature is fitted to, 8 bytes each, three times
_CHUNK = 4096  # texts at a time, which bounds the memory of what is computed on the way
_TEMPERATURES = (0.1, 10.0)  # the bounds of the search
Points = list[dict[str, float]]  # of a curve, each with its values by name


@dataclass(frozen=True)
class Promise:
    """What is asked of the answers that are accepted.

    Args:
        min_precision: Float, above 0 to 1. Share of them that must be right.
        confidence_level: Float, 0.5 to below 1. In what share of cases the promise is kept.
            Defaults to 0.9.
        by_category: Boolean. Whether it holds within each category, each with its own threshold,
            and not only for all answers together. Defaults to False.
        max_false_alarms: Float, 0 to below 1. Share of texts like those of training that may be
            called novel, whose answers are not accepted. Defaults to 0.05.
    """

    min_precision: float
    confidence_level: float = CONFIDENCE_LEVEL
    by_category: bool = False
    max_false_alarms: float = MAX_FALSE_ALARMS

    @property
    def min_texts(self) -> float:
        """How many answers are needed if all of them are right."""
        if self.min_precision == 1:
            return math.inf
        return math.ceil(math.log(1 - self.confidence_level) / math.log(self.min_precision))

    @property
    def requirement(self) -> str:
        """The same as a sentence."""
        if self.min_texts == math.inf:
            return "No number of texts can promise that all are right"
        return f"It takes at least {self.min_texts} answers, if all of them are right"


@dataclass(frozen=True)
class Acceptance:
    """Confidences of answers, and whether they were right, from which thresholds are found.

    Example:
        >>> right = np.arange(41) < 40
        >>> answers = Acceptance(np.linspace(1.0, 0.6, 41), right, np.zeros(41, np.int64))
        >>> answers.threshold(Promise(0.9))
        0.6
    """

    confidence: NDArray[np.float64]  # 0 to 1, `rounded`, shape `(texts,)`
    correct: NDArray[np.bool_]  # of the same shape
    predicted: NDArray[np.int64]  # class numbers, of the same shape
    # Of the same shape, or empty: then no text is novel.
    uncertainty: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def novel_from(self, max_false_alarms: float) -> float:
        """Return the uncertainty above which a text is novel; infinite for too few texts."""
        texts = len(self.uncertainty)
        rank = math.ceil((texts + 1) * (1 - max_false_alarms))
        if rank > texts:
            return math.inf
        return max(float(np.partition(self.uncertainty, rank - 1)[rank - 1]), MIN_UNCERTAINTY)

    def is_novel(self, novel_from: float) -> NDArray[np.bool_]:
        """Return which texts are more uncertain than a bound."""
        if not len(self.uncertainty):
            return np.zeros(len(self.confidence), bool)
        return self.uncertainty > novel_from

    def known(self, novel_from: float) -> Acceptance:
        """Return the answers to the texts that are not novel."""
        return self.of(~self.is_novel(novel_from))

    def threshold(self, promise: Promise) -> float:
        """Return the lowest confidence from which a promise holds for all answers together.

        Without such a confidence it is infinite, for example where there are too few texts.
        """
        answers = self.known(self.novel_from(promise.max_false_alarms))
        confidence, accepted, right = answers._levels()
        kept = _promised(right, accepted, promise)
        return float(confidence[kept][-1]) if kept.any() else math.inf

    def thresholds(self, promise: Promise, num_classes: int) -> NDArray[np.float64]:
        """Return the lowest confidence that is accepted of each class, infinite for none.

        All classes with too few answers to promise anything share one threshold.
        """
        if not promise.by_category:
            return np.full(num_classes, self.threshold(promise))
        answers = self.known(self.novel_from(promise.max_false_alarms))
        answers = replace(answers, uncertainty=np.zeros(0))
        is_rare = np.bincount(answers.predicted, minlength=num_classes) < promise.min_texts
        found = np.empty(num_classes)
        found[is_rare] = answers.of(is_rare[answers.predicted]).threshold(promise)
        for number in np.flatnonzero(~is_rare):
            found[number] = answers.of(answers.predicted == number).threshold(promise)
        return found

    def of(self, chosen: NDArray[Any]) -> Acceptance:
        """Return some of the answers, by their numbers or a mask."""
        uncertainty = self.uncertainty[chosen] if len(self.uncertainty) else self.uncertainty
        parts = self.confidence[chosen], self.correct[chosen], self.predicted[chosen]
        return Acceptance(*parts, uncertainty)

    def lower_bound(self, threshold: float, confidence_level: float) -> float | None:
        """Return the precision that a threshold promises, by Clopper and Pearson."""
        from scipy.stats import binomtest

        accepted = self.correct[self.confidence >= threshold]
        if not len(accepted):
            return None
        test = binomtest(int(accepted.sum()), len(accepted), alternative="greater")
        return float(test.proportion_ci(confidence_level, method="exact").low)

    def accepted(self, threshold: float, novel_from: float = math.inf) -> NDArray[np.bool_]:
        """Return which answers a threshold accepts; answers to novel texts are not accepted."""
        return (self.confidence >= threshold) & ~self.is_novel(novel_from)

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
        """Return what the exported folder stores: a sample where there are very many texts."""
        kept = self.of(threshold_texts(self.confidence))
        return {
            "confidence": kept.confidence.tolist(),
            "correct": kept.correct.astype(int).tolist(),
            "predicted": kept.predicted.tolist(),
            "uncertainty": kept.uncertainty.tolist(),
        }

    def _levels(self) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
        """Return each confidence, the highest first, how many it accepts and how many are right."""
        order = np.argsort(-self.confidence, kind="stable")
        ranked = self.confidence[order]
        # Equal confidences are accepted together.
        ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)[: len(ranked)])
        return ranked[ends], ends + 1, np.cumsum(self.correct[order].astype(np.int64))[ends]


def rounded(confidence: NDArray[Any]) -> NDArray[np.float64]:
    """Return confidences as they are shown: thresholds are found and compared among these."""
    return confidence.astype(np.float64).round(_DIGITS)


def threshold_texts(confidence: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the numbers of the texts that are saved for thresholds, the most confident first."""
    rows = np.linspace(0, len(confidence) - 1, min(len(confidence), MAX_TEXTS))
    return np.argsort(-confidence, kind="stable")[rows.astype(np.int64)]


def read_acceptance(content: Mapping[str, Any]) -> Acceptance:
    """Return what `Acceptance.describe` described."""
    kinds = {"confidence": float, "correct": bool, "predicted": np.int64, "uncertainty": float}
    return Acceptance(*(np.array(content[name], kind) for name, kind in kinds.items()))


def acceptance_of(
    probabilities: NDArray[np.float32],
    label_ids: NDArray[np.int64],
    unknown_shares: NDArray[np.float64] | None = None,
) -> Acceptance:
    """Return confidence and correctness of answers `(texts, num_classes)` to labelled texts."""
    confidence, predicted = rounded(probabilities.max(axis=1)), probabilities.argmax(axis=1)
    correct = predicted == label_ids
    return Acceptance(confidence, correct, predicted, uncertainty(probabilities, unknown_shares))


def joined(parts: Sequence[Acceptance]) -> Acceptance:
    """Return the answers of several parts as one."""
    names = (each.name for each in fields(Acceptance))
    return Acceptance(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def uncertainty(
    probabilities: NDArray[np.float32], unknown_shares: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return how uncertain each answer is, in nats: its entropy, and more for unknown words.

    A text of unknown words alone, as in another language, counts as if all categories were equally
    likely besides, however sure the answer is (measured in benchmarks/README.md, "Novel texts").

    Args:
        probabilities: Array of shape `(texts, num_classes)`.
        unknown_shares: Array of shape `(texts,)`. The share of the words of each text that the
            vocabulary lacks. Defaults to None: all are known.

    >>> sure = np.array([[0.5, 0.5], [1.0, 0.0]], np.float32)
    >>> uncertainty(sure).round(4).tolist()
    [0.6931, 0.0]
    >>> uncertainty(sure, np.array([0.5, 1.0])).round(4).tolist()
    [0.8664, 0.6931]
    """
    found = np.empty(len(probabilities))
    for first in range(0, len(found), _ROWS):  # a second array of all would be as large
        rows = slice(first, first + _ROWS)
        shares = np.maximum(probabilities[rows], MIN_PROBABILITY)
        found[rows] = -np.einsum("ij,ij->i", probabilities[rows], np.log(shares), dtype=np.float64)
    found = np.maximum(found, 0.0)
    if unknown_shares is not None:
        found += math.log(probabilities.shape[1]) * unknown_shares**2
    return found


def _promised(
    right: NDArray[np.int64], texts: NDArray[np.int64], promise: Promise
) -> NDArray[np.bool_]:
    """Return where a precision is promised by so many right answers of so many texts."""
    rate = 1 - promise.min_precision  # of errors, at the most
    if not rate or not len(texts):
        return np.zeros(len(texts), bool)
    errors = texts - right
    # From the mean on, so few errors or fewer have a chance of at least a half.
    kept = errors < rate * texts
    kept[kept] = _chance(errors[kept], texts[kept], rate) <= 1 - promise.confidence_level
    return kept


def _chance(
    errors: NDArray[np.int64], texts: NDArray[np.int64], rate: float
) -> NDArray[np.float64]:
    """Return the binomial chance of so many errors or fewer, for less than their mean."""
    # SciPy has it, but is not installed where models are served.
    logs = np.cumsum(np.log(np.maximum(np.arange(texts.max(initial=0) + 1), 1)))  # of factorials
    right = texts - errors
    term: NDArray[np.float64] = np.exp(
        logs[texts] - logs[errors] - logs[right] + errors * np.log(rate) + right * np.log1p(-rate)
    )
    total, fewer = term.copy(), 0
    while (term > _NEGLIGIBLE * total).any():
        term = term * (errors - fewer) / (right + fewer + 1) * (1 - rate) / rate
        total, fewer = total + term, fewer + 1
    return total


def fit_temperature(probabilities: NDArray[np.float32], label_ids: NDArray[np.int64]) -> float:
    """Return the temperature of the least cross-entropy.

    A little of each target is spread over all classes, as in Platt's "Probabilistic outputs for
    support vector machines" (1999, section 2.2), so that a few texts that are all right do not
    make a model certain. Where texts are very many, an evenly spread part is enough.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    max_texts = max(1, min(MAX_TEXTS, _MAX_LOGITS // probabilities.shape[1]))
    step = -(-len(label_ids) // max_texts)
    label_ids = label_ids[::step]
    smoothing = 1 / (len(label_ids) + 2)
    logits = logits_of(probabilities[::step]).astype(np.float64)
    rows = np.arange(len(label_ids))

    def loss(log_temperature: float) -> float:
        # Logarithms throughout: clipping the probabilities would make certainty cost nothing.
        logs = log_softmax(logits / np.exp(log_temperature), axis=1)
        of_label, of_all = logs[rows, label_ids].mean(), logs.mean()
        return -float((1 - smoothing) * of_label + smoothing * of_all)

    low, high = np.log(_TEMPERATURES)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-3})
    return float(np.exp(found.x))


def with_temperature(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Return probabilities `(texts, num_classes)` at a temperature.

    >>> with_temperature(np.array([[0.8, 0.2]], np.float32), 2.0).round(3).tolist()
    [[0.6669999957084656, 0.3330000042915344]]
    """
    from scipy.special import softmax

    found = np.empty(probabilities.shape, np.float32)
    for first in range(0, len(found), _CHUNK):
        rows = slice(first, first + _CHUNK)
        found[rows] = softmax(logits_of(probabilities[rows]) / temperature, axis=1)
    return found


def logits_of(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the logarithms of probabilities, none of them infinite."""
    return np.log(np.maximum(probabilities, MIN_PROBABILITY))
