"""Rows as they are written are the rows that are read, or the line that is wrong is named."""

from __future__ import annotations

import csv
import io
import time
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecomcat.errors import UserError
from ecomcat.table.table import TableFormat, open_table

# Control characters in numbers make a file binary: those that a text has stand here.
characters = st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('\t\n\r",;|')
cells = st.text(characters, max_size=30)


def tables(min_width: int = 1):
    return st.integers(min_width, 4).flatmap(
        lambda width: st.lists(
            st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=12
        )
    )


def read(data: bytes, **options) -> list[list[str]]:
    with open_table(io.BytesIO(data), **options) as table:
        return list(table.rows())


def written(rows, quoting, delimiter=",", line_end="\r\n") -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=line_end)
    writer.writerows(rows)
    return text.getvalue()


@given(
    rows=tables(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    delimiter=st.sampled_from([",", "\t", ";", "|"]),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_quoted_rows_come_back_as_they_were_written(rows, encoding, delimiter, line_end):
    data = written(rows, csv.QUOTE_ALL, delimiter, line_end).encode(encoding)
    assert read(data, delimiter=delimiter) == rows


@given(rows=tables(min_width=2), encoding=st.sampled_from(["utf-8-sig", "utf-16"]))
def test_rows_quoted_where_they_must_be_come_back_as_they_were_written(rows, encoding):
    data = written(rows, csv.QUOTE_MINIMAL).encode(encoding)
    assert read(data, delimiter="comma") == rows


@given(rows=tables(min_width=2), delimiter=st.sampled_from([",", "\t", ";", "|"]))
def test_the_delimiter_of_quoted_rows_is_found(rows, delimiter):
    data = written(rows, csv.QUOTE_ALL, delimiter).encode()
    with open_table(io.BytesIO(data), name="t.csv") as table:
        assert table.format == TableFormat("utf-8", delimiter)
        assert list(table.rows()) == rows


@given(
    start=st.sampled_from(
        [b"", b"\x1f\x8b", b"PK\x03\x04", b"PK\x05\x06", b"\xff\xfe", b"\0\0\xfe\xff"]
    ),
    rest=st.binary(max_size=60) | st.text('a,;"\n', max_size=60).map(str.encode),
)
def test_any_bytes_are_rows_of_one_width_or_an_error_for_the_user(start, rest):
    try:
        with open_table(io.BytesIO(start + rest)) as table:
            assert {len(row) for row in table.rows()} == {table.width}
    except UserError as error:
        assert "expected" in str(error)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "end"])
def test_every_line_end_ends_a_row_and_stays_within_quotes(line_end, last):
    text = f'a,"b{line_end}c"{line_end}d,e' + (line_end if last else "")
    assert read(text.encode()) == [["a", f"b{line_end}c"], ["d", "e"]]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("\n\na,b\n\n \t\nc,d\n\n", [["a", "b"], ["c", "d"]]),
        ("a,b,c\nd\ne,f\n", [["a", "b", "c"], ["d", "", ""], ["e", "f", ""]]),
        ("a,b\n,\n", [["a", "b"], ["", ""]]),
        ('text\n""\n" "\n', [["text"], [""], [" "]]),
        ('a,5" screen "new"\n', [["a", '5" screen "new"']]),
        ("a, b \n", [["a", " b "]]),
    ],
)
def test_blank_lines_are_skipped_and_short_rows_filled(text, rows):
    assert read(text.encode(), delimiter=",") == rows


@pytest.mark.parametrize(
    ("text", "leading", "cells"),
    [
        ("a\n\nb\n \t\nc", 0, ["a", "", "b", "", "c"]),
        ("a\r\n\r\nb\r\n", 0, ["a", "", "b"]),
        ("a\n", 0, ["a"]),  # a final line end is no blank line
        ("a\n\n\n", 0, ["a", "", ""]),
        ("\n  \na\n\nb", 2, ["a", "", "b"]),
        ('a\n""\n" "\n"b\n\nc"\n', 0, ["a", "", " ", "b\n\nc"]),
    ],
)
@pytest.mark.parametrize("delimiter", ["none", ","])
def test_blank_lines_of_one_column_are_kept_on_demand(text, leading, cells, delimiter):
    with open_table(io.BytesIO(text.encode()), delimiter=delimiter) as table:
        assert table.leading_blank_lines == leading
        assert list(table.rows(keep_blank=True)) == [[cell] for cell in cells]


