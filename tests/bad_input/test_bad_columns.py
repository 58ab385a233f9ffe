"""Columns that are not there, and classes that are too few or too small."""

from __future__ import annotations

import pytest
from mistakes import GOOD, assert_says, refused, rows_of, search_csv, table

# Fixtures, which pytest finds here.
__all__ = ["refused", "search_csv"]


@pytest.mark.parametrize("key", ["data.text_column", "data.label_column"])
def test_a_column_that_is_not_there_is_answered_with_those_that_are(search_csv, key):
    message = search_csv(table(*GOOD), f"{key}=descripton")
    assert_says(message, key, "'descripton'", "'category', 'description'", "Did you mean")


def test_a_position_beyond_the_last_column(search_csv):
    message = search_csv(table(*GOOD), "data.text_column=5")
    assert_says(message, "data.text_column", "0 to 1", "found 5", "'category', 'description'")


def test_the_same_column_twice(search_csv):
    message = search_csv(table(*GOOD), "data.text_column=category", "data.label_column=category")
    assert_says(message, "different columns", "'category', 'description'")


def test_three_columns_of_which_none_is_named(search_csv):
    content = "\n".join(["id,category,description", *(f"{i},{row}" for i, row in enumerate(GOOD))])
    message = search_csv(content)
    assert_says(message, "data.text_column and data.label_column", "'id'", "'description'")


def test_a_single_class(search_csv):
    message = search_csv(table(*rows_of(Books=40)))
    assert_says(message, "at least two classes", "'Books' (40)", "data.label_column")


def test_a_class_with_too_few_rows_is_named_with_the_way_out(search_csv):
    message = search_csv(table(*GOOD, *rows_of(Toys=3)))
    assert_says(message, "at least 10", "'Toys' (3)", "data.rare_classes=drop")
    assert "Books" not in message


def test_nothing_left_after_the_rare_classes_are_dropped(search_csv):
    message = search_csv(table(*rows_of(Books=40, Toys=3)), "data.rare_classes=drop")
    assert_says(message, "at least two classes", "'Books' (40)", "'Toys' (3)")


def test_the_same_text_again_and_again_counts_once(search_csv):
    message = search_csv(table(*GOOD, *["Toys,the same toy"] * 50))
    assert_says(message, "'Toys' (1)", "data.rare_classes=drop")


# In a process of its own, where log lines stand before the message


def test_log_lines_and_the_message_go_to_standard_error(run_command, tmp_path):
    (tmp_path / "products.csv").write_text(table(*rows_of(Books=40)), encoding="utf-8")
    ended = run_command("search", ["data=csv", "data.path=products.csv"], tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    lines = ended.stderr.splitlines()
    assert lines[0].startswith("Data: products.csv, first row taken as header")
    assert [line for line in lines if line.startswith("Error: ")] == lines[-1:]
    assert [path.name for path in tmp_path.iterdir()] == ["products.csv"]
