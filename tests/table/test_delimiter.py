"""Which delimiter a table has."""

from __future__ import annotations

import io

import pytest

from ecomcat.errors import UserError
from ecomcat.table.table import open_table


def read(text: str, name: str = "<stdin>", **options) -> tuple[list[list[str]], str]:
    with open_table(io.BytesIO(text.encode()), name=name, **options) as table:
        return list(table.rows()), table.format.delimiter


@pytest.mark.parametrize("name", ["<stdin>", "t.csv", "t.txt"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("rows", [1, 2, 3, 49, 50, 200])
def test_a_regular_table_shows_its_delimiter(name, delimiter, rows):
    text = f"Books{delimiter}A novel\n" * rows
    assert read(text, name) == ([["Books", "A novel"]] * rows, delimiter)


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("label;price\nBooks;1,5\nToys;2,5\n", ";"),
        ('label,text\nBooks,"a;b;c"\nToys,"d;e"\n', ","),
        ('"a;b","c"\n"d;e","f"\n', ","),
        ("a,b;c\nd,e;f\n", ","),
        ('a\t"x, y"\nb\tz, w\nc\tv\n', "\t"),
        ('Books,"line one\nline; two\n\nline three"\nToys,x\n', ","),
        ("a|b, c|d\ne|f|g\n", "|"),
    ],
)
def test_the_most_regular_delimiter_wins_and_the_comma_in_a_tie(text, delimiter):
    assert read(text)[1] == delimiter


@pytest.mark.parametrize("name", ["t.tsv", "t.TAB", "t.tsv.gz", "archive.zip:t.tsv"])
def test_a_name_for_tabs_decides(name):
    assert read("a,b\nc,d\n", name) == ([["a,b"], ["c,d"]], "\t")


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("text\nA table, brown, round\nchair\nlamp, blue\n", 4),
        ("A table, brown\n", 1),
        ("Price 1,000 and, with lamp, 1,250\n", 1),
        ("plain\n", 1),
        ("plain\n" * 70 + "with, commas, later\n", 71),
        ('text\n"quoted, with commas"\nplain, not quoted\n', None),
        ('text\n"quoted, with commas"\nplain\n', 3),
    ],
)
def test_prose_is_one_column_despite_its_commas(text, rows):
    if rows is None:  # irregular and quoted: neither one column nor a table
        with pytest.raises(UserError, match="line 3"):
            read(text)
        return
    found, delimiter = read(text)
    assert [len(row) for row in found] == [1] * rows
    assert delimiter == ","


@pytest.mark.parametrize(("regular", "irregular", "width"), [(9, 1, 2), (8, 2, 1), (4, 1, 1)])
def test_nine_tenths_of_the_rows_make_a_table_regular(regular, irregular, width):
    text = "A table, brown\n" * regular + "plain\n" * irregular
    assert {len(row) for row in read(text)[0]} == {width}


def test_a_row_that_is_cut_where_the_look_ends_does_not_count():
    text = "Books;" + "x" * 600_000 + "\n" + "T" * 600_000 + ";x\n"
    assert read(text)[1] == ";"


def test_one_column_keeps_what_its_quotes_protect():
    text = 'text\n"with ""quotes"", and\nlines"\n'
    assert read(text)[0] == [["text"], ['with "quotes", and\nlines']]


@pytest.mark.parametrize(
    ("name", "text", "width"),
    [
        ("t.csv", "text\nA table, brown\nlamp, blue, big\n", 1),
        ("t.csv", "A table, brown\n", 2),
        ("t.csv", "label, text\nBooks\nToys\n", 2),
        ("<stdin>", "label,text\nBooks\nToys\n", 2),
    ],
)
def test_an_irregular_comma_counts_if_it_divides_the_first_row(name, text, width):
    assert {len(row) for row in read(text, name)[0]} == {width}


def test_a_stray_delimiter_is_an_error_and_not_another_delimiter():
    text = "label,text\n" + "Books,a novel\n" * 20 + "Toys,a car, red\n"
    with pytest.raises(UserError, match=r"line 22: expected at most 2 columns.*found 3"):
        read(text)


@pytest.mark.parametrize("start", ["Books,", 'Books,"'])
def test_a_first_row_longer_than_what_is_looked_at_still_shows_its_delimiter(start):
    end = '"\n' if start.endswith('"') else "\n"
    text = start + "a " * (1 << 20) + end + "Toys,x\n"
    rows, delimiter = read(text)
    assert delimiter == ","
    assert rows[1] == ["Toys", "x"]


@pytest.mark.parametrize(
    ("asked", "used"),
    [
        ("comma", ","),
        ("tab", "\t"),
        ("Semicolon", ";"),
        ("pipe", "|"),
        ("\\t", "\t"),
        ("\t", "\t"),
        ("^", "^"),
        ("§", "§"),
    ],
)
def test_a_named_delimiter_is_used(asked, used):
    assert read(f"a{used}b\n", delimiter=asked) == ([["a", "b"]], used)


def test_none_makes_every_line_one_text():
    assert read("a,b\nc;d\te|f\n", delimiter="none")[0] == [["a,b"], ["c;d\te|f"]]


@pytest.mark.parametrize("asked", ["", "commma", ";;", '"', "\n", "\r"])
def test_what_cannot_be_a_delimiter_is_refused(asked):
    with pytest.raises(UserError, match=r"data\.delimiter: expected"):
        read("a,b\n", delimiter=asked)


def test_a_misspelt_delimiter_gets_the_nearest_word():
    with pytest.raises(UserError, match="Did you mean 'comma'"):
        read("a,b\n", delimiter="commma")