def test_blank_lines_of_several_columns_are_never_kept():
    with open_table(io.BytesIO(b"\na,b\n\nc,d\n\n"), delimiter=",") as table:
        assert list(table.rows(keep_blank=True)) == [["a", "b"], ["c", "d"]]


def test_the_width_is_that_of_the_first_row():
    with open_table(io.BytesIO(b"\na,b,c\nd\n")) as table:
        assert table.width == 3


def test_a_second_call_goes_on_where_the_first_stopped():
    with open_table(io.BytesIO(b"a,1\nb,2\nc,3\n")) as table:
        assert list(islice(table.rows(), 2)) == [["a", "1"], ["b", "2"]]
        assert list(table.rows()) == [["c", "3"]]


@pytest.mark.parametrize(
    "data", [b"", b"\n", b" \r\n\t\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n", "\n".encode("utf-16")]
)
@pytest.mark.parametrize("kind", ["file", "stream"])
def test_an_empty_file_is_refused(data, kind, tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    with (
        pytest.raises(UserError, match="found an empty file"),
        open_table(path if kind == "file" else io.BytesIO(data)),
    ):
        pass


def test_blank_lines_beyond_what_is_looked_at_are_an_empty_file():
    with pytest.raises(UserError, match="found an empty file"):
        read((b" " * 99 + b"\n") * 11_000)


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ('a,"b\nc,d\n', 1, "never closed"),
        ('a,b\n\nc,"d\ne\nf,g\n', 3, "never closed"),
        ('a,b\n"c\nc" x,d\n', 2, "text after a closing quote"),
        ('a,b\n"c" ,d\n', 2, "text after a closing quote"),
        ('a,"x\ny"\nb,c,d\n', 3, "expected at most 2 columns, as in the first row, found 3"),
        ('a,b\n\nb,c,"d\ne"\n', 3, "found 3"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_by_its_first_line(text, line, found):
    with pytest.raises(UserError) as caught:
        read(text.encode(), name="shop.csv")
    message = str(caught.value)
    assert f"shop.csv, line {line}: expected" in message
    assert found in message
    assert "data.delimiter" in message


def test_rows_before_the_wrong_one_are_read():
    with open_table(io.BytesIO(b"a,b\nc,d\ne,f,g\n"), delimiter=",") as table:
        rows = table.rows()
        assert [next(rows), next(rows)] == [["a", "b"], ["c", "d"]]
        with pytest.raises(UserError, match="line 3"):
            next(rows)


def test_a_very_long_cell_is_read():
    cell = "long text " * 5_000_000
    assert read(f'Books,"{cell}"\nToys,x\n'.encode()) == [["Books", cell], ["Toys", "x"]]


def test_a_quote_that_swallows_the_file_is_an_error_before_memory_runs_out():
    data = b'a,b\nc,"d\n' + (b"x" * 99 + b"\n") * 700_000
    with pytest.raises(UserError, match=r"line 2: .*quote that is not closed"):
        read(data)


def test_a_large_table_is_read_quickly(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("Household," + "word é " * 100 + "\n", encoding="utf-8")
    path.write_bytes(path.read_bytes() * 50_000)
    start = time.perf_counter()
    with open_table(path) as table:
        assert sum(1 for _ in table.rows()) == 50_000
    assert time.perf_counter() - start < 10  # 0.7 s on one idle core


def test_the_real_data_set_is_read_whole():
    path = Path(__file__).parents[3] / "shared" / "data" / "ecommerceDataset.csv"
    if not path.exists():
        pytest.skip("the data set is not beside the project")
    with open_table(path) as table:
        assert table.format == TableFormat("utf-8", ",")
        rows = list(table.rows())
    assert len(rows) == 14_208
    assert {row[0] for row in rows} == {
        "Household",
        "Books",
        "Clothing & Accessories",
        "Electronics",
    }
    assert all(row[1].strip() for row in rows)
