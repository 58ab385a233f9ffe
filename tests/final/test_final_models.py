"""Merging and the memory, on a handful of texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ecomcat.data.splitting import Split
from ecomcat.text.encoding import EncodedTexts
from tests import tiny_network

pytestmark = pytest.mark.slow

VALUES: dict[str, Any] = {
    **tiny_network.VALUES,
    "embedding_pooling": "mean",
    "spatial_dropout": 0.0,
    "learning_rate": 0.03,
    "learning_rate_schedule": "constant",
}
LIMITS = {name: VALUES[name] for name in ("vocabulary_size", "max_tokens")}


def texts_and_labels() -> tuple[EncodedTexts, np.ndarray]:
    """Make texts of which some are longer than the networks read."""
    return tiny_network.texts_and_labels(90, seed=0, longest=11)


def trial_inputs(**options: Any) -> Any:
    from ecomcat.model.network import lstm_classifier
    from ecomcat.tuning.trial import TrialInputs

    texts, labels = texts_and_labels()
    split = Split(np.arange(60), np.arange(60, 75), np.arange(75, 90))
    given = {"build": lstm_classifier, "texts": texts, "labels": labels, "classes": 3}
    limits = {"split": split, "seed": 1, "patience": 9, "max_epochs": 6}
    return TrialInputs(**{**given, **limits, **options})


def trial(number: int = 0, **values: Any) -> Any:
    from ecomcat.tuning.records import TrialRecord

    return TrialRecord(f"{number:04d}", {**VALUES, **values}, root=number, best_epoch=4)


def network(inputs: Any, record: Any) -> Any:
    from ecomcat.tuning.trial import build_network

    return build_network(inputs, record.values, len(inputs.split.train), record.root + 5)


# Keras 3.15 saves so under NumPy 2.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.2, 0.8)])
def test_a_merged_model_answers_as_the_mean_of_its_members(shares, tmp_path):
    import keras

    from ecomcat.final.experts import merge_models, part_of
    from ecomcat.model.training import predict_probabilities

    inputs = trial_inputs()
    # Members that read less of a text, or know fewer words, than the whole model is given.
    records = [trial(0), trial(1, max_tokens=3, lstm_tokens=2, vocabulary_size=12)]
    models = [network(inputs, record) for record in records]
    parts = [
        part_of(model, share, record.values)
        for model, share, record in zip(models, shares, records, strict=True)
    ]
    merged = merge_models(parts, **LIMITS)
    merged.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    rows = inputs.split.test
    expected = sum(
        share * predict_probabilities(model, inputs.examples(rows, record.values).texts)
        for model, share, record in zip(models, shares, records, strict=True)
    )
    given = inputs.examples(rows, VALUES).texts
    for model in (merged, loaded):
        assert len(model.inputs) == 1
        assert np.allclose(predict_probabilities(model, given), expected, atol=1e-6)


def test_one_part_alone_is_the_model():
    from ecomcat.final.experts import merge_models, part_of
    from ecomcat.model.training import predict_probabilities

    inputs, record = trial_inputs(), trial()
    model = network(inputs, record)
    texts = inputs.examples(inputs.split.test, VALUES).texts
    alone = predict_probabilities(merge_models([part_of(model, 1.0, VALUES)], **LIMITS), texts)
    assert np.array_equal(alone, predict_probabilities(model, texts))


def test_a_part_that_knows_less_than_it_is_given_reads_the_rest_as_unknown():
    from ecomcat.final.experts import merge_models, part_of
    from ecomcat.model.training import predict_probabilities

    inputs, record = trial_inputs(), trial(1, max_tokens=3, lstm_tokens=2, vocabulary_size=12)
    model = network(inputs, record)
    merged = merge_models([part_of(model, 1.0, record.values)], **LIMITS)
    rows = inputs.split.test
    expected = predict_probabilities(model, inputs.examples(rows, record.values).texts)
    given = predict_probabilities(merged, inputs.examples(rows, VALUES).texts)
    assert np.allclose(given, expected, atol=1e-6)


def test_a_sequential_model_of_a_users_builder_can_be_a_part():
    import keras

    from ecomcat.final.experts import Part, merge_models

    pool, answer = keras.layers.GlobalMaxPooling1D(), keras.layers.Dense(3, "softmax")
    ids = keras.Input((None,), dtype="int32")
    model = keras.Sequential([ids, keras.layers.Embedding(20, 3), pool, answer])
    merged = merge_models([Part(model, 0.5, 20, 8), Part(model, 0.5, 20, 8)], **LIMITS)
    text = np.array([[3, 4, 5]], np.int32)
    assert np.allclose(np.asarray(merged(text)), np.asarray(model(text)), atol=1e-6)


def remembered(texts: EncodedTexts, of: EncodedTexts, labels: np.ndarray) -> np.ndarray:
    from ecomcat.final.experts import build_memory
    from ecomcat.model.training import Examples, predict_probabilities

    return predict_probabilities(build_memory(Examples(of, labels), 3, 20, seed=1), texts)


def test_the_memory_knows_the_class_of_a_text_that_it_holds():
    texts, labels = texts_and_labels()
    assert np.array_equal(remembered(texts, texts, labels).argmax(axis=1), labels)


def test_the_memory_does_not_mind_the_order_of_words_nor_padding():
    texts, labels = texts_and_labels()
    one = EncodedTexts(np.array([3, 9, 4], np.int32), np.array([0, 3]))
    two = EncodedTexts(np.array([4, 3, 9, 2, 2, 2, 2, 2], np.int32), np.array([0, 3, 8]))
    alone = remembered(one, texts, labels)
    assert np.allclose(alone[0], remembered(two, texts, labels)[0], atol=1e-5)


def test_the_memory_answers_a_text_of_unknown_words_with_the_classes_shares():
    texts, labels = texts_and_labels()
    unknown = EncodedTexts(np.array([1, 1], np.int32), np.array([0, 2]))
    shares = np.bincount(labels, minlength=3) / len(labels)
    assert np.allclose(remembered(unknown, texts, labels)[0], shares, atol=1e-5)


def test_of_too_many_texts_the_memory_holds_some(monkeypatch):
    from ecomcat.final import experts as memory

    monkeypatch.setattr(memory, "MOST_TEXTS", 10)
    texts, labels = texts_and_labels()
    answers = remembered(texts, texts, labels)
    assert answers.shape == (90, 3)
    assert np.allclose(answers.sum(axis=1), 1, atol=1e-5)


def test_retraining_gives_what_training_on_these_rows_gives():
    from ecomcat.config import SearchConfig
    from ecomcat.final.retraining import retrain_trials
    from ecomcat.model.training import fit
    from ecomcat.tuning.trial import build_network, start_training, trial_seed

    inputs, records, rows = trial_inputs(), [trial(0), trial(3)], np.arange(75)
    seen: list[tuple[str, int]] = []
    models = retrain_trials(
        inputs,
        records,
        rows,
        SearchConfig(workers=1),
        lambda name, epoch, _logs: seen.append((name, epoch)),
    )
    examples = inputs.examples(rows, VALUES)
    seed = trial_seed(inputs.seed, 3)
    expected = build_network(inputs, VALUES, len(examples), seed)
    fit(start_training(expected, inputs, VALUES, examples, seed), 4)
    for ours, theirs in zip(models[1].get_weights(), expected.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
    assert sorted(seen) == [(name, epoch) for name in ("0000", "0003") for epoch in (1, 2, 3, 4)]


@pytest.mark.parametrize(("schedule", "epochs"), [("linear", 6), ("constant", 4)])
def test_a_falling_learning_rate_is_let_fall_and_a_constant_one_stops_at_the_best_epoch(
    schedule, epochs
):
    from ecomcat.config import SearchConfig
    from ecomcat.final.retraining import retrain_trials

    seen: list[int] = []
    retrain_trials(
        trial_inputs(),
        [trial(learning_rate_schedule=schedule)],
        np.arange(60),
        SearchConfig(workers=1),
        lambda _name, epoch, _logs: seen.append(epoch),
    )
    assert seen == list(range(1, epochs + 1))


def test_a_retraining_that_fails_says_what_to_do():
    from ecomcat.config import SearchConfig
    from ecomcat.errors import UserError
    from ecomcat.final.retraining import retrain_trials

    with pytest.raises(
        UserError, match=r"Retraining trial 0000 failed: diverged.*search\.workers=1"
    ):
        retrain_trials(
            trial_inputs(),
            [trial(0, learning_rate=1e38)],
            np.arange(60),
            SearchConfig(workers=1, max_retries=0),
        )
