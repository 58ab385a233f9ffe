"""The manifest tells whether the files of a folder belong together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ecomcat.errors import UserError
from ecomcat.export.bundle import (
    MANIFEST,
    check_manifest,
    read_manifest,
    require_export,
    write_manifest,
)

FILES = {"labels.json": b'["a", "b"]', "model.keras": bytes(range(256)), "README.md": b""}


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    directory = tmp_path / "model"
    directory.mkdir()
    for name, content in FILES.items():
        (directory / name).write_bytes(content)
    write_manifest(directory, FILES)
    return directory


def refusal(directory: Path) -> str:
    with pytest.raises(UserError) as refused:
        check_manifest(directory)
    return str(refused.value)


def test_it_lists_the_hash_of_each_file(exported: Path) -> None:
    expected = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    assert read_manifest(exported) == expected
    assert json.loads((exported / MANIFEST).read_text(encoding="utf-8"))["files"] == expected


def test_an_export_as_it_was_written_passes(exported: Path) -> None:
    check_manifest(exported)


def test_a_users_own_files_do_not_matter(exported: Path) -> None:
    (exported / "notes.txt").write_text("mine", encoding="utf-8")
    (exported / ".gitignore").write_text("*", encoding="utf-8")
    check_manifest(exported)


def test_a_changed_file_is_named(exported: Path) -> None:
    (exported / "labels.json").write_bytes(b'["b", "a"]')
    message = refusal(exported)
    assert "these are not those exported: labels.json." in message
    assert "model.keras" not in message and "missing" not in message
    assert "Export the model again" in message


def test_missing_files_are_named(exported: Path) -> None:
    (exported / "labels.json").unlink()
    (exported / "README.md").unlink()
    message = refusal(exported)
    assert "these are missing: README.md, labels.json." in message
    assert "model.keras" not in message and "not those exported" not in message


def test_a_folder_in_the_place_of_a_file_counts_as_missing(exported: Path) -> None:
    (exported / "labels.json").unlink()
    (exported / "labels.json").mkdir()
    assert "are missing: labels.json" in refusal(exported)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    message = refusal(tmp_path / "model")
    assert f"{tmp_path / 'model'}, found no such folder" in message
    assert "ecomcat.search" in message and "model_dir=FOLDER" in message


def test_a_folder_without_a_manifest_is_refused(exported: Path) -> None:
    (exported / MANIFEST).unlink()
    assert read_manifest(exported) is None
    assert f"{exported}, found no manifest.json of ecomcat's" in refusal(exported)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="empty"),
        pytest.param("{", id="cut off"),
        pytest.param("[]", id="a list"),
        pytest.param("null", id="null"),
        pytest.param('{"name": "web app", "icons": []}', id="a web app's"),
        pytest.param('{"project": "another", "format": 1, "files": {}}', id="another project's"),
        pytest.param('{"project": "ecomcat", "format": 2, "files": {}}', id="a later format"),
        pytest.param('{"project": "ecomcat", "format": 1}', id="no files"),
        pytest.param('{"project": "ecomcat", "format": 1, "files": ["a"]}', id="files as a list"),
    ],
)
def test_a_manifest_that_is_not_ours_is_none(exported: Path, content: str) -> None:
    (exported / MANIFEST).write_text(content, encoding="utf-8")
    assert read_manifest(exported) is None
    assert "found no manifest.json of ecomcat's" in refusal(exported)


def test_bytes_that_are_no_text_are_no_manifest(exported: Path) -> None:
    (exported / MANIFEST).write_bytes(b"\xff\xfe\x00")
    assert read_manifest(exported) is None


def test_the_quick_check_returns_what_the_manifest_lists(exported: Path) -> None:
    assert require_export(exported) == read_manifest(exported)


def test_the_quick_check_reads_no_file(exported: Path) -> None:
    (exported / "labels.json").write_bytes(b'["b", "a"]')
    require_export(exported)
    assert "these are not those exported: labels.json." in refusal(exported)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda folder: (folder / "labels.json").unlink(), id="a file is missing"),
        pytest.param(lambda folder: (folder / MANIFEST).unlink(), id="no manifest"),
        pytest.param(lambda folder: folder.rename(folder.with_name("moved")), id="no folder"),
    ],
)
def test_the_quick_check_says_what_the_whole_check_says(
    exported: Path, spoil: Callable[[Path], object]
) -> None:
    spoil(exported)
    with pytest.raises(UserError) as refused:
        require_export(exported)
    assert str(refused.value) == refusal(exported)
