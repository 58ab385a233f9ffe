"""A real, tiny search as a user runs it, and everything that is done with what it leaves."""

from __future__ import annotations

import copy
import csv
import io
import json
import os
import pickle
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import (
    ROOT,
    TINY_SEARCH,
    Completed,
    RunCommand,
    RunMain,
    run_program,
    run_python,
    study_of,
)

from ecomcat import predict, search
from ecomcat.command_config import SearchCommand
from ecomcat.data.sample import generate_sample
from ecomcat.errors import UserError
from ecomcat.export.bundle import MANIFEST, export_model, write_manifest
from ecomcat.export.classifier import load_classifier
from ecomcat.export.onnx import OnnxScorer
from ecomcat.text.encoding import encode_all
from ecomcat.wording.summary import Metrics

pytestmark = pytest.mark.slow

SEARCH = (*TINY_SEARCH, "final.onnx=true", "final.baseline=true")
TEXTS = [row.text for row in generate_sample(rows=200, seed=5)]
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
    # A wish for the Keras of old, which is not installed, stops nothing.
    done = run_command("search", SEARCH, folder, environment={"TF_USE_LEGACY_KERAS": "1"})
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def model(searched: Completed, folder: Path) -> Path:
    return folder / "model"


@pytest.fixture(scope="module")
def metrics(model: Path) -> dict[str, Any]:
    return dict(json.loads((model / "metrics.json").read_text()))


def test_leaves_the_model_and_the_study_and_nothing_else(
    metrics: dict[str, Any], folder: Path
) -> None:
    assert {path.name for path in folder.iterdir()} == {"model", "outputs"}
    assert {path.name for path in (folder / "model").iterdir()} == EXPORTED
    assert set(metrics) == {*Metrics.__annotations__} - {"test_without_excluded"}
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
    run_main: RunMain,
    metrics: dict[str, Any],
    folder: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    notes = tmp_path / "model" / "notes.txt"
    notes.write_text("mine")
    done = run_main(search.main, *TINY_SEARCH)
    assert done.code == 0, done.errors
    assert "Result" in caplog.text and "epoch 1" not in caplog.text
    again = json.loads((tmp_path / "model" / "metrics.json").read_text())
    assert (again["test"], again["search"]) == (metrics["test"], metrics["search"])
    assert notes.read_text() == "mine"
    assert not (tmp_path / "model" / "model.onnx").exists()


def test_a_fresh_search_with_the_same_seed_gives_the_same_figures(
    run_main: RunMain, metrics: dict[str, Any], tmp_path: Path
) -> None:
    done = run_main(search.main, *TINY_SEARCH)
    assert done.code == 0, done.errors
    again = json.loads((tmp_path / "model" / "metrics.json").read_text())
    assert (again["test"], again["validation"]) == (metrics["test"], metrics["validation"])
    assert again["search"]["best_val_macro_f1"] == metrics["search"]["best_val_macro_f1"]


# The deployed folder


