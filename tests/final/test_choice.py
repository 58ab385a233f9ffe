"""The experts that are asked for are fitted to train alone and answer the validation texts."""

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


@pytest.mark.parametrize("asked", [["memory", "linear"], ["linear"], ["memory"], []])
def test_the_experts_that_are_asked_for_are_fitted_to_train_and_answer_validation(
    asked: list[str],
) -> None:
    from ecomcat.config import FinalConfig
    from ecomcat.final.choice import fit_experts
    from ecomcat.final.merging import TextLimits

    final = FinalConfig({}, memory="memory" in asked, linear="linear" in asked)
    fitted = fit_experts(final, inputs(), TextLimits(20, 8))
    assert [expert.name for expert in fitted] == asked
    for answers in fitted.values():
        assert answers.shape == (90, 3)
        assert np.mean(answers.argmax(axis=1) == inputs().labels[90:]) > 0.8
