"""The encoding of a table, which is found or refused."""

from __future__ import annotations

import codecs

import pytest

from ecomcat.errors import UserError
from tests.data.table_material import read

TEXT = "label,text\r\nBücher,naïve café € ไทย हिन्दी\r\n"
ORDERS = [(16, "le"), (16, "be"), (32, "le"), (32, "be")]
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
        # Without a mark, and without its byte order in the name:
        *((TEXT.encode(f"utf-{n}-{order}"), {"encoding": f"utf-{n}"}) for n, order in ORDERS),
        (TEXT.encode("utf-16"), {"encoding": "UTF16"}),
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


@pytest.mark.parametrize(("encoding", "asked"), [("utf-16", "utf-32"), ("utf-8", "utf-32-le")])
def test_another_encoding_than_that_of_the_file_is_told(encoding, asked):
    with pytest.raises(UserError, match="expected"):
        read(TEXT.encode(encoding), encoding=asked)


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("utf-88", "Did you mean 'utf-8'?"),
        ("wrong", "utf-8, utf-16 or cp1252"),
        ("hex", "found 'hex'"),
        ("Punycode", "found 'Punycode'"),
        ("idna", "found 'idna'"),
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
