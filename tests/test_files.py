"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import resource
import socket
import stat
import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from ecomcat.errors import UserError
from ecomcat.files import (
    UNFINISHED,
    atomic_path,
    explained_limits,
    require_output,
    require_writable,
    write_json,
    write_text,
)


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


@pytest.mark.parametrize("name", ["/dev/fd/{}", "/proc/self/fd/{}"])
def test_a_file_that_is_held_open_is_written_to_where_it_stands(tmp_path: Path, name: str) -> None:
    path, link = tmp_path / "log.txt", tmp_path / "link"
    path.write_text("precious\n", encoding="utf-8")
    with path.open("a", encoding="utf-8") as stream:
        link.symlink_to(name.format(stream.fileno()))
        for number, place in enumerate([link.readlink(), link]):
            write_text(place, f"{number}\n")
    assert path.read_text(encoding="utf-8") == "precious\n0\n1\n"
    assert len(list(tmp_path.iterdir())) == 2


def test_an_open_socket_and_an_open_pipe_are_written_to() -> None:
    ours, theirs = socket.socketpair()
    reader, writer = os.pipe()
    with ours, theirs:
        for descriptor in (ours.fileno(), writer):
            write_text(Path(f"/dev/fd/{descriptor}"), "through")
        assert (theirs.recv(99), os.read(reader, 99)) == (b"through", b"through")
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_what_is_replaced_keeps_its_rights_and_its_owner(former: Path, mode: int) -> None:
    former.chmod(mode)
    if os.getuid() == 0:
        os.chown(former, 1234, 2345)
        former.chmod(mode)
    before = former.stat()
    write_text(former, "new")
    after = former.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        (before.st_mode, before.st_uid, before.st_gid)
    )


def test_a_read_only_file_is_refused_even_to_root(former: Path) -> None:
    former.chmod(0o444)
    with pytest.raises(UserError, match="read-only"):
        write_text(former, "new")
    with pytest.raises(UserError, match=r"a read-only one\. Allow it"):
        require_output(str(former))
    assert_untouched(former)


@pytest.mark.parametrize("attempt", [lambda path: write_text(path, "new"), require_output])
@pytest.mark.parametrize(
    ("name", "message"),
    [("loop", "Too many levels of symbolic links. Fix"), ("x" * 300, "too long. Choose a short")],
)
def test_a_loop_of_links_and_a_name_too_long_are_told(
    tmp_path: Path, attempt: Callable[[Any], None], name: str, message: str
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(UserError, match=message), explained_limits():
        attempt(tmp_path / name)
    assert (tmp_path / "loop").is_symlink()


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("absent/" + "x" * 240, "too long"),  # longer while it is written
        ("loop/model", "Too many levels"),
        ("~nobody-has-this-name/model", "found none ~nobody"),
    ],
)
def test_a_folder_that_cannot_be_made_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    with pytest.raises(UserError, match=message), explained_limits():
        require_writable(Path(place), "model_dir")
    assert [path.name for path in tmp_path.iterdir()] == ["loop"]


def test_a_full_disk_is_refused_before_any_work(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))  # no byte can be written
    try:
        with pytest.raises(UserError, match=r"at outputs_dir=.*: File too large\. Name another"):
            require_writable(tmp_path, "outputs_dir", "search/mine")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.EMFILE, "Too many open files", "a.csv"), r"Cannot use a\.csv: .*ulimit -n"),
        (MemoryError(), "more memory than there is"),
        (ImportError("x.so: failed to map segment from shared object"), "more memory than there"),
        (ImportError("No module named x"), None),
        (ValueError("ours"), None),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), None),
        (FileNotFoundError(errno.ENOENT, "No such file"), None),
    ],
    ids=repr,
)
def test_the_limits_of_a_machine_are_its_users_to_mend_and_our_faults_are_not(
    error: Exception, message: str | None
) -> None:
    with pytest.raises(UserError if message else type(error), match=message), explained_limits():
        raise error


def test_what_a_killed_process_was_writing_goes_and_what_a_living_one_writes_stays(
    former: Path,
) -> None:
    abandoned = former.with_name(f"{UNFINISHED}abcdefgh.json")
    abandoned.write_text("{", encoding="utf-8")
    (former.parent / ".writing-mine.json").write_text("the user's", encoding="utf-8")
    with atomic_path(former) as living:
        assert not abandoned.exists()
        write_text(former.with_name("other.json"), "x")
        assert living.exists()
    assert {path.name for path in former.parent.iterdir()} == {
        *(former.name, "other.json", ".writing-mine.json")
    }


@pytest.mark.parametrize(
    ("output", "read", "found"),
    [
        ("model/metrics.json", None, "a file of a model or of a study"),
        ("study/trials.csv", None, "a file of a model or of a study"),
        ("link.csv", "mine.csv", "the file that is read"),
        ("mine.csv", "link.csv", "the file that is read"),
        ("mine.csv", None, ""),
        ("mine.csv", "gone.csv", ""),
        ("new.csv", "mine.csv", ""),
        ("study/report.html", None, ""),
        ("model/labelled.csv", None, ""),
    ],
)
def test_no_output_takes_the_place_of_what_is_ours_or_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    output: str,
    read: str | None,
    found: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder, names in {
        "model": ["manifest.json", "metrics.json"],
        "study": ["study.json", "trials.csv", "report.html"],
        ".": ["mine.csv"],
    }.items():
        Path(folder).mkdir(exist_ok=True)
        for name in names:
            Path(folder, name).touch()
    Path("link.csv").symlink_to("mine.csv")
    with pytest.raises(UserError, match=found) if found else nullcontext():
        require_output(output, read)
