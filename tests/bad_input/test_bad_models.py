"""Models that cannot be opened, and places where one cannot go."""

from __future__ import annotations

import shutil

import pytest
from mistakes import GOOD, assert_says, exported, refused, search_csv, table

from ecomcat.export.bundle import MANIFEST

# Fixtures, which pytest finds here.
__all__ = ["exported", "refused", "search_csv"]

ABSENT = ["data=csv", "data.path=absent.csv"]


@pytest.mark.parametrize(
    ("files", "arguments", "fragments"),
    [
        (None, [], ("exported model in model", "no such folder", "ecomcat.search")),
        (None, ["model_dir=my models (1)"], ("my models (1)", "model_dir=FOLDER")),
        ({MANIFEST: None}, [], ("exported model in model", MANIFEST, "ecomcat.search")),
        ({MANIFEST: "{"}, [], ("exported model in model", MANIFEST)),
        ({MANIFEST: "[]"}, [], ("exported model in model", MANIFEST)),
        ({MANIFEST: '{"project": "ecomcat", "format": 99}'}, [], (MANIFEST, "ecomcat.search")),
        ({"labels.json": None}, [], ("are missing: labels.json", "copy the whole folder")),
        ({"labels.json": "other"}, [], ("not those exported: labels.json", "Export the model")),
    ],
)
@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_a_model_that_cannot_be_opened(
    refused, exported, tmp_path, command, files, arguments, fragments
):
    (tmp_path / "products.csv").write_text(table(*GOOD), encoding="utf-8")
    if files is None:
        shutil.rmtree(exported)
    for name, content in (files or {}).items():
        (exported / name).unlink()
        if content is not None:
            (exported / name).write_text(content, encoding="utf-8")
    named = {
        "evaluate": ["data.path=products.csv"],
        "predict": ["input=products.csv", "output=out.csv"],
    }
    assert_says(refused(command, *named[command], *arguments), *fragments)


@pytest.mark.parametrize(
    ("command", "arguments", "fragments"),
    [
        ("evaluate", [], ("data.path=FILE",)),
        ("evaluate", ["data.path=absent.csv"], ("absent.csv", "no such file")),
        ("evaluate", ["data.path=absent.csv", "data.header=yes"], ("data.header", "'yes'")),
        ("predict", [], ("input=FILE and output=FILE", "standard input")),
        ("predict", ["input=products.csv"], ("input=FILE and output=FILE",)),
        ("predict", ["input=absent.csv", "output=out.csv"], ("absent.csv", "no such file")),
        ("predict", ["input=a.csv", "output=b.csv", "batch_rows=0"], ("batch_rows", "found 0")),
        ("train", ["model.lstm_units=[32,64]"], ("model.lstm_units=[32, 64]", "ecomcat.search")),
        ("search", [*ABSENT, "search.name=a/b"], ("search.name", "letters", "found 'a/b'")),
        ("search", [*ABSENT, "search.name=.b"], ("search.name", "letters", "found '.b'")),
        ("search", [*ABSENT, "seed=-1"], ("seed: expected",)),  # before the data is read
        ("search", [*ABSENT, "model_dir=models/first/model"], ("absent.csv",)),
        ("search", ABSENT, ("absent.csv",)),  # the former model survives
    ],
)
def test_what_is_missing_or_wrong_is_named_and_nothing_is_touched(
    refused, exported, command, arguments, fragments
):
    assert_says(refused(command, *arguments), *fragments)


@pytest.mark.parametrize(
    ("path", "content", "arguments", "fragments"),
    [
        ("thesis/chapter.txt", "years of work", ["model_dir=thesis"], ("chapter.txt", "touched")),
        (f"site/{MANIFEST}", '{"name": "A site"}', ["model_dir=site"], ("site", MANIFEST)),
        ("model", "not a folder", [], ("model_dir=model", "found a file")),
        ("notes", "not a folder", ["model_dir=notes/model"], ("model_dir=notes/model",)),
        ("outputs", "not a folder", [], ("outputs",)),
    ],
)
def test_a_place_where_something_else_stands_is_not_touched(
    search_csv, tmp_path, path, content, arguments, fragments
):
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(content, encoding="utf-8")
    assert_says(search_csv(table(*GOOD), *arguments), *fragments)
