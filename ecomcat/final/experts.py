"""Experts that answer beside the networks, and the one model that all are merged into."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from ecomcat.final.baseline import NothingToLearnError, fit_svc, rows_to_fit, sample_rows
from ecomcat.model.confidence import MIN_PROBABILITY, fit_temperature, with_temperature
from ecomcat.model.training import Examples, predict_probabilities
from ecomcat.text.tokenizer import PADDING_ID, UNKNOWN_ID

if TYPE_CHECKING:
    from ecomcat.text.encoding import EncodedTexts

_NO_WORD = 1e-9  # instead of 0, by which nothing can be divided
_MULTIPLIER = 2_654_435_761  # spreads neighbouring ids; Knuth, TAOCP 3, section 6.4


@dataclass(frozen=True)
class TextLimits:
    """What a model sees of a text: how many ids it knows, and how many tokens it reads."""

    vocabulary_size: int
    max_tokens: int


def widest(configurations: Iterable[Mapping[str, Any]]) -> TextLimits:
    """Return the largest vocabulary and the longest limit of some hyperparameters' values."""
    seen = [(values["vocabulary_size"], values["max_tokens"]) for values in configurations]
    return TextLimits(*map(max, zip(*seen, strict=True)))


@dataclass(frozen=True)
class Part:
    """A model within the exported one, how much it counts there, and what it sees of a text."""

    model: keras.Model
    weight: float
    limits: TextLimits


def merge_models(parts: Sequence[Part], limits: TextLimits) -> keras.Model:
    """Return one model whose answer is the weighted mean of its parts'.

    Each part sees a text within its own limits, the whole within `limits`; weights sum to 1. The
    model takes ids `(batch, tokens)`, padded with 0 at the end. It is of plain Keras layers, and
    without an optimizer, whose state would treble the file's size.
    """
    ids, answers = _answers(parts, limits)
    if len(answers) == 1:
        return keras.Model(ids, answers[0], name="classifier")
    weighted = [answer * part.weight for answer, part in zip(answers, parts, strict=True)]
    return keras.Model(ids, layers.Add(name="mean")(weighted), name="classifier")


def pool_models(parts: Sequence[Part], limits: TextLimits, temperature: float) -> keras.Model:
    """Return one model that pools its parts' answers, as `ecomcat.final.mixture.pool` does.

    Args:
        parts: The parts, whose weights sum to 1.
        limits: What the whole sees of a text.
        temperature: Float. By which the pool of logarithms is divided.
    """
    ids, answers = _answers(parts, limits)
    logits: Any = 0.0
    for answer, part in zip(answers, parts, strict=True):
        logits += ops.log(ops.maximum(answer, MIN_PROBABILITY)) * (part.weight / temperature)
    return keras.Model(ids, layers.Softmax(name="probabilities")(logits), name="classifier")


def _answers(parts: Sequence[Part], limits: TextLimits) -> tuple[Any, list[Any]]:
    ids = keras.Input((None,), dtype="int32", name="token_ids")
    answers = []
    for number, part in enumerate(parts, start=1):
        seen: Any = ids
        if part.limits.max_tokens < limits.max_tokens:
            seen = seen[:, : part.limits.max_tokens]
        if part.limits.vocabulary_size < limits.vocabulary_size:
            seen = ops.where(seen < part.limits.vocabulary_size, seen, UNKNOWN_ID)
        name = f"part_{number}_{part.model.name}"
        # `inputs`, since a Sequential model has no `input` before it is called.
        member = keras.Model(part.model.inputs[0], part.model.outputs[0], name=name)
        answers.append(member(seen))
    return ids, answers


class Expert(ABC):
    """A model of fixed weights that answers by the words of a text, whatever their order."""

    name: ClassVar[str]
    title: ClassVar[str]
    model: keras.Model

    def __init__(self, num_classes: int, limits: TextLimits, seed: int) -> None:
        self.num_classes, self.limits, self.seed = num_classes, limits, seed

    @abstractmethod
    def fit(self, examples: Examples) -> None:
        """Learn labelled texts; what was learned before is forgotten.

        Raises:
            NothingToLearnError: When the classes leave it nothing to learn, or too much to hold.
        """

    def answer(self, texts: EncodedTexts) -> NDArray[np.float32]:
        """Return probabilities `(texts, num_classes)`."""
        return predict_probabilities(self.model, texts)

    def calibrate(self, examples: Examples) -> NDArray[np.float32]:
        """Answer texts that were not learned, and calibrate later fits by them, where needed."""
        return self.answer(examples.texts)


