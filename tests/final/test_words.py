"""Which words of the exported model are shown, and where it places them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.slow

TEXTS = ["oak chair oak", "oak chair", "dog ball dog", "dog ball dog lead", "dog oak lead"]
LABELS = np.array([0, 0, 1, 1, 1])


def inputs_and_tokenizer(vocabulary_size: int = 100) -> tuple[Any, Any]:
    from ecomcat.data.splitting import Split
    from ecomcat.model.network import lstm_classifier
    from ecomcat.text.encoding import encode_all
    from ecomcat.text.tokenizer import fit_tokenizer
    from ecomcat.tuning.trial import TrialInputs

    tokenizer = fit_tokenizer(TEXTS, vocabulary_size)
    nothing = np.array([], np.int64)
    inputs = TrialInputs(
        build=lstm_classifier,
        texts=encode_all(tokenizer, TEXTS, 10),
        labels=LABELS,
        classes=2,
        split=Split(np.arange(5), nothing, nothing),
        seed=1,
        patience=1,
        max_epochs=1,
    )
    return inputs, tokenizer


def network(value: float, vocabulary_size: int, *, embeds: bool = True) -> Any:
    """Return a network whose embedding holds one number everywhere."""
    import keras
    from keras import layers

    ids = keras.Input((None,), dtype="int32")
    if embeds:
        embedding = layers.Embedding(vocabulary_size, 4)
        pooled = layers.GlobalAveragePooling1D()(embedding(ids))
        embedding.set_weights([np.full((vocabulary_size, 4), value, np.float32)])
    else:
        total = keras.ops.sum(keras.ops.cast(ids, "float32"), axis=1, keepdims=True)
        pooled = layers.Reshape((1,))(total)
    return keras.Model(ids, layers.Dense(2, "softmax")(pooled))


def exported(*networks: Any, vocabulary_size: int = 100) -> Any:
    """Merge networks, the largest share first, their companions last, and calibrate the whole."""
    from ecomcat.final.calibration import calibrated_model
    from ecomcat.final.experts import Part, build_linear, build_memory, merge_models

    inputs, _ = inputs_and_tokenizer()
    values = {"vocabulary_size": vocabulary_size, "max_tokens": 10}
    memory = build_memory(inputs.examples(np.arange(5), values), 2, vocabulary_size, 1)
    shares = np.linspace(2, 1, len(networks)) / np.linspace(2, 1, len(networks)).sum()
    parts = [
        Part(each, float(share), each.layers[1].input_dim if value else vocabulary_size, 10)
        for each, share, value in zip(networks, shares, map(_embeds, networks), strict=True)
    ]
    whole = merge_models(parts, vocabulary_size=vocabulary_size, max_tokens=10)
    linear = build_linear(
        inputs.examples(np.arange(5), values), 2, vocabulary_size, temperature=1.0, seed=1
    )
    models = {whole: 0.5, memory: 0.25, linear: 0.25}
    every = [Part(model, share, vocabulary_size, 10) for model, share in models.items()]
    merged = merge_models(every, vocabulary_size=vocabulary_size, max_tokens=10)
    return calibrated_model(merged, 1.2)


def _embeds(model: Any) -> bool:
    return hasattr(model.layers[1], "input_dim")


def known(model: Any) -> Any:
    from ecomcat.final.words import known_words

    inputs, tokenizer = inputs_and_tokenizer()
    return known_words(model, tokenizer, inputs, ["Furniture", "Pets"])


def test_words_come_most_frequent_first_with_the_category_that_uses_them_most() -> None:
    words = known(exported(network(0.5, 100)))
    assert list(zip(words.words, words.texts, words.categories, strict=True)) == [
        ("dog", 5, "Pets"),
        ("oak", 4, "Furniture"),
        ("ball", 2, "Pets"),
        ("chair", 2, "Furniture"),
        ("lead", 2, "Pets"),
    ]
    assert words.vectors == pytest.approx(np.full((5, 4), 0.5))


@pytest.mark.parametrize("count", [1, 3, 11])
def test_the_vectors_are_those_of_the_part_with_the_largest_share(count: int) -> None:
    words = known(exported(*(network(float(number), 100) for number in range(1, count + 1))))
    assert (words.vectors == 1).all()


def test_a_part_of_fewer_words_shows_those_it_knows() -> None:
    assert known(exported(network(0.5, 4), network(0.7, 100))).words == ["dog", "oak"]


def test_companions_are_not_taken_for_embeddings() -> None:
    assert known(exported(network(0.0, 100, embeds=False))) is None


def test_a_vocabulary_without_words_shows_none() -> None:
    assert known(exported(network(0.5, 2), network(0.5, 100))) is None


def test_no_more_words_are_shown_than_a_browser_can_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecomcat.final.words.MOST_WORDS", 3)
    assert known(exported(network(0.5, 100))).words == ["dog", "oak", "ball"]
