"""Building, training and scoring networks on a handful of texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.tiny_network import VALUES, texts_and_labels, train_epoch

pytestmark = pytest.mark.slow


def build(seed: int = 3, **values: Any) -> Any:
    from ecomcat.model.network import build_classifier, lstm_classifier

    return build_classifier(lstm_classifier, {**VALUES, **values}, 3, seed=seed, total_batches=40)


def training(model: Any, data: Any, **options: Any) -> Any:
    from ecomcat.model.training import Training

    return Training(model, data, **{"num_classes": 3, "batch_size": 8, "seed": 1, **options})


def examples(count: int = 64, seed: int = 0) -> Any:
    """Make texts whose class shows in every word."""
    from ecomcat.model.training import Examples

    return Examples(*texts_and_labels(count, seed, longest=8))


@pytest.mark.parametrize("pooling", ["last", "max", "mean", "last+max+mean"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_padding_changes_no_answer(pooling: str, layers: int, bidirectional: bool) -> None:
    model = build(
        pooling=pooling,
        lstm_layers=layers,
        bidirectional=bidirectional,
        embedding_pooling="max+mean",
    )
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
    weights = [
        array
        for direction in ("forward", "backward")
        for array in model.get_layer(f"lstm_1_{direction}").get_weights()
    ]
    reference.set_weights(weights)
    features = keras.Model(model.input, model.get_layer("features").output)
    np.testing.assert_allclose(features(ids), reference(embedded), atol=1e-6)


def test_the_same_seed_builds_and_trains_the_same_network() -> None:
    from ecomcat.model.training import predict_probabilities

    data = examples()

    def train(seed: int) -> Any:
        model = build(seed)
        running = training(model, data, seed=seed, word_dropout=0.1)
        train_epoch(running)
        train_epoch(running)
        return predict_probabilities(model, data.texts)

    np.testing.assert_array_equal(train(3), train(3))
    assert not np.array_equal(train(3), train(4))


def test_a_step_is_keras_own() -> None:
    """With one batch an epoch and nothing dropped, `fit` of Keras does the same."""
    import keras

    from ecomcat.model.training import predict_probabilities

    data = examples(8)
    dropless = {"word_dropout": 0.0, "spatial_dropout": 0.0, "dropout": 0.0}
    ours, theirs = build(**dropless), build(**dropless)
    running = training(ours, data)
    logs = [train_epoch(running) for _ in range(5)]
    history = theirs.fit(
        data.texts.padded(np.arange(8)),
        keras.utils.to_categorical(data.labels, 3),
        batch_size=8,
        epochs=5,
        shuffle=False,
        verbose=0,
    )
    np.testing.assert_allclose([row["loss"] for row in logs], history.history["loss"], rtol=1e-4)
    np.testing.assert_allclose(
        predict_probabilities(ours, data.texts),
        predict_probabilities(theirs, data.texts),
        atol=1e-4,
    )


def test_the_losses_of_a_builders_regularizers_count() -> None:
    import keras

    from ecomcat.model.network import build_classifier

    def regularized(values: Any, num_classes: int) -> Any:
        ids = keras.Input((None,), dtype="int32")
        words = keras.layers.Embedding(20, 4)(ids)
        mean = keras.layers.GlobalAveragePooling1D()(words)
        penalty = keras.regularizers.L2(values["penalty"])
        output = keras.layers.Dense(num_classes, activation="softmax", kernel_regularizer=penalty)
        return keras.Model(ids, output(mean))

    losses = []
    for penalty in (0.0, 10.0):
        values = {**VALUES, "penalty": penalty}
        model = build_classifier(regularized, values, 3, seed=1, total_batches=10)
        losses.append(train_epoch(training(model, examples(8)))["loss"])
    assert losses[1] > losses[0] + 1.0


def test_a_loss_that_is_not_a_number_is_told_with_its_batch() -> None:
    from ecomcat.model.training import DivergedError

    model = build()
    model.get_layer("probabilities").bias.assign(np.full(3, np.nan, np.float32))
    with pytest.raises(DivergedError, match=r"nan in batch 1; a smaller learning rate"):
        train_epoch(training(model, examples()))


def watch_training(model: Any, train: Any, validation: Any, epochs: int, patience: int) -> Any:
    """Train until the epochs are over or patience is."""
    from ecomcat.model.training import ValidationWatch

    watch = ValidationWatch(model, validation, smoothing=0.0, patience=patience)
    running = training(model, train)
    while running.epoch < epochs and not watch.out_of_patience:
        logs = train_epoch(running)
        watch.score_epoch(running.epoch, logs)
    return watch.outcome


def test_training_learns_and_the_watch_keeps_the_best_epoch() -> None:
    from ecomcat.model.training import predict_probabilities

    train, validation = examples(256, seed=1), examples(64, seed=2)
    model = build()
    outcome = watch_training(model, train, validation, epochs=12, patience=3)
    assert outcome.scores["macro_f1"] > 0.9
    assert outcome.scores["macro_f1"] == max(row["val_macro_f1"] for row in outcome.curves)
    assert outcome.curves[outcome.best_epoch - 1]["val_macro_f1"] == outcome.scores["macro_f1"]
    model.set_weights(outcome.weights)
    assert outcome.probabilities is not None
    np.testing.assert_allclose(
        predict_probabilities(model, validation.texts), outcome.probabilities, atol=1e-6
    )


def test_patience_is_over_after_epochs_without_a_better_score() -> None:
    model = build(learning_rate=1e-7)
    outcome = watch_training(model, examples(), examples(8), epochs=50, patience=2)
    assert outcome.epochs == outcome.best_epoch + 2 < 50


def test_probabilities_come_back_in_the_order_of_the_texts() -> None:
    from ecomcat.model.training import predict_probabilities

    model, data = build(), examples(40)
    together = predict_probabilities(model, data.texts)
    for row in (0, 17, 39):
        one = predict_probabilities(model, data.texts.take(np.array([row])))
        np.testing.assert_allclose(together[row], one[0], atol=1e-6)
    assert predict_probabilities(model, data.texts.take(np.array([], int))).shape == (0, 3)


def test_a_linear_schedule_ends_at_zero_and_a_constant_one_stays() -> None:
    linear = build(learning_rate_schedule="linear").optimizer
    assert float(linear._learning_rate(40)) == 0.0
    constant = build(learning_rate_schedule="constant").optimizer
    assert float(constant.learning_rate) == pytest.approx(0.02)
