"""Which encoding a table is decoded with, and what is no text at all."""

from __future__ import annotations

import codecs
import gzip
import io
import logging

import pytest

from ecomcat.errors import UserError
from ecomcat.table.table import open_table

MEBIBYTE = 1 << 20
TEXT = "label,text\r\nBücher,naïve café € ไทย हिन्दी\r\n"
ROWS = [["label", "text"], ["Bücher", "naïve café € ไทย हिन्दी"]]


def read(source, **options) -> tuple[list[list[str]], str]:
    with open_table(source, **options) as table:
        return list(table.rows()), table.format.encoding


@pytest.fixture(params=["file", "stream"])
def source(request, tmp_path):
    """Return a function that makes bytes a file or a stream."""

    def make(data: bytes):
        if request.param == "stream":
            return io.BytesIO(data)
        path = tmp_path / "products.csv"
        path.write_bytes(data)
        return path

    return make


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (TEXT.encode(), "utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "utf-8-sig"),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), "utf-16"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-16"),
        (codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"), "utf-32"),
        (codecs.BOM_UTF32_BE + TEXT.encode("utf-32-be"), "utf-32"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
    ],
)
def test_unicode_encodings_are_recognised_silently(source, data, encoding, caplog):
    assert read(source(data)) == (ROWS, encoding)
    assert not caplog.records


@pytest.mark.parametrize(
    ("data", "text", "encoding"),
    [
        (b"a,caf\xe9 \x80", "café €", "cp1252"),
        (b"a,caf\xe9 \x81", "café \x81", "latin-1"),
    ],
)
def test_other_bytes_fall_back_with_a_warning(source, data, text, encoding, caplog):
    with caplog.at_level(logging.WARNING, "ecomcat"):
        assert read(source(data), name="shop.csv") == ([["a", text]], encoding)
    [message] = caplog.messages
    assert "shop.csv" in message
    assert encoding in message
    assert "data.encoding=" in message


ASCII_MEBIBYTES = b"Books,abcdefg\r\n" * (2 * MEBIBYTE // 15)


@pytest.mark.parametrize(
    ("early", "late", "encoding"),
    [
        (b"", b"a,caf\xe9\n", "cp1252"),
        (b"", b"a,\x9d caf\xe9\n", "latin-1"),
        ("a,Á\n".encode(), b"a,caf\xe9\n", "latin-1"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_the_whole_of_a_file_is_checked(tmp_path, early, late, encoding, pack, caplog):
    path = tmp_path / "products.csv"
    path.write_bytes(pack(early + ASCII_MEBIBYTES + late))
    with open_table(path) as table:
        assert table.format.encoding == encoding
    assert len(caplog.records) == 1


@pytest.mark.parametrize("line_end", ["\n", "\r", "\r\n"])
def test_a_late_undecodable_byte_of_a_stream_is_an_error_with_its_line(line_end):
    lines = ["Books,a novel é"] * 100_000
    data = line_end.join(lines).encode() + line_end.encode() + b"Books,caf\xe9" + b"\nx,y\n" * 9
    with pytest.raises(UserError, match=r"line 100001: .*data\.encoding=cp1252"):
        read(io.BytesIO(data))


@pytest.mark.parametrize("offset", range(4))
def test_a_character_cut_at_the_border_of_what_is_looked_at_is_no_error(offset, source, caplog):
    start = b"a," + b"x" * (MEBIBYTE - 2 - offset)
    rows, encoding = read(source(start + "🙂\n".encode()))
    assert encoding == "utf-8"
    assert rows[0][1].endswith("x🙂")
    assert not caplog.records


def test_a_character_cut_at_the_end_of_the_file_falls_back(source, caplog):
    rows, encoding = read(source(b"a,caf\xc3"))
    assert (rows, encoding) == ([["a", "cafÃ"]], "cp1252")
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("asked", "data", "used"),
    [
        ("cp1252", "a,café".encode("cp1252"), "cp1252"),
        ("shift_jis", "a,日本語".encode("shift_jis"), "shift_jis"),
        ("utf-16-le", "a,café".encode("utf-16-le"), "utf-16-le"),
        ("utf-8", codecs.BOM_UTF8 + "a,café".encode(), "utf-8-sig"),
        ("UTF8", "a,café".encode(), "UTF8"),
        ("utf-16-be", codecs.BOM_UTF16_BE + "a,é".encode("utf-16-be"), "utf-16"),
    ],
)
def test_a_named_encoding_is_used_without_its_byte_order_mark(source, asked, data, used, caplog):
    rows, encoding = read(source(data), encoding=asked)
    assert encoding == used
    assert rows[0][0] == "a"
    assert not caplog.records


@pytest.mark.parametrize("asked", ["utf-8", "ascii"])
def test_a_named_encoding_that_does_not_fit_is_an_error_with_its_line(source, asked):
    with pytest.raises(UserError, match=r"line 2: expected .*data\.encoding="):
        read(source(b"a,b\nc,\xe9\n"), encoding=asked)


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("utf-88", "Did you mean 'utf-8'?"),
        ("cp125", "Did you mean 'cp125"),
        ("wrong", "utf-8, utf-16 or cp1252"),
        ("hex", "found 'hex'"),
        ("undefined", "found 'undefined'"),
        ("", "found ''"),
        ("a\0", "data.encoding"),
    ],
)
def test_an_unknown_encoding_is_refused_with_the_nearest_name(source, asked, hint):
    with pytest.raises(UserError) as caught:
        read(source(b"a,b\n"), encoding=asked)
    assert "data.encoding" in str(caught.value)
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "a PNG image"),
        (b"%PDF-1.7\nstream of text", "a PDF document"),
        (b"PAR1\x15\x04\x15", "a Parquet file"),
        (b"\x28\xb5\x2f\xfd$", "zstd-compressed data"),
        (gzip.compress(gzip.compress(b"a,b", mtime=0), mtime=0), "gzip data inside"),
        (bytes(range(256)) * 20, "binary data"),
        (b"a,b\0\0\0\0\0\0\0\0c", "binary data"),
        (b"a,b\n\x01\x02\x03\x04\x05\x06", "binary data"),
        (b"\x01\0\x02\0\x03\0\x04\0" * 100, "binary data"),
    ],
)
def test_what_is_no_text_is_refused_by_its_kind(source, data, kind, caplog):
    with pytest.raises(UserError, match="expected a text table") as caught:
        read(source(data))
    assert kind in str(caught.value)
    assert not caplog.records


@pytest.mark.parametrize(
    "text", ["a\0", "a\0b", "\0", "a \x1b[0m b", "a\0b\0c", "PAR1", "<!DOCTYPE html>"]
)
def test_a_few_control_characters_in_good_text_are_kept(source, text):
    rows, encoding = read(source(f"label,{text}\nBooks,good text\n".encode()))
    assert rows[0] == ["label", text]
    assert encoding == "utf-8"
