"""What answers beside the networks, and how much it counts: a memory and a linear part."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import layers, ops
from numpy.typing import NDArray

from ecomcat.config import FinalConfig
from ecomcat.console import step
from ecomcat.final.baseline import fit_svc, most_texts, some_of_each, some_rows
from ecomcat.final.calibration import fit_temperature, with_temperature
from ecomcat.model.training import predict_probabilities
from ecomcat.text.tokenizer import UNKNOWN_ID
from ecomcat.tuning.trial import TrialInputs

if TYPE_CHECKING:
    from ecomcat.model.training import Examples
    from ecomcat.text.encoding import EncodedTexts

logger = logging.getLogger("ecomcat")

MOST_TEXTS = 20_000  # of which a key each is kept: 20 MB, and as many products for each answer
_KEY_DIM = 256
_SHARPNESS = 30.0  # of the softmax over cosines; 20 to 40 differ little on validation
WORD_KEYS = "word_keys"  # the layer of the memory that looks words up


def build_memory(examples: Examples, classes: int, vocabulary_size: int, seed: int) -> keras.Model:
    """Build a model that answers with the classes of the nearest texts.

    Args:
        examples: the texts remembered; of more than `MOST_TEXTS`, as many by lot.
        classes: number of categories.
        vocabulary_size: ids that a text may hold.
        seed: of the projection and of the lot.

    Returns:
        A model of fixed weights from ids `(batch, tokens)`, padded with 0 at the end, to
        probabilities `(batch, classes)`.
    """
    import keras
    from keras import layers

    random = np.random.default_rng([seed, vocabulary_size])
    word_keys = random.standard_normal((vocabulary_size, _KEY_DIM), np.float32)
    rows = some_rows(len(examples), MOST_TEXTS, random)
    counts = count_words(examples.texts.take(rows), vocabulary_size)
    word_keys *= rarity(counts)[:, None]
    keys = counts @ word_keys
    keys /= np.maximum(np.linalg.norm(keys, axis=1, keepdims=True), 1e-9)
    ids = keras.Input((None,), dtype="int32", name="token_ids")
    embedded = layers.Embedding(vocabulary_size, _KEY_DIM, name=WORD_KEYS)
    nearness = layers.Dense(len(rows), "softmax", use_bias=False, name="nearness")
    answer = layers.Dense(classes, use_bias=False, name="classes_of_texts")
    key = layers.UnitNormalization(name="key")(keras.ops.sum(embedded(ids), axis=1))
    model = keras.Model(ids, answer(nearness(key)), name="memory")
    embedded.set_weights([word_keys])
    nearness.set_weights([_SHARPNESS * keys.T])
    answer.set_weights([np.eye(classes, dtype=np.float32)[examples.labels[rows]]])
    model.trainable = False
    return model


def count_words(encoded: EncodedTexts, vocabulary_size: int) -> Any:
    """Count the words of texts.

    Args:
        encoded: the texts.
        vocabulary_size: ids that they may hold.

    Returns:
        A sparse matrix `(texts, vocabulary)`, one entry for each word of a text.
    """
    from scipy import sparse

    # scikit-learn takes only indices of 32 bits.
    texts = np.repeat(np.arange(len(encoded), dtype=np.int32), encoded.lengths)
    ones = np.ones(len(texts), np.float32)
    shape = (len(encoded), vocabulary_size)
    return sparse.csr_array((ones, (texts, encoded.ids)), shape=shape)


def rarity(counts: Any) -> NDArray[np.float32]:
    """Return each word's inverse document frequency, as scikit-learn smooths it.

    Args:
        counts: words of texts, as `count_words` returns them.

    Returns:
        Shape `(vocabulary,)`; padding and the unknown word count 0.
    """
    texts, vocabulary_size = counts.shape
    met = np.bincount(counts.indices, minlength=vocabulary_size)
    weights: NDArray[np.float32] = (np.log((1 + texts) / (1 + met)) + 1).astype(np.float32)
    weights[: UNKNOWN_ID + 1] = 0.0
    return weights


WORD_WEIGHTS = "word_weights"  # the layer that looks words up
MOST_LINEAR_TEXTS = 200_000  # that are fitted to
MOST_CLASSES = 250  # each widens what every word of a text is looked up in: as wide as the memory's
_MOST_WORK = 20_000_000  # texts times classes, each a hyperplane of its own: some minutes
_COST = 1.0  # of LinearSVC; 0.3 and 3 are a little worse (docs/experiments.md)
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
    most = max(1, min(MOST_LINEAR_TEXTS, _MOST_WORK // classes))
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


SHARE = 0.25  # that each has of the whole
_NEAR = (0.2, 0.25, 0.3)  # shares that decide together whether one harms
_CHANCE = 2  # standard errors


def choose_shares(
    judges: Sequence[NDArray[np.float32]],
    answers: Mapping[str, NDArray[np.float32]],
    labels: NDArray[np.int64],
) -> dict[str, float]:
    """Decide which companions count, on validation texts that none of them has seen.

    All do unless the judges do better with fewer by more than chance: what answers in another way
    mostly helps a little, less than some thousand texts can show (docs/experiments.md). For the
    same reason how much one counts is fixed.

    Args:
        judges: probabilities of networks, each of shape `(texts, classes)`.
        answers: the same of each companion.
        labels: class numbers, shape `(texts,)`.

    Returns:
        `SHARE` for each of those that count; the fewest where the others change nothing.
    """
    sizes = range(len(answers) + 1)
    sets = [names for size in sizes for names in itertools.combinations(answers, size)]
    right = {names: _right(judges, [answers[name] for name in names], labels) for names in sets}
    # Each class weighs the same, as in macro-F1.
    texts_of_class = np.bincount(labels)
    weights = 1 / (texts_of_class[labels] * np.count_nonzero(texts_of_class))
    every = tuple(answers)
    best, most = every, 0.0
    for names in sets:
        differences = right[names] - right[every]
        gain = float(weights @ differences)
        if gain > max(most, _CHANCE * float(np.linalg.norm(weights * differences))):
            best, most = names, gain
    same = (names for names in sets if np.array_equal(right[names], right[best]))
    return dict.fromkeys(next(same), SHARE)


def _right(
    judges: Sequence[NDArray[np.float32]],
    chosen: Sequence[NDArray[np.float32]],
    labels: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return how often each text's answer is right, over judges and shares near the usual one."""
    mixes = [mixed(judge, chosen, share).argmax(axis=1) for judge in judges for share in _NEAR]
    found: NDArray[np.float64] = np.mean([each == labels for each in mixes], axis=0)
    return found


