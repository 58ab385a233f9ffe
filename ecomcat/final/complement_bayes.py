"""Complement naive Bayes that stores a weight only where a feature occurs in a class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array
from sklearn.base import BaseEstimator, ClassifierMixin


class ComplementBayes(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Answer as scikit-learn's `ComplementNB` does, by sparse weights.

    The weight of a feature in a class is minus the logarithm of its share in all other classes. If
    it does not occur in the class, this is a number that depends only on the feature plus one that
    depends only on the class. The first is the same for all classes and decides nothing; the second
    is stored once. So thousands of classes may have millions of features.

    Source: Rennie, Shih, Teevan and Karger, "Tackling the poor assumptions of naive Bayes text
    classifiers" (ICML 2003), section 3.1.

    Args:
        smoothing: Float. What is added to the count of each feature. Defaults to 1.

    >>> model = ComplementBayes().fit(csr_array([[1, 0], [0, 2]]), np.array([3, 5]))
    >>> model.predict(csr_array([[0, 1]])).tolist()
    [5]
    """

    def __init__(self, smoothing: float = 1.0) -> None:
        self.smoothing = smoothing

    def fit(self, features: Any, label_ids: NDArray[np.int64]) -> ComplementBayes:
        """Learn from a sparse matrix `(texts, features)` of counts or other weights, 0 or more."""
        self.classes_, numbers = np.unique(label_ids, return_inverse=True)
        shape = (len(self.classes_), len(numbers))
        summed = csr_array((np.ones(shape[1]), (numbers, np.arange(shape[1]))), shape) @ features
        self._of_all = np.asarray(summed.sum(axis=0)) + self.smoothing
        self._of_class = np.log(self._of_all.sum() - np.asarray(summed.sum(axis=1)))
        shares = summed @ diags_array(1 / self._of_all)
        # How much the counts of the class itself lower the logarithm of the other classes' counts.
        shares.data = -np.log1p(-shares.data)
        self._weights = csr_array(shares.T)
        return self

    def scores(self, features: Any) -> NDArray[np.float64]:
        """Return a number `(texts, classes)`, the highest for the likeliest class of each text.

        They differ from the joint log-likelihoods by a number for each text.
        """
        found: NDArray[np.float64] = (features @ self._weights).toarray()
        found += np.outer(np.asarray(features.sum(axis=1)), self._of_class)
        return found

    def predict(self, features: Any) -> NDArray[np.int64]:
        """Return the likeliest class of each text."""
        found: NDArray[np.int64] = self.classes_[self.scores(features).argmax(axis=1)]
        return found

    def weights(self) -> NDArray[np.float64]:
        """Return the weight of each feature in each class, shape `(classes, features)`."""
        found: NDArray[np.float64] = self._weights.T.toarray()
        found += self._of_class[:, None] - np.log(self._of_all)
        return found
