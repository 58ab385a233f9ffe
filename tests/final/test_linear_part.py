"""The linear part, and the one model that all parts are merged into."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ecomcat.text.encoding import EncodedTexts, encode_all
from ecomcat.text.letters import spell
from ecomcat.text.tokenizer import fit_tokenizer
from tests.tiny_network import VALUES, texts_and_label_ids

pytestmark = pytest.mark.slow

TEXTS, LABEL_IDS = texts_and_label_ids(90, seed=0, longest=11)
# Hyperplanes then lie askew.
NOISY = np.where(np.arange(90) % 5 == 0, (LABEL_IDS + 1) % 3, LABEL_IDS)


def texts_of(*texts: list[int]) -> EncodedTexts:
    offsets = np.concatenate([[0], np.cumsum([len(text) for text in texts])])
    return EncodedTexts(np.concatenate(texts).astype(np.int32), offsets)


def fitted(
    label_ids: np.ndarray = LABEL_IDS,
    classes: int = 3,
    texts: Any = TEXTS,
    vocabulary_size: int = 20,
    **options: Any,
) -> Any:
    """Return the linear part, with some of its attributes as the options say."""
    from ecomcat.final.linear_part import LinearPart
    from ecomcat.model.training import Examples

    part = LinearPart(classes, vocabulary_size, seed=1)
    for option, value in options.items():
        setattr(part, option, value)
    part.fit(Examples(texts, label_ids))
    return part


def answer(linear: Any, texts: EncodedTexts) -> Any:
    from ecomcat.model.training import Scorer

    return Scorer(linear.model)(texts)


def test_it_knows_the_texts_that_it_learned_however_they_are_padded():
    linear = fitted()
    assert np.mean(answer(linear, TEXTS).argmax(axis=1) == LABEL_IDS) > 0.95
    alone, padded = texts_of([3, 9, 4]), texts_of([3, 9, 4], [2] * 8)
    assert np.allclose(answer(linear, alone)[0], answer(linear, padded)[0], atol=1e-5)


def test_the_linear_part_tells_texts_apart_by_pairs_of_words_alone():
    texts, label_ids = texts_of(*[[3, 4, 5], [4, 3, 5]] * 20), np.tile([0, 1], 20)
    answers = answer(fitted(label_ids, 2, texts), texts_of([3, 4], [4, 3]))
    assert answers.argmax(axis=1).tolist() == [0, 1]
    assert np.allclose(answers[0], answers[1][::-1], atol=1e-2)


def test_unknown_words_say_nothing_to_the_linear_part_and_a_category_without_a_text_is_no_answer():
    linear = fitted(classes=5)
    given = answer(linear, texts_of([3, 9, 4], [1, 3, 9, 4, 1], [1], [1, 1]))
    assert np.allclose(given[[0, 2]], given[[1, 3]], atol=1e-6)
    assert np.isfinite(given).all()
    assert set(answer(linear, TEXTS).argmax(axis=1)) == {0, 1, 2}


def weighed() -> np.ndarray:
    """Return TF-IDF of the words and pairs of known words of each text, of length 1."""
    ids, lengths = TEXTS.ids.astype(int), TEXTS.lengths
    rows = np.repeat(np.arange(90), lengths)
    pairs = 20 + 20 * ids[:-1] + ids[1:]
    known = (rows[1:] == rows[:-1]) & (np.minimum(ids[:-1], ids[1:]) > 1)
    occurs = np.zeros((90, 420))
    np.add.at(occurs, (rows, ids), ids > 1)
    np.add.at(occurs, (rows[:-1][known], pairs[known]), 1)
    rarity = np.log(91 / (1 + (occurs > 0).sum(axis=0))) + 1
    return occurs * rarity / np.sqrt((occurs * rarity**2).sum(axis=1, keepdims=True))


@pytest.mark.parametrize("classes", [2, 3])
def test_its_models_are_a_softmax_of_linear_svcs_distances_and_one_of_naive_bayes(classes):
    from scipy.special import softmax
    from sklearn.naive_bayes import ComplementNB
    from sklearn.svm import LinearSVC

    from ecomcat.model.confidence import fit_temperature, with_temperature
    from ecomcat.model.training import Examples

    label_ids, features = NOISY % classes, weighed()
    svc = LinearSVC(C=2.0, random_state=0, tol=1e-3).fit(features, label_ids)
    distances = svc.decision_function(features)
    if classes == 2:
        distances = np.stack([-distances, distances], axis=1)
    occurring = features[:, features.any(axis=0)]
    bayes = ComplementNB(alpha=0.1).fit(occurring, label_ids).predict_joint_log_proba(occurring)
    linear = fitted(label_ids, classes)
    assert np.allclose(answer(linear, TEXTS), softmax(distances, axis=1), atol=2e-3)
    answers = linear.calibrate(Examples(TEXTS, label_ids))
    for found, scores in zip(answers, (distances, bayes), strict=True):
        plain = softmax(scores, axis=1).astype(np.float32)
        expected = with_temperature(plain, fit_temperature(plain, label_ids))
        assert np.allclose(found, expected, atol=1e-2)


@pytest.mark.parametrize(("cost", "converges"), [(2.0, True), (1e6, False)])
def test_a_line_says_that_the_fit_of_its_linear_svc_did_not_converge(cost, converges, caplog):
    with caplog.at_level("INFO", "ecomcat"):
        fitted(NOISY, cost=cost)
    assert ("LinearSVC did not converge" in caplog.text) == (not converges)


def test_it_answers_with_the_pool_of_its_calibrated_models_also_when_it_is_fitted_again():
    from ecomcat.final.mixture_weights import pool
    from ecomcat.model.training import Examples

    linear = fitted(NOISY)
    answers = linear.calibrate(Examples(TEXTS, LABEL_IDS))
    for shares in ([0.3, 0.1], [0.0, 0.2], [0.4, 0.0]):
        linear.mix(shares)
        expected = pool(answers, np.array(shares) / sum(shares))
        assert np.allclose(answer(linear, TEXTS), expected, atol=1e-3)
        linear.fit(Examples(TEXTS, NOISY))
        assert np.allclose(answer(linear, TEXTS), expected, atol=1e-3)


def written(texts: list[str], vocabulary_size: int = 100) -> EncodedTexts:
    tokenizer = fit_tokenizer(texts, vocabulary_size)
    return encode_all(tokenizer, texts, 8).view(vocabulary_size, 8)


BIRDS = [f"{start}ing {start}ring" for start in ("tr", "spl", "w", "gl", "k", "n")]
BEASTS = [f"{start}oose {start}rose" for start in ("tr", "spl", "w", "gl", "k", "n")]


@pytest.mark.parametrize("times", [1, 2])  # a word that occurs once is not in the vocabulary
def test_the_linear_part_knows_unknown_words_by_the_letters_that_they_share(times):
    texts = written([*BIRDS * times, *BEASTS * times, "f fing", "f foose"])
    learned = texts.take(np.arange(len(texts) - 2))
    linear = fitted(np.repeat([0, 1], 6 * times), 2, learned, vocabulary_size=100)
    answers = answer(linear, texts)
    assert answers[-2:].argmax(axis=1).tolist() == [0, 1]
    assert (answers[:-2].argmax(axis=1) == np.repeat([0, 1], 6 * times)).all()


def test_letters_of_known_words_count_as_in_a_linear_svc_of_words_pairs_and_letters():
    from scipy.special import softmax
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.svm import LinearSVC

    texts, label_ids = [*BIRDS, *BEASTS] * 2, np.tile(np.repeat([0, 1], 6), 2)
    blocks = []
    for counted, weight in (
        ({"ngram_range": (1, 2)}, 1.0),
        ({"analyzer": spelled}, 0.25),
    ):
        counts = CountVectorizer(**counted).fit_transform(texts).toarray()
        blocks += [counts, weight * (np.log(25 / (1 + (counts > 0).sum(axis=0))) + 1)]
    counts, weights = np.hstack(blocks[::2]), np.concatenate(blocks[1::2])
    features = counts * weights / np.sqrt(counts @ weights**2)[:, None]
    model = LinearSVC(C=2.0, random_state=0, tol=1e-3).fit(features, label_ids)
    distances = model.decision_function(features)
    expected = softmax(np.stack([-distances, distances], axis=1), axis=1)
    given = fitted(label_ids, 2, written(texts), vocabulary_size=100)
    assert np.allclose(answer(given, written(texts)), expected, atol=2e-3)


ODD = ["12345 678", "7", "x", "x" * 10_000, "红red灯 red", "e\u0301" * 300, "…", "", "zzz yyy"]


def test_odd_texts_and_words_that_occur_nowhere_in_training_get_an_answer():
    linear = fitted(np.tile([0, 1], 6), 2, written([*BIRDS, *BEASTS]), 100)
    texts = encode_all(fit_tokenizer([*BIRDS, *BEASTS], 100), ODD, 8)
    answers = answer(linear, texts)
    assert np.isfinite(answers).all()
    assert np.allclose(answers.sum(axis=1), 1, atol=1e-5)


def spelled(text: str) -> list[int]:
    return spell(text.split()).groups.tolist()


@pytest.mark.parametrize("classes", [3, 300])
def test_of_one_category_there_is_none(classes):
    from ecomcat.final.baseline import NothingToLearnError

    with pytest.raises(NothingToLearnError, match="of one category"):
        fitted(np.array([0, 0, 0]), classes, texts_of([3], [4], [5]))


@pytest.mark.parametrize(("classes", "limit"), [(3, "max_groups"), (300, "max_read")])
def test_where_it_learns_a_part_of_the_texts_the_log_says_how_many(classes, limit, caplog):
    with caplog.at_level("INFO", "ecomcat"):
        linear = fitted(classes=classes, **{limit: 3000})
    assert 3 <= linear.texts < 90
    assert f"fitted to {linear.texts} of 90 texts." in caplog.text


def test_of_hundreds_of_categories_no_word_has_a_number_for_each_in_the_linear_part():
    # Of the first a hundred texts, of each other two; a word tells a category.
    label_ids = np.concatenate([np.zeros(100, int), np.repeat(np.arange(1, 300), 2)])
    texts = texts_of(*[[2 + label, 302] for label in label_ids])
    linear = fitted(label_ids, 300, texts, 303, max_passes=20)
    given = answer(linear, texts)
    assert (given.argmax(axis=1) == label_ids).mean() > 0.95
    assert np.allclose(given.sum(axis=1), 1, atol=1e-4)
    assert np.isfinite(given).all()
    tables = [weights.shape for weights in linear.model.get_weights() if len(weights) == 303]
    assert all(shape[1] < 300 for shape in tables)


def network(seed: int, **values: Any) -> Any:
    from ecomcat.model.network import lstm_classifier
    from ecomcat.model.training import build_classifier

    return build_classifier(lstm_classifier, {**VALUES, **values}, 3, seed=seed, total_batches=9)


# Keras 3.15 saves so under NumPy 2.
def test_a_pooled_model_answers_as_the_pool_of_its_parts_also_from_a_file(tmp_path):
    import keras

    from ecomcat.final.merged_network import Part, pool_models
    from ecomcat.final.mixture_weights import pool
    from ecomcat.model.training import Scorer

    ids = keras.Input((None,), dtype="int32")
    highest, answer = keras.layers.GlobalMaxPooling1D(), keras.layers.Dense(3, "softmax")
    parts = [
        # It knows fewer words than the whole is given.
        Part(network(0, vocabulary_size=12, lstm_tokens=2), 0.2, 12),
        Part(network(1), 0.5, 20),
        # A user's builder may make such a model.
        Part(keras.Sequential([ids, keras.layers.Embedding(20, 3), highest, answer]), 0.3, 20),
    ]
    answers = [Scorer(part.model)(TEXTS.view(part.vocabulary_size, 8)) for part in parts]
    weights = [part.weight / 0.5 for part in parts]
    pooled = pool_models(parts, temperature=0.5)
    pooled.save(tmp_path / "model.keras")
    for model in (pooled, keras.models.load_model(tmp_path / "model.keras")):
        assert len(model.inputs) == 1
        given = Scorer(model)(TEXTS.view(20, 8))
        assert np.allclose(given, pool(answers, weights), atol=1e-5)
