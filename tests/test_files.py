"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import stat
import threading
from pathlib import Path

import pytest

from ecomcat.errors import UserError
from ecomcat.files import atomic_path, expanded, write_json, write_text


@pytest.fixture
def former(tmp_path: Path) -> Path:
    """Return a file with old content in a folder of its own."""
    path = tmp_path / "folder" / "figures.json"
    write_text(path, "old")
    return path


def assert_untouched(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == "old"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_block_that_ends_well_replaces_the_file(former: Path) -> None:
    with atomic_path(former) as temporary:
        assert (temporary.parent, temporary.suffix) == (former.parent, ".json")
        temporary.write_text("new", encoding="utf-8")
        assert former.read_text(encoding="utf-8") == "old"
    assert former.read_text(encoding="utf-8") == "new"
    assert [entry.name for entry in former.parent.iterdir()] == [former.name]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("no"), None),
        (KeyboardInterrupt(), None),
        (OSError(errno.ENOSPC, "No space left"), "Make room"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "Make room"),
        (OSError(errno.EACCES, "Permission denied"), "Choose a place"),
    ],
    ids=repr,
)
def test_a_block_that_fails_leaves_the_old_file(
    former: Path, error: BaseException, message: str | None
) -> None:
    expected = UserError if message else type(error)
    with pytest.raises(expected) as raised, atomic_path(former) as temporary:
        temporary.write_text("half", encoding="utf-8")
        raise error
    if message:
        for fragment in (str(former), os.strerror(error.errno), message):  # type: ignore[attr-defined]
            assert fragment in str(raised.value)
    assert_untouched(former)


def test_a_path_where_no_file_can_be_is_named(former: Path) -> None:
    for path in (former / "inside.txt", former.parent):
        with pytest.raises(UserError, match=f"Cannot write {path}"):
            write_text(path, "new")
    assert_untouched(former)


def test_folders_are_made_and_the_mode_is_that_of_any_new_file(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "new.txt"
    before = os.umask(0o027)
    try:
        write_text(path, "किताब 红\n")
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
    assert path.read_bytes() == "किताब 红\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_json_keeps_order_letters_and_names_that_are_no_unicode(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    value = {"z": 1, "a": ["किताब", None, 0.5], "source": os.fsdecode(b"b\xfccher.csv")}
    write_json(path, value)
    text = path.read_text(encoding="utf-8")
    assert list(json.loads(text).items()) == list(value.items())
    assert "किताब" in text and text.endswith("}\n")


def test_a_link_keeps_pointing_where_it_did(tmp_path: Path) -> None:
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
    assert (received, pipe.is_fifo()) == (["through"], True)


def test_a_tilde_without_such_a_user_is_part_of_a_name() -> None:
    assert expanded("~nobody-has-this-name/a.csv") == Path("~nobody-has-this-name/a.csv")
    assert expanded("~/a.csv") == Path.home() / "a.csv"
