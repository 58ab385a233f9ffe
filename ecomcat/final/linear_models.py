"""Linear models of sparse features: the texts that they are fitted to, and their predictions."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.data.splitting import sample_rows
from ecomcat.process import raise_if_requested

MAX_HYPERPLANES = 250  # classes, where LinearSVC is fitted to a part of the texts if need be
# Of LinearSVC: counts and liblinear would need some 10 GB and an hour per million texts; it takes
# some six seconds per million of texts times classes.
_MAX_TEXTS, _MAX_WORK = 200_000, 20_000_000
MAX_WEIGHTS = 100_000_000  # of LinearSVC: classes times features, 8 bytes each
NO_WORD = 1e-9  # squared length of a text without words, since nothing can be divided by 0
SMOOTHING = 0.3  # of naive Bayes, where none is tried
_MAX_SCORES = 10_000_000  # texts times classes at a time, 8 bytes each


def can_fit_svc(texts: int, features: int, num_classes: int) -> bool:
    """Tell whether LinearSVC is worth a fit: of very many classes only where it learns all texts.

    Of a part of the texts it learns less than naive Bayes does of all.
    """
    few_weights = features * num_classes <= MAX_WEIGHTS
    return num_classes <= MAX_HYPERPLANES or (texts * num_classes <= _MAX_WORK and few_weights)


def rows_to_fit(
    label_ids: NDArray[np.int64],
    num_classes: int,
    random: np.random.Generator,
    max_texts: int,
) -> NDArray[np.int64]:
    """Return the numbers of the rows that a linear model can be fitted to in minutes.

    If there are more than `max_texts`, it is a random sample and the first row of each class.
    """
    max_rows = max(1, max_texts)
    if num_classes <= MAX_HYPERPLANES:
        max_rows = max(1, min(max_texts, _MAX_TEXTS, _MAX_WORK // num_classes))
    rows = sample_rows(len(label_ids), max_rows, random)
    return np.union1d(rows, np.unique(label_ids, return_index=True)[1])


def of_length_one(counts: Any, weights: NDArray[np.float32]) -> Any:
    """Return counts times the weights of features, with rows of length 1.

    A repeated feature adds its square each time, as a sum over the places in a text does.
    """
    from scipy.sparse import diags_array

    lengths = np.sqrt(np.maximum(counts @ weights**2, NO_WORD))
    return diags_array(1 / lengths) @ counts @ diags_array(weights)


def fit_svc(features: Any, label_ids: NDArray[np.int64], cost: float = 1.0) -> Any:
    """Fit LinearSVC, of cost `C`, on weighted words: the same each time for the same rows."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    raise_if_requested()
    # Where texts outnumber words, scikit-learn would take the primal, which is ten times slower. It
    # shuffles: the seed makes it repeat. It mostly ends long before so many iterations, and a model
    # that is not quite at its optimum then predicts as well as one that is.
    model = LinearSVC(C=cost, tol=1e-3, dual=True, random_state=0, max_iter=5000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        # Class numbers of few texts each look to it like values of a regression.
        warnings.filterwarnings("ignore", "The number of unique classes is greater", UserWarning)
        return model.fit(features, label_ids)


def fit_bayes(features: Any, label_ids: NDArray[np.int64], smoothing: float = SMOOTHING) -> Any:
    """Fit complement naive Bayes on weighted words."""
    from ecomcat.final.complement_bayes import ComplementBayes

    raise_if_requested()
    return ComplementBayes(smoothing).fit(features, label_ids)


@dataclass(frozen=True)
class LinearModel:
    """A kind of linear model: its title, the name of its one setting, and how it is fitted.

    `fit` takes the features of the texts, their class numbers, and the setting.
    """

    title: str
    setting: str
    fit: Callable[[Any, NDArray[np.int64], float], Any]


MODELS = {
    "svc": LinearModel("LinearSVC", "C", fit_svc),
    "bayes": LinearModel("complement naive Bayes", "smoothing", fit_bayes),
}


def has_converged(model: Any) -> bool:
    """Tell whether a fitted model has converged; models without steps always have."""
    return not hasattr(model, "n_iter_") or bool(model.n_iter_ < model.max_iter)


def predict_classes(model: Any, texts: Any) -> NDArray[np.int64]:
    """Return class numbers of texts, or of their features, in chunks that bound the memory."""
    size = max(1, _MAX_SCORES // len(model[-1].classes_))
    count = texts.shape[0] if hasattr(texts, "shape") else len(texts)
    parts = [model.predict(texts[first : first + size]) for first in range(0, count, size)]
    return np.concatenate(parts) if parts else np.empty(0, np.int64)
