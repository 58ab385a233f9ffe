"""What a search ends with, on the same finished study."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Ended
from conftest import TINY_SEARCH, RunMain

from ecomcat import search

pytestmark = pytest.mark.slow

SEARCH = (
    *TINY_SEARCH,
    *("search.max_trials=3", "search.pruner=none", "search.name=study"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("finals")


@pytest.fixture
def finish(
    run_main: RunMain, folder: Path, caplog: pytest.LogCaptureFixture
) -> Callable[..., tuple[Ended, dict[str, Any]]]:
    """Return a function that runs the search with overrides, and exports the model `name`."""

    def finish_as(name: str, *overrides: str) -> tuple[Ended, dict[str, Any]]:
        places = f"model_dir={folder / name}", f"outputs_dir={folder / 'outputs'}"
        caplog.clear()
        done = run_main(search.main, *SEARCH, *places, *overrides)
        assert done.code == 0, done.errors
        metrics = json.loads((folder / name / "metrics.json").read_text())
        return replace(done, errors=caplog.text), metrics

    return finish_as


def test_all_rows_are_trained_on_only_after_the_test_was_scored(finish, folder):
    searched, before = finish("as_usual")
    assert "best so far" in searched.errors
    done, after = finish("all_rows", "final.use_all_rows=true")
    assert "best so far" not in done.errors  # the study is there
    assert after["test"] == before["test"]
    texts, split = after["data"]["distinct_texts"], before["data"]["split"]
    assert before["final"]["trained_texts"] == split["train"] + split["validation"]
    assert after["final"]["trained_texts"] == texts
    assert "model before the test rows" in (folder / "all_rows" / "README.md").read_text()
    assert len(np.load(folder / "all_rows" / "trained_rows.npy")) == texts


def test_what_saw_more_texts_than_its_trial_is_calibrated_on_texts_of_its_own(finish, folder):
    from ecomcat import load
    from ecomcat.cli import compose
    from ecomcat.data.dataset import load_dataset

    parts = ("search.name=parts", "search.epoch_texts=40", "search.max_trials=1")
    _, metrics = finish("parts", *parts)
    split = metrics["data"]["split"]
    assert metrics["final"]["held_out_texts"] == split["validation"]
    assert metrics["final"]["trained_texts"] == split["train"]
    assert "were kept apart to calibrate it" in (folder / "parts" / "README.md").read_text()
    dataset = load_dataset(compose("search", SEARCH).data, metrics["seed"])
    model, validation = load(folder / "parts"), dataset.split.validation
    texts = [dataset.texts[row] for row in validation]
    assert not model.was_trained_on(texts).any()
    right = model.predict(texts)["predicted_category"] == dataset.frame["label"].iloc[
        validation
    ].to_numpy(str)
    assert right.mean() == pytest.approx(metrics["validation"]["accuracy"], abs=0.05)


@pytest.mark.parametrize(
    ("name", "overrides", "has_linear"),
    [
        ("as_selected", ["final.linear=false"], False),
        (
            "poor",
            [
                *("search.name=poor", "search.max_trials=2", "model.learning_rate=1e-5"),
                "final.baseline=true",
            ],
            True,
        ),
    ],
)
def test_a_model_of_the_searchs_own_weights_has_the_validation_figures_it_claims(
    finish, folder, name, overrides, has_linear
):
    """Without retraining the exported model is the one that validation scored, in all its parts."""
    from ecomcat.config import DataConfig
    from ecomcat.data.dataset import load_dataset
    from ecomcat.data.sources import SAMPLE_SOURCE
    from ecomcat.export.classifier import load_classifier

    done, metrics = finish(name, "final.retrain=false", *overrides)
    final, parts = metrics["final"], metrics["parts"]
    assert not final["retrained"]
    assert (final["linear_weight"] > 0) == has_linear
    assert final["trained_texts"] == metrics["data"]["split"]["train"]
    assert final["linear_texts"] == (final["trained_texts"] if has_linear else None)
    assert set(parts) == {"network", "whole", *(["linear"] if has_linear else [])}
    for on in ("validation", "test"):
        assert parts["whole"][on]["accuracy"] == metrics[on]["accuracy"]
    if has_linear:
        assert f"{metrics['baseline']['test']['accuracy']:.4f}" in done.output
        assert "the LSTM alone" in done.output
    else:
        assert metrics["baseline"] is None
        assert "no linear baseline" in done.errors

    data = DataConfig(name="sample", source=SAMPLE_SOURCE, sample_rows=400)
    dataset = load_dataset(data, 1)
    rows = dataset.split.validation
    texts = [dataset.texts[row] for row in rows]
    classifier = load_classifier(folder / name)
    accuracy = np.mean(classifier.probabilities(texts).argmax(axis=1) == dataset.label_ids[rows])
    assert accuracy == pytest.approx(metrics["validation"]["accuracy"], abs=1e-9)
    assert not classifier.was_trained_on(texts).any()
