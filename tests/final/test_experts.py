"""The memory, the linear part, and the one model that all parts are merged into."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ecomcat.text.encoding import EncodedTexts
from tests.tiny_network import VALUES, texts_and_labels

pytestmark = pytest.mark.slow

TEXTS, LABELS = texts_and_labels(90, seed=0, longest=11)
NOISY = np.where(np.arange(90) % 5 == 0, (LABELS + 1) % 3, LABELS)  # hyperplanes then lie askew
EXPERTS = ("Memory", "Linear")


def texts_of(*texts: list[int]) -> EncodedTexts:
    offsets = np.concatenate([[0], np.cumsum([len(text) for text in texts])])
    return EncodedTexts(np.concatenate(texts).astype(np.int32), offsets)


def fitted(
    name: str, labels: np.ndarray = LABELS, classes: int = 3, texts: Any = TEXTS, **options: Any
) -> Any:
    """Return an expert, with some of its attributes as the options say."""
    from ecomcat.final import experts
    from ecomcat.model.training import Examples

    expert = getattr(experts, name)(classes, experts.TextLimits(20, 8), seed=1)
    for option, value in options.items():
        setattr(expert, option, value)
    expert.fit(Examples(texts, labels))
    return expert


@pytest.mark.parametrize("name", EXPERTS)
def test_an_expert_knows_the_texts_that_it_learned_whatever_the_order_of_their_words(name):
    expert = fitted(name)
    assert np.mean(expert.answer(TEXTS).argmax(axis=1) == LABELS) > 0.95
    alone, padded = texts_of([3, 9, 4]), texts_of([4, 3, 9], [2] * 8)
    assert np.allclose(expert.answer(alone)[0], expert.answer(padded)[0], atol=1e-5)


def test_a_text_of_unknown_words_is_answered_with_the_frequency_of_the_classes_by_the_memory():
    frequency = np.bincount(LABELS, minlength=3) / len(LABELS)
    assert np.allclose(fitted("Memory").answer(texts_of([1, 1]))[0], frequency, atol=1e-5)


def test_unknown_words_say_nothing_to_the_linear_part():
    given = fitted("Linear").answer(texts_of([3, 9, 4], [1, 3, 1, 9, 4], [1], [1, 1]))
    assert np.allclose(given[0], given[1], atol=1e-6)
    assert np.allclose(given[2], given[3], atol=1e-6)
    assert np.isfinite(given).all()


def test_of_too_many_texts_the_memory_holds_some():
    answers = fitted("Memory", max_texts=10).answer(TEXTS)
    assert not np.allclose(answers, fitted("Memory").answer(TEXTS), atol=1e-2)
    assert np.allclose(answers.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("temperature", [0.4, 1.0])
def test_the_linear_part_is_a_softmax_of_linear_svcs_distances(classes, temperature):
    from scipy.special import softmax
    from sklearn.svm import LinearSVC

    labels = NOISY % classes
    occurs = np.zeros((90, 20))
    np.add.at(occurs, (np.repeat(np.arange(90), TEXTS.lengths), TEXTS.ids), 1)
    rarity = np.log(91 / (1 + (occurs > 0).sum(axis=0))) + 1
    features = occurs * rarity / np.sqrt((occurs * rarity**2).sum(axis=1, keepdims=True))
    model = LinearSVC(random_state=0, tol=1e-3).fit(features, labels)
    distances = model.decision_function(features)
    if classes == 2:
        distances = np.stack([-distances, distances], axis=1)
    given = fitted("Linear", labels, classes, temperature=temperature).answer(TEXTS)
    assert np.allclose(given, softmax(distances / temperature, axis=1), atol=2e-3)


def test_the_linear_part_is_calibrated_once_and_fitted_so_from_then_on():
    from ecomcat.model.training import Examples

    expert = fitted("Linear", NOISY)
    plain = expert.answer(TEXTS)
    calibrated = expert.calibrate(Examples(TEXTS, LABELS))
    assert expert.temperature != 1.0
    assert np.array_equal(calibrated.argmax(axis=1), plain.argmax(axis=1))
    expert.fit(Examples(TEXTS, NOISY))
    assert np.allclose(expert.answer(TEXTS), calibrated, atol=1e-5)


def test_a_category_without_a_text_is_never_the_answer():
    given = fitted("Linear", classes=5).answer(TEXTS)
    assert given.shape == (90, 5)
    assert set(given.argmax(axis=1)) == {0, 1, 2}


@pytest.mark.parametrize(
    ("labels", "classes", "reason"),
    [([0, 0, 0], 3, "of one category"), ([0, 1, 2], 251, "there are 251 categories, over 250")],
)
def test_the_linear_part_says_why_there_is_none(labels, classes, reason):
    from ecomcat.final.baseline import NothingToLearnError

    with pytest.raises(NothingToLearnError, match=reason):
        fitted("Linear", np.array(labels), classes, texts_of([3], [4], [5]))


def network(seed: int, **values: Any) -> Any:
    from ecomcat.model.network import build_classifier, lstm_classifier

    return build_classifier(lstm_classifier, {**VALUES, **values}, 3, seed=seed, total_batches=9)


# Keras 3.15 saves so under NumPy 2.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.2, 0.8), (1.0,)])
def test_a_merged_model_answers_as_the_mean_of_its_parts(weights, tmp_path):
    import keras

    from ecomcat.final.experts import Part, TextLimits, merge_models
    from ecomcat.model.training import predict_probabilities

    # The first reads less of a text and knows fewer words than the whole is given.
    limits = [TextLimits(12, 3), TextLimits(20, 8)][: len(weights)]
    models = [network(0, vocabulary_size=12, lstm_tokens=2), network(1)][: len(weights)]
    parts = [Part(*each) for each in zip(models, weights, limits, strict=True)]
    merged = merge_models(parts, TextLimits(20, 8))
    merged.save(tmp_path / "model.keras")
    expected = sum(
        part.weight * predict_probabilities(part.model, TEXTS.view(**vars(part.limits)))
        for part in parts
    )
    for model in (merged, keras.models.load_model(tmp_path / "model.keras")):
        assert len(model.inputs) == 1
        given = predict_probabilities(model, TEXTS.view(20, 8))
        assert np.allclose(given, expected, atol=1e-6)


def test_a_sequential_model_of_a_users_builder_can_be_a_part():
    import keras

    from ecomcat.final.experts import Part, TextLimits, merge_models

    pool, answer = keras.layers.GlobalMaxPooling1D(), keras.layers.Dense(3, "softmax")
    ids = keras.Input((None,), dtype="int32")
    model = keras.Sequential([ids, keras.layers.Embedding(20, 3), pool, answer])
    limits = TextLimits(20, 8)
    merged = merge_models([Part(model, 0.5, limits), Part(model, 0.5, limits)], limits)
    text = np.array([[3, 4, 5]], np.int32)
    assert np.allclose(np.asarray(merged(text)), np.asarray(model(text)), atol=1e-6)
