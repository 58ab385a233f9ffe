"""An export takes its place whole or not at all, and nothing of the user's is lost."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from ecomcat.errors import UserError
from ecomcat.export.bundle import (
    MANIFEST,
    check_manifest,
    replaced_folder,
    require_replaceable,
    write_manifest,
)


def fill(folder: Path, content: str) -> None:
    """Write what stands for an export."""
    (folder / "labels.json").write_text(content, encoding="utf-8")
    (folder / "model.keras").write_text(content, encoding="utf-8")
    write_manifest(folder, ["labels.json", "model.keras"])


def export(directory: Path, content: str) -> None:
    with replaced_folder(directory) as folder:
        fill(folder, content)


def contents(directory: Path) -> dict[str, str]:
    """Return every file under a folder with its text."""
    return {
        str(path.relative_to(directory)): path.read_text(encoding="utf-8")
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return an exported folder that also holds files of the user's."""
    directory = tmp_path / "place" / "model"
    export(directory, "old")
    (directory / ".gitignore").write_text("*\n", encoding="utf-8")
    (directory / "notes").mkdir()
    (directory / "notes" / "mine.txt").write_text("mine", encoding="utf-8")
    return directory


def assert_alone(directory: Path) -> None:
    """Check that nothing was left beside the folder."""
    assert [entry.name for entry in directory.parent.iterdir()] == [directory.name]


def assert_exported(directory: Path, content: str) -> None:
    check_manifest(directory)
    assert (directory / "labels.json").read_text(encoding="utf-8") == content


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "b" / "model"
    export(directory, "new")
    assert_exported(directory, "new")
    assert_alone(directory)


@pytest.mark.parametrize("kept", [(), (".gitignore",)])
def test_an_empty_folder_is_accepted(tmp_path: Path, kept: tuple[str, ...]) -> None:
    directory = tmp_path / "place" / "model"
    directory.mkdir(parents=True)
    for name in kept:
        (directory / name).write_text("*\n", encoding="utf-8")
    export(directory, "new")
    assert_exported(directory, "new")
    assert_alone(directory)
    assert {entry.name for entry in directory.iterdir()} - {
        "labels.json",
        "model.keras",
        MANIFEST,
    } == set(kept)


def test_an_earlier_export_is_replaced_and_the_users_files_stay(model: Path) -> None:
    export(model, "new")
    assert_exported(model, "new")
    assert_alone(model)
    assert (model / ".gitignore").read_text(encoding="utf-8") == "*\n"
    assert (model / "notes" / "mine.txt").read_text(encoding="utf-8") == "mine"


def test_files_of_the_earlier_export_go(model: Path) -> None:
    (model / "extra.json").write_text("old", encoding="utf-8")
    write_manifest(model, ["labels.json", "model.keras", "extra.json"])
    export(model, "new")
    assert not (model / "extra.json").exists()


def test_the_old_export_stands_until_the_block_ends(model: Path) -> None:
    with replaced_folder(model) as folder:
        fill(folder, "new")
        assert folder.parent == model.parent
        assert_exported(model, "old")


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_a_block_that_raises_leaves_the_old_folder(model: Path, error: BaseException) -> None:
    before = contents(model)
    with pytest.raises(type(error)), replaced_folder(model) as folder:
        (folder / "labels.json").write_text("half", encoding="utf-8")
        raise error
    assert contents(model) == before
    assert_alone(model)


def test_a_full_disk_is_told_and_leaves_the_old_folder(model: Path) -> None:
    before = contents(model)
    with pytest.raises(UserError) as refused, replaced_folder(model):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    message = str(refused.value)
    assert str(model) in message and os.strerror(errno.ENOSPC) in message
    assert "model_dir=FOLDER" in message
    assert contents(model) == before
    assert_alone(model)


@pytest.mark.parametrize("failing", [1, 2])
def test_a_failing_rename_leaves_the_old_folder(
    model: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    before, rename, calls = contents(model), Path.rename, []

    def sometimes(path: Path, target: Path) -> Path:
        calls.append(path.name)
        if len(calls) == failing:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", sometimes)
    with pytest.raises(UserError, match=os.strerror(errno.EBUSY)):
        export(model, "new")
    assert len(calls) >= failing
    assert contents(model) == before
    assert_alone(model)


def test_a_foreign_folder_is_refused_and_untouched(tmp_path: Path) -> None:
    directory = tmp_path / "thesis"
    directory.mkdir()
    (directory / "chapter.txt").write_text("years of work", encoding="utf-8")
    before = contents(tmp_path)
    for attempt in (require_replaceable, lambda folder: export(folder, "new")):
        with pytest.raises(UserError) as refused:
            attempt(directory)
        message = str(refused.value)
        assert f"model_dir={directory}" in message and "chapter.txt" in message
        assert "nothing there was touched" in message
    assert contents(tmp_path) == before


def test_another_projects_manifest_does_not_make_a_folder_ours(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text('{"name": "web app"}', encoding="utf-8")
    with pytest.raises(UserError, match=MANIFEST):
        require_replaceable(tmp_path)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="found a file"):
        export(path, "new")
    assert contents(tmp_path) == {"model": "mine"}


def test_a_place_that_cannot_be_written_is_refused_beforehand(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="Cannot write to"):
        require_replaceable(tmp_path / "file" / "model")


def test_a_folder_that_cannot_be_listed_is_refused(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def iterdir(path: Path) -> Any:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "iterdir", iterdir)
    with pytest.raises(UserError, match=os.strerror(errno.EACCES)):
        require_replaceable(model)


def test_the_check_beforehand_leaves_nothing_behind(model: Path) -> None:
    before = contents(model)
    require_replaceable(model)
    assert contents(model) == before
    assert_alone(model)


def test_a_relative_place_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    export(Path("model"), "old")
    export(Path("model"), "new")
    assert_exported(tmp_path / "model", "new")


def test_a_link_to_a_folder_may_be_exported_to_again_and_again(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    link = tmp_path / "place" / "model"
    link.parent.mkdir()
    link.symlink_to(tmp_path / "disk", target_is_directory=True)
    for content in ("first", "second", "third"):
        export(link, content)
        assert_exported(link, content)
    assert_alone(link)


def test_links_of_the_users_stay_links(model: Path) -> None:
    (model / "link").symlink_to("notes/mine.txt")
    (model / "dangling").symlink_to("nowhere")
    export(model, "new")
    assert (model / "link").readlink() == Path("notes/mine.txt")
    assert (model / "dangling").readlink() == Path("nowhere")


def test_the_users_files_survive_a_death_between_the_renames(model: Path) -> None:
    model.rename(model.with_name(f".{model.name}.former"))  # where it stands after such a death
    export(model, "new")
    assert_exported(model, "new")
    saved = [text for name, text in contents(model.parent).items() if name.endswith("mine.txt")]
    assert saved == ["mine"]


def test_a_folder_of_the_users_that_is_named_like_a_former_export_survives(model: Path) -> None:
    theirs = model.with_name(f".{model.name}.former")
    theirs.mkdir()
    (theirs / "thesis.txt").write_text("years of work", encoding="utf-8")
    try:
        export(model, "new")
    except UserError as error:
        assert theirs.name in str(error)
    assert (theirs / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_a_mount_point_is_refused_beforehand_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "is_mount", lambda path: path == tmp_path / "volume")
    (tmp_path / "volume").mkdir()
    with pytest.raises(UserError, match=r"model_dir=.*volume/model"):
        require_replaceable(tmp_path / "volume")
    require_replaceable(tmp_path / "volume" / "model")
