"""A linear model of low rank, for too many classes to fit a hyperplane for each.

Each feature has some sixty numbers; a softmax layer turns their weighted sum into the classes, as
in Joulin, Grave, Bojanowski and Mikolov, "Bag of tricks for efficient text classification" (EACL
2017). It is trained by Adagrad, with one rate for all numbers of a feature, so the cost of a step
depends only on the features that its texts have, not on the number of all features.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ecomcat.final.linear_models import of_length_one
from ecomcat.process import raise_if_requested

DIMENSION = 64
_RATE = 0.3  # falls to 0; with 1.0 there are a third more errors
_BATCH_SIZE = 256
_BATCHES_COUNTED = 16  # at a time
_FIRST_SQUARES = 1e-3  # added to the sums of squares whose roots divide the gradients


def fit_low_rank(
    count: Callable[[NDArray[np.int64]], Any],
    weights: NDArray[np.float32],
    label_ids: NDArray[np.int64],
    num_classes: int,
    *,
    passes: int,
    seed: int,
) -> list[NDArray[np.float32]]:
    """Fit a linear model of low rank.

    Args:
        count: Function that returns a sparse matrix `(texts, features)` of counts for some texts.
        weights: Array of shape `(features,)`, the weight of each feature; 0 if it is not read.
        label_ids: Array of class numbers of all texts.
        num_classes: Integer. Number of classes.
        passes: Integer. How often each text is read.
        seed: Integer. Seed of the first numbers and of the order of the texts.

    Returns:
        Weights of shapes `(features, width)`, `(width, num_classes)` and `(num_classes,)`.
    """
    random = np.random.default_rng([seed, num_classes])
    first = random.uniform(-1, 1, (len(weights), DIMENSION)) / DIMENSION
    step = _Step(first.astype(np.float32), num_classes)
    chunk, done = _BATCH_SIZE * _BATCHES_COUNTED, 0
    for _ in range(passes):
        order = random.permutation(len(label_ids))
        for start in range(0, len(order), chunk):
            raise_if_requested()
            rows = order[start : start + chunk]
            rate = _RATE * (1 - done / (passes * len(order)))
            step.train(of_length_one(count(rows), weights), label_ids[rows], rate)
            done += len(rows)
    return [variable.numpy() for variable in step.learned]


class _Step:
    """Variables, and the compiled step that trains them."""

    def __init__(self, features: NDArray[np.float32], num_classes: int) -> None:
        zeros = np.zeros((DIMENSION + 1, num_classes), np.float32)
        self.learned = [tf.Variable(each) for each in (features, zeros[:-1], zeros[-1])]
        shapes = [(len(features),), zeros[:-1].shape, (num_classes,)]
        self._squares = [tf.Variable(tf.fill(shape, _FIRST_SQUARES)) for shape in shapes]
        self._num_classes = num_classes
        self._compiled = tf.function(
            self._train,
            input_signature=[
                *[tf.TensorSpec((None,), kind) for kind in (tf.int32, tf.int32, tf.float32)],
                tf.TensorSpec((None,), tf.int32),
                tf.TensorSpec((), tf.float32),
            ],
            autograph=False,
        ).get_concrete_function()

    def train(self, features: Any, label_ids: NDArray[np.int64], rate: float) -> None:
        """Train on texts in batches, given the features of each as a row of a sparse matrix."""
        for start in range(0, len(label_ids), _BATCH_SIZE):
            batch = features[start : start + _BATCH_SIZE].tocsr()
            of_text = np.repeat(np.arange(batch.shape[0], dtype=np.int32), np.diff(batch.indptr))
            arrays = batch.indices.astype(np.int32), of_text, batch.data.astype(np.float32)
            ids = label_ids[start : start + _BATCH_SIZE].astype(np.int32)
            self._compiled(*map(tf.constant, (*arrays, ids, np.float32(rate))))

    def _train(self, ids: Any, of_text: Any, weights: Any, label_ids: Any, rate: Any) -> None:
        features, kernel, bias = self.learned
        of_features, of_kernel, of_bias = self._squares
        weights = weights[:, None]
        summed = tf.gather(features, ids) * weights
        texts = tf.math.unsorted_segment_sum(summed, of_text, tf.size(label_ids))
        errors = tf.nn.softmax(tf.matmul(texts, kernel) + bias)
        errors -= tf.one_hot(label_ids, self._num_classes)
        back = tf.gather(tf.matmul(errors, kernel, transpose_b=True), of_text) * weights
        _descend(kernel, of_kernel, tf.matmul(texts, errors, transpose_a=True), rate)
        _descend(bias, of_bias, tf.reduce_sum(errors, axis=0), rate)
        found, places = tf.unique(ids)
        gradient = tf.math.unsorted_segment_sum(back, places, tf.size(found))
        of_features.scatter_add(tf.IndexedSlices(tf.reduce_mean(gradient**2, axis=1), found))
        steps = rate * gradient * tf.math.rsqrt(tf.gather(of_features, found))[:, None]
        features.scatter_sub(tf.IndexedSlices(steps, found))


def _descend(variable: Any, squares: Any, gradient: Any, rate: Any) -> None:
    squares.assign_add(gradient**2)
    variable.assign_sub(rate * gradient * tf.math.rsqrt(squares))
