"""Where the bytes come from: files, streams, gzip and zip."""

from __future__ import annotations

import gzip
import io
import os
import random
import struct
import threading
import zipfile
from pathlib import Path
from typing import BinaryIO

import pytest

from ecomcat.errors import UserError
from ecomcat.table.table import open_table

TABLE = b"label,text\nBooks,A novel\n"
ROWS = [["label", "text"], ["Books", "A novel"]]


class Pipe(io.RawIOBase):
    """A stream like a pipe: it cannot seek, and hands out a few bytes at a time."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        chunk = self._data.read(min(len(buffer), 7))
        buffer[: len(chunk)] = chunk
        return len(chunk)


def read(source: Path | BinaryIO, **options) -> list[list[str]]:
    with open_table(source, **options) as table:
        return list(table.rows())


def file_with(tmp_path: Path, data: bytes, name: str = "products.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


def archive_of(tmp_path: Path, members: dict[str, bytes], name: str = "archive (1).zip") -> Path:
    path = tmp_path / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.zip", "t"])
@pytest.mark.parametrize("packed", [TABLE, gzip.compress(TABLE)], ids=["plain", "gzip"])
def test_gzip_is_recognised_by_content_whatever_the_name(tmp_path, name, packed):
    assert read(file_with(tmp_path, packed, name)) == ROWS


@pytest.mark.parametrize("name", ["t.zip", "t.csv"])
def test_zip_is_recognised_by_content_whatever_the_name(tmp_path, name):
    assert read(archive_of(tmp_path, {"products.csv": TABLE}, name)) == ROWS


@pytest.mark.parametrize("packed", [TABLE, gzip.compress(TABLE)], ids=["plain", "gzip"])
@pytest.mark.parametrize("wrap", [Pipe, io.BytesIO, lambda data: io.BufferedReader(Pipe(data))])
def test_streams_read_like_files_and_stay_open(packed, wrap):
    stream = wrap(packed)
    assert read(stream) == ROWS
    assert not stream.closed


def test_a_slow_stream_is_looked_at_like_any_other(caplog):
    with open_table(Pipe(b"Books,A novel\nToys,A caf\xe9\n")) as table:
        assert table.format.encoding == "cp1252"
    assert len(caplog.records) == 1


def test_a_named_pipe_is_read_once(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(TABLE,))
    writer.start()
    assert read(path) == ROWS
    writer.join()


@pytest.mark.parametrize(
    ("name", "members", "expected"),
    [
        (None, None, "products.csv"),
        ("shown.csv", None, "shown.csv"),
        (None, {"ecommerceDataset.csv": TABLE}, "archive (1).zip:ecommerceDataset.csv"),
    ],
)
def test_tables_have_a_name_for_messages(tmp_path, name, members, expected):
    path = archive_of(tmp_path, members) if members else file_with(tmp_path, TABLE)
    with open_table(path, name=name) as table:
        assert table.name == expected


def test_a_stream_is_called_stdin_unless_it_is_named():
    with open_table(io.BytesIO(TABLE)) as table:
        assert table.name == "<stdin>"


@pytest.mark.parametrize(
    ("members", "member"),
    [
        (["a.csv"], None),
        (["folder/a.TSV.csv", "readme.md"], None),
        (["a.csv", "__MACOSX/._a.csv", "__MACOSX/b.csv", ".hidden.csv", ".git/c.csv"], None),
        (["a.csv", "b.csv"], "b.csv"),
        (["deep/a.csv", "deep/b.csv"], "b.csv"),
        (["a.csv", "deep/a.csv"], "a.csv"),
        (["data.bin"], "data.bin"),
    ],
)
def test_the_table_in_an_archive_is_found(tmp_path, members, member):
    path = archive_of(tmp_path, dict.fromkeys(members, TABLE))
    assert read(path, member=member) == ROWS


def test_a_member_may_itself_be_gzip(tmp_path):
    path = archive_of(tmp_path, {"a.csv.gz": gzip.compress(TABLE)})
    assert read(path, member="a.csv.gz") == ROWS


@pytest.mark.parametrize(
    ("members", "member", "messages"),
    [
        (["a.csv", "b.txt"], None, ["a.csv, b.txt", "data.member=NAME"]),
        (["readme.md"], None, ["found none", "data.member=NAME"]),
        ([], None, ["found none"]),
        (["products.csv"], "product.csv", ["Did you mean 'products.csv'", "data.member=NAME"]),
        (["x/a.csv", "y/a.csv"], "a.csv", ["found 2", "x/a.csv, y/a.csv"]),
        (["[Content_Types].xml", "xl/workbook.xml"], None, ["an Excel workbook", "CSV"]),
    ],
)
def test_an_archive_without_one_table_is_refused(tmp_path, members, member, messages):
    path = archive_of(tmp_path, dict.fromkeys(members, TABLE))
    with pytest.raises(UserError) as caught:
        read(path, member=member)
    assert all(message in str(caught.value) for message in messages), caught.value


def test_a_member_of_a_file_that_is_no_archive_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"data\.member=a\.csv"):
        read(file_with(tmp_path, TABLE), member="a.csv")


def test_an_encrypted_archive_is_refused(tmp_path):
    path = archive_of(tmp_path, {"a.csv": TABLE})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<H", data, data.index(signature) + offset, 1)
    path.write_bytes(data)
    with pytest.raises(UserError, match="without a password, found an encrypted"):
        read(path)


def test_a_zip_archive_in_a_stream_is_refused_with_advice(tmp_path):
    data = archive_of(tmp_path, {"a.csv": TABLE}).read_bytes()
    with pytest.raises(UserError, match="Give the path of the archive"):
        read(Pipe(data))


def random_table(rows: int) -> bytes:
    """Return a table that does not compress to next to nothing."""
    generator = random.Random(0)
    return b"".join(b"%d,%x\n" % (i, generator.getrandbits(160)) for i in range(rows))


@pytest.mark.parametrize("keep", [3, 12, 0.5, -4])
def test_gzip_that_is_cut_short_is_refused(tmp_path, keep):
    whole = gzip.compress(random_table(2000))
    end = int(len(whole) * keep) if isinstance(keep, float) else keep
    path = file_with(tmp_path, whole[:end], "t.csv.gz")
    with pytest.raises(UserError, match="download or copy it again"):
        read(path)
    with pytest.raises(UserError, match="download or copy it again"):
        read(Pipe(whole[:end]))


def test_damaged_gzip_is_refused(tmp_path):
    data = bytearray(gzip.compress(random_table(2000)))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(UserError, match="download or copy it again"):
        read(file_with(tmp_path, bytes(data), "t.csv.gz"))


@pytest.mark.parametrize("damage", ["cut", "flipped", "start only"])
def test_a_damaged_zip_archive_is_refused(tmp_path, damage):
    path = archive_of(tmp_path, {"a.csv": random_table(2000)})
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 0xFF
    path.write_bytes(data[: {"cut": len(data) // 2, "start only": 4}.get(damage, len(data))])
    with pytest.raises(UserError, match="download or copy it again"):
        read(path)


def test_a_missing_file_is_refused_with_the_nearest_name(tmp_path):
    file_with(tmp_path, TABLE, "products.csv")
    with pytest.raises(UserError, match=r"no such file\. Did you mean 'products\.csv'\?"):
        read(tmp_path / "product.csv")


@pytest.mark.parametrize("parent", ["nowhere", "products.csv"])
def test_a_file_in_a_missing_folder_is_refused(tmp_path, parent):
    file_with(tmp_path, TABLE)
    with pytest.raises(UserError, match="Check the path"):
        read(tmp_path / parent / "x.csv")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match="found a folder"):
        read(tmp_path)


def test_a_path_that_no_file_can_have_is_refused():
    with pytest.raises(UserError, match="cannot be opened"):
        read(Path("a\0b.csv"))


def test_a_file_without_permission_is_refused(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = file_with(tmp_path, TABLE)
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UserError, match="permissions"):
        read(path)
