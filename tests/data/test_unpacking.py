"""The bytes of a table: where they come from, and how they are packed."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import random
import struct
import zipfile

import pyarrow as pa
import pytest

from ecomcat.errors import UserError
from tests.data.table_material import read

TABLE = b"label,text\nBooks,A novel\n"
ROWS = [["label", "text"], ["Books", "A novel"]]
NAME = "archive (1).zip"


def zstd(data: bytes) -> bytes:
    packed = pa.BufferOutputStream()
    with pa.CompressedOutputStream(packed, "zstd") as stream:
        stream.write(data)
    return packed.getvalue().to_pybytes()


def zipped(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    return packed.getvalue()


PACKINGS = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd,
    "zip": lambda data: zipped({"a.csv": data}),
}


class Pipe(io.BytesIO):
    """A stream like a pipe, which cannot seek, and finds no room to be copied where it is empty."""

    def seekable(self) -> bool:
        return False

    def read(self, size: int | None = -1) -> bytes:
        if not self.getbuffer():
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().read(size)


def test_a_stream_that_finds_no_room_names_the_folder():
    with pytest.raises(UserError, match=r"TMPDIR names .*No space left on device\. Make room"):
        read(Pipe())


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t"])
@pytest.mark.parametrize("pack", PACKINGS.values(), ids=PACKINGS)
def test_a_packing_is_recognised_by_content_whatever_the_name(tmp_path, name, pack):
    path = tmp_path / name
    path.write_bytes(pack(TABLE))
    assert read(path) == read(Pipe(path.read_bytes())) == ROWS


@pytest.mark.parametrize(
    ("members", "member"),
    [
        (["a.csv"], None),
        (["folder/a.TSV.csv", "readme.md"], None),
        (["a.csv", "__MACOSX/._a.csv", "__MACOSX/b.csv", ".hidden.csv", ".git/c.csv"], None),
        (["deep/a.csv", "deep/b.csv"], "b.csv"),
        (["a.csv", "deep/a.csv"], "a.csv"),
        (["data.bin"], "data.bin"),
        (["a.csv.gz"], "a.csv.gz"),
    ],
)
def test_the_table_in_an_archive_is_found(members, member):
    packed = gzip.compress(TABLE) if member == "a.csv.gz" else TABLE
    assert read(zipped(dict.fromkeys(members, packed)), "t.csv", member=member) == ROWS


@pytest.mark.parametrize(
    ("members", "member", "messages"),
    [
        (["a.csv", "b.txt"], None, [NAME, "found 2", "a.csv, b.txt", "data.member="]),
        (["readme.md"], None, ["found 0", "none", "data.member=NAME"]),
        (["products.csv"], "product.csv", ["Did you mean 'products.csv'", "data.member=NAME"]),
        (["x/a.csv", "y/a.csv"], "a.csv", ["found 2", "x/a.csv, y/a.csv"]),
        ([f"{i}.csv" for i in range(9)], None, ["found 9", "4.csv and 4 more"]),
        ([], "a.csv", ["expected a zip archive because data.member=a.csv is set"]),
    ],
)
def test_an_archive_without_one_table_is_refused(members, member, messages):
    with pytest.raises(UserError) as caught:
        read(zipped(dict.fromkeys(members, TABLE)) if members else TABLE, NAME, member=member)
    assert all(message in str(caught.value) for message in messages), caught.value


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_that_cannot_be_unpacked_in_bounded_memory_is_refused(method):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr("a.csv", TABLE)
    with pytest.raises(UserError, match=rf"deflate.*found a\.csv packed with method {method}\."):
        read(packed.getvalue(), NAME)


def test_an_encrypted_archive_is_refused():
    data = bytearray(zipped({"a.csv": TABLE}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<H", data, data.index(signature) + offset, 1)
    with pytest.raises(UserError, match="is encrypted, password required"):
        read(bytes(data))


@pytest.mark.parametrize("pack", list(PACKINGS.values())[1:], ids=list(PACKINGS)[1:])
@pytest.mark.parametrize("damage", ["half", "end", "flipped"])
def test_a_packed_file_that_is_damaged_is_refused(pack, damage):
    table = "".join(f"{i},{random.Random(i).getrandbits(160):x}\n" for i in range(2000))
    whole = bytearray(pack(table.encode()))
    if damage == "flipped":
        if pack is zstd:
            return  # written here without a checksum
        whole[len(whole) // 2] ^= 0xFF
    data = bytes(whole[: {"half": len(whole) // 2, "end": -4}.get(damage, len(whole))])
    with pytest.raises(UserError, match="download or copy it again"):
        read(Pipe(data))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("product.csv", r"no such file\. Did you mean 'products\.csv'\?"),
        ("products.cvs", r"no such file\. Did you mean 'products\.csv'\?"),
        ("nowhere/x.csv", "Check the path"),
        ("products.csv/x.csv", "Check the path"),
        (".", "Is a directory"),
        ("a\0b.csv", "cannot be opened"),
    ],
)
def test_a_path_that_cannot_be_opened_is_refused(tmp_path, name, message):
    (tmp_path / "products.csv").write_bytes(TABLE)
    with pytest.raises(UserError, match=message):
        read(tmp_path / name)
