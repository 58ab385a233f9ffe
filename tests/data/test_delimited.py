"""Rows as they are written are the rows that are read, or the line that is wrong is named."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecomcat.config import ReadingConfig
from ecomcat.data.reading import open_table
from ecomcat.errors import UserError
from tests.data.table_material import read

# Control characters in numbers make a file binary: those that a text has stand here.
letters = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff\uffff")
cells = st.text(letters | st.sampled_from('\t\n\r",;|'), max_size=30)
WIDE = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=9)
)


def written(rows, quoting=csv.QUOTE_ALL, delimiter=",", line_end="\r\n") -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=line_end)
    writer.writerows(rows)
    return text.getvalue()


@given(
    rows=WIDE,
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    delimiter=st.sampled_from([",", "\t", ";", "|"]),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_quoted_rows_come_back_as_they_were_written(rows, encoding, delimiter, line_end):
    data = written([["any"] * len(rows[0]), *rows], csv.QUOTE_ALL, delimiter, line_end)
    assert read(data.encode(encoding), delimiter=delimiter)[1:] == rows


@given(
    start=st.sampled_from([b"", b"\x1f\x8b", b"PK\x03\x04", b"\xff\xfe", b"BZh91AY&SY", b"PAR1"]),
    rest=st.binary(max_size=60) | st.text('a,;"\n', max_size=60).map(str.encode),
)
def test_any_bytes_are_rows_of_one_width_or_an_error_for_the_user(start, rest):
    try:
        assert len({len(row) for row in read(start + rest)}) <= 1
    except UserError as error:
        assert "expected" in str(error)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("\n\na,b\n\n \t\nc,d\n\n", [["a", "b"], ["c", "d"]]),
        ("a,b\n,\n", [["a", "b"], ["", ""]]),
        ('text\n""\n" "\n', [["text"], [""], [" "]]),
        ('a,5" screen "new"\n', [["a", '5" screen "new"']]),
        ("a, b \n", [["a", " b "]]),
        ("a,NA\nnull,None\n01,1e5\nTrue,1.0\n", None),
        ('a,"b\rc"\rd,e', [["a", "b\rc"], ["d", "e"]]),
        ("a,b\0c\nd,e\n", [["a", "b\0c"], ["d", "e"]]),
        ("a,b\n\ufeffc,d\n", [["a", "b"], ["c", "d"]]),  # files that were put together
        ("a,b\r\r\nc,d\r\r\n", [["a", "b"], ["c", "d"]]),
        ('a, "c"\nd, "e, f"\n', [["a", "c"], ["d", "e, f"]]),
        ("sep=;\r\na;b\r\nc;d\r\n", [["a", "b"], ["c", "d"]]),
    ],
)
def test_what_a_row_is(text, rows):
    asked = "," if text.startswith("a") else "auto"
    expected = rows or [line.split(",") for line in text.splitlines()]
    assert read(text, delimiter=asked) == expected


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("a\n\nb\n \t\nc", ["a", "", "b", " \t", "c"]),
        ("a\r\n\r\nb\r\n", ["a", "", "b"]),
        ("a\r\r\nb\r\r\n", ["a", "b"]),
        ("a\n\n\n", ["a", "", ""]),
        ("\n\na\n", ["", "", "a"]),
        ('a\n""\n"b\n\nc"\n', ["a", "", "b\n\nc"]),
        ("a,b\nc;d\te|f\n", ["a,b", "c;d\te|f"]),
    ],
)
def test_blank_lines_are_rows_of_a_single_column(text, cells):
    assert read(text, delimiter="none") == [[cell] for cell in cells]


def test_short_rows_are_filled_up_and_warned_of_with_the_first_line(caplog):
    text = 'id,text,label\n1,"a\nb",x\n2,c\n\nd,y\n3,e,z\n'
    assert read(text)[2:] == [["2", "c", ""], ["d", "y", ""], ["3", "e", "z"]]
    [message] = caplog.messages
    assert "2 of the rows have fewer than 3 columns, the first in line 4" in message


@pytest.mark.parametrize("text", ["", "\n", " \r\n\t\n", "\ufeff", "\ufeff\n"])
def test_an_empty_file_is_refused(text):
    with pytest.raises(UserError, match="found an empty file"):
        read(text)


@pytest.mark.parametrize(
    ("text", "place", "found"),
    [
        ('a,"b\nc,d\n', "line 1", "never closed"),
        ('a,b\n\nc,"d\ne\nf,g\n', "line 3", "never closed"),
        ('a,b\n"c\nc" x,d\n', "line 2", "text after a closing quote"),
        ('a,"x\ny"\nb,c,d\n', "line 3", "expected at most 2 columns, as in the first row, found 3"),
        ("a,b\n" + "c,d\n" * 5000 + 'e,f,"g"\n', "line 5002", "found 3"),
        ("a,b\n" + "c,d\n" * 5000 + 'e,"f\n', "line 5002", "never closed"),
        ('text\n"quoted, with commas"\nplain, not quoted\n', "line 3", "found 2"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_by_its_first_line(text, place, found):
    with pytest.raises(UserError) as caught:
        read(text, name="shop.csv")
    assert f"shop.csv, {place}: expected" in str(caught.value)
    assert found in str(caught.value)
    assert "data.quote_character (none turns quoting off)" in str(caught.value)


@pytest.mark.parametrize("separator", ["\u2028", "\x85"])
def test_what_only_unicode_takes_for_the_end_of_a_line_parts_no_first_row(separator):
    row = ["Toys", f"a ball{separator}of rubber", "red"]
    assert read(written([row] * 3, csv.QUOTE_MINIMAL)) == [row] * 3


def test_a_header_that_is_one_cell_short_is_named():
    rows = [["label", "text"], *([str(i), "Books", f"a novel {i}"] for i in range(9))]
    with pytest.raises(UserError, match=r"2 names above rows of 3 cells, as R .*row\.names"):
        read(written(rows))


def test_a_quote_that_swallows_rows_is_warned_of_with_its_line(caplog):
    rows = ["label,text", *(f"{label},a text" for label in ("Books", "Toys")), 'Toys,"a text 5']
    text = "\n".join([*rows, "Books,a", "Toys,b", 'Books,5"', "Toys,c"])
    assert len(read('label,text\nBooks,"one\nline two, with\nthree, lines"\nToys,a car\n')) == 3
    assert not caplog.messages
    assert len(read(text)) == 5
    assert "line 4: the quote that opens a cell is closed 3 lines later" in caplog.messages[-1]
    assert len(read(text, quote_character="none")) == 8
    swallowed = [f"{label},text {i}" for i in range(10) for label in ("Books", "Garden", "Food")]
    rows = ["label,text", 'Toys,"a ball', *swallowed, 'Food,ham 12"', *10 * swallowed]
    assert len(read("\n".join(rows))) == 302  # their like comes later
    assert "line 2: the quote that opens a cell is closed 31 lines later" in caplog.messages[-1]


@pytest.mark.parametrize(
    ("text", "reading", "cell"),
    [
        ('a\t"Great" novel\n', {"quote_character": "none"}, '"Great" novel'),
        ('a,"5\\" screen, new"\n', {"escape_character": "\\"}, '5" screen, new'),
        ("a;'new, Joe''s; x'\nb;'c, d'\n", {"quote_character": "'"}, "new, Joe's; x"),
        ("a\x01b\n" * 99, {"delimiter": "\x01"}, "b"),
    ],
)
def test_quotes_and_escapes_are_what_the_user_says(text, reading, cell):
    assert read(text, **reading)[0] == ["a", cell]


@pytest.mark.parametrize(
    ("reading", "hint"),
    [
        ({"delimiter": "commma"}, "data.delimiter: expected 'auto'.*Did you mean 'comma'"),
        ({"delimiter": ""}, "data.delimiter"),
        ({"delimiter": '"'}, "data.delimiter"),
        ({"quote_character": "''"}, "data.quote_character: expected one character"),
        ({"escape_character": "\n"}, "data.escape_character: expected one character"),
    ],
)
def test_what_cannot_be_a_character_of_the_dialect_is_refused(reading, hint):
    with pytest.raises(UserError, match=hint):
        read("a,b\n", **reading)


def test_a_quote_that_swallows_the_file_is_an_error_before_memory_runs_out():
    cell = "long text " * 1_000_000
    assert read(f'Books,"{cell}"\nToys,x\n') == [["Books", cell], ["Toys", "x"]]
    data = b'a,b\nc,"d\n' + (b"x" * 99 + b"\n") * 700_000
    with pytest.raises(UserError, match=r"line 2: .*quote that is never closed"):
        read(data)


# The delimiter


def delimiter_of(text: str, name: str = "standard input") -> tuple[str, int]:
    """Return the delimiter that is found, and the number of columns."""
    with open_table(io.BytesIO(text.encode()), ReadingConfig(), name=name) as table:
        return table.delimiter, table.head.width


@pytest.mark.parametrize("name", ["standard input", "t.csv", "t.txt"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("rows", [1, 3, 50, 200])
def test_a_regular_table_shows_its_delimiter(name, delimiter, rows):
    assert delimiter_of(f"Books{delimiter}A novel\n" * rows, name) == (delimiter, 2)


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        ("label;price\nBooks;1,5\nToys;2,5\n", "", (";", 2)),
        ('label,text\nBooks,"a;b;c"\nToys,"d;e"\n', "", (",", 2)),
        ("a,b;c\nd,e;f\n", "", (",", 2)),
        ('a\t"x, y"\nb\tz, w\nc\tv\n', "", ("\t", 2)),
        ('Books,"line one\nline; two\n\nline three"\nToys,x\n', "", (",", 2)),
        ("a;'b, c; d'\ne;'f, g; h'\n", "t.csv", (";", 3)),  # beside quotes of either kind
        ("a,b\nc,d\n", "t.tsv", ("\t", 1)),
        ("a,b\nc,d\n", "archive.zip:t.TAB.gz", ("\t", 1)),
        ("text\nA table, brown, round\nchair\nlamp, blue\n", "", (",", 1)),
        ("A table, brown\n", "", (",", 1)),
        ("Price 1,000 and, with lamp, 1,250\n", "", (",", 1)),
        ("plain\n" * 70 + "with, commas, later\n", "", (",", 1)),
        ('text\n"quoted, with commas"\nplain\n', "", (",", 1)),
        ("A table, brown\n" * 9 + "plain\n", "", (",", 2)),
        ("A table, brown\n" * 8 + "plain\n" * 2, "", (",", 1)),
        ("A table, brown\n", "t.csv", (",", 2)),
        ("label,text\nBooks\nToys\n", "", (",", 2)),
        ("Books;" + "x" * 600_000 + "\n" + "T" * 600_000 + ";x\n", "", (";", 2)),
        ("Books," + "a " * (1 << 20) + "\nToys,x\n", "", (",", 2)),
    ],
    ids=lambda value: str(value)[:30],
)
def test_the_most_regular_delimiter_wins(text, name, expected):
    assert delimiter_of(text, name or "standard input") == expected
