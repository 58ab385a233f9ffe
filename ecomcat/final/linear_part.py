"""A linear part: the text's words, weighted by their rarity, and a hyperplane for each class.

Beside a network that reads words in their order stands what words say by themselves, as in Cheng
et al., "Wide & deep learning for recommender systems" (2016, section 3), but fitted apart, as a
linear SVM: what is convex needs no luck. A word's weight stands in an embedding as wide as there
are classes, so that the part is plain Keras, and small: a number a word and class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.final.linear import fit_svc
from ecomcat.final.lot import some_of_each
from ecomcat.final.word_counts import count_words, rarity

if TYPE_CHECKING:
    import keras

    from ecomcat.model.training import Examples

WORD_WEIGHTS = "word_weights"  # the layer that looks words up
MOST_TEXTS = 200_000  # that are fitted to
MOST_CLASSES = 250  # each widens what every word of a text is looked up in: as wide as the memory's
_MOST_WORK = 20_000_000  # texts times classes, each a hyperplane of its own: some minutes
_COST = 1.0  # of LinearSVC; 0.3 and 3 are a little worse (benchmarks/README.md)
_NO_WORD = 1e-9  # instead of 0, by which nothing can be divided


class NoLinearPartError(Exception):
    """The categories leave a linear part nothing to learn, or too much to hold."""


def build_linear(
    examples: Examples, classes: int, vocabulary_size: int, *, temperature: float, seed: int
) -> keras.Model:
    """Build a model that answers by the words of a text, whatever their order.

    Args:
        examples: the texts that it is fitted to; of very many, as many by lot.
        classes: number of categories.
        vocabulary_size: ids that a text may hold.
        temperature: by which distances from the hyperplanes are divided before the softmax.
        seed: of the lot.

    Returns:
        A model of fixed weights from ids `(batch, tokens)`, padded with 0 at the end, to
        probabilities `(batch, classes)`.

    Raises:
        NoLinearPartError: when all texts are of one class, or there are too many classes.
    """
    import keras
    from keras import layers, ops

    if classes > MOST_CLASSES:
        raise NoLinearPartError(f"there are {classes} categories, over {MOST_CLASSES}")
    most = max(1, min(MOST_TEXTS, _MOST_WORK // classes))
    rows = some_of_each(examples.labels, most, np.random.default_rng([seed, classes]))
    counts = count_words(examples.texts.take(rows), vocabulary_size)
    weights = rarity(counts)
    kernel, bias = _fit(counts, weights, examples.labels[rows], classes)
    ids = keras.Input((None,), dtype="int32", name="token_ids")
    # The last column gathers the squared length by which the others are divided.
    embedded = layers.Embedding(vocabulary_size, classes + 1, name=WORD_WEIGHTS)
    total = ops.sum(embedded(ids), axis=1)
    distances = total[:, :classes] / ops.sqrt(ops.maximum(total[:, classes:], _NO_WORD))
    answer = layers.Dense(classes, "softmax", name="classes_of_words")
    model = keras.Model(ids, answer(distances), name="linear")
    embedded.set_weights([np.column_stack([weights[:, None] * kernel, weights**2])])
    answer.set_weights([np.eye(classes, dtype=np.float32) / temperature, bias / temperature])
    model.trainable = False
    return model


def _fit(
    counts: Any, weights: NDArray[np.float32], labels: NDArray[np.int64], classes: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return each word's weight for each class, shape `(vocabulary, classes)`, and biases."""
    from scipy import sparse

    found = np.unique(labels)
    if len(found) < 2:
        raise NoLinearPartError("all training texts are of one category")
    # A repeated word adds its square each time, which a sum over the words' places can do, too.
    lengths = np.sqrt(np.maximum(counts @ weights**2, _NO_WORD))
    features = sparse.diags_array(1 / lengths) @ counts @ sparse.diags_array(weights)
    model = fit_svc(_COST, features, labels)
    coefficients, intercepts = model.coef_, model.intercept_
    if len(found) == 2:  # one hyperplane parts both
        coefficients = np.vstack([-coefficients, coefficients])
        intercepts = np.concatenate([-intercepts, intercepts])
    kernel = np.zeros((counts.shape[1], classes), np.float32)
    kernel[:, found] = coefficients.T
    bias = np.full(classes, -1.0, np.float32)  # where a text of none of its class lies
    bias[found] = intercepts
    return kernel, bias
