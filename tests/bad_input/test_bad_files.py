"""Files that are missing, empty, of another kind or broken within."""

from __future__ import annotations

import pytest
from mistakes import GOOD, assert_says, refused, search_csv, table

# Fixtures, which pytest finds here.
__all__ = ["refused", "search_csv"]


def test_a_missing_file_is_answered_with_the_nearest_one(refused, tmp_path):
    (tmp_path / "products.csv").write_text(table(*GOOD), encoding="utf-8")
    message = refused("search", "data=csv", "data.path=prodcts.csv")
    assert_says(message, "prodcts.csv", "no such file", "Did you mean 'products.csv'?")


def test_no_file_at_all(refused):
    assert_says(refused("search", "data=csv"), "data=csv", "data.path=FILE")


@pytest.mark.parametrize("name", ["photo.png", "photo.csv"])
def test_a_picture(search_csv, name):
    assert_says(
        search_csv(b"\x89PNG\r\n" + bytes(99), name=name), name, "a text table", "found a PNG image"
    )


def test_a_header_without_rows(search_csv):
    assert_says(search_csv(table()), "two classes")


def test_a_row_of_more_columns_than_the_first_is_named(search_csv):
    content = table(*GOOD[:10], "Books,one, two and three", *GOOD[10:])
    message = search_csv(content, "data.delimiter=comma")
    assert_says(message, "products.csv, line 12", "at most 2 columns", "found 3", "quotes")
