"""What a search ends with: one network or an ensemble, on the same finished study."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import TINY_SEARCH, Completed, RunCommand

pytestmark = pytest.mark.slow

SEARCH = (
    *TINY_SEARCH,
    *("search.max_trials=3", "search.pruner=none", "search.name=study", "final.onnx=false"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("finals")


def finish(run_command: RunCommand, folder: Path, name: str, *overrides: str) -> Completed:
    done = run_command("search", [*SEARCH, f"model_dir={name}", *overrides], folder)
    assert done.returncode == 0, done.stderr
    return done


def metrics_of(folder: Path, name: str) -> dict[str, Any]:
    return dict(json.loads((folder / name / "metrics.json").read_text()))


def test_each_final_step_uses_the_study_that_is_there_and_says_what_it_did(run_command, folder):
    for name, trials_begin in (("single", True), ("ensemble", False)):
        done = finish(run_command, folder, name, f"final={name}")
        assert ("best so far" in done.stderr) == trials_begin
        metrics = metrics_of(folder, name)
        final, split = metrics["final"], metrics["data"]["split"]
        assert final["name"] == name
        assert final["trained_texts"] == split["train"] + split["validation"]
        assert sum(member["share"] for member in final["members"]) == pytest.approx(1, abs=1e-3)
        assert metrics["validation"]["rows"] == split["validation"]
        assert f"{metrics['baseline']['test']['accuracy']:.4f}" in done.stderr
        assert 0 <= metrics["baseline"]["comparison"]["p_value"] <= 1
        assert "the LSTM alone" in done.stdout
        parts = metrics["parts"]
        experts = {each for each in ("memory", "linear") if final[f"{each}_share"]}
        assert set(parts) == {"network", "whole", *experts}
        for on in ("validation", "test"):
            assert parts["whole"][on]["accuracy"] == metrics[on]["accuracy"]
            assert parts["whole"][on]["macro_f1"] == pytest.approx(metrics[on]["macro_f1"])


@pytest.mark.parametrize(
    ("name", "overrides", "linear_share"),
    [
        ("as_selected", ["final.memory=false", "final.linear=false"], 0),
        ("poor", ["search.name=poor", "model.learning_rate=1e-5", "final.memory=false"], 0.25),
    ],
)
def test_an_ensemble_of_the_searchs_own_weights_has_the_validation_figures_it_claims(
    run_command, folder, name, overrides, linear_share
):
    """Without retraining the exported model is the one that validation scored, in all its parts."""
    finish(run_command, folder, name, "final=ensemble", "final.retrain=false", *overrides)
    metrics = metrics_of(folder, name)
    assert metrics["final"]["retrained"] is False
    assert metrics["final"]["linear_share"] == linear_share
    assert metrics["final"]["trained_texts"] == metrics["data"]["split"]["train"]
    from ecomcat.config import DataConfig
    from ecomcat.data.dataset import load_dataset
    from ecomcat.data.sources import SAMPLE_SOURCE
    from ecomcat.export.classifier import load_classifier

    data = DataConfig(name="sample", source=SAMPLE_SOURCE, sample_rows=400)
    dataset = load_dataset(data, 1)
    rows = dataset.split.validation
    classifier = load_classifier(folder / name)
    answers = classifier.probabilities([dataset.texts[row] for row in rows]).argmax(axis=1)
    accuracy = np.mean(answers == dataset.label_ids[rows])
    assert accuracy == pytest.approx(metrics["validation"]["accuracy"], abs=1e-9)
    assert not classifier.was_trained_on([dataset.texts[row] for row in rows]).any()


def test_all_rows_are_trained_on_only_after_the_test_was_scored(run_command, folder):
    finish(run_command, folder, "single")
    finish(run_command, folder, "all_rows", "final.use_all_rows=true")
    before, after = metrics_of(folder, "single"), metrics_of(folder, "all_rows")
    assert after["test"] == before["test"]
    assert after["final"]["trained_texts"] == after["data"]["distinct_texts"]
    assert "model before the test rows" in (folder / "all_rows" / "README.md").read_text()
    trained = np.load(folder / "all_rows" / "trained_rows.npy")
    assert len(trained) == after["data"]["distinct_texts"]


def test_what_is_switched_off_is_not_there(run_command, folder):
    switches = ("final.memory=false", "final.linear=false", "final.baseline=false")
    done = finish(run_command, folder, "plain", *switches)
    metrics = metrics_of(folder, "plain")
    assert metrics["final"]["memory_share"] == metrics["final"]["linear_share"] == 0
    assert metrics["baseline"] is None
    assert metrics["parts"]["network"] == metrics["parts"]["whole"]
    assert "There is no linear baseline" in done.stderr
