"""What users get wrong ends with one message that says how to fix it; nothing is left behind."""

from __future__ import annotations

import hashlib

import pytest

import ecomcat.export.classifier
import ecomcat.pipeline
from ecomcat import evaluate, predict, search, train
from ecomcat.export.bundle import write_manifest
from tests.command_line import command_line

COMMANDS = {
    "search": search.main,
    "train": train.main,
    "evaluate": evaluate.main,
    "predict": predict.main,
}


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


def assert_says(message, *fragments):
    missing = [fragment for fragment in fragments if fragment not in message]
    assert not missing, message


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
def refused(monkeypatch, capsys, tmp_path):
    """Return a function that runs a command which must fail, and returns its message."""
    monkeypatch.chdir(tmp_path)
    for module in (ecomcat.pipeline, ecomcat.export.classifier):
        monkeypatch.setattr(module, "import_tensorflow", refuse_tensorflow)

    with command_line(monkeypatch, capsys) as run_main:

        def run(command, *arguments):
            before = contents_of(tmp_path)
            ended = run_main(COMMANDS[command], *arguments)
            assert (ended.code, ended.output) == (2, "")
            starts = [line for line in ended.errors.splitlines() if line.startswith("Error: ")]
            assert len(starts) == 1
            assert "Traceback" not in ended.errors
            assert contents_of(tmp_path) == before
            return ended.errors[ended.errors.index("Error: ") :]

        yield run


@pytest.fixture
def search_csv(refused, tmp_path):
    """Return a function that searches on a file of given content, which must be refused."""

    def run(content, *arguments, name="products.csv"):
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / name).write_bytes(data)
        return refused("search", "data=csv", f"data.path={name}", *arguments)

    return run


@pytest.fixture
def exported(tmp_path):
    """Return a folder with a manifest, as an export has, whose files hold nothing of use."""
    folder = tmp_path / "model"
    folder.mkdir()
    names = ["model.keras", "labels.json"]
    for name in names:
        (folder / name).write_text(f"content of {name}", encoding="utf-8")
    write_manifest(folder, names)
    return folder
