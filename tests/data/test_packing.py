"""Where the bytes of a table come from: files, streams and archives."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import struct
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest

from ecomcat.errors import UserError
from tests.data.table_material import read

TABLE = b"label,text\nBooks,A novel\n"
ROWS = [["label", "text"], ["Books", "A novel"]]


def zstd(data: bytes) -> bytes:
    packed = pa.BufferOutputStream()
    with pa.CompressedOutputStream(packed, "zstd") as stream:
        stream.write(data)
    return packed.getvalue().to_pybytes()


PACKINGS = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd,
}


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


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t"])
@pytest.mark.parametrize("pack", PACKINGS.values(), ids=PACKINGS)
def test_a_packing_is_recognised_by_content_whatever_the_name(tmp_path, name, pack):
    path = file_with(tmp_path, pack(TABLE), name)
    assert read(path) == read(Pipe(path.read_bytes())) == ROWS


def test_a_stream_stays_open():
    stream = io.BytesIO(TABLE)
    assert read(stream) == ROWS
    assert not stream.closed


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
    path = archive_of(tmp_path, dict.fromkeys(members, TABLE), "t.csv")
    assert read(path, member=member) == ROWS


def test_a_member_may_itself_be_packed(tmp_path):
    path = archive_of(tmp_path, {"a.csv.gz": gzip.compress(TABLE)})
    assert read(path, member="a.csv.gz") == ROWS


@pytest.mark.parametrize(
    ("members", "member", "messages"),
    [
        (["a.csv", "b.txt"], None, ["archive (1).zip", "found 2", "a.csv, b.txt", "data.member="]),
        (["readme.md"], None, ["found 0", "none", "data.member=NAME"]),
        (["products.csv"], "product.csv", ["Did you mean 'products.csv'", "data.member=NAME"]),
        (["x/a.csv", "y/a.csv"], "a.csv", ["found 2", "x/a.csv, y/a.csv"]),
        ([f"{i}.csv" for i in range(9)], None, ["found 9", "4.csv and 4 more"]),
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


def test_a_zip_archive_may_come_through_a_pipe(tmp_path):
    assert read(Pipe(archive_of(tmp_path, {"a.csv": TABLE}).read_bytes())) == ROWS


def test_an_encrypted_archive_is_refused(tmp_path):
    path = archive_of(tmp_path, {"a.csv": TABLE})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<H", data, data.index(signature) + offset, 1)
    path.write_bytes(data)
    with pytest.raises(UserError, match="is encrypted, password required"):
        read(path)


def random_table(rows: int) -> bytes:
    """Return a table that does not compress to next to nothing."""
    generator = random.Random(0)
    return b"".join(b"%d,%x\n" % (i, generator.getrandbits(160)) for i in range(rows))


@pytest.mark.parametrize("pack", list(PACKINGS.values())[1:], ids=list(PACKINGS)[1:])
@pytest.mark.parametrize("damage", ["half", "end", "flipped"])
def test_a_packed_file_that_is_damaged_is_refused(tmp_path, pack, damage):
    whole = bytearray(pack(random_table(2000)))
    if damage == "flipped":
        if pack is zstd:
            return  # written here without a checksum
        whole[len(whole) // 2] ^= 0xFF
    data = bytes(whole[: {"half": len(whole) // 2, "end": -4}.get(damage, len(whole))])
    with pytest.raises(UserError, match="download or copy it again"):
        read(file_with(tmp_path, data, "t.csv.gz"))
    with pytest.raises(UserError, match="download or copy it again"):
        read(Pipe(data))


@pytest.mark.parametrize("damage", ["cut", "flipped", "start only"])
def test_a_damaged_zip_archive_is_refused(tmp_path, damage):
    path = archive_of(tmp_path, {"a.csv": random_table(2000)})
    data = bytearray(path.read_bytes())
    if damage == "flipped":
        data[len(data) // 2] ^= 0xFF
    path.write_bytes(data[: {"cut": len(data) // 2, "start only": 4}.get(damage, len(data))])
    with pytest.raises(UserError, match="download or copy it again"):
        read(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("product.csv", r"no such file\. Did you mean 'products\.csv'\?"),
        ("nowhere/x.csv", "Check the path"),
        ("products.csv/x.csv", "Check the path"),
        (".", "Is a directory"),
        ("a\0b.csv", "cannot be opened"),
    ],
)
def test_a_path_that_cannot_be_opened_is_refused(tmp_path, name, message):
    file_with(tmp_path, TABLE)
    with pytest.raises(UserError, match=message):
        read(tmp_path / name)
