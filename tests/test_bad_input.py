"""What users get wrong ends with one message that says how to fix it; nothing is left behind."""

from __future__ import annotations

import hashlib
import shutil
from importlib import import_module

import pytest

import ecomcat.export.classifier
import ecomcat.pipeline
from ecomcat.export.bundle import MANIFEST, write_manifest


def rows_of(**classes):
    """Return lines `label,text` of different texts, as many of each class as asked for."""
    return [
        f"{label},{label} number {number} of a kind"
        for label, count in classes.items()
        for number in range(count)
    ]


def table(*lines):
    return "\n".join(["category,description", *lines, ""])


GOOD = rows_of(Books=40, Shoes=40)
THREE = [f"{i},{row}" for i, row in enumerate(GOOD)]


def contents_of(folder):
    """Return every path under a folder, with a hash of what the files hold."""
    return {
        str(path.relative_to(folder)): (
            None if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
        )
        for path in folder.rglob("*")
    }


def refuse_tensorflow():
    raise AssertionError("expected the error before TensorFlow is imported")


@pytest.fixture
def refused(monkeypatch, run_main, tmp_path):
    """Return a function that runs a command which must fail with all fragments in its message."""
    for module in (ecomcat.pipeline, ecomcat.export.classifier):
        monkeypatch.setattr(module, "import_tensorflow", refuse_tensorflow)

    def run(command, arguments, fragments):
        before = contents_of(tmp_path)
        ended = run_main(import_module(f"ecomcat.{command}").main, *arguments)
        assert (ended.code, ended.output) == (2, "")
        _, *messages = f"\n{ended.errors}".split("\nError: ")
        assert len(messages) == 1 and "Traceback" not in ended.errors
        assert [each for each in fragments if each not in messages[0]] == [], messages[0]
        assert contents_of(tmp_path) == before
        return messages[0]

    return run


@pytest.fixture
def exported(tmp_path):
    """Return a folder with a manifest, as an export has, whose files hold nothing of use."""
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("model.keras", "labels.json"):
        (folder / name).write_text(f"content of {name}", encoding="utf-8")
    write_manifest(folder, ["model.keras", "labels.json"])
    return folder


@pytest.mark.parametrize(
    ("lines", "arguments", "fragments"),
    [
        *(
            (GOOD, [f"{key}=descripton"], (key, "'descripton'", "'category', 'd", "Did you mean"))
            for key in ("data.text_column", "data.label_column")
        ),
        (rows_of(Books=40), [], ("at least two classes", "'Books' (40)", "data.label_column")),
        ([*GOOD, *rows_of(Toys=3)], [], ("at least 10", "'Toys' (3)", "data.rare_classes=drop")),
        ([], [], ("products.csv", "found no rows")),
        (
            [*GOOD[:10], "Books,one, two and three", *GOOD[10:]],
            ["data.delimiter=comma"],
            ("products.csv, line 12", "at most 2 columns", "found 3", "quotes"),
        ),
    ],
)
def test_columns_classes_and_rows_that_do_not_fit(refused, tmp_path, lines, arguments, fragments):
    (tmp_path / "products.csv").write_text(table(*lines), encoding="utf-8")
    refused("search", ["data=csv", "data.path=products.csv", *arguments], fragments)


@pytest.mark.parametrize(
    ("name", "content", "fragments"),
    [
        ("photo.csv", b"\x89PNG\r\n" + bytes(99), ("photo.csv", "a text table", "a PNG image")),
        (
            "three.csv",
            "\n".join(["id,category,description", *THREE]).encode(),
            ("data.text_column and data.label_column", "'id'", "'description'"),
        ),
    ],
)
def test_a_file_that_is_no_table_of_texts_and_labels(refused, tmp_path, name, content, fragments):
    (tmp_path / name).write_bytes(content)
    refused("search", ["data=csv", f"data.path={name}"], fragments)
    refused("search", ["data=csv", f"data.path=x{name}"], ("no such file", f"mean '{name}'?"))


OLDER = '{"project": "ecomcat", "format": 1, "files": {}}'


