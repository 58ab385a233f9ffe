"""A linear classifier of words and pairs of words: TF-IDF and LinearSVC, its settings chosen."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.final.lot import some_of_each
from ecomcat.model.scores import macro_f1
from ecomcat.stopping import raise_if_requested

_COSTS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
# A class is a model of its own, fitted to all texts: where texts times classes are more, all costs
# would take longer than a quick search, and the cost stays at 1.
_MOST_WORK_TUNED = 2_500_000
# Of more training texts as many by lot: the settings are chosen on the first, the model is fitted
# on the second, or counts and liblinear would need some 10 GB and an hour a million texts. Texts
# times classes are bounded, too: a million take some six seconds a fit.
_MOST_TEXTS_TUNED, _MOST_TEXTS, _MOST_WORK = 50_000, 200_000, 20_000_000
_MOST_WEIGHTS = 50_000_000  # classes times features, 8 bytes each
# What scikit-learn takes for a word, and each letter of scripts written without spaces: Thai, Lao,
# Tibetan, Myanmar, Khmer, kana and Han.
WORD_PATTERN = (
    r"(?u)[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
    r"|\b\w\w+\b"
)


@dataclass(frozen=True)
class LinearChoice:
    """What is chosen on validation.

    Args:
        cost: LinearSVC's `C`.
        sublinear_tf: whether a word counts by the logarithm of how often it stands in a text.
    """

    cost: float
    sublinear_tf: bool


class NoWordsError(ValueError):
    """The texts, or their classes, leave a linear model nothing to learn."""


def choose_linear(
    train: tuple[Sequence[str], NDArray[np.int64]],
    validation: tuple[Sequence[str], NDArray[np.int64]],
    classes: int,
) -> tuple[LinearChoice, Any]:
    """Try all settings, or only those of one cost where texts and classes are very many.

    Args:
        train: texts and their class numbers.
        validation: the same of other rows, on which the highest macro-F1 wins; the first of equals.
        classes: number of classes.

    Returns:
        The choice, and its model, fitted on train: a pipeline from texts to class numbers.

    Raises:
        NoWordsError: when there is nothing to learn.
    """
    from sklearn.feature_extraction.text import TfidfTransformer

    train = _some(train, _MOST_TEXTS_TUNED, classes)
    counter = _counter(classes)
    counts = _count_words(counter, *train)
    others = counter.transform(validation[0])
    costs = _COSTS if len(train[0]) * classes <= _MOST_WORK_TUNED else (1.0,)
    best: tuple[float, LinearChoice, Any] | None = None
    for sublinear in (False, True):
        # The words are counted once; only their weights depend on the setting.
        weights = TfidfTransformer(sublinear_tf=sublinear).fit(counts)
        features, unseen = weights.transform(counts), weights.transform(others)
        for cost in costs:
            model = fit_svc(cost, features, train[1])
            score = macro_f1(validation[1], model.predict(unseen), classes)
            if best is None or score > best[0]:
                best = score, LinearChoice(cost, sublinear), _pipeline(counter, weights, model)
    assert best is not None
    return best[1:]


def _some(
    train: tuple[Sequence[str], NDArray[np.int64]], most: int, classes: int
) -> tuple[Sequence[str], NDArray[np.int64]]:
    texts, labels = train
    rows = _lot(labels, most, classes)
    return [texts[row] for row in rows], labels[rows]


def _lot(labels: NDArray[np.int64], most: int, classes: int) -> NDArray[np.int64]:
    return some_of_each(labels, min(most, _MOST_WORK // classes), np.random.default_rng(0))


def texts_fitted(labels: NDArray[np.int64], classes: int) -> int:
    """Return how many texts of some labels `fit_linear` is fitted to.

    Args:
        labels: class numbers, shape `(texts,)`.
        classes: number of classes.
    """
    return len(_lot(labels, _MOST_TEXTS, classes))


def fit_linear(
    texts: Sequence[str], labels: NDArray[np.int64], choice: LinearChoice, classes: int
) -> Any:
    """Fit one model.

    Args:
        texts: the training texts.
        labels: their class numbers, shape `(texts,)`.
        choice: of the settings.
        classes: number of classes.

    Returns:
        A scikit-learn pipeline from texts to class numbers.

    Raises:
        NoWordsError: when there is nothing to learn.
    """
    from sklearn.feature_extraction.text import TfidfTransformer

    texts, labels = _some((texts, labels), _MOST_TEXTS, classes)
    counter = _counter(classes)
    counts = _count_words(counter, texts, labels)
    weights = TfidfTransformer(sublinear_tf=choice.sublinear_tf).fit(counts)
    return _pipeline(counter, weights, fit_svc(choice.cost, weights.transform(counts), labels))


def _pipeline(counter: Any, weights: Any, model: Any) -> Any:
    from sklearn.pipeline import Pipeline

    return Pipeline([("count", counter), ("weigh", weights), ("classify", model)])


def _counter(classes: int) -> Any:
    from sklearn.feature_extraction.text import CountVectorizer

    return CountVectorizer(
        ngram_range=(1, 2),
        token_pattern=WORD_PATTERN,
        max_features=_MOST_WEIGHTS // classes,
        dtype=np.float64,
    )


def _count_words(counter: Any, texts: Sequence[str], labels: NDArray[np.int64]) -> Any:
    """Learn a vocabulary and count its words in the texts that it came from."""
    if len(np.unique(labels)) < 2:
        raise NoWordsError("all training texts are of one class")
    try:
        return counter.fit_transform(texts)
    except ValueError as error:
        # What scikit-learn raises for it has no type of its own.
        raise NoWordsError("no training text has a word of two letters or more") from error


def fit_svc(cost: float, features: Any, labels: NDArray[np.int64]) -> Any:
    """Fit LinearSVC on weighted words, the same each time for the same rows.

    Args:
        cost: its `C`.
        features: a sparse matrix, a row a text.
        labels: class numbers, of two classes at least.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    raise_if_requested()
    # Where texts outnumber words, scikit-learn would take the primal, which is ten times slower. It
    # shuffles: the seed makes it repeat. It mostly ends long before so many iterations, and a model
    # that is not quite at its optimum then predicts as well as one that is.
    model = LinearSVC(C=cost, tol=1e-3, dual=True, random_state=0, max_iter=5000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(features, labels)
