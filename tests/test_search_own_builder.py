"""A network of one's own: what a search makes of it, and of one that is broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import TINY_MODEL, TINY_SEARCH, RunMain

from ecomcat import search

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
    run_main: RunMain,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "own_builder.py").write_text(BUILDER)
    monkeypatch.syspath_prepend(tmp_path)
    fixed = ("model.lstm_units=4", "model.max_tokens=16", "search=grid", "search.max_trials=3")
    own = ("model.build=own_builder.average", "model.extra.width=[3,4,5]", "final.onnx=true")
    done = run_main(search.main, *TINY_SEARCH, *TINY_MODEL, *fixed, *own)
    assert done.code == 0, done.errors
    assert "three is refused" in caplog.text
    assert "the loss became nan" in caplog.text
    assert "Traceback" not in caplog.text + done.errors
    metrics = json.loads((tmp_path / "model" / "metrics.json").read_text())
    assert metrics["search"]["best_hyperparameters"]["extra.width"] == 5
    assert (tmp_path / "model" / "model.onnx").exists()
