"""A real, tiny search as a user runs it, and everything that is done with what it leaves."""

from __future__ import annotations

import csv
import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import TINY_SEARCH, Completed, RunCommand, RunMain, run_program, study_of

from ecomcat import search
from ecomcat.export.bundle import MANIFEST, write_manifest

pytestmark = pytest.mark.slow

EXPORTED = {
    *("model.keras", "tokenizer.pkl", "tokenizer.json", "labels.json", "config.yaml"),
    *("metrics.json", "README.md", "manifest.json", "trained_rows.npy"),
    *("model.onnx", "acceptance.json"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("user")


@pytest.fixture(scope="module")
def searched(run_command: RunCommand, folder: Path) -> Completed:
    done = run_command("search", TINY_SEARCH, folder)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def metrics(searched: Completed, folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "model" / "metrics.json").read_text()))


def test_leaves_the_model_and_the_study_and_nothing_else(
    metrics: dict[str, Any], folder: Path
) -> None:
    assert {path.name for path in folder.iterdir()} == {"model", "outputs"}
    assert {path.name for path in (folder / "model").iterdir()} == EXPORTED
    study = study_of(folder)
    assert study.name.startswith("bilstm-sample-")
    with (study / "trials.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["id"], row["status"]) for row in rows] == [
        ("0000", "completed"),
        ("0001", "completed"),
    ]
    for row in rows:
        trial = study / "trials" / row["id"]
        assert (trial / "best_weights.npz").stat().st_size > 0
        with np.load(trial / "validation.npz", allow_pickle=False) as stored:
            assert stored["probabilities"].shape == (metrics["validation"]["rows"], 6)


def test_standard_output_carries_the_results_and_standard_error_the_rest(
    searched: Completed, metrics: dict[str, Any]
) -> None:
    figures = (f"{metrics['test'][name]:.4f}" for name in ("accuracy", "macro_f1"))
    for word in (*figures, "Confusion matrix"):
        assert word in searched.stdout
    for word in ("duplicates removed", "trial 0001"):
        assert word in searched.stderr
    assert "Traceback" not in searched.stderr
    last = [line.split(": ")[0] for line in searched.stderr.splitlines()[-3:]]
    assert last == ["Result", "Model", "Next"]


def test_metrics_hold_what_the_contract_lists(metrics: dict[str, Any]) -> None:
    figures = {"rows", "accuracy", "macro_f1", "weighted_f1", "per_class", "confusions"}
    figures |= {"confusion_matrix", "absent_classes", "calibration_error", "coverage", "slices"}
    figures |= {"top_k_accuracy", "intervals", "novel"}
    assert set(metrics["test"]) == set(metrics["validation"]) == figures
    matrix = np.array(metrics["test"]["confusion_matrix"])
    assert np.trace(matrix) / matrix.sum() == pytest.approx(metrics["test"]["accuracy"])
    assert set(metrics["test"]["coverage"]) == {"0.95", "0.98", "0.99"}
    assert (metrics["data"]["rows"], metrics["data"]["duplicates_removed"]) == (400, 36)
    assert sum(metrics["data"]["classes"].values()) == metrics["data"]["distinct_texts"]
    assert metrics["search"]["trials"] == 2
    assert {"lstm_units", "batch_size"} <= set(metrics["search"]["best_hyperparameters"])
    assert {"tensorflow", "keras", "ecomcat"} <= set(metrics["versions"])
    assert metrics["seed"] == 1


def test_the_model_and_the_pickle_open_without_ecomcat(searched: Completed, folder: Path) -> None:
    script = """
import json, pickle, sys
sys.modules["ecomcat"] = None  # any import of it fails
import keras, numpy
tokenizer = pickle.load(open("model/tokenizer.pkl", "rb"))
model = keras.models.load_model("model/model.keras")
labels = json.load(open("model/labels.json"))
ids = tokenizer.encode("a soft ball for cats, not for runners").ids
inputs = [numpy.array([ids], "int32"), numpy.zeros((1, 1), "int32")]  # no groups of letters
print(json.dumps([labels, model.predict(inputs, verbose=0)[0].tolist()]))
"""
    done = run_program(script, folder)
    assert done.returncode == 0, done.stderr
    labels, probabilities = json.loads(done.stdout)
    assert len(labels) == len(probabilities) == 6
    assert sum(probabilities) == pytest.approx(1, abs=1e-4)


def test_the_same_command_again_runs_no_trial_and_exports_the_same(
    run_command: RunCommand, metrics: dict[str, Any], folder: Path
) -> None:
    notes = folder / "model" / "notes.txt"
    notes.write_text("mine")
    done = run_command("search", TINY_SEARCH, folder)
    assert done.returncode == 0, done.stderr
    assert "epoch 1" not in done.stderr
    again = json.loads((folder / "model" / "metrics.json").read_text())
    assert (again["test"], again["search"]) == (metrics["test"], metrics["search"])
    assert notes.read_text() == "mine"
    notes.unlink()


def test_a_fresh_search_with_the_same_seed_gives_the_same_figures(
    run_main: RunMain, metrics: dict[str, Any], tmp_path: Path
) -> None:
    done = run_main(search.main, *TINY_SEARCH, "final.onnx=false")
    assert done.code == 0, done.errors
    again = json.loads((tmp_path / "model" / "metrics.json").read_text())
    assert (again["test"], again["validation"]) == (metrics["test"], metrics["validation"])
    assert again["search"]["best_val_macro_f1"] == metrics["search"]["best_val_macro_f1"]


def test_a_strangers_pickle_never_runs(
    run_command: RunCommand, searched: Completed, folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder / "model", tmp_path / "model")
    (tmp_path / "model" / "tokenizer.pkl").write_bytes(pickle.dumps(_Stranger()))
    names = [path.name for path in (tmp_path / "model").iterdir() if path.name != MANIFEST]
    write_manifest(tmp_path / "model", names)
    done = run_command("predict", ["input=-", "output=-"], tmp_path, text="text\na ball\n")
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "stranger-was-here").exists()


class _Stranger:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return exec, ("open('stranger-was-here', 'w').close()",)