def mixed(
    networks: NDArray[np.float32], chosen: Sequence[NDArray[np.float32]], share: float
) -> NDArray[np.float32]:
    """Return a weighted mean: each of the chosen has a share, the networks have the rest."""
    return mix([(networks, 1 - share * len(chosen)), *((each, share) for each in chosen)])


_BAGS = 40
_ROUNDS = 12  # trials that one bag picks
_SHARE = 0.5  # of the trials that a bag may pick from
_EQUAL = 0.5  # of the whole, which all members share equally: votes are uncertain, too


def select_members(
    probabilities: Sequence[NDArray[np.float32]],
    labels: NDArray[np.int64],
    *,
    max_members: int,
    seed: int,
) -> dict[int, float]:
    """Choose members and their shares in a weighted mean of probabilities.

    Args:
        probabilities: of each trial on the validation texts, each of shape `(texts, classes)`,
            by weights trained on train alone.
        labels: the validation texts' class numbers, shape `(texts,)`.
        max_members: most different trials that are chosen.
        seed: of the bags.

    Returns:
        The chosen trials' positions with their shares, which sum to 1, the largest first.
    """
    library = np.stack(probabilities)
    random = np.random.default_rng([seed, len(library)])
    votes = np.zeros(len(library), np.int64)
    for _ in range(_BAGS):
        count = max(1, round(_SHARE * len(library)))
        trials = np.sort(random.choice(len(library), count, replace=False))
        texts = random.integers(len(labels), size=len(labels))
        for picked in _select_greedily(library[np.ix_(trials, texts)], labels[texts]):
            votes[trials[picked]] += 1
    order = sorted(np.flatnonzero(votes), key=lambda trial: (-votes[trial], trial))[:max_members]
    total = int(votes[order].sum())
    return {
        int(trial): float((1 - _EQUAL) * votes[trial] / total + _EQUAL / len(order))
        for trial in order
    }


