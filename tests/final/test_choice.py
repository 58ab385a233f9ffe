"""The linear part is fitted to train alone and answers the validation texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.tiny_network import texts_and_labels

pytestmark = pytest.mark.slow


def inputs() -> Any:
    """Return texts of three categories, whose words tell them apart, half of them validation."""
    from ecomcat.data.splitting import Split
    from ecomcat.model.network import lstm_classifier
    from ecomcat.tuning.trial import TrialInputs

    texts, labels = texts_and_labels(180, seed=0, longest=8)
    rows = np.arange(180)
    split = Split(rows[:90], rows[90:], rows[:0])
    return TrialInputs(lstm_classifier, texts, labels, 3, split, seed=1, patience=1, max_epochs=1)


def test_the_linear_part_is_fitted_to_train_and_answers_validation() -> None:
    from ecomcat.final.choice import fit_linear
    from ecomcat.final.merging import TextLimits

    part, answers = fit_linear(inputs(), TextLimits(20, 8), np.arange(90))
    assert part is not None
    assert len(answers) == 2, "of LinearSVC and of naive Bayes"
    for each in answers:
        assert each.shape == (90, 3)
        assert np.mean(each.argmax(axis=1) == inputs().labels[90:]) > 0.8