@pytest.mark.parametrize(
    ("name", "content", "fragments"),
    [
        (None, None, ("exported model in model", "no such folder", "ecomcat.search")),
        (MANIFEST, None, ("exported model in model", MANIFEST, "ecomcat.search")),
        (MANIFEST, "[]", ("exported model in model", MANIFEST)),
        (MANIFEST, '{"project": "ecomcat", "format": 2}', (MANIFEST, "ecomcat.search")),
        (MANIFEST, OLDER, ("in model, found format 1, of another", "Search again, and export")),
        ("labels.json", None, ("are missing: labels.json", "copy the whole folder")),
        ("labels.json", "other", ("not those exported: labels.json", "Export the model")),
    ],
)
def test_a_model_that_cannot_be_opened(refused, exported, tmp_path, name, content, fragments):
    (tmp_path / "products.csv").write_text(table(*GOOD), encoding="utf-8")
    if name is None:
        shutil.rmtree(exported)
    elif content is None:
        (exported / name).unlink()
    else:
        (exported / name).write_text(content, encoding="utf-8")
    refused("evaluate", ["data.path=products.csv"], fragments)
    refused("predict", ["input=products.csv", "output=out.csv"], fragments)


ABSENT = ["data=csv", "data.path=absent.csv"]


@pytest.mark.parametrize(
    ("command", "arguments", "fragments"),
    [
        ("evaluate", [], ("data.path=FILE",)),
        ("evaluate", ["data.path=absent.csv"], ("absent.csv", "no such file")),
        ("evaluate", ["data.path=absent.csv", "data.header=yes"], ("data.header", "'yes'")),
        ("evaluate", ["data.path=a", "model_dir=my models (1)"], ("my models (1)", "model_dir=F")),
        ("predict", [], ("input=FILE and output=FILE", "standard input")),
        ("predict", ["input=absent.csv", "output=out.csv"], ("absent.csv", "no such file")),
        ("predict", ["input=a.csv", "output=b.csv", "batch_rows=0"], ("batch_rows", "found 0")),
        ("train", ["model.lstm_units=[32,64]"], ("model.lstm_units=[32, 64]", "ecomcat.search")),
        # Before the data is read:
        ("search", [*ABSENT, "search.name=a/b"], ("search.name", "letters", "found 'a/b'")),
        ("search", [*ABSENT, "model_dir=models/first/model"], ("absent.csv",)),
        ("search", ABSENT, ("absent.csv",)),  # the former model survives
        ("search", ["data=csv"], ("data=csv", "data.path=FILE")),
    ],
)
@pytest.mark.usefixtures("exported")
def test_what_is_missing_or_wrong_is_named_and_nothing_is_touched(
    refused, command, arguments, fragments
):
    refused(command, arguments, fragments)


@pytest.mark.parametrize(
    ("path", "content", "arguments", "fragments"),
    [
        ("thesis/chapter.txt", "years of work", ["model_dir=thesis"], ("chapter.txt", "touched")),
        (f"site/{MANIFEST}", '{"name": "A site"}', ["model_dir=site"], ("site", MANIFEST)),
        ("model", "not a folder", [], ("model_dir=model", "found a file")),
        ("notes", "not a folder", ["model_dir=notes/model"], ("model_dir=notes/model",)),
        ("outputs", "not a folder", [], ("outputs",)),
        ("x", "", ["model_dir=outputs"], ("model_dir=outputs, found one that contains studies",)),
        ("x", "", ["model_dir=outputs/search/a"], ("or is among them", "model_dir=FOLDER")),
    ],
)
def test_a_place_where_something_else_stands_is_not_touched(
    refused, tmp_path, path, content, arguments, fragments
):
    (tmp_path / "products.csv").write_text(table(*GOOD), encoding="utf-8")
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(content, encoding="utf-8")
    refused("search", ["data=csv", "data.path=products.csv", *arguments], fragments)


@pytest.mark.parametrize("command", ["search", "train"])
@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["outputs_dir=notes"], "notes: Not a directory"),
        (["outputs_dir=notes/a/b"], "notes: Not a directory"),
        (["outputs_dir=used"], "search: Not a directory"),
        (["outputs_dir=kept", "search.name=mine"], "found other files (no study.json)"),
        (["outputs_dir=/proc/a"], "in /proc: No such file"),
        (["outputs_dir=~nobody-has-this-name/a"], "found none ~nobody-has-this-name"),
        (["model_dir=notes/model"], "notes: Not a directory"),
    ],
)
def test_a_place_that_cannot_be_written_to_is_refused_before_the_data_is_read(
    refused, tmp_path, command, arguments, found
):
    (tmp_path / "photo.csv").write_bytes(b"\x89PNG\r\n" + bytes(99))  # an error of its own
    for path in ("notes", "used/search", "kept/search/mine/letter.txt"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("mine", encoding="utf-8")
    message = refused(command, ["data=csv", "data.path=photo.csv", *arguments], [found])
    assert "Expected" in message