def _select_greedily(library: NDArray[np.float32], labels: NDArray[np.int64]) -> list[int]:
    """Add the trial that helps the sum most, again and again; keep the best prefix."""
    total = np.zeros(library.shape[1:], np.float32)
    picked: list[int] = []
    scores: list[tuple[float, float]] = []
    for _ in range(_ROUNDS):
        # Macro-F1 moves in steps; equals are told apart by the likelihood of the labels.
        gains = [_score(total + trial, labels) for trial in library]
        best = max(range(len(library)), key=gains.__getitem__)
        picked.append(best)
        scores.append(gains[best])
        total += library[best]
    return picked[: scores.index(max(scores)) + 1]


def _score(total: NDArray[np.float32], labels: NDArray[np.int64]) -> tuple[float, float]:
    """Return macro-F1 and mean log-likelihood of a sum of probabilities."""
    classes = total.shape[1]
    crossed = np.bincount(classes * labels + total.argmax(axis=1), minlength=classes**2).reshape(
        classes, classes
    )
    met = crossed.sum(axis=0) + crossed.sum(axis=1)
    f1 = 2 * np.diag(crossed) / np.maximum(met, 1)
    of_label = total[np.arange(len(labels)), labels] / total.sum(axis=1)
    return float(f1.mean()), float(np.log(np.maximum(of_label, 1e-7)).mean())


def mix(weighted: Iterable[tuple[NDArray[np.float32], float]]) -> NDArray[np.float32]:
    """Return the weighted mean of probabilities, each given with its share."""
    parts = [np.float32(share) * probabilities for probabilities, share in weighted]
    mixed: NDArray[np.float32] = np.sum(parts, axis=0)
    return mixed


@dataclass(frozen=True)
class Part:
    """A model that counts for a share of the whole.

    Args:
        model: from ids to probabilities.
        share: of the whole; the parts' shares sum to 1.
        vocabulary_size: ids that it knows.
        max_tokens: tokens that it reads of a text.
    """

    model: keras.Model
    share: float
    vocabulary_size: int
    max_tokens: int


def merge_models(parts: Sequence[Part], *, vocabulary_size: int, max_tokens: int) -> keras.Model:
    """Return one model whose answer is the parts' weighted mean.

    Args:
        parts: any number; each sees a text as its own vocabulary and limit would have encoded it.
        vocabulary_size: ids that the whole is given, at least as many as each part knows.
        max_tokens: of a text that the whole is given, at least as many as each part reads.

    Returns:
        A model from ids `(batch, tokens)`, padded with 0 at the end, to probabilities `(batch,
        classes)`: of plain Keras layers and without an optimizer, whose state would treble the
        file's size.
    """
    ids = keras.Input((None,), dtype="int32", name="token_ids")
    answers = []
    for number, part in enumerate(parts, start=1):
        seen: Any = ids
        if part.max_tokens < max_tokens:
            seen = seen[:, : part.max_tokens]
        if part.vocabulary_size < vocabulary_size:
            seen = ops.where(seen < part.vocabulary_size, seen, UNKNOWN_ID)
        name = f"part_{number}_{part.model.name}"
        # `inputs`, since a Sequential model has no `input` before it is called.
        member = keras.Model(part.model.inputs[0], part.model.outputs[0], name=name)
        answers.append(member(seen))
    if len(answers) == 1:
        return keras.Model(ids, answers[0], name="classifier")
    weighted = [answer * part.share for answer, part in zip(answers, parts, strict=True)]
    return keras.Model(ids, layers.Add(name="probabilities")(weighted), name="classifier")


def part_of(model: keras.Model, share: float, values: Mapping[str, Any]) -> Part:
    """Return a model as a part of a whole; `values` hold its vocabulary size and length limit."""
    return Part(model, share, values["vocabulary_size"], values["max_tokens"])


MEMORY, LINEAR = "memory", "linear"
_IN_WORDS = {MEMORY: "Memory of the training texts", LINEAR: "Linear part of the words"}

# Given numbers of validation texts, the probabilities of networks, each of shape (rows, classes).
Peers = Callable[[NDArray[np.int64]], Sequence[NDArray[np.float32]]]


@dataclass(frozen=True)
class Companions:
    """What was chosen on validation.

    Args:
        memory_share: what the memory of the training texts counts for.
        linear_share: what the linear part counts for.
        linear_temperature: of the linear part's own answers.
    """

    memory_share: float = 0.0
    linear_share: float = 0.0
    linear_temperature: float = 1.0

    @property
    def networks_share(self) -> float:
        """What is left for the networks."""
        return 1 - self.memory_share - self.linear_share

    def describe(self) -> dict[str, float]:
        """Return what `metrics.json` records."""
        return {
            "memory_share": round(self.memory_share, 4),
            "linear_share": round(self.linear_share, 4),
        }


