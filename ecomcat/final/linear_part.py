"""The linear part of the model: it answers by the words and letters of a text."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray
from scipy import sparse

from ecomcat.data.splitting import balanced_sample, sample_rows
from ecomcat.final.baseline import NothingToLearnError
from ecomcat.final.linear_models import (
    MAX_HYPERPLANES,
    NO_WORD,
    fit_bayes,
    fit_svc,
    has_converged,
    of_length_one,
    rows_to_fit,
)
from ecomcat.final.low_rank import DIMENSION, fit_low_rank
from ecomcat.model.confidence import fit_temperature, with_temperature
from ecomcat.model.network import row_of_group, text_inputs
from ecomcat.model.training import Examples, Scorer
from ecomcat.text.encoding import EncodedTexts
from ecomcat.text.letters import MULTIPLIER
from ecomcat.text.tokenizer import PADDING_ID, UNKNOWN_ID

logger = logging.getLogger("ecomcat")

TITLE = "Linear part of words and letters"
_CHUNK = 4096  # texts at a time
_GROUPS_A_WORD = 20  # of letters, about
Scores = tuple[NDArray[np.float32], NDArray[np.float32]]  # of each feature by class, and biases
_FIRST_ROW = UNKNOWN_ID + 1  # of a hashed table: rows of padding and of the unknown word are 0


class LinearPart:
    """Answer with linear models on TF-IDF of words, of pairs of them, and of groups of letters.

    Pairs and groups of letters share the rows of tables; a hash within the model chooses the row.
    There are two linear models, LinearSVC and, for words and pairs, complement naive Bayes: the
    softmax of the scores of each has a temperature, fitted on validation, and their pool is one
    set of weights, so that the second one costs nothing. For more than 250 classes there is one
    model of low rank instead: otherwise each class would add a column to the table of every word,
    and another fit to all texts.

    Source of the hashing: Weinberger et al., "Feature hashing for large scale multitask learning"
    (ICML 2009). Naive Bayes beside an SVM: S. Wang and C. Manning, "Baselines and bigrams"
    (ACL 2012, section 2.3), where weights are interpolated, too.
    """

    model: keras.Model  # once it is fitted
    texts: int  # that it was fitted to

    cost = 2.0  # of LinearSVC; 1 and 4 differ little on validation (docs/experiments.md)
    max_rows, max_weights = 200_000, 4_000_000  # of each table; 16 MB
    smoothing = 0.1  # of naive Bayes; 0.03 and 0.3 differ little
    letter_weight = 0.25  # a word has some twenty groups of letters; 0.15 to 0.35 differ little
    max_groups = 40_000_000  # of letters in the texts that are learned: some two gigabytes
    max_texts_weighed, max_passes = 20_000, 10  # of the model of low rank
    max_read = 100_000_000  # words, pairs and groups of letters that are read: about a minute

    def __init__(self, num_classes: int, vocabulary_size: int, seed: int) -> None:
        self.num_classes, self.vocabulary_size = num_classes, vocabulary_size
        self.seed = seed
        # The factors of the models' scores; only the first model counts until they are mixed.
        self._scales: Sequence[float] = (1.0, 0.0)
        self._temperatures: Sequence[float] = (1.0, 1.0)

    def calibrate(self, examples: Examples) -> list[NDArray[np.float32]]:
        """Let each model answer texts that it has not learned, and calibrate later fits by them."""
        one_hot = np.eye(len(self._linear))
        raw = [Scorer(self._build(each))(examples.texts) for each in one_hot]
        self._temperatures = [fit_temperature(each, examples.label_ids) for each in raw]
        return [with_temperature(*each) for each in zip(raw, self._temperatures, strict=True)]

    def mix(self, weights: Sequence[float]) -> None:
        """Pool its calibrated models with these weights, in this fit and in later ones."""
        total = sum(weights)
        self._scales = [
            weight / total / each for weight, each in zip(weights, self._temperatures, strict=True)
        ]
        self.model = self._build(self._scales)

    def fit(self, examples: Examples) -> None:
        """Learn labelled texts; everything learned before is forgotten, except the mixture.

        Raises:
            NothingToLearnError: When all texts are of one category.
        """
        if len(np.unique(examples.label_ids)) < 2:
            raise NothingToLearnError("all training texts are of one category")
        if self.num_classes > MAX_HYPERPLANES:
            self._fit_low_rank(examples)
        else:
            self._fit_hyperplanes(examples)
        if self.texts < len(examples):
            logger.info("%s: fitted to %d of %d texts.", TITLE, self.texts, len(examples))
        self.model = self._build(self._scales)

    def _fit_hyperplanes(self, examples: Examples) -> None:
        count, random = self.num_classes, np.random.default_rng([self.seed, self.num_classes])
        max_texts = int(self.max_groups / self._groups_a_text(examples))
        chosen = rows_to_fit(examples.label_ids, count, random, max_texts)
        self.texts = len(chosen)
        self._rows = min(self.max_rows, self.max_weights // (count + 1))
        counts = self._counts(examples.texts.take(chosen), self._rows)
        self._word_weights, label_ids = self._weights(counts), examples.label_ids[chosen]
        features = of_length_one(sparse.hstack(counts, format="csr"), self._word_weights)
        known = self.vocabulary_size + self._rows  # words and pairs, without letters
        self._linear = [
            self._hyperplanes(features, label_ids),
            self._bayes(features, known, label_ids),
        ]
        self._kernel = np.eye(count, dtype=np.float32)

    def _fit_low_rank(self, examples: Examples) -> None:
        random = np.random.default_rng([self.seed, self.num_classes])
        read = 2 * float(examples.texts.lengths.mean()) + self._groups_a_text(examples)
        max_texts = max(1, int(self.max_read / read))
        chosen = balanced_sample(examples.label_ids, max_texts, random)
        self.texts = len(chosen)
        rows = self._rows = min(self.max_rows, self.max_weights // (DIMENSION + 1))
        some = examples.texts.take(sample_rows(len(examples), self.max_texts_weighed, random))
        weights = self._weights(self._counts(some, rows))

        def count(part: NDArray[np.int64]) -> Any:
            counts = self._counts(examples.texts.take(chosen[part]), rows)
            return sparse.hstack(counts, format="csr")

        features, kernel, bias = fit_low_rank(
            *(count, weights, examples.label_ids[chosen], self.num_classes),
            passes=int(np.clip(max_texts / len(chosen), 1, self.max_passes)),
            seed=self.seed,
        )
        self._word_weights, self._kernel, self._linear = weights, kernel, [(features, bias)]

    def _counts(self, texts: EncodedTexts, rows: int) -> list[Any]:
        """Count words, pairs of them and groups of letters; the last two share some rows."""
        words = _count(texts, texts.ids, self.vocabulary_size)
        return [words, _count_pairs(texts, rows), _count_letters(texts, rows)]

    def _weights(self, counts: Sequence[Any]) -> NDArray[np.float32]:
        *others, letters = (_rarity(each) for each in counts)
        return np.concatenate([*others, letters * np.float32(self.letter_weight)])

    def _groups_a_text(self, examples: Examples) -> float:
        texts = examples.texts
        return min(_GROUPS_A_WORD * float(texts.lengths.mean()), texts.letter_groups)

    def _build(self, scales: Iterable[float]) -> keras.Model:
        """Return one model whose scores are the sum of the linear models', each times its scale."""
        scaled = list(zip(scales, self._linear, strict=False))
        features = np.sum([scale * each for scale, (each, _) in scaled], axis=0, dtype=np.float32)
        bias = np.sum([scale * each for scale, (_, each) in scaled], axis=0, dtype=np.float32)
        weights, rows = self._word_weights, self._rows
        words, width = self.vocabulary_size, features.shape[1]
        # The last column gathers the squared length by which the others are divided.
        table = np.column_stack([weights[:, None] * features, weights**2])
        tables = np.split(table, [words, words + rows])
        ids, letters = text_inputs()
        nexts = ops.pad(ids, ((0, 0), (0, 1)))[:, 1:]
        given = {
            "word_weights": ids,
            "pair_weights": _pair_row(ids, nexts, rows),
            "letter_weights": row_of_group(letters, _FIRST_ROW, rows),
        }
        total: Any = 0
        for (name, each), numbers in zip(given.items(), tables, strict=True):
            embedding = layers.Embedding(*numbers.shape, name=name)
            total += ops.sum(embedding(each), axis=1)
            embedding.set_weights([numbers])
        summed = total[:, :width] / ops.sqrt(ops.maximum(total[:, width:], NO_WORD))
        answer = layers.Dense(self.num_classes, "softmax", name="classes_of_words")
        model = keras.Model([ids, letters], answer(summed), name="linear")
        answer.set_weights([self._kernel, bias])
        model.trainable = False
        return model

    def _hyperplanes(self, features: Any, label_ids: NDArray[np.int64]) -> Scores:
        """Fit LinearSVC."""
        found = np.unique(label_ids)
        model = fit_svc(features, label_ids, self.cost)
        if not has_converged(model):
            logger.info("Linear part: the fit of its LinearSVC did not converge.")
        coefficients, intercepts = model.coef_, model.intercept_
        if len(found) == 2:  # one hyperplane separates both
            coefficients = np.vstack([-coefficients, coefficients])
            intercepts = np.concatenate([-intercepts, intercepts])
        kernel = np.zeros((features.shape[1], self.num_classes), np.float32)
        kernel[:, found] = coefficients.T
        bias = np.full(self.num_classes, -1.0, np.float32)  # the score of a class without texts
        bias[found] = intercepts
        return kernel, bias

    def _bayes(self, features: Any, known: int, label_ids: NDArray[np.int64]) -> Scores:
        """Fit complement naive Bayes to those of the first features that occur."""
        found = np.unique(features.indices)
        found = found[found < known]
        kernel = np.zeros((features.shape[1], self.num_classes), np.float32)
        if len(found):
            model = fit_bayes(features[:, found], label_ids, self.smoothing)
            weights = model.weights().T
            # A class without texts scores no higher than any other.
            kernel[found] = weights.min(axis=1, keepdims=True)
            kernel[np.ix_(found, model.classes_)] = weights
        return kernel, np.zeros(self.num_classes, np.float32)