class Memory(Expert):
    """Answer with the classes of the nearest training texts, of which it holds 20,000 at most.

    A text's key is a random projection of its words, weighted by their rarity; the softmax of the
    cosines of keys weighs the texts' classes.
    """

    name, title = "memory", "Memory of the training texts"

    max_texts = 20_000  # with a key each: 20 MB, and as many products for each answer
    key_dim = 256
    sharpness = 30.0  # of the softmax over cosines; 20 to 40 differ little on validation

    def fit(self, examples: Examples) -> None:
        """Hold the texts' keys and classes."""
        words = self.limits.vocabulary_size
        random = np.random.default_rng([self.seed, words])
        word_keys = random.standard_normal((words, self.key_dim), np.float32)
        rows = sample_rows(len(examples), self.max_texts, random)
        counts = _count_words(examples.texts.take(rows), words)
        word_keys *= _rarity(counts)[:, None]
        keys = counts @ word_keys
        keys /= np.maximum(np.linalg.norm(keys, axis=1, keepdims=True), _NO_WORD)
        ids = keras.Input((None,), dtype="int32", name="token_ids")
        embedded = layers.Embedding(words, self.key_dim, name="word_keys")
        nearness = layers.Dense(len(rows), "softmax", use_bias=False, name="nearness")
        answer = layers.Dense(self.num_classes, use_bias=False, name="classes_of_texts")
        key = layers.UnitNormalization(name="key")(ops.sum(embedded(ids), axis=1))
        self.model = keras.Model(ids, answer(nearness(key)), name=self.name)
        embedded.set_weights([word_keys])
        nearness.set_weights([self.sharpness * keys.T])
        answer.set_weights([np.eye(self.num_classes, dtype=np.float32)[examples.labels[rows]]])
        self.model.trainable = False