def choose_companions(
    final: FinalConfig,
    inputs: TrialInputs,
    limits: Mapping[str, Any],
    networks: NDArray[np.float32],
    peers: Peers,
) -> tuple[Companions, NDArray[np.float32]]:
    """Choose on validation, by parts that were made of train alone.

    Args:
        final: the configuration, which may leave either out.
        inputs: what all trials of the study shared.
        limits: vocabulary size and length limit of what reads the text.
        networks: their probabilities of the validation texts, shape `(texts, classes)`.
        peers: answer for networks like these that were not chosen on these texts, and decide; where
            there are none, the networks themselves do.

    Returns:
        What was chosen, and the probabilities of the whole.
    """
    labels = inputs.labels[inputs.split.validation]
    answers, temperature = _answers(final, inputs, limits)
    if not answers:
        return Companions(), networks
    rows = some_rows(len(labels), most_texts(inputs.classes), np.random.default_rng(inputs.seed))
    judges = peers(rows) or [networks[rows]]
    judged = {name: given[rows] for name, given in answers.items()}
    shares = choose_shares(judges, judged, labels[rows])
    for name in answers:
        if name in shares:
            logger.info("%s: counts for %.0f %%.", _IN_WORDS[name], 100 * shares[name])
        else:
            logger.info("%s: left out, validation is no better with it.", _IN_WORDS[name])
    chosen = Companions(shares.get(MEMORY, 0.0), shares.get(LINEAR, 0.0), temperature)
    return chosen, mixed(networks, [answers[name] for name in shares], SHARE)


def _answers(
    final: FinalConfig, inputs: TrialInputs, limits: Mapping[str, Any]
) -> tuple[dict[str, NDArray[np.float32]], float]:
    """Answer the validation texts with each companion; the linear part's have a temperature."""
    validation, train = inputs.examples(inputs.split.validation, limits), inputs.split.train
    answers: dict[str, NDArray[np.float32]] = {}
    temperature = 1.0
    if final.memory:
        memory = _memory(inputs, limits, train)
        answers[MEMORY] = predict_probabilities(memory, validation.texts)
    if final.linear:
        try:
            linear = predict_probabilities(_linear(inputs, limits, train, 1.0), validation.texts)
            temperature = fit_temperature(linear, validation.labels)
            answers[LINEAR] = with_temperature(linear, temperature)
        except NoLinearPartError as error:
            logger.info("%s: none, since %s.", _IN_WORDS[LINEAR], error)
        except MemoryError:
            logger.info("%s: none, since there was not enough memory for it.", _IN_WORDS[LINEAR])
    return answers, temperature


def companion_parts(
    companions: Companions,
    inputs: TrialInputs,
    limits: Mapping[str, Any],
    rows: NDArray[np.int64],
) -> list[Part]:
    """Make the chosen companions of some rows, as parts of the whole."""
    parts, known = [], _known(inputs, limits)
    if companions.memory_share > 0:
        memory = _memory(inputs, limits, rows)
        parts.append(part_of(memory, companions.memory_share, known))
    if companions.linear_share > 0:
        with step("Fitting the linear part"):
            linear = _linear(inputs, limits, rows, companions.linear_temperature)
        parts.append(part_of(linear, companions.linear_share, known))
    return parts


def _memory(inputs: TrialInputs, limits: Mapping[str, Any], rows: NDArray[np.int64]) -> keras.Model:
    words = _known(inputs, limits)["vocabulary_size"]
    return build_memory(inputs.examples(rows, limits), inputs.classes, words, inputs.seed)


def _linear(
    inputs: TrialInputs, limits: Mapping[str, Any], rows: NDArray[np.int64], temperature: float
) -> keras.Model:
    return build_linear(
        inputs.examples(rows, limits),
        inputs.classes,
        _known(inputs, limits)["vocabulary_size"],
        temperature=temperature,
        seed=inputs.seed,
    )


def _known(inputs: TrialInputs, limits: Mapping[str, Any]) -> dict[str, Any]:
    """Return the limits with the ids that occur: a small data set has fewer than are allowed."""
    words = min(int(inputs.texts.ids.max()) + 1, int(limits["vocabulary_size"]))
    return {**limits, "vocabulary_size": words}