def _count(texts: EncodedTexts, columns: Any, width: int) -> Any:
    """Return a sparse matrix `(texts, width)` that counts the column of each token."""
    # scikit-learn takes only indices of 32 bits.
    rows = np.repeat(np.arange(len(texts), dtype=np.int32), texts.lengths)
    ones = np.ones(len(rows), np.float32)
    return sparse.csr_array((ones, (rows, columns.astype(np.int32))), shape=(len(texts), width))


def _count_pairs(texts: EncodedTexts, pair_rows: int) -> Any:
    """Return a sparse matrix `(texts, pair_rows)` that counts pairs of neighbours."""
    ids, ends = texts.ids, texts.offsets[1:] - 1
    nexts = np.append(ids[1:], PADDING_ID)
    nexts[ends] = PADDING_ID
    columns = ops.convert_to_numpy(_pair_row(ids, nexts, pair_rows))
    return _count(texts, columns, pair_rows)


def _count_letters(texts: EncodedTexts, letter_rows: int) -> Any:
    """Return a sparse matrix `(texts, letter_rows)` that counts groups of letters."""
    blocks = []
    for rows in np.array_split(np.arange(len(texts)), max(len(texts) // _CHUNK, 1)):
        groups = texts.letters(rows)
        of_text, _ = np.nonzero(groups)
        columns = ops.convert_to_numpy(row_of_group(groups[groups > 0], _FIRST_ROW, letter_rows))
        ones, shape = np.ones(len(columns), np.float32), (len(rows), letter_rows)
        blocks.append(sparse.csr_array((ones, (of_text.astype(np.int32), columns)), shape=shape))
    return sparse.vstack(blocks, format="csr")


def _pair_row(ids: Any, nexts: Any, pair_rows: int) -> Any:
    """Return the row of weights of each pair; the row of padding unless both words are known."""
    first, second = ops.cast(ids, "int64"), ops.cast(nexts, "int64")
    hashed = (first * MULTIPLIER + second) % (pair_rows - _FIRST_ROW) + _FIRST_ROW
    return ops.where(ops.minimum(first, second) > UNKNOWN_ID, hashed, PADDING_ID)


def _rarity(counts: Any) -> NDArray[np.float32]:
    """Return each word's inverse document frequency, as scikit-learn smooths it.

    Padding and the unknown word weigh 0.
    """
    texts, vocabulary_size = counts.shape
    texts_with = np.bincount(counts.indices, minlength=vocabulary_size)
    weights: NDArray[np.float32] = (np.log((1 + texts) / (1 + texts_with)) + 1).astype(np.float32)
    weights[: UNKNOWN_ID + 1] = 0.0
    return weights
