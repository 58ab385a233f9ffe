"""A table comes back with every row and column, and what predict adds."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zipfile

import pytest
from fastapi import HTTPException

from ecomcat.config import ReadingConfig, ServeCommand
from ecomcat.export.labelling import LabelOptions
from ecomcat.serving.answers import Answers
from ecomcat.serving.tables import TableWork, label_table
from tests.serving.pets import Pets, client_of

ADDED_COLUMNS = LabelOptions(min_precision=0.98, reasons=True).added
CSV = b"id,description\n1,a dog\n2,\n3,a cat\n"


def zipped(*members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return packed.getvalue()


@pytest.fixture
def client():
    return client_of(max_body_mb=1)


@pytest.fixture
def label(client):
    """Return a function that sends a table and gives the answer."""

    def send(content, media_type="text/csv", **query):
        headers = {"Content-Type": media_type}
        return client.post("/label", content=content, headers=headers, params=query)

    return send


def rows_of(answer, delimiter=","):
    assert answer.status_code == 200, answer.text
    text = answer.content.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def added(cells):
    """Return the category of a row, which is the first of what is added."""
    return cells[-len(ADDED_COLUMNS)]


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (CSV, "text/csv"),
        (CSV, "text/csv; charset=utf-8"),
        (CSV, "text/plain"),
        (CSV, "application/vnd.ms-excel"),
        (CSV, "application/octet-stream"),
        (gzip.compress(CSV), "application/gzip"),
        (zipped(("a.csv", CSV)), "application/zip"),
        (CSV.decode().encode("utf-16"), "text/csv"),
        (b"\xef\xbb\xbf" + CSV, "text/csv"),
    ],
    ids=["csv", "charset", "plain", "excel", "octets", "gzip", "zip", "utf-16", "mark"],
)
def test_a_table_comes_back_labelled_however_it_is_packed(label, content, media_type):
    answer = label(content, media_type)
    header, *rows = rows_of(answer)
    assert header == ["id", "description", *ADDED_COLUMNS]
    assert [row[:2] for row in rows] == [["1", "a dog"], ["2", ""], ["3", "a cat"]]
    assert [added(row) for row in rows] == ["Dogs & <wolves>", "", "Cats"]
    assert answer.headers["content-type"].startswith("text/csv")
    assert "labelled.csv" in answer.headers["content-disposition"]


def test_a_table_keeps_the_mark_by_which_a_spreadsheet_knows_utf_8(label):
    assert label(codecs.BOM_UTF8 + CSV).content.startswith(codecs.BOM_UTF8)
    assert not label(CSV).content.startswith(codecs.BOM_UTF8)


@pytest.mark.parametrize(
    ("query", "accepted"),
    [({}, "yes"), ({"min_precision": 0.98}, "yes"), ({"min_precision": 0.999}, "no")],
    ids=["the service's own", "asked for", "never so precise"],
)
def test_a_table_says_which_rows_need_no_second_look(label, query, accepted):
    _, sure, empty, unsure = rows_of(label(CSV.replace(b"a dog", b"dog wolf bark"), **query))
    accept = ADDED_COLUMNS.index("accept") - len(ADDED_COLUMNS)
    assert [row[accept] for row in (sure, empty, unsure)] == [accepted, "no", "no"]
    assert empty[-1] == "empty text"


def test_tabs_come_back_as_tabs(label):
    answer = label(CSV.replace(b",", b"\t"), "text/tab-separated-values")
    assert rows_of(answer, "\t")[1][:2] == ["1", "a dog"]
    assert answer.headers["content-type"].startswith("text/tab-separated-values")
    assert "labelled.tsv" in answer.headers["content-disposition"]


@pytest.mark.parametrize(
    ("content", "query", "expected"),
    [
        (b"a,b\ndog,cat\n", {"text_column": "b", "header": "true"}, "Cats"),
        (b"a,b\ndog,cat\n", {"text_column": "0", "header": "true"}, "Dogs & <wolves>"),
        (b"a,b,c\nx,dog,wolf\n", {"text_column": ["b", "c"]}, "Dogs & <wolves>"),
        (b"dog;bird\n", {"text_column": "1", "header": "false", "delimiter": ";"}, "Birds"),
        ("text\nchien ou bird é\n".encode("cp1252"), {"encoding": "cp1252"}, "Birds"),
        (
            zipped(("a.csv", b"text\ndog\n"), ("b.csv", b"text\nbird\n")),
            {"member": "b.csv"},
            "Birds",
        ),
    ],
    ids=["name", "position", "two columns", "no header", "encoding", "member"],
)
def test_a_query_says_how_a_table_is_read(label, content, query, expected):
    answer = label(content, **query)
    delimiter = query.get("delimiter", ",")
    assert added(rows_of(answer, delimiter)[-1]) == expected


@pytest.mark.parametrize(
    ("media_type", "query", "text"),
    [
        ("text/csv; charset=windows-1251", {}, "Дом"),
        ('text/csv; header=present; charset="windows-1251"', {}, "Дом"),
        ("text/csv; charset=utf-8", {"encoding": "windows-1251"}, "Дом"),
    ],
)
def test_a_charset_is_heeded_where_the_query_names_no_encoding(label, media_type, query, text):
    answer = label(f"text\n{text}\n".encode("cp1251"), media_type, **query)
    assert rows_of(answer)[1][0] == text


@pytest.mark.parametrize(
    ("content", "query", "fragments"),
    [
        (b"", {}, ("empty",)),
        (b"\x89PNG\r\n", {}, ("PNG",)),
        (b"a,b,c\n1,2,3\n", {}, ("Set text_column",)),
        (b"a,b\n1,2\n", {"text_column": "colour"}, ("colour",)),
        (b'text\n"dog\n', {}, ("never closed",)),
        (b"id,description\n1,dog\n1,2,3\n", {}, ("line 3",)),
        (b"description,confidence\ndog,1\n", {}, ("confidence",)),
        (gzip.compress(CSV, mtime=0)[:30], {}, ("damaged",)),
        (gzip.compress(gzip.compress(CSV, mtime=0), mtime=0), {}, ("archive within an archive",)),
        (b"PK\x03\x04 no archive", {}, ("damaged",)),
        (CSV, {"encoding": "utf-99"}, ("encoding", "utf-99")),
        (CSV, {"delimiter": "much"}, ("delimiter", "much")),
        (CSV, {"header": "perhaps"}, ("header",)),
        (CSV, {"min_precision": "2"}, ("min_precision",)),
        (CSV, {"min_percision": "0.99"}, ("min_percision", "Did you mean 'min_precision'?")),
        (CSV, {"encoding": "idna"}, ("encoding", "idna")),
        (CSV, {"member": "a.csv"}, ("zip archive", "member=a.csv")),
    ],
    ids=lambda value: repr(value[:12]) if isinstance(value, bytes) else None,
)
def test_a_table_that_cannot_be_labelled_is_422_with_the_reason(label, content, query, fragments):
    answer = label(content, **query)
    assert answer.status_code == 422
    detail = answer.json()["detail"]
    assert all(fragment in detail for fragment in fragments), detail
    assert "data." not in detail


@pytest.mark.parametrize(
    "content",
    [b"text\n" + b"dog\n" * 250_000, gzip.compress(b"text\n" + b"dog\n" * 1_000_000)],
    ids=["plain", "gzip"],
)
def test_a_table_that_is_larger_than_the_limit_is_413_also_when_it_is_packed(label, content):
    answer = label(content)
    assert answer.status_code == 413
    assert "1 MB" in answer.json()["detail"]


def test_a_table_that_goes_through_a_temporary_file_is_whole(client, label):
    content = b"text\n" + b"a dog with a long description\n" * 30_000
    rows = rows_of(label(content))
    assert len(rows) == 30_001
    assert {added(row) for row in rows[1:]} == {"Dogs & <wolves>"}


@pytest.mark.parametrize("found", ["application/json", "multipart/form-data", "image/png"])
def test_another_media_type_is_415(label, found):
    assert label(CSV, found).status_code == 415


def test_a_table_of_more_rows_than_allowed_is_refused():
    client = client_of(max_table_rows=3)
    headers = {"Content-Type": "text/csv"}
    answer = client.post("/label", content=b"text\n" + b"dog\n" * 4, headers=headers)
    assert answer.status_code == 422
    assert "at most 3 rows" in answer.json()["detail"]
    assert client.post("/label", content=b"text\n" + b"dog\n" * 3, headers=headers).is_success


def test_work_ends_when_the_client_has_left():
    work = TableWork(CSV, ReadingConfig(), 0.98, ServeCommand())
    work.gone.set()
    with pytest.raises(HTTPException):
        label_table(work, Answers(Pets(), 0.98))
