"""The bytes of a table: where they come from, how they are packed, and their encoding."""

from __future__ import annotations

import bz2
import codecs
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


TEXT = "label,text\r\nBücher,naïve café € ไทย हिन्दी\r\n"
DECODED = [["label", "text"], ["Bücher", "naïve café € ไทย हिन्दी"]]


@pytest.mark.parametrize(
    ("data", "reading"),
    [
        (TEXT.encode(), {}),
        (codecs.BOM_UTF8 + TEXT.encode(), {}),
        (TEXT.encode("utf-16"), {}),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), {}),
        (TEXT.encode("utf-32"), {}),
        (TEXT.encode("utf-16-le"), {"encoding": "utf-16-le"}),
        (codecs.BOM_UTF8 + TEXT.encode(), {"encoding": "utf-8"}),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), {"encoding": "utf-16-be"}),
        (TEXT.encode("gb18030"), {"encoding": "gb18030"}),
    ],
)
def test_unicode_and_a_named_encoding_are_read_silently(data, reading, caplog):
    assert read(data, **reading) == DECODED
    assert not caplog.records


@pytest.mark.parametrize(
    ("data", "cell", "warned"),
    [
        (b"a,caf\xe9 \x80", "café €", "read as cp1252"),
        (b"a,caf\xc3", "cafÃ", "read as cp1252"),  # cut within its only letter, or not
        (
            "a,crème brûlée ".encode() + b"caf\xe9",
            "crème brûlée caf�",
            "1 broken letter, the first",
        ),
    ],
)
def test_other_bytes_are_read_with_a_warning(data, cell, warned, caplog):
    assert read(data, name="shop.csv") == [["a", cell]]
    [message] = caplog.messages
    assert "shop.csv" in message and warned in message and "data.encoding=" in message


ASCII_MEBIBYTES = b"Books,abcdefg\r\n" * 140_000
FRENCH = "Books,crème brûlée\r\n".encode() * 100


@pytest.mark.parametrize(
    ("early", "late", "warned"),
    [
        (b"", b"a,caf\xe9\n", "read as cp1252"),
        (FRENCH, b"a,caf\xe9\n", "the first in line 140101"),
        (FRENCH, b"a,caf\xc3", "the first in line 140101"),
    ],
)
def test_the_whole_of_a_file_is_checked(early, late, warned, caplog):
    read(early + ASCII_MEBIBYTES + late)
    assert [warned in message for message in caplog.messages] == [True]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("label,text\n" + "Книги,роман автор издание\n" * 5, "cp1251"),
        ("label,text\n" + "Βιβλία,μυθιστόρημα\n" * 5, "cp1253"),
        ("label,text\n" + "书籍,一本关于海的小说\n" * 5, "gb18030"),
        ("label,text\n" + "本,海についての小説です\n" * 5, "shift_jis"),
    ],
)
def test_a_guess_that_is_no_plausible_text_is_refused_with_likely_encodings(text, encoding):
    with pytest.raises(UserError, match=rf"line 2: .*data\.encoding=.*{encoding}"):
        read(text.encode(encoding))


@pytest.mark.parametrize("asked", ["utf-8", "ascii"])
def test_a_named_encoding_that_does_not_fit_is_an_error_with_its_line(asked):
    with pytest.raises(UserError, match=r"line 2: expected .*data\.encoding="):
        read(b"a,b\nc,\xe9\n", encoding=asked)


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("utf-88", "Did you mean 'utf-8'?"),
        ("wrong", "utf-8, utf-16 or cp1252"),
        ("hex", "found 'hex'"),
        ("", "found ''"),
        ("a\0", "data.encoding"),
    ],
)
def test_an_unknown_encoding_is_refused_with_the_nearest_name(asked, hint):
    with pytest.raises(UserError) as caught:
        read("a,b\n", encoding=asked)
    assert "data.encoding" in str(caught.value)
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "a PNG image"),
        (b"%PDF-1.7\nstream of text", "a PDF document"),
        (b"\xd0\xcf\x11\xe0" + bytes(50), "an old Excel or Word file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull"),
        (bytes(range(1, 256)) * 20, "binary data"),
        ("a,b\nc,d\n".encode("utf-16-le"), "data.encoding=utf-16-le"),
        (b"a,b\n\x01\x02\x03\x04\x05\x06", "binary data"),
    ],
)
def test_what_is_no_text_is_refused_by_its_kind(data, kind, caplog):
    with pytest.raises(UserError, match="expected a text table") as caught:
        read(data)
    assert kind in str(caught.value)
    assert not caplog.records
