"""The linear baseline: what words and pairs of words reach without a network, on the same split.

TF-IDF and LinearSVC train in seconds and are hard to beat, so a search's figures stand beside
theirs. Its settings are chosen as ours are: on validation, by models fitted on train alone.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.data.splitting import Split
from ecomcat.final.sampling import sample_with_each_class
from ecomcat.model.metrics import Scores, macro_f1, score_predictions
from ecomcat.process import raise_if_requested

logger = logging.getLogger("ecomcat")

_COSTS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
# A class is a model of its own, fitted to all texts: where texts times classes are more, all costs
# would take longer than a quick search, and the cost stays at 1.
_MAX_WORK_TUNED = 2_500_000
# A random sample of so many texts: the settings are chosen on the first, the model is fitted on the
# second, or counts and liblinear would need some 10 GB and an hour a million texts. Texts times
# classes are bounded, too: a million take some six seconds a fit.
_MAX_TEXTS_TUNED, _MAX_TEXTS, _MAX_WORK = 50_000, 200_000, 20_000_000
_MAX_WEIGHTS = 50_000_000  # classes times features, 8 bytes each
# What scikit-learn takes for a word, and each letter of scripts written without spaces: Thai, Lao,
# Tibetan, Myanmar, Khmer, kana and Han.
WORD_PATTERN = (
    r"(?u)[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
    r"|\b\w\w+\b"
)

LabelledTexts = tuple[Sequence[str], NDArray[np.int64]]


class NothingToLearnError(ValueError):
    """The texts, or their classes, leave a linear model nothing to learn."""


@dataclass(frozen=True)
class LinearChoice:
    """Settings of a linear model, which are chosen on validation.

    Args:
        cost: Float. LinearSVC's `C`.
        sublinear_tf: Boolean. Whether a word counts by the logarithm of how often it stands in a
            text.
    """

    cost: float
    sublinear_tf: bool


def linear_candidates(texts: int, num_classes: int) -> list[LinearChoice]:
    """Return the settings to try, those of the same features next to each other."""
    costs = _COSTS if texts * num_classes <= _MAX_WORK_TUNED else (1.0,)
    return [LinearChoice(cost, sublinear) for sublinear in (False, True) for cost in costs]


def choose_linear(
    train: LabelledTexts, validation: LabelledTexts, num_classes: int
) -> tuple[LinearChoice, Any]:
    """Fit each of the `linear_candidates` on train and choose one on validation.

    Args:
        train: Texts and their class numbers.
        validation: The same of other rows. The highest macro-F1 wins, the first of equals.
        num_classes: Integer. Number of classes.

    Returns:
        The choice, and its model: a scikit-learn pipeline from texts to class numbers.

    Raises:
        NothingToLearnError: When there is nothing to learn.
    """
    from sklearn.feature_extraction.text import TfidfTransformer

    train = _sample(train, _MAX_TEXTS_TUNED, num_classes)
    counter = _counter(num_classes)
    counts = _count_words(counter, train)
    others = counter.transform(validation[0])
    best: tuple[float, LinearChoice, Any] | None = None
    candidates = linear_candidates(len(train[0]), num_classes)
    for sublinear, choices in groupby(candidates, lambda choice: choice.sublinear_tf):
        # The words are counted once; only their weights depend on the setting.
        weights = TfidfTransformer(sublinear_tf=sublinear).fit(counts)
        features, unseen = weights.transform(counts), weights.transform(others)
        for choice in choices:
            model = fit_svc(choice.cost, features, train[1])
            score = macro_f1(validation[1], model.predict(unseen), num_classes)
            if best is None or score > best[0]:
                best = score, choice, _pipeline(counter, weights, model)
    assert best is not None
    return best[1:]


def fit_linear(rows: LabelledTexts, choice: LinearChoice, num_classes: int) -> Any:
    """Fit one model and return it as `choose_linear` does.

    Args:
        rows: Texts and their class numbers.
        choice: The settings.
        num_classes: Integer. Number of classes.

    Raises:
        NothingToLearnError: When there is nothing to learn.
    """
    from sklearn.feature_extraction.text import TfidfTransformer

    texts, label_ids = _sample(rows, _MAX_TEXTS, num_classes)
    counter = _counter(num_classes)
    counts = _count_words(counter, (texts, label_ids))
    weights = TfidfTransformer(sublinear_tf=choice.sublinear_tf).fit(counts)
    return _pipeline(counter, weights, fit_svc(choice.cost, weights.transform(counts), label_ids))


def rows_to_fit(
    label_ids: NDArray[np.int64],
    num_classes: int,
    random: np.random.Generator,
    max_texts: int = _MAX_TEXTS,
) -> NDArray[np.int64]:
    """Return the numbers of the rows that a linear model can be fitted to in minutes.

    Args:
        label_ids: Array of class numbers, shape `(texts,)`.
        num_classes: Integer. Number of classes.
        random: Generator, for the sample.
        max_texts: Integer. How many texts to return, at most. Defaults to 200,000.
    """
    max_rows = max(1, min(max_texts, _MAX_WORK // num_classes))
    return sample_with_each_class(label_ids, max_rows, random)


def fit_svc(cost: float, features: Any, label_ids: NDArray[np.int64]) -> Any:
    """Fit LinearSVC on weighted words, the same each time for the same rows.

    Args:
        cost: Float. Its `C`.
        features: Sparse matrix with a row a text.
        label_ids: Array of class numbers, of two classes at least.
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
        return model.fit(features, label_ids)