class Linear(Expert):
    """Answer with LinearSVC on TF-IDF of the words that the networks know, and of their pairs.

    Pairs of words share the rows of a table, which a hash chooses within the model. The softmax of
    the distances from the hyperplanes has a temperature, fitted on validation.

    Source of the hashing: Weinberger et al., "Feature hashing for large scale multitask learning"
    (ICML 2009).
    """

    name, title = "linear", "Linear part of the words"

    max_classes = 250  # each widens what every word is looked up in: as wide as the memory's
    cost = 2.0  # of LinearSVC; 1 and 4 differ little on validation (docs/experiments.md)
    max_pair_rows, max_pair_weights = 200_000, 4_000_000  # of the table; 16 MB
    temperature = 1.0

    def calibrate(self, examples: Examples) -> NDArray[np.float32]:
        """Answer texts that were not learned, and calibrate later fits by them."""
        answers = self.answer(examples.texts)
        self.temperature = fit_temperature(answers, examples.labels)
        return with_temperature(answers, self.temperature)

    def fit(self, examples: Examples) -> None:
        """Fit LinearSVC, unless there are too many classes."""
        from scipy import sparse

        count, words = self.num_classes, self.limits.vocabulary_size
        if count > self.max_classes:
            raise NothingToLearnError(f"there are {count} categories, over {self.max_classes}")
        rows = rows_to_fit(examples.labels, count, np.random.default_rng([self.seed, count]))
        texts = examples.texts.take(rows)
        pair_rows = min(self.max_pair_rows, self.max_pair_weights // (count + 1))
        counts = sparse.hstack(
            [_count_words(texts, words), _count_pairs(texts, pair_rows)], format="csr"
        )
        weights = np.concatenate([_rarity(part) for part in (counts[:, :words], counts[:, words:])])
        kernel, bias = self._hyperplanes(counts, weights, examples.labels[rows])
        # The last column gathers the squared length by which the others are divided.
        table = np.column_stack([weights[:, None] * kernel, weights**2])
        self.model = self._build(pair_rows)
        self.model.get_layer("word_weights").set_weights([table[:words]])
        self.model.get_layer("pair_weights").set_weights([table[words:]])
        scale = np.eye(count, dtype=np.float32) / self.temperature
        self.model.get_layer("classes_of_words").set_weights([scale, bias / self.temperature])
        self.model.trainable = False

    def _build(self, pair_rows: int) -> keras.Model:
        count = self.num_classes
        ids = keras.Input((None,), dtype="int32", name="token_ids")
        words = layers.Embedding(self.limits.vocabulary_size, count + 1, name="word_weights")
        pairs = layers.Embedding(pair_rows, count + 1, name="pair_weights")
        nexts = ops.pad(ids, ((0, 0), (0, 1)))[:, 1:]
        paired = pairs(_pair_row(ids, nexts, pair_rows))
        total = ops.sum(words(ids), axis=1) + ops.sum(paired, axis=1)
        distances = total[:, :count] / ops.sqrt(ops.maximum(total[:, count:], _NO_WORD))
        answer = layers.Dense(count, "softmax", name="classes_of_words")
        return keras.Model(ids, answer(distances), name=self.name)

    def _hyperplanes(
        self, counts: Any, weights: NDArray[np.float32], label_ids: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return each word's weight for each class, shape `(words, num_classes)`, and biases."""
        from scipy import sparse

        found = np.unique(label_ids)
        if len(found) < 2:
            raise NothingToLearnError("all training texts are of one category")
        # A repeated word adds its square each time, as a sum over the words' places does.
        lengths = np.sqrt(np.maximum(counts @ weights**2, _NO_WORD))
        features = sparse.diags_array(1 / lengths) @ counts @ sparse.diags_array(weights)
        model = fit_svc(self.cost, features, label_ids)
        coefficients, intercepts = model.coef_, model.intercept_
        if len(found) == 2:  # one hyperplane parts both
            coefficients = np.vstack([-coefficients, coefficients])
            intercepts = np.concatenate([-intercepts, intercepts])
        kernel = np.zeros((counts.shape[1], self.num_classes), np.float32)
        kernel[:, found] = coefficients.T
        bias = np.full(self.num_classes, -1.0, np.float32)  # where a text of no such class lies
        bias[found] = intercepts
        return kernel, bias


EXPERTS: tuple[type[Expert], ...] = (Memory, Linear)


def _count_words(encoded: EncodedTexts, vocabulary_size: int) -> Any:
    """Return a sparse matrix `(texts, vocabulary)` with one entry for each word of a text."""
    from scipy import sparse

    # scikit-learn takes only indices of 32 bits.
    texts = np.repeat(np.arange(len(encoded), dtype=np.int32), encoded.lengths)
    ones = np.ones(len(texts), np.float32)
    shape = (len(encoded), vocabulary_size)
    return sparse.csr_array((ones, (texts, encoded.ids)), shape=shape)


def _count_pairs(encoded: EncodedTexts, pair_rows: int) -> Any:
    """Return a sparse matrix `(texts, pair_rows)` with one entry for each pair of neighbours."""
    from scipy import sparse

    texts = np.repeat(np.arange(len(encoded), dtype=np.int32), encoded.lengths)
    nexts = np.append(np.where(texts[1:] == texts[:-1], encoded.ids[1:], PADDING_ID), PADDING_ID)
    columns = ops.convert_to_numpy(_pair_row(encoded.ids, nexts, pair_rows)).astype(np.int32)
    shape = (len(encoded), pair_rows)
    return sparse.csr_array((np.ones(len(texts), np.float32), (texts, columns)), shape=shape)


def _pair_row(ids: Any, nexts: Any, pair_rows: int) -> Any:
    """Return the row of weights of each pair; that of padding unless both words are known."""
    first, second = ops.cast(ids, "int64"), ops.cast(nexts, "int64")
    # The first rows are those of padding and of the unknown word, which weigh nothing.
    hashed = (first * _MULTIPLIER + second) % (pair_rows - UNKNOWN_ID - 1) + UNKNOWN_ID + 1
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
