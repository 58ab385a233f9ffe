"""The linear baseline: what words and pairs of words reach without a network, on the same split.

TF-IDF and LinearSVC train in seconds and are hard to beat, so a search's figures stand beside
theirs. Its settings are chosen as ours are: on validation, by models fitted on train alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.data.splitting import Split
from ecomcat.model.metrics import macro_f1, score_predictions
from ecomcat.process import raise_if_requested

_MOST_SAMPLED_TEXTS, _MOST_NUMBERS = 20_000, 2_000_000


def most_texts(classes: int) -> int:
    """Return how many validation texts a choice among trials looks at, at most.

    Fifty trials' probabilities of them are then 400 MB, whatever the number of categories.

    Args:
        classes: number of categories.
    """
    return max(1, min(_MOST_SAMPLED_TEXTS, _MOST_NUMBERS // classes))


def some_rows(rows: int, most: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Return row numbers in ascending order: all, or as many as are allowed, by lot.

    Args:
        rows: how many there are.
        most: how many are allowed.
        random: source of chance, left alone where all are allowed.
    """
    if rows <= most:
        return np.arange(rows)
    return np.sort(random.choice(rows, most, replace=False))


def some_of_each(
    labels: NDArray[np.int64], most: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Return row numbers as `some_rows` does, and the first of each class, however rare.

    Args:
        labels: class numbers, shape `(rows,)`.
        most: how many are allowed, but for the first of each class.
        random: source of chance, left alone where all are allowed.
    """
    rows = some_rows(len(labels), most, random)
    return np.union1d(rows, np.unique(labels, return_index=True)[1])


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


_NAME = "Linear baseline (TF-IDF + LinearSVC, same split)"


@dataclass(frozen=True)
class LinearBaseline:
    """What the linear baseline reached.

    Args:
        choice: the better settings on validation.
        validation: scores of the model fitted on train alone (of over 50,000 texts on as many of
            them), as `score_predictions` gives them.
        test: scores of the model fitted on train and validation.
        left_out: share of these texts, by lot, that were too many to be fitted to in minutes.
    """

    choice: LinearChoice
    validation: dict[str, Any]
    test: dict[str, Any]
    left_out: float = 0.0


@dataclass(frozen=True)
class NoBaseline:
    """There is no linear baseline for these texts, and why."""

    reason: str


def linear_baseline(
    texts: Sequence[str], labels: NDArray[np.int64], split: Split, classes: Sequence[str]
) -> LinearBaseline | NoBaseline:
    """Choose on validation, fit again on train and validation, score test once.

    Args:
        texts: all texts.
        labels: their class numbers, shape `(texts,)`.
        split: which of them are train, validation and test.
        classes: names of the classes.

    Returns:
        What it reached, the same each time for the same arguments; or why there is none.
    """
    try:
        return _fitted(texts, labels, split, classes)
    except NoWordsError as error:
        return NoBaseline(str(error))
    except MemoryError:
        # The network is trained by now: it is not to be lost for a comparison.
        return NoBaseline("there was not enough memory for it")


def _fitted(
    texts: Sequence[str], labels: NDArray[np.int64], split: Split, classes: Sequence[str]
) -> LinearBaseline:
    def texts_of(rows: NDArray[np.int64]) -> list[str]:
        return [texts[row] for row in rows]

    train, validation, test = split.train, split.validation, split.test
    choice, model = choose_linear(
        (texts_of(train), labels[train]), (texts_of(validation), labels[validation]), len(classes)
    )
    validated = model.predict(texts_of(validation))
    both = np.sort(np.concatenate([train, validation]))
    model = fit_linear(texts_of(both), labels[both], choice, len(classes))
    return LinearBaseline(
        choice,
        score_predictions(labels[validation], validated, classes).describe(),
        score_predictions(labels[test], model.predict(texts_of(test)), classes).describe(),
        left_out=1 - texts_fitted(labels[both], len(classes)) / len(both),
    )


def sentence(baseline: LinearBaseline | NoBaseline, ours: Mapping[str, Any]) -> str:
    """Say in a line how our figures stand to the baseline's.

    Args:
        baseline: of the same split.
        ours: test scores with `accuracy` and `macro_f1`.
    """
    if isinstance(baseline, NoBaseline):
        return f"{_NAME}: none, since {baseline.reason}."
    test = baseline.test
    fitted = ""
    if baseline.left_out:
        share = 1 - baseline.left_out
        fitted = f" It was fitted to {share:.1%} of its texts, by lot: more would take too long."
    return (
        f"{_NAME}: test accuracy {test['accuracy']:.4f}, macro-F1 {test['macro_f1']:.4f}; ours "
        f"{ours['accuracy']:.4f}, {ours['macro_f1']:.4f}: {_verdict(test, ours)}{fitted}"
    )


def _verdict(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    their_errors, our_errors = 1 - theirs["accuracy"], 1 - ours["accuracy"]
    if np.isclose(our_errors, their_errors, rtol=0, atol=1e-9):
        return (
            "ours is no better, with as many errors: on this data the linear baseline is the "
            "better choice, since it is simpler."
        )
    if our_errors > their_errors:
        factor = f": ours has {our_errors / their_errors:.2f} of its errors" if their_errors else ""
        return f"the linear baseline is better on this data{factor}."
    lower = ", but the lower macro-F1" if ours["macro_f1"] < theirs["macro_f1"] else ""
    return f"ours has {our_errors / their_errors:.2f} of its errors{lower}."