def _sample(rows: LabelledTexts, max_texts: int, num_classes: int) -> LabelledTexts:
    texts, label_ids = rows
    chosen = rows_to_fit(label_ids, num_classes, np.random.default_rng(0), max_texts)
    return [texts[row] for row in chosen], label_ids[chosen]


def _pipeline(counter: Any, weights: Any, model: Any) -> Any:
    from sklearn.pipeline import Pipeline

    return Pipeline([("count", counter), ("weigh", weights), ("classify", model)])


def _counter(num_classes: int) -> Any:
    from sklearn.feature_extraction.text import CountVectorizer

    return CountVectorizer(
        ngram_range=(1, 2),
        token_pattern=WORD_PATTERN,
        max_features=_MAX_WEIGHTS // num_classes,
        dtype=np.float64,
    )


def _count_words(counter: Any, rows: LabelledTexts) -> Any:
    """Learn a vocabulary and count its words in the texts that it came from."""
    if len(np.unique(rows[1])) < 2:
        raise NothingToLearnError("all training texts are of one class")
    try:
        return counter.fit_transform(rows[0])
    except ValueError as error:
        # What scikit-learn raises for it has no type of its own.
        raise NothingToLearnError("no training text has a word of two letters or more") from error


@dataclass(frozen=True)
class LinearBaseline:
    """What the linear baseline reached.

    Args:
        choice: The better settings on validation.
        validation: Scores of the model fitted on train alone.
        test: Scores of the model fitted on train and validation.
        correct: Array of shape `(test texts,)`, whether each answer to a test text was right.
        left_out: Float. Fraction of train and validation left out by a random sample, since all of
            it would take too long to fit.
    """

    choice: LinearChoice
    validation: Scores
    test: Scores
    correct: NDArray[np.bool_]
    left_out: float = 0.0

    def describe(self, ours: NDArray[np.bool_]) -> dict[str, Any]:
        """Return what `metrics.json` holds.

        Args:
            ours: Array of shape `(test texts,)`, whether our own answers were right.
        """
        names = ("rows", "accuracy", "macro_f1", "weighted_f1")
        return {
            "name": "TF-IDF (words and pairs of words) + LinearSVC",
            "C": self.choice.cost,
            "sublinear_tf": self.choice.sublinear_tf,
            "left_out": round(self.left_out, 4),
            "validation": {name: getattr(self.validation, name) for name in names},
            "test": {name: getattr(self.test, name) for name in names},
            "comparison": compare_answers(ours, self.correct),
        }


def compare_answers(ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> dict[str, Any]:
    """Test by McNemar's exact test whether two models differ, on the same texts.

    Q. McNemar, "Note on the sampling error of the difference between correlated proportions or
    percentages" (Psychometrika 12, 1947).

    Args:
        ours: Array of shape `(texts,)`, whether each of our answers was right.
        theirs: The same of the other model.

    >>> compare_answers(np.array([True] * 6), np.array([False] * 6))
    {'only_ours_right': 6, 'only_baseline_right': 0, 'p_value': 0.03125}
    """
    from scipy.stats import binomtest

    gained, lost = int(np.sum(ours & ~theirs)), int(np.sum(theirs & ~ours))
    p_value = float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    return {"only_ours_right": gained, "only_baseline_right": lost, "p_value": p_value}


def linear_baseline(
    texts: Sequence[str], label_ids: NDArray[np.int64], split: Split, class_names: Sequence[str]
) -> LinearBaseline | None:
    """Choose on validation, fit again on train and validation, score test once.

    Args:
        texts: All texts.
        label_ids: Array of class numbers, shape `(texts,)`.
        split: Which of them are train, validation and test.
        class_names: Names of the classes.

    Returns:
        What it reached, the same each time for the same arguments. `None`, with a line in the log,
        where the texts leave it nothing to learn or memory runs out.
    """
    try:
        return _fitted(texts, label_ids, split, class_names)
    except NothingToLearnError as error:
        logger.info("Linear baseline: none, since %s.", error)
    except MemoryError:
        # The network is trained by now: it is not to be lost for a comparison.
        logger.info("Linear baseline: none, since there was not enough memory for it.")
    return None


def _fitted(
    texts: Sequence[str], label_ids: NDArray[np.int64], split: Split, class_names: Sequence[str]
) -> LinearBaseline:
    def rows_of(rows: NDArray[np.int64]) -> LabelledTexts:
        return [texts[row] for row in rows], label_ids[rows]

    def score(model: Any, rows: LabelledTexts) -> tuple[Scores, NDArray[np.bool_]]:
        predicted = model.predict(rows[0])
        return score_predictions(rows[1], predicted, class_names), predicted == rows[1]

    num_classes, validation = len(class_names), rows_of(split.validation)
    choice, model = choose_linear(rows_of(split.train), validation, num_classes)
    validated, _ = score(model, validation)
    both = np.sort(np.concatenate([split.train, split.validation]))
    tested, correct = score(fit_linear(rows_of(both), choice, num_classes), rows_of(split.test))
    fitted = rows_to_fit(label_ids[both], num_classes, np.random.default_rng(0))
    return LinearBaseline(choice, validated, tested, correct, 1 - len(fitted) / len(both))
