"""Files and columns that a search cannot use: each is one message, and nothing is left behind."""

from __future__ import annotations

import pytest
from mistakes import GOOD, assert_says, refused, rows_of, search_csv, table

# Fixtures, which pytest finds here.
__all__ = ["refused", "search_csv"]

NUMBERED = "\n".join(["id,category,description", *(f"{i},{row}" for i, row in enumerate(GOOD))])
BOOKS, TOYS = rows_of(Books=40), rows_of(Toys=3)


@pytest.mark.parametrize(
    ("content", "arguments", "fragments"),
    [
        (b"\x89PNG\r\n" + bytes(99), [], ("products.csv", "a text table", "found a PNG image")),
        (table(), [], ("two classes",)),
        (
            table(*GOOD[:10], "Books,one, two and three", *GOOD[10:]),
            ["data.delimiter=comma"],
            ("products.csv, line 12", "at most 2 columns", "found 3", "quotes"),
        ),
        *(
            (
                table(*GOOD),
                [f"{key}=descripton"],
                (key, "'category', 'description'", "Did you mean"),
            )
            for key in ("data.text_column", "data.label_column")
        ),
        (table(*GOOD), ["data.text_column=5"], ("data.text_column", "0 to 1", "found 5")),
        (NUMBERED, [], ("data.text_column and data.label_column", "'id'", "'description'")),
        (table(*BOOKS), [], ("at least two classes", "'Books' (40)", "data.label_column")),
        (table(*GOOD, *TOYS), [], ("at least 10", "'Toys' (3)", "data.rare_classes=drop")),
        (
            table(*BOOKS, *TOYS),
            ["data.rare_classes=drop"],
            ("at least two classes", "'Books' (40)", "'Toys' (3)"),
        ),
        (table(*GOOD, *["Toys,the same toy"] * 50), [], ("'Toys' (1)", "data.rare_classes=drop")),
    ],
)
def test_what_is_wrong_with_a_table_is_named(search_csv, content, arguments, fragments):
    assert_says(search_csv(content, *arguments), *fragments)


def test_a_missing_file_is_answered_with_the_nearest_one(refused, tmp_path):
    (tmp_path / "products.csv").write_text(table(*GOOD), encoding="utf-8")
    message = refused("search", "data=csv", "data.path=prodcts.csv")
    assert_says(message, "prodcts.csv", "no such file", "Did you mean 'products.csv'?")
    assert_says(refused("search", "data=csv"), "data=csv", "data.path=FILE")


def test_log_lines_and_the_message_go_to_standard_error(run_command, tmp_path):
    (tmp_path / "products.csv").write_text(table(*BOOKS), encoding="utf-8")
    ended = run_command("search", ["data=csv", "data.path=products.csv"], tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    lines = ended.stderr.splitlines()
    assert lines[0].startswith("Data: products.csv, first row taken as header")
    assert [line for line in lines if line.startswith("Error: ")] == lines[-1:]
