"""What a trial leaves in its folder is what is read again, and what is gone is named."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from ecomcat.errors import UserError
from ecomcat.model.metrics import Outcome
from ecomcat.tuning.records import BEST_WEIGHTS, keep_outcome, load_best_weights, load_outcome

CURVES = [{"val_macro_f1": 0.5}, {"val_macro_f1": 0.4}]
OUTCOME = Outcome(
    best_epoch=1,
    epochs=2,
    scores={"macro_f1": 0.5, "accuracy": 0.6, "loss": 0.7},
    probabilities=np.array([[0.25, 0.75]], np.float32),
    weights=[np.arange(3.0), np.ones((2, 2), np.float32)],
    curves=CURVES,
    state=[np.arange(4)],
)


def kept(directory: Path) -> Path:
    directory.mkdir()
    keep_outcome(OUTCOME, directory, np.array([5]))
    return directory


def test_a_trial_goes_on_from_what_it_left(tmp_path: Path) -> None:
    found = load_outcome(kept(tmp_path / "0003"), CURVES)
    assert (found.best_epoch, found.epochs, found.scores) == (1, 2, OUTCOME.scores)
    assert found.curves == CURVES
    assert np.array_equal(found.probabilities, OUTCOME.probabilities)
    for name in ("weights", "state"):
        for read, written in zip(getattr(found, name), getattr(OUTCOME, name), strict=True):
            assert np.array_equal(read, written)


def test_weights_that_are_gone_are_named(tmp_path: Path) -> None:
    directory = kept(tmp_path / "0003")
    path = directory / BEST_WEIGHTS
    path.unlink()
    message = f"the weights of trial 0003, found no {path}. Bring the file back"
    with pytest.raises(UserError, match=re.escape(message)):
        load_best_weights(directory)
