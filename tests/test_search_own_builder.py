"""A network of one's own: what a search makes of it, and of one that is broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import TINY_MODEL, TINY_SEARCH, RunCommand

pytestmark = pytest.mark.slow

BUILDER = """
import keras

def average(values, classes):
    if values["width"] == 3:
        raise ValueError("three is refused")
    ids = keras.Input((None,), dtype="int32")
    words = keras.layers.Embedding(values["vocabulary_size"], values["width"])(ids)
    mean = keras.layers.GlobalAveragePooling1D()(words)
    scores = keras.layers.Dense(classes)(mean) / (values["width"] - 4.0)
    return keras.Model(ids, keras.layers.Softmax()(scores))
"""


def test_a_builder_of_ones_own_is_one_file_with_one_function(
    run_command: RunCommand, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(BUILDER)
    fixed = ("model.lstm_units=4", "model.max_tokens=16", "search=grid", "search.max_trials=3")
    own = ("model.build=mine.average", "model.extra.width=[3,4,5]")
    done = run_command("search", [*TINY_SEARCH, *TINY_MODEL, *fixed, *own], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "three is refused" in done.stderr
    assert "the loss became nan" in done.stderr
    assert "Traceback" not in done.stderr
    metrics = json.loads((tmp_path / "model" / "metrics.json").read_text())
    assert metrics["search"]["best_hyperparameters"]["extra.width"] == 5
