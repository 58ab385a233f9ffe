"""A deployed folder answers without TensorFlow, the same in both runtimes, or says why not."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, TINY_SEARCH, RunCommand

from ecomcat.data.sample import generate_sample
from ecomcat.errors import UserError
from ecomcat.export.bundle import MANIFEST, write_manifest
from ecomcat.export.classifier import load_classifier

pytestmark = pytest.mark.slow

TEXTS = [row.text for row in generate_sample(rows=200, seed=5)]


@pytest.fixture(scope="module")
def model(run_command: RunCommand, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deployed")
    done = run_command("search", TINY_SEARCH, folder)
    assert done.returncode == 0, done.stderr
    return folder / "model"


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
    run_command, model, no_tensorflow, tmp_path
):
    arguments = ["input=-", "output=-", "data.delimiter=none", f"model_dir={model}"]
    text = "\n".join(" ".join(each.split()) for each in TEXTS[:50]) + "\n"
    found = run_command("predict", arguments, tmp_path, text=text, environment=no_tensorflow)
    assert found.returncode == 0, found.stderr
    expected = run_command("predict", [*arguments, "runtime=keras"], tmp_path, text=text)
    assert expected.returncode == 0, expected.stderr
    assert len(labelled(found.stdout)) == 50
    for ours, theirs in zip(labelled(found.stdout), labelled(expected.stdout), strict=True):
        assert ours[0] == theirs[0]
        assert float(ours[1]) == pytest.approx(float(theirs[1]), abs=2e-4)


def test_both_runtimes_give_the_same_probabilities_and_explanations(model):
    onnx, keras = load_classifier(model, "onnx"), load_classifier(model, "keras")
    assert np.abs(onnx.probabilities(TEXTS) - keras.probabilities(TEXTS)).max() < 1e-4
    for ours, theirs in zip(onnx.explain(TEXTS[:5]), keras.explain(TEXTS[:5]), strict=True):
        weights = {word.word: word.weight for word in theirs}
        assert {word.word: pytest.approx(word.weight, abs=1e-4) for word in ours} == weights


def test_the_confidence_of_an_answer_does_not_depend_on_what_else_is_asked(model):
    classifier = load_classifier(model)
    alone = np.concatenate([classifier.probabilities([text]) for text in TEXTS[:20]])
    assert np.abs(alone - classifier.probabilities(TEXTS)[:20]).max() < 1e-5


def test_a_model_without_an_onnx_file_answers_by_keras_and_says_so_if_onnx_is_asked_for(copied):
    folder = copied("model.onnx")
    assert len(load_classifier(folder).probabilities(TEXTS[:3])) == 3
    with pytest.raises(UserError, match=r"model\.onnx, found no such file.*Use runtime=keras"):
        load_classifier(folder, "onnx")


def test_an_onnx_file_that_another_model_left_behind_is_not_used(copied, model):
    folder = copied("model.onnx")
    (folder / "model.onnx").write_bytes(b"another model's")
    assert len(load_classifier(folder).probabilities(TEXTS[:3])) == 3
    with pytest.raises(UserError, match=r"model\.onnx, found no such file in its manifest"):
        load_classifier(folder, "onnx")


def test_a_folder_of_an_earlier_version_is_told_what_it_lacks(copied):
    with pytest.raises(UserError, match=r"acceptance\.json.*earlier version"):
        load_classifier(copied("acceptance.json"))


@pytest.mark.parametrize("name", ["model.onnx", "acceptance.json", "labels.json", "config.yaml"])
def test_a_folder_of_which_any_file_was_changed_is_refused(copied, name):
    folder = copied()
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(UserError, match=f"are not those exported: {name}"):
        load_classifier(folder)


def test_a_network_that_cannot_be_converted_is_exported_without_onnx(run_command, tmp_path):
    (tmp_path / "mine.py").write_text(
        "import keras\n"
        "def network(values, classes):\n"
        "    ids = keras.Input((None,), dtype='int32')\n"
        "    words = keras.layers.Embedding(values['vocabulary_size'], 4)(ids)\n"
        "    gelu = {'activation': 'gelu', 'name': 'odd'}\n"
        "    states = keras.layers.LSTM(4, **gelu)(words)\n"
        "    return keras.Model(ids, keras.layers.Dense(classes, activation='softmax')(states))\n"
    )
    one = ["search.max_trials=1", "search.max_epochs=1", "final.memory=false"]
    arguments = [*TINY_SEARCH, *one, "model.build=mine.network"]
    done = run_command("search", arguments, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "No model.onnx" in done.stderr
    assert "odd" in done.stderr
    assert not (tmp_path / "model" / "model.onnx").exists()
    answered = run_command("predict", ["input=-", "output=-"], tmp_path, text="text\na ball\n")
    assert answered.returncode == 0, answered.stderr


def test_an_export_whose_onnx_file_answers_otherwise_fails_and_leaves_nothing(
    run_command, tmp_path
):
    (tmp_path / "sitecustomize.py").write_text(
        "import ecomcat.export.onnx as runtime\n"
        "answer = runtime.OnnxScorer.answer\n"
        "runtime.OnnxScorer.answer = lambda self, ids: answer(self, ids) + 0.001\n"
    )
    environment = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    one = [*TINY_SEARCH, "search.max_trials=1", "search.max_epochs=1"]
    done = run_command("search", one, tmp_path, environment=environment)
    assert done.returncode == 2
    assert "differs by 0.001" in done.stderr
    assert "final.onnx=false" in done.stderr
    assert not (tmp_path / "model").exists()
    again = run_command("search", [*one, "final.onnx=false"], tmp_path, environment=environment)
    assert again.returncode == 0, again.stderr
    held = {path.name for path in (tmp_path / "model").iterdir()}
    assert "model.onnx" not in held
    assert json.loads((tmp_path / "model" / "acceptance.json").read_text())["confidence"]
