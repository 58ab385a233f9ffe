"""Baselines that count words: the majority, naive Bayes and two linear models.

Each takes single words and pairs of words. What is chosen is chosen on validation macro-F1.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality_rows import Method, Model, Rows, Task
from ecomcat.errors import UserError
from ecomcat.final.baseline import LinearChoice, NoWordsError, choose_linear, fit_linear
from ecomcat.model.metrics import macro_f1


@dataclass(frozen=True)
class Pickled:
    """A scikit-learn pipeline from texts to class numbers, deployed as a pickle."""

    pipeline: Any

    def predict(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return class numbers."""
        return np.asarray(self.pipeline.predict(texts))

    def size(self) -> int:
        """Return the pickle's bytes."""
        return len(pickle.dumps(self.pipeline))


def choose_best(
    method: Method, choices: Iterable[Mapping[str, Any]], train: Rows, validation: Rows, task: Task
) -> tuple[Mapping[str, Any], Model]:
    """Fit every choice on train and keep the best on validation; of equals the first.

    A choice whose training fails in itself (a loss that is not a number) is passed over.

    Raises:
        UserError: when none could be fitted.
    """
    best: tuple[float, Mapping[str, Any], Model] | None = None
    for choice in choices:
        try:
            model = method.fit(train, choice, task)
        except RuntimeError:
            continue
        score = macro_f1(validation.labels, model.predict(validation.texts), task.classes)
        if best is None or score > best[0]:
            best = score, choice, model
    if best is None:
        raise UserError("Expected a choice that can be trained, found none: leave the method out.")
    return best[1:]


class Majority:
    """The most frequent class, whatever the text."""

    def choose(self, train: Rows, validation: Rows, task: Task) -> tuple[Mapping[str, Any], Model]:
        """Choose nothing."""
        return {}, self.fit(train, {}, task)

    def fit(self, rows: Rows, choice: Mapping[str, Any], task: Task) -> Model:
        """Count the classes."""
        from sklearn.dummy import DummyClassifier

        return Pickled(DummyClassifier(strategy="most_frequent").fit(rows.texts, rows.labels))


class LinearSvc:
    """The linear baseline that the search command prints beside its own figures."""

    def choose(self, train: Rows, validation: Rows, task: Task) -> tuple[Mapping[str, Any], Model]:
        """Choose the cost and the weight of repeated words."""
        try:
            choice, pipeline = choose_linear(train, validation, task.classes)
        except NoWordsError as error:
            raise UserError(f"Expected texts to learn from; found that {error}.") from error
        return asdict(choice), Pickled(pipeline)

    def fit(self, rows: Rows, choice: Mapping[str, Any], task: Task) -> Model:
        """Fit one choice."""
        return Pickled(fit_linear(rows.texts, rows.labels, LinearChoice(**choice), task.classes))


class NaiveBayes:
    """Complement naive Bayes, on counts or on TF-IDF."""

    def choose(self, train: Rows, validation: Rows, task: Task) -> tuple[Mapping[str, Any], Model]:
        """Choose the words' weights and the smoothing."""
        choices = [
            {"weights": weights, "alpha": alpha}
            for weights in ("counts", "tfidf")
            for alpha in (0.01, 0.03, 0.1, 0.3, 1.0)
        ]
        return choose_best(self, choices, train, validation, task)

    def fit(self, rows: Rows, choice: Mapping[str, Any], task: Task) -> Model:
        """Fit one choice."""
        from sklearn.naive_bayes import ComplementNB

        classifier = ComplementNB(alpha=choice["alpha"])
        return _fit_pipeline(rows, classifier, tfidf=choice["weights"] == "tfidf")


class LogisticRegression:
    """Logistic regression on TF-IDF."""

    def choose(self, train: Rows, validation: Rows, task: Task) -> tuple[Mapping[str, Any], Model]:
        """Choose the cost."""
        choices = [{"cost": cost} for cost in (1.0, 4.0, 16.0, 64.0, 256.0)]
        return choose_best(self, choices, train, validation, task)

    def fit(self, rows: Rows, choice: Mapping[str, Any], task: Task) -> Model:
        """Fit one choice."""
        from sklearn import linear_model

        # Of the solvers the fastest by far where there are many more words than texts.
        classifier = linear_model.LogisticRegression(
            C=choice["cost"], solver="newton-cg", max_iter=1000
        )
        return _fit_pipeline(rows, classifier, tfidf=True)


def _fit_pipeline(rows: Rows, classifier: Any, *, tfidf: bool) -> Pickled:
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.pipeline import make_pipeline

    words = (TfidfVectorizer if tfidf else CountVectorizer)(ngram_range=(1, 2))
    try:
        return Pickled(make_pipeline(words, classifier).fit(rows.texts, rows.labels))
    except ValueError as error:
        raise UserError(
            f"Expected texts with words to learn from, found: {error}. Leave the method out."
        ) from error