@pytest.fixture
def copied(model: Path, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that copies the model without some files, with a manifest that is right."""

    def copy(*without: str) -> Path:
        shutil.copytree(model, tmp_path / "model")
        for name in without:
            (tmp_path / "model" / name).unlink()
        names = [path.name for path in (tmp_path / "model").iterdir() if path.name != MANIFEST]
        write_manifest(tmp_path / "model", names)
        return tmp_path / "model"

    return copy


@pytest.fixture
def no_tensorflow(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which importing TensorFlow, Keras or scikit-learn fails."""
    folder = tmp_path / "broken"
    folder.mkdir()
    for package in ("tensorflow", "keras", "sklearn"):
        (folder / f"{package}.py").write_text(f"raise AssertionError('{package} was imported')\n")
    return {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}


def labelled(output: str) -> list[list[str]]:
    return [row[-2:] for row in csv.reader(io.StringIO(output))]


def test_predict_needs_no_tensorflow_and_answers_as_keras_does(
    run_command, run_main, model, no_tensorflow, tmp_path, monkeypatch
):
    arguments = ["input=-", "output=-", "data.delimiter=none", f"model_dir={model}"]
    text = "\n".join(" ".join(each.split()) for each in TEXTS[:50]) + "\n"
    found = run_command("predict", arguments, tmp_path, text=text, environment=no_tensorflow)
    assert found.returncode == 0, found.stderr
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    expected = run_main(predict.main, *arguments, "runtime=keras")
    assert expected.code == 0, expected.errors
    assert len(labelled(found.stdout)) == 50
    for ours, theirs in zip(labelled(found.stdout), labelled(expected.output), strict=True):
        assert ours[0] == theirs[0]
        assert float(ours[1]) == pytest.approx(float(theirs[1]), abs=2e-4)


def test_both_runtimes_give_the_same_probabilities_and_explanations(model):
    onnx, keras = load_classifier(model, "onnx"), load_classifier(model, "keras")
    assert np.abs(onnx.probabilities(TEXTS) - keras.probabilities(TEXTS)).max() < 1e-4
    for ours, theirs in zip(onnx.explain(TEXTS[:5]), keras.explain(TEXTS[:5]), strict=True):
        weights = {word.word: word.weight for word in theirs}
        assert {word.word: pytest.approx(word.weight, abs=1e-4) for word in ours} == weights


def test_a_pickled_or_copied_model_is_opened_again_wherever_it_is_read(
    model, no_tensorflow, tmp_path, monkeypatch
):
    monkeypatch.chdir(model.parent)
    onnx, keras = (load_classifier(Path(model.name), runtime) for runtime in ("onnx", "keras"))
    expected = [each.predict(["A red ball"]).to_json() for each in (onnx, keras)]
    (tmp_path / "pickled").write_bytes(pickle.dumps(onnx))
    program = "import pickle; model = pickle.load(open('pickled', 'rb'))"
    ask = "\nprint(model.predict(['A red ball']).to_json())"
    done = run_python(["-c", program + ask], tmp_path, environment=no_tensorflow)
    assert done.stdout.splitlines() == expected[:1], done.stderr
    pickled = pickle.dumps(keras)
    monkeypatch.chdir(tmp_path)
    again = copy.deepcopy(onnx), pickle.loads(pickled)
    assert [each.predict(["A red ball"]).to_json() for each in again] == expected


def test_a_model_without_an_onnx_file_answers_by_keras_even_where_another_models_lies(copied):
    folder = copied("model.onnx")
    (folder / "model.onnx").write_bytes(b"another model's")
    assert len(load_classifier(folder).probabilities(TEXTS[:3])) == 3
    with pytest.raises(UserError, match=r"no such file in its manifest.*Use runtime=keras"):
        load_classifier(folder, "onnx")


def test_a_folder_is_told_what_it_lacks(copied):
    with pytest.raises(UserError, match=r"acceptance\.json.*found none\. Export the model again"):
        load_classifier(copied("acceptance.json"))


@pytest.mark.parametrize(
    ("name", "forge", "message"),
    [
        ("labels.json", lambda content: json.dumps([*json.loads(content), "more"]), "gives 7 prob"),
        ("labels.json", lambda content: json.dumps(json.loads(content)[:-1]), "for each text"),
        ("model.onnx", lambda _: "another file", "Expected an ONNX model"),
    ],
)
def test_a_forged_folder_whose_manifest_agrees_is_refused(copied, name, forge, message):
    folder = copied()
    content = (folder / name).read_text("utf-8", errors="replace")
    (folder / name).write_text(forge(content), encoding="utf-8")
    write_manifest(folder, [path.name for path in folder.iterdir() if path.name != MANIFEST])
    with pytest.raises(UserError, match=message):
        load_classifier(folder)


@pytest.fixture
def exported_again(model, tmp_path) -> Callable[..., Path]:
    """Return a function that exports the model, or another network, to a place of its own."""

    def export(network=None) -> Path:
        import keras

        classifier = load_classifier(model)
        export_model(
            tmp_path / "again",
            model=network or keras.models.load_model(model / "model.keras", compile=False),
            onnx_texts=encode_all(classifier.tokenizer, TEXTS, 16),
            tokenizer=classifier.tokenizer,
            labels=classifier.labels,
            config=SearchCommand(),
            trained_on=classifier.fields.describe(),
            metrics=json.loads((model / "metrics.json").read_text(encoding="utf-8")),
            acceptance=classifier.acceptance,
            trained_rows=[],
        )
        return tmp_path / "again"

    return export


def test_a_network_that_cannot_be_converted_is_exported_without_onnx(exported_again, caplog):
    import keras

    ids = keras.Input((None,), dtype="int32")
    words = keras.layers.Embedding(500, 4)(ids)
    states = keras.layers.LSTM(4, activation="gelu", name="odd")(words)
    labels = len({row.label for row in generate_sample(rows=200, seed=5)})
    network = keras.Model(ids, keras.layers.Dense(labels, activation="softmax")(states))
    folder = exported_again(network)
    assert "No model.onnx" in caplog.text and "odd" in caplog.text
    assert not (folder / "model.onnx").exists()
    assert load_classifier(folder).probabilities(TEXTS[:3]).shape == (3, labels)


def test_an_export_whose_onnx_file_answers_otherwise_fails_and_leaves_nothing(
    exported_again, monkeypatch, tmp_path
):
    answer = OnnxScorer.answer
    monkeypatch.setattr(OnnxScorer, "answer", lambda self, *given: answer(self, *given) + 0.001)
    with pytest.raises(UserError, match=r"differs by 0\.001 .*final\.onnx=false"):
        exported_again()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("runtime", ["onnx", "keras"])
def test_a_strangers_pickle_never_runs(copied, monkeypatch, tmp_path, runtime):
    folder = copied()
    (folder / "tokenizer.pkl").write_bytes(pickle.dumps(_Stranger()))
    write_manifest(folder, [path.name for path in folder.iterdir() if path.name != MANIFEST])
    monkeypatch.chdir(tmp_path)
    assert len(load_classifier(folder, runtime).predict(["a ball"])) == 1
    assert not (tmp_path / "stranger-was-here").exists()


class _Stranger:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return exec, ("open('stranger-was-here', 'w').close()",)
