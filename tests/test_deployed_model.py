"""A deployed folder answers without TensorFlow, the same in both runtimes, or says why not."""

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

import numpy as np
import pytest
from conftest import ROOT, TINY_SEARCH, RunCommand, run_program

from ecomcat import predict
from ecomcat.command_config import SearchCommand
from ecomcat.data.sample import generate_sample
from ecomcat.errors import UserError
from ecomcat.export.bundle import MANIFEST, export_model, write_manifest
from ecomcat.export.classifier import load_classifier
from ecomcat.export.onnx import OnnxScorer
from ecomcat.text.encoding import encode_all

pytestmark = pytest.mark.slow

TEXTS = [row.text for row in generate_sample(rows=200, seed=5)]


@pytest.fixture(scope="module")
def model(run_command: RunCommand, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deployed")
    done = run_command("search", [*TINY_SEARCH, "search.max_trials=1"], folder)
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


@pytest.mark.parametrize("runtime", ["onnx", "keras"])
def test_a_pickled_or_copied_model_is_opened_again_wherever_it_is_read(
    model, tmp_path, monkeypatch, runtime
):
    monkeypatch.chdir(model.parent)
    opened = load_classifier(Path(model.name), runtime)
    (tmp_path / "pickled").write_bytes(pickle.dumps(opened))
    program = "import pickle, sys; model = pickle.load(open('pickled', 'rb'))"
    ask = "\nprint(model.predict(['A red ball']).to_json(), 'keras' in sys.modules)"
    done = run_program(program + ask, tmp_path)
    expected = opened.predict(["A red ball"]).to_json()
    assert done.stdout.rsplit(maxsplit=1) == [expected, str(runtime == "keras")], done.stderr
    assert copy.deepcopy(opened).predict(["A red ball"]).to_json() == expected


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
