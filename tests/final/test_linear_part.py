"""The linear part: LinearSVC on the text's words, as a model of plain Keras layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ecomcat.text.encoding import EncodedTexts
from tests.tiny_network import texts_and_labels

pytestmark = pytest.mark.slow


def texts_of(*texts: list[int]) -> EncodedTexts:
    offsets = np.concatenate([[0], np.cumsum([len(text) for text in texts])])
    return EncodedTexts(np.concatenate(texts).astype(np.int32), offsets)


def linear(
    texts: EncodedTexts, labels: np.ndarray, classes: int = 3, temperature: float = 1.0
) -> Any:
    from ecomcat.final.experts import build_linear
    from ecomcat.model.training import Examples

    return build_linear(Examples(texts, labels), classes, 20, temperature=temperature, seed=1)


def answers(model: Any, texts: EncodedTexts) -> np.ndarray:
    from ecomcat.model.training import predict_probabilities

    return predict_probabilities(model, texts)


def noisy(labels: np.ndarray) -> np.ndarray:
    """Return labels of which every fifth is another, so that hyperplanes lie askew."""
    return np.where(np.arange(len(labels)) % 5 == 0, (labels + 1) % 3, labels)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("temperature", [0.4, 1.0])
def test_answers_with_a_softmax_of_linear_svcs_distances(classes: int, temperature: float) -> None:
    from scipy.special import softmax
    from sklearn.svm import LinearSVC

    texts, labels = texts_and_labels(90, seed=0, longest=8)
    labels = noisy(labels) % classes
    occurs = np.zeros((90, 20))
    np.add.at(occurs, (np.repeat(np.arange(90), texts.lengths), texts.ids), 1)
    rarity = np.log(91 / (1 + (occurs > 0).sum(axis=0))) + 1
    lengths = np.sqrt((occurs * rarity**2).sum(axis=1, keepdims=True))
    features = occurs * rarity / lengths
    distances = (
        LinearSVC(random_state=0, tol=1e-3).fit(features, labels).decision_function(features)
    )
    if classes == 2:
        distances = np.stack([-distances, distances], axis=1)
    given = answers(linear(texts, labels, classes, temperature), texts)
    assert np.allclose(given, softmax(distances / temperature, axis=1), atol=2e-3)


def test_does_not_mind_the_order_of_words_nor_padding() -> None:
    model = linear(*texts_and_labels(90, seed=0, longest=8))
    alone = answers(model, texts_of([3, 9, 4]))
    assert np.allclose(alone[0], answers(model, texts_of([4, 3, 9], [2] * 8))[0], atol=1e-6)


def test_unknown_words_say_nothing() -> None:
    model = linear(*texts_and_labels(90, seed=0, longest=8))
    given = answers(model, texts_of([3, 9, 4], [1, 3, 1, 9, 4], [1], [1, 1]))
    assert np.allclose(given[0], given[1], atol=1e-6)
    assert np.allclose(given[2], given[3], atol=1e-6)
    assert np.isfinite(given).all()


def test_a_category_without_a_text_is_never_the_answer() -> None:
    texts, labels = texts_and_labels(90, seed=0, longest=8)
    given = answers(linear(texts, labels, classes=5), texts)
    assert given.shape == (90, 5)
    assert set(given.argmax(axis=1)) == {0, 1, 2}


@pytest.mark.parametrize(
    ("labels", "classes", "reason"),
    [([0, 0, 0], 3, "of one category"), ([0, 1, 2], 251, "there are 251 categories, over 250")],
)
def test_says_why_there_is_none(labels: list[int], classes: int, reason: str) -> None:
    from ecomcat.final.experts import NoLinearPartError

    with pytest.raises(NoLinearPartError, match=reason):
        linear(texts_of([3], [4], [5]), np.array(labels), classes)


def test_a_rare_category_is_not_lost_where_only_some_texts_are_fitted_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ecomcat.final import experts as linear_part

    monkeypatch.setattr(linear_part, "MOST_TEXTS", 10)
    texts, labels = texts_and_labels(90, seed=0, longest=8)
    rare = np.where(np.arange(90) == 50, 2, labels % 2)
    rarest = answers(linear(texts, rare), texts)[:, 2]
    assert rarest[50] > 2 * np.median(rarest)


def test_is_fitted_to_some_of_too_many_texts_the_same_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ecomcat.final import experts as linear_part

    texts, labels = texts_and_labels(90, seed=0, longest=8)
    labels = noisy(labels)
    whole = answers(linear(texts, labels), texts)
    monkeypatch.setattr(linear_part, "MOST_TEXTS", 30)
    some = answers(linear(texts, labels), texts)
    assert not np.allclose(some, whole, atol=1e-3)
    assert np.array_equal(some, answers(linear(texts, labels), texts))
