"""Files that are missing, empty, of another kind or broken within."""

from __future__ import annotations

import struct
import zlib

import pytest
from mistakes import GOOD, assert_says, refused, search_csv, table

# Fixtures, which pytest finds here.
__all__ = ["refused", "search_csv"]


def png():
    def chunk(kind, data):
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" + b"\xff\x80\x00" * 2 + b"\0" + b"\x10\x20\x30" * 2)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def test_a_missing_file_is_answered_with_the_nearest_one(refused, tmp_path):
    (tmp_path / "products.csv").write_text(table(*GOOD), encoding="utf-8")
    message = refused("search", "data=csv", "data.path=prodcts.csv")
    assert_says(message, "prodcts.csv", "no such file", "Did you mean 'products.csv'?")


def test_a_missing_file_in_a_missing_folder(refused):
    message = refused("search", "data=csv", "data.path=no folder (1)/products.csv")
    assert_says(message, "no folder (1)/products.csv", "no such file")


def test_no_file_at_all(refused):
    assert_says(refused("search", "data=csv"), "data=csv", "data.path=FILE")


def test_a_folder_in_place_of_a_file(refused, tmp_path):
    (tmp_path / "products").mkdir()
    assert_says(refused("search", "data=csv", "data.path=products"), "products", "folder")


@pytest.mark.parametrize("content", ["", "\n\n", " \n"])
def test_an_empty_file(search_csv, content):
    assert_says(search_csv(content), "products.csv", "empty file")


@pytest.mark.parametrize("name", ["photo.png", "photo.csv"])
def test_a_picture(search_csv, name):
    assert_says(search_csv(png(), name=name), name, "a text table", "found a PNG image")


def test_a_header_without_rows(search_csv):
    assert_says(search_csv(table()), "two classes")


def test_a_row_of_more_columns_than_the_first_is_named(search_csv):
    content = table(*GOOD[:10], "Books,one, two and three", *GOOD[10:])
    message = search_csv(content, "data.delimiter=comma")
    assert_says(message, "products.csv, line 12", "at most 2 columns", "found 3", "quotes")


def test_a_quote_that_is_never_closed_is_named(search_csv):
    message = search_csv(table(*GOOD[:10], 'Books,"one', *GOOD[10:]), "data.delimiter=comma")
    assert_says(message, "products.csv, line 12", "a quote that is never closed")


def test_bytes_that_are_not_of_the_encoding_asked_for(search_csv):
    content = table(*GOOD).encode() + "Books,café crème\n".encode("latin-1")
    message = search_csv(content, "data.encoding=utf-8")
    assert_says(message, "products.csv, line 82", "utf-8", "data.encoding=")


def test_an_encoding_that_does_not_exist(search_csv):
    assert_says(search_csv(table(*GOOD), "data.encoding=utf-9"), "data.encoding", "utf-9")
