"""An export takes its place whole or not at all, nothing of the user's is lost, and it is known."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from ecomcat.errors import UserError
from ecomcat.export.bundle import (
    MANIFEST,
    check_manifest,
    held_export,
    read_manifest,
    replaced_folder,
    require_export,
    require_replaceable,
    write_manifest,
)

NAMES = ["labels.json", "model.keras"]


@pytest.fixture
def in_two_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have folders change places as on a system that cannot do it at once."""
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())


def export(directory: Path, content: str) -> None:
    """Write what stands for an export."""
    with replaced_folder(directory) as folder:
        for name in NAMES:
            (folder / name).write_text(content, encoding="utf-8")
        write_manifest(folder, NAMES)


def contents(directory: Path) -> dict[str, str]:
    """Return every file under a folder with its text."""
    return {
        str(path.relative_to(directory)): path.read_text(encoding="utf-8")
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def assert_exported(directory: Path, content: str) -> None:
    """Check that an export is whole, and that nothing was left beside it."""
    check_manifest(directory)
    assert (directory / "labels.json").read_text(encoding="utf-8") == content
    assert [entry.name for entry in directory.parent.iterdir()] == [directory.name]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return an exported folder that also holds files of the user's."""
    directory = tmp_path / "place" / "model"
    export(directory, "old")
    (directory / ".gitignore").write_text("*\n", encoding="utf-8")
    (directory / "notes").mkdir()
    (directory / "notes" / "mine.txt").write_text("mine", encoding="utf-8")
    return directory


# What belongs together


def test_a_manifest_lists_the_hash_of_each_file_and_not_the_users(model: Path) -> None:
    expected = dict.fromkeys(NAMES, hashlib.sha256(b"old").hexdigest())
    assert read_manifest(model)["files"] == expected == require_export(model)
    assert check_manifest(model) == set(NAMES)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "labels.json").unlink(), "these are missing: labels.json. Exp"),
        (lambda folder: [(folder / name).unlink() for name in NAMES], "labels.json, model.keras"),
        (lambda folder: (folder / MANIFEST).unlink(), "found no manifest.json of ecomcat's"),
        (lambda folder: folder.rename(folder.with_name("moved")), "found no such folder"),
    ],
    ids=["a file is missing", "all are missing", "no manifest", "no folder"],
)
def test_what_is_missing_is_named_by_the_quick_check_and_by_the_whole_one(
    model: Path, spoil: Callable[[Path], object], message: str
) -> None:
    spoil(model)
    for check in (require_export, check_manifest):
        with pytest.raises(UserError) as refused:
            check(model)
        assert message in str(refused.value) and str(model) in str(refused.value)


def test_a_changed_file_is_named_by_the_whole_check(model: Path) -> None:
    (model / "labels.json").write_text("changed", encoding="utf-8")
    require_export(model)
    with pytest.raises(UserError, match=r"these are not those exported: labels\.json\."):
        check_manifest(model)


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b"\xff\xfe\x00",
        b'{"name": "web app", "icons": []}',
        b'{"project": "another", "format": 1, "files": {}}',
        b'{"project": "ecomcat", "format": 1}',
        b'{"project": "ecomcat", "format": 1, "files": ["a"]}',
        # It names files of its own folder only.
        b'{"project": "ecomcat", "format": 1, "files": {"/etc/hostname": "0"}}',
        b'{"project": "ecomcat", "format": 1, "files": {"../other/labels.json": "0"}}',
        b'{"project": "ecomcat", "format": 1, "files": {"sub/labels.json": "0"}}',
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(None, id="a pipe"),
    ],
)
def test_another_manifest_does_not_make_a_folder_ours(model: Path, content: bytes | None) -> None:
    (model / MANIFEST).unlink()
    if content is None:
        os.mkfifo(model / MANIFEST)
    else:
        (model / MANIFEST).write_bytes(content)
    assert read_manifest(model) is None
    with pytest.raises(UserError, match="of ecomcat's there"):
        require_export(model)
    with pytest.raises(UserError, match="nothing there was touched"):
        require_replaceable(model)


# Its place


@pytest.mark.parametrize("held", [None, (), (".gitignore",)], ids=["absent", "empty", "ignored"])
def test_a_new_export_takes_a_place_that_is_free(
    tmp_path: Path, held: tuple[str, ...] | None
) -> None:
    directory = tmp_path / "a" / "b" / "model"
    if held is not None:
        directory.mkdir(parents=True)
    for name in held or ():
        (directory / name).write_text("*\n", encoding="utf-8")
    export(directory, "new")
    assert_exported(directory, "new")
    assert set(contents(directory)) == {*NAMES, MANIFEST, *(held or ())}


def test_an_earlier_export_goes_whole_and_the_users_files_and_links_stay(model: Path) -> None:
    (model / "extra.json").write_text("old", encoding="utf-8")
    older = '{"project": "ecomcat", "format": 1, "files": {"extra.json": "its hash"}}'
    (model / MANIFEST).write_text(older, encoding="utf-8")
    (model / "link").symlink_to("notes/mine.txt")
    (model / "dangling").symlink_to("nowhere")
    require_replaceable(model)
    export(model, "new")
    assert_exported(model, "new")
    assert not (model / "extra.json").exists()
    assert contents(model)["notes/mine.txt"] == "mine"
    assert (model / "link").readlink() == Path("notes/mine.txt")
    assert (model / "dangling").readlink() == Path("nowhere")


