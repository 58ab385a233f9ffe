"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ecomcat.errors import UserError
from ecomcat.files import atomic_path, expanded, write_json, write_text


@pytest.fixture
def former(tmp_path: Path) -> Path:
    """Return a file with old content in a folder of its own."""
    path = tmp_path / "folder" / "figures.json"
    path.parent.mkdir()
    path.write_text("old", encoding="utf-8")
    return path


@pytest.fixture
def umask() -> Iterator[int]:
    mask = 0o027
    before = os.umask(mask)
    yield mask
    os.umask(before)


def assert_untouched(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == "old"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_block_that_ends_well_replaces_the_file(former: Path) -> None:
    with atomic_path(former) as temporary:
        assert temporary != former
        temporary.write_text("new", encoding="utf-8")
        assert former.read_text(encoding="utf-8") == "old"
    assert former.read_text(encoding="utf-8") == "new"
    assert [entry.name for entry in former.parent.iterdir()] == [former.name]


def test_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.txt"
    write_text(path, "text")
    assert path.read_text(encoding="utf-8") == "text"


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), MemoryError()])
def test_a_block_that_raises_leaves_the_old_file(former: Path, error: BaseException) -> None:
    with pytest.raises(type(error)) as raised, atomic_path(former) as temporary:
        temporary.write_text("half", encoding="utf-8")
        raise error
    assert raised.value is error
    assert_untouched(former)


def test_a_full_disk_is_told_and_leaves_the_old_file(former: Path) -> None:
    with pytest.raises(UserError) as refused, atomic_path(former) as temporary:
        temporary.write_text("half", encoding="utf-8")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    message = str(refused.value)
    assert str(former) in message and os.strerror(errno.ENOSPC) in message
    assert "Make room" in message
    assert_untouched(former)


def test_a_disk_that_fills_up_at_the_last_moment(
    former: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fsync(handle: int) -> None:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr("os.fsync", fsync)
    with pytest.raises(UserError, match=os.strerror(errno.EDQUOT)):
        write_text(former, "new")
    assert_untouched(former)


def test_an_unwritable_folder_is_told(former: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def mkstemp(**options: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("tempfile.mkstemp", mkstemp)
    with pytest.raises(UserError, match=r"Cannot write .*figures\.json: Permission denied"):
        write_text(former, "new")
    assert_untouched(former)


def test_a_file_where_a_folder_should_be_is_told(former: Path) -> None:
    with pytest.raises(UserError, match=r"Cannot write .*inside\.txt"):
        write_text(former / "inside.txt", "new")
    assert_untouched(former)


def test_a_folder_where_a_file_should_be_is_told(former: Path) -> None:
    with pytest.raises(UserError, match="Cannot write"):
        write_text(former.parent, "new")
    assert_untouched(former)
    assert [entry.name for entry in former.parent.parent.iterdir()] == ["folder"]


@pytest.mark.parametrize(
    ("name", "ending"),
    [("model.keras", ".keras"), ("best.weights.h5", ".weights.h5"), ("plain", "")],
)
def test_the_temporary_file_keeps_the_ending(tmp_path: Path, name: str, ending: str) -> None:
    with atomic_path(tmp_path / name) as temporary:
        assert temporary.parent == tmp_path
        assert "".join(temporary.suffixes) == ending
        temporary.write_bytes(b"")


def test_the_mode_is_that_of_any_new_file(tmp_path: Path, umask: int) -> None:
    write_text(tmp_path / "new.txt", "text")
    mode = stat.S_IMODE((tmp_path / "new.txt").stat().st_mode)
    assert mode == 0o666 & ~umask == 0o640
    assert os.umask(umask) == umask


def test_text_is_utf_8(tmp_path: Path) -> None:
    write_text(tmp_path / "text.txt", "किताब 红\n")
    assert (tmp_path / "text.txt").read_bytes() == "किताब 红\n".encode()


def test_json_keeps_order_and_letters(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    value = {"z": 1, "a": ["किताब", None, 0.5]}
    write_json(path, value)
    text = path.read_text(encoding="utf-8")
    assert json.loads(text) == value
    assert text.index('"z"') < text.index('"a"')
    assert "किताब" in text and text.endswith("}\n")


def test_json_holds_a_file_name_that_is_no_unicode(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    value = {"source": os.fsdecode(b"b\xfccher.csv")}
    write_json(path, value)
    assert json.loads(path.read_text(encoding="utf-8")) == value


def test_a_value_that_is_no_json_leaves_the_old_file(former: Path) -> None:
    with pytest.raises(TypeError):
        write_json(former, {"a": object()})
    assert_untouched(former)


def test_a_link_keeps_pointing_where_it_did(tmp_path: Path) -> None:
    (tmp_path / "target.txt").write_text("old", encoding="utf-8")
    (tmp_path / "link.txt").symlink_to("target.txt")
    write_text(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "target.txt").read_text(encoding="utf-8") == "new"


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[str] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_text(encoding="utf-8")))
    reader.start()
    write_text(pipe, "through")
    reader.join(10)
    assert received == ["through"]
    assert pipe.is_fifo()


def test_a_tilde_without_such_a_user_is_part_of_a_name():
    assert expanded("~nobody-has-this-name/a.csv") == Path("~nobody-has-this-name/a.csv")
    assert expanded("~/a.csv") == Path.home() / "a.csv"
