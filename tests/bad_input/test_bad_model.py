"""Models that cannot be opened, or are asked for what they cannot do."""

from __future__ import annotations

from functools import partial

import pytest
from mistakes import GOOD, assert_says, exported, refused, table

from ecomcat.export.bundle import MANIFEST

# Fixtures, which pytest finds here.
__all__ = ["exported", "refused"]


@pytest.fixture(params=["evaluate", "predict"])
def open_model(request, refused, tmp_path):
    """Return a function that evaluates or predicts with a model that cannot be opened."""
    (tmp_path / "products.csv").write_text(table(*GOOD), encoding="utf-8")
    arguments = {
        "evaluate": ["data.path=products.csv"],
        "predict": ["input=products.csv", "output=labelled.csv"],
    }
    return partial(refused, request.param, *arguments[request.param])


def test_a_model_that_is_not_there(open_model):
    assert_says(open_model(), "exported model in model", "no such folder", "ecomcat.search")


def test_a_model_folder_that_is_named_and_not_there(open_model):
    assert_says(open_model("model_dir=my models (1)"), "my models (1)", "model_dir=FOLDER")


@pytest.mark.parametrize(
    "manifest", [None, "", "{", "[]", "{}", '{"project": "ecomcat", "format": 99, "files": {}}']
)
def test_a_folder_that_is_no_model(open_model, tmp_path, manifest):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.keras").write_text("something", encoding="utf-8")
    if manifest is not None:
        (tmp_path / "model" / MANIFEST).write_text(manifest, encoding="utf-8")
    assert_says(open_model(), "exported model in model", MANIFEST, "ecomcat.search")


def test_a_model_that_lacks_a_file(open_model, exported):
    (exported / "labels.json").unlink()
    message = open_model()
    assert_says(message, "are missing: labels.json", "copy the whole folder")
    assert "model.keras" not in message


def test_a_model_of_which_a_file_was_changed(open_model, exported):
    (exported / "model.keras").write_text("another model", encoding="utf-8")
    message = open_model()
    assert_says(message, "are not those exported: model.keras", "Export the model again")
    assert "labels.json" not in message


def test_evaluate_without_a_file(refused, exported):
    assert_says(refused("evaluate"), "data.path=FILE")


def test_evaluate_on_a_missing_file(refused, exported):
    assert_says(refused("evaluate", "data.path=absent.csv"), "absent.csv", "no such file")


def test_evaluate_checks_how_the_data_are_read(refused, exported):
    message = refused("evaluate", "data.path=absent.csv", "data.header=yes")
    assert_says(message, "data.header", "'yes'")


@pytest.mark.parametrize("arguments", [[], ["input=products.csv"], ["output=labelled.csv"]])
def test_predict_needs_input_and_output(refused, exported, arguments):
    message = refused("predict", *arguments)
    assert_says(message, "input=FILE and output=FILE", "standard input")


def test_predict_on_a_missing_file(refused, exported):
    message = refused("predict", "input=absent.csv", "output=labelled.csv")
    assert_says(message, "absent.csv", "no such file")


@pytest.mark.parametrize("rows", [0, -1])
def test_predict_in_batches_of_nothing(refused, exported, rows):
    message = refused("predict", "input=absent.csv", "output=labelled.csv", f"batch_rows={rows}")
    assert_says(message, "batch_rows", f"found {rows}")