def test_a_link_in_a_relative_place_is_exported_to_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("disk").mkdir()
    Path("place").mkdir()
    Path("place/model").symlink_to(tmp_path / "disk", target_is_directory=True)
    for content in ("first", "second"):
        export(Path("place/model"), content)
        assert_exported(Path("place/model"), content)


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (ValueError("no"), ValueError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), UserError),
    ],
    ids=["a fault", "Ctrl-C", "a full disk"],
)
def test_what_fails_leaves_the_old_export(
    model: Path, error: BaseException, raised: type[BaseException]
) -> None:
    before = contents(model)
    with pytest.raises(raised) as failed, replaced_folder(model) as folder:
        (folder / "labels.json").write_text("half", encoding="utf-8")
        assert contents(model) == before
        raise error
    if raised is UserError:
        assert all(part in str(failed.value) for part in (str(model), "No space", "model_dir="))
    assert contents(model) == before
    assert_exported(model, "old")


@pytest.mark.usefixtures("in_two_steps")
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
    assert contents(model) == before
    assert_exported(model, "old")


def test_the_users_files_survive_a_death_between_the_renames(model: Path) -> None:
    model.rename(model.with_name(f".{model.name}.former"))  # where it stands after such a death
    export(model, "new")
    assert_exported(model, "new")
    assert contents(model)["notes/mine.txt"] == "mine"


def test_a_folder_of_the_users_that_is_named_like_a_former_export_is_refused_beforehand(
    model: Path,
) -> None:
    theirs = model.with_name(f".{model.name}.former")
    theirs.mkdir()
    (theirs / "thesis.txt").write_text("years of work", encoding="utf-8")
    for attempt in (require_replaceable, lambda folder: export(folder, "new")):
        with pytest.raises(UserError, match=theirs.name):
            attempt(model)
    assert contents(theirs) == {"thesis.txt": "years of work"}


# Exports that are killed, at once, or while someone reads


def test_what_killed_exports_left_is_gone_after_the_next_and_a_living_one_goes_on(
    model: Path,
) -> None:
    abandoned = model.with_name(f".{model.name}.incoming-abandoned")
    shutil.copytree(model, abandoned)
    shutil.copytree(model, model.with_name(f".{model.name}.former"))  # after both renames
    with replaced_folder(model) as living:
        assert not abandoned.exists()
        export(model, "between")
        assert living.exists()
        assert contents(model)["labels.json"] == "between"
        for name in NAMES:
            (living / name).write_text("last", encoding="utf-8")
        write_manifest(living, NAMES)
    assert_exported(model, "last")
    assert contents(model)["notes/mine.txt"] == "mine"


def test_a_model_is_read_whole_after_a_death_between_the_renames(model: Path) -> None:
    model.rename(model.with_name(f".{model.name}.former"))
    require_export(model)
    assert_exported(model, "old")


def test_a_folder_keeps_its_rights_and_a_read_only_one_is_refused(model: Path) -> None:
    model.chmod(0o750)
    export(model, "new")
    assert stat.S_IMODE(model.stat().st_mode) == 0o750
    model.chmod(0o550)
    with pytest.raises(UserError, match="a read-only one"):
        export(model, "newer")
    assert_exported(model, "new")


@pytest.mark.parametrize("at_once", [True, False])
def test_exports_and_readers_at_once_wait_for_one_another(
    model: Path, at_once: bool, request: pytest.FixtureRequest
) -> None:
    if not at_once:
        request.getfixturevalue("in_two_steps")
    failed: list[BaseException] = []
    done = threading.Event()

    def noting(action: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            try:
                action()
            except BaseException as error:
                failed.append(error)

        return run

    def export_often(content: str) -> None:
        for _ in range(40):
            export(model, content)

    def read_often() -> None:
        while not done.is_set():
            with held_export(model):
                check_manifest(model)

    def look_often() -> None:
        while not done.is_set():
            assert model.is_dir(), "a program that is not ours finds a folder, too"

    writers = [threading.Thread(target=noting(partial(export_often, name))) for name in "ab"]
    actions = [read_often, read_often, *[look_often] * at_once]
    readers = [threading.Thread(target=noting(action)) for action in actions]
    for thread in (*writers, *readers):
        thread.start()
    for thread in writers:
        thread.join(60)
    done.set()
    for thread in readers:
        thread.join(60)
    assert failed == []
    assert contents(model)["labels.json"] in {"a", "b"}
    assert_exported(model, contents(model)["labels.json"])
    assert contents(model)["notes/mine.txt"] == "mine"


def test_what_is_not_an_export_is_refused_beforehand_and_untouched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("thesis", "volume"):
        (tmp_path / folder).mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work", encoding="utf-8")
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    monkeypatch.setattr(Path, "is_mount", lambda path: path == tmp_path / "volume")
    before = contents(tmp_path)
    messages = {
        "thesis": r"model_dir=.*thesis.*chapter\.txt.*nothing there was touched",
        "file": "found a file",
        "file/model": "a place that can be written to",
        "volume": "mount point.*model_dir=.*volume/model",
    }
    for place, message in messages.items():
        for attempt in (require_replaceable, lambda folder: export(folder, "new")):
            with pytest.raises(UserError, match=message):
                attempt(tmp_path / place)
    require_replaceable(tmp_path / "volume" / "model")
    assert contents(tmp_path) == before
