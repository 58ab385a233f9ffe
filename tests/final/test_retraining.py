"""Training chosen configurations again, on a handful of texts."""

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


def texts_and_labels() -> tuple[EncodedTexts, np.ndarray]:
    """Make texts of which some are longer than the networks read."""
    return tiny_network.texts_and_labels(90, seed=0, longest=11)


def trial_inputs(**options: Any) -> Any:
    from ecomcat.model.network import lstm_classifier
    from ecomcat.tuning.trial import TrialInputs

    texts, labels = texts_and_labels()
    split = Split(np.arange(60), np.arange(60, 75), np.arange(75, 90))
    given = {"build": lstm_classifier, "texts": texts, "labels": labels, "num_classes": 3}
    limits = {"split": split, "seed": 1, "patience": 9, "max_epochs": 6}
    return TrialInputs(**{**given, **limits, **options})


def trial(number: int = 0, **values: Any) -> Any:
    from ecomcat.tuning.records import TrialRecord

    return TrialRecord(f"{number:04d}", {**VALUES, **values}, root=number, best_epoch=4)


def test_retraining_gives_what_training_on_these_rows_gives():
    from ecomcat.config import SearchConfig
    from ecomcat.final.retraining import retrain_trials
    from ecomcat.tuning.trial import TrialTraining
    from ecomcat.tuning.workers import TrialTask

    inputs, records, rows = trial_inputs(), [trial(0), trial(3)], np.arange(75)
    seen: list[tuple[str, int]] = []
    models = retrain_trials(
        inputs,
        records,
        rows,
        SearchConfig(workers=1),
        lambda name, epoch, _logs: seen.append((name, epoch)),
    )
    training = TrialTraining(inputs, TrialTask(3, VALUES, epochs=4, rows=rows))
    for _ in range(4):
        list(training.train_epoch())
    expected = training.model
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
