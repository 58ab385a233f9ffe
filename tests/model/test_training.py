"""Building, training and scoring networks on a handful of texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ecomcat.model.metrics import best_epoch
from tests.tiny_network import VALUES, texts_and_label_ids, train_epoch

pytestmark = pytest.mark.slow


def build(seed: int = 3, builder: Any = None, **values: Any) -> Any:
    from ecomcat.model.network import lstm_classifier
    from ecomcat.model.training import build_classifier

    values = {**VALUES, **values}
    return build_classifier(builder or lstm_classifier, values, 3, seed=seed, total_batches=40)


def training(model: Any, data: Any, **options: Any) -> Any:
    from ecomcat.model.training import Training

    return Training(model, data, **{"num_classes": 3, "batch_size": 8, "seed": 1, **options})


def examples(count: int = 64, seed: int = 0) -> Any:
    """Make texts whose class shows in every word."""
    from ecomcat.model.training import Examples

    return Examples(*texts_and_label_ids(count, seed, longest=8))


def probabilities(model: Any, texts: Any) -> Any:
    from ecomcat.model.training import Scorer

    return Scorer(model)(texts)


@pytest.mark.parametrize(("layers", "bidirectional"), [(1, False), (2, True)])
def test_padding_changes_no_answer(layers: int, bidirectional: bool) -> None:
    shape = {"lstm_layers": layers, "bidirectional": bidirectional}
    model = build(pooling="last+max+mean", embedding_pooling="max+mean", **shape)
    alone = model(np.array([[4, 9, 7]], np.int32)).numpy()
    padded = model(np.array([[4, 9, 7, 0, 0], [5, 6, 7, 8, 9]], np.int32)).numpy()
    np.testing.assert_allclose(alone[0], padded[0], atol=1e-6)


def test_the_backward_direction_is_keras_own_bidirectional_layer() -> None:
    import keras

    model = build(pooling="last", bidirectional=True)
    ids = np.array([[4, 9, 7, 2], [5, 6, 7, 8]], np.int32)
    embedded = model.get_layer("embedding")(ids)
    reference = keras.layers.Bidirectional(keras.layers.LSTM(4))
    reference.build(embedded.shape)
    ours = [model.get_layer(f"lstm_1_{direction}") for direction in ("forward", "backward")]
    reference.set_weights([array for layer in ours for array in layer.get_weights()])
    features = keras.Model(model.input, model.get_layer("features").output)
    np.testing.assert_allclose(features(ids), reference(embedded), atol=1e-6)


def test_the_same_seed_builds_and_trains_the_same_network() -> None:
    data = examples(16)

    def train() -> Any:
        model = build()
        train_epoch(training(model, data, word_dropout=0.1))
        return probabilities(model, data.texts)

    np.testing.assert_array_equal(train(), train())
    assert not np.array_equal(*(build(seed).get_weights()[0] for seed in (3, 4)))


def test_epochs_of_a_part_read_all_texts_in_turn_and_an_epoch_can_be_ended() -> None:
    from ecomcat.text.encoding import EncodedTexts

    class Watched(EncodedTexts):
        def take(self, rows: Any, max_tokens: Any = None) -> Any:
            read.append(set(rows.tolist()))
            return super().take(rows, max_tokens)

    read: list[set[int]] = []
    data = examples(40)
    texts = Watched(data.texts.words, data.texts.offsets)
    running = training(build(), type(data)(texts, data.label_ids), epoch_texts=20)
    parts = []
    for _ in range(3):
        read.clear()
        train_epoch(running)
        parts.append(set().union(*read))
    assert parts[0] | parts[1] == set(range(40))
    assert parts[2] == parts[0]
    batches = running.train_batches()
    assert next(batches) == (1, 3)
    with pytest.raises(StopIteration) as end:
        batches.send(True)
    assert 0 <= end.value.value["accuracy"] <= 1, "of the texts that were read"
    assert running.epoch == 4


def test_a_network_reads_the_letters_of_words_that_its_vocabulary_lacks() -> None:
    from ecomcat.model.training import Examples
    from ecomcat.text.encoding import encode_all
    from ecomcat.text.tokenizer import fit_tokenizer

    tokenizer, label_ids = fit_tokenizer(["the"], vocabulary_size=10), np.arange(96) % 3

    def made_up(seed: int) -> Examples:
        stems = np.random.default_rng(seed).integers(97, 123, (96, 4), np.uint8)
        ending = ("ung", "eau", "ski")
        words = [
            bytes(stem).decode() + ending[label]
            for stem, label in zip(stems, label_ids, strict=True)
        ]
        return Examples(encode_all(tokenizer, words, 8), label_ids)

    model = build(letter_dim=16, learning_rate=0.05)
    running = training(model, made_up(1))
    for _ in range(4):
        train_epoch(running)
    right = probabilities(model, made_up(2).texts).argmax(axis=1) == label_ids
    assert right.mean() > 0.9


def test_a_step_is_keras_own() -> None:
    """With one batch an epoch and nothing dropped, `fit` of Keras does the same."""
    import keras

    data = examples(8)
    values = {"word_dropout": 0.0, "spatial_dropout": 0.0, "dropout": 0.0, "bidirectional": True}
    ours, theirs = build(**values), build(**values)
    running = training(ours, data)
    logs = [train_epoch(running) for _ in range(3)]
    ids, targets = data.texts.padded(np.arange(8)), keras.utils.to_categorical(data.label_ids, 3)
    history = theirs.fit(ids, targets, batch_size=8, epochs=3, shuffle=False, verbose=0)
    np.testing.assert_allclose([row["loss"] for row in logs], history.history["loss"], rtol=1e-4)
    np.testing.assert_allclose(ours(ids), theirs(ids), atol=1e-4)


def test_the_losses_of_a_builders_regularizers_count() -> None:
    import keras

    def regularized(values: Any, num_classes: int) -> Any:
        ids = keras.Input((None,), dtype="int32")
        words = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(20, 4)(ids))
        penalty = keras.regularizers.L2(values["penalty"])
        output = keras.layers.Dense(num_classes, activation="softmax", kernel_regularizer=penalty)
        return keras.Model(ids, output(words))

    models = [build(builder=regularized, penalty=penalty) for penalty in (0.0, 10.0)]
    losses = [train_epoch(training(model, examples(8)))["loss"] for model in models]
    assert losses[1] > losses[0] + 1.0


def test_a_loss_that_is_not_a_number_is_told_with_its_batch() -> None:
    from ecomcat.model.training import DivergedError

    model = build()
    model.get_layer("probabilities").bias.assign(np.full(3, np.nan, np.float32))
    with pytest.raises(DivergedError, match=r"nan in batch 1; a smaller learning rate"):
        train_epoch(training(model, examples(8)))


def watch_training(model: Any, train: Any, validation: Any, patience: int) -> Any:
    """Train until 12 epochs are over or patience is."""
    from ecomcat.model.training import ValidationWatch

    watch = ValidationWatch(model, validation, smoothing=0.0, patience=patience)
    running = training(model, train)
    while running.epoch < 12 and not watch.out_of_patience:
        logs = train_epoch(running)
        watch.score_epoch(logs)
    return watch.outcome


def test_training_learns_and_the_watch_keeps_the_best_epoch() -> None:
    train, validation, model = examples(256, seed=1), examples(64, seed=2), build()
    outcome = watch_training(model, train, validation, patience=3)
    best = outcome.curves[best_epoch(outcome.curves) - 1]["val_macro_f1"]
    assert best == max(row["val_macro_f1"] for row in outcome.curves) > 0.9
    model.set_weights(outcome.weights)
    together = probabilities(model, validation.texts)
    np.testing.assert_allclose(together, outcome.probabilities, atol=1e-6)
    for row in (0, 17, 39):
        alone = probabilities(model, validation.texts.take(np.array([row])))
        np.testing.assert_allclose(together[row], alone[0], atol=1e-6)
    assert probabilities(model, validation.texts.take(np.array([], int))).shape == (0, 3)


def test_patience_is_over_after_epochs_without_a_better_score() -> None:
    outcome = watch_training(build(learning_rate=1e-7), examples(), examples(8), patience=2)
    assert len(outcome.curves) == best_epoch(outcome.curves) + 2 < 12


def test_a_linear_schedule_ends_at_zero_and_a_constant_one_stays() -> None:
    assert float(build(learning_rate_schedule="linear").optimizer._learning_rate(40)) == 0.0
    constant = build(learning_rate_schedule="constant").optimizer
    assert float(constant.learning_rate) == pytest.approx(0.02)
