"""A table comes back with every row and column, and what predict adds."""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import io
import lzma
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from ecomcat.command_config import ServeCommand
from ecomcat.config import ReadingConfig
from ecomcat.export.predicted_columns import LabelOptions
from ecomcat.model.confidence import Promise
from ecomcat.serving.label_route import TableWork, label_table
from ecomcat.serving.turns import Job, StoppedError
from tests.serving.pets import BIRD, CAT, DOG, Pets, client_of, peak_bytes

ADDED_COLUMNS = [*LabelOptions(Promise(0.98), reasons=True).added]
CSV = b"id,description\n1,a dog\n2,\n3,a cat\n"
BOM = codecs.BOM_UTF8


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members:
            # A ZipInfo has a fixed date: the time of now would give each process of a parallel
            # run other bytes, and so another name for the same case.
            archive.writestr(zipfile.ZipInfo(name), content, compress_type=method)
    return packed.getvalue()


def label(content: bytes, media_type: str = "text/csv", **query: Any) -> Any:
    headers = {"Content-Type": media_type}
    return client_of(max_body_mb=2).post("/label", content=content, headers=headers, params=query)


def rows_of(answer: Any, delimiter: str = ",") -> list[list[str]]:
    assert answer.status_code == 200, answer.text
    text = answer.content.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def added(row: list[str], name: str = "predicted_category") -> str:
    return row[ADDED_COLUMNS.index(name) - len(ADDED_COLUMNS)]


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (CSV, "text/csv; charset=utf-8"),
        (CSV, "application/vnd.ms-excel"),
        (gzip.compress(CSV, mtime=0), "application/gzip"),
        (zipped(("a.csv", CSV)), "application/zip"),
        (CSV.decode().encode("utf-16"), "text/plain"),
        (BOM + CSV, "application/octet-stream"),
        (CSV.replace(b",", b"\t"), "text/tab-separated-values"),
    ],
    ids=["csv", "excel", "gzip", "zip", "utf-16", "mark", "tabs"],
)
def test_a_table_comes_back_labelled_however_it_is_packed(content: bytes, media_type: str) -> None:
    answer = label(content, media_type)
    ending, delimiter = ("tsv", "\t") if "tab" in media_type else ("csv", ",")
    header, *rows = rows_of(answer, delimiter)
    assert header == ["id", "description", *ADDED_COLUMNS]
    assert [row[:2] for row in rows] == [["1", "a dog"], ["2", ""], ["3", "a cat"]]
    assert [added(row) for row in rows] == [DOG, "", CAT]
    assert f"labelled.{ending}" in answer.headers["content-disposition"]
    marked = content.startswith((BOM, codecs.BOM_UTF16))
    assert answer.content.startswith(BOM) == marked


@pytest.mark.parametrize(("query", "accepted"), [({}, "yes"), ({"min_precision": 0.999}, "no")])
def test_a_table_shows_which_rows_are_accepted(query: dict[str, Any], accepted: str) -> None:
    _, sure, empty, unsure = rows_of(label(CSV.replace(b"a dog", b"dog wolf bark"), **query))
    assert [added(row, "accept") for row in (sure, empty, unsure)] == [accepted, "no", "no"]
    assert added(empty, "reason") == "empty text"


def test_a_table_gives_the_next_categories_where_they_are_asked_for() -> None:
    header, dog, empty, _ = rows_of(label(CSV, top_k=2))
    following = ("predicted_category", "category_2", "confidence_2")
    places = [header.index(name) for name in following]
    assert [dog[place] for place in places[:2]] == [DOG, CAT]
    assert 0 < float(dog[places[2]]) < 0.5
    assert [empty[place] for place in places] == ["", "", ""]
    assert label(CSV, top_k=11).status_code == 422


@pytest.mark.parametrize(
    ("content", "query", "expected"),
    [
        (b"a,b\ndog,cat\n", {"text_column": "b", "header": "true"}, CAT),
        (b"a,b\ndog,cat\n", {"text_column": "0", "header": "true"}, DOG),
        (b"a,b,c\nx,dog,wolf\n", {"text_column": ["b", "c"]}, DOG),
        (b"dog;bird\n", {"text_column": "1", "header": "false", "delimiter": ";"}, BIRD),
        ("text\nchien ou bird é\n".encode("cp1252"), {"encoding": "cp1252"}, BIRD),
        (zipped(("a.csv", CSV), ("b.csv", b"text\nbird\n")), {"member": "b.csv"}, BIRD),
        (b"text\n" + b"a dog with a long description\n" * 30_000, {}, DOG),
    ],
    ids=["name", "position", "two columns", "no header", "encoding", "member", "long"],
)
def test_a_query_says_how_a_table_is_read(
    content: bytes, query: dict[str, Any], expected: str
) -> None:
    rows = rows_of(label(content, **query), query.get("delimiter", ","))
    assert added(rows[-1]) == expected
    assert len(rows) in {content.count(b"\n"), 2}


@pytest.mark.parametrize(
    ("media_type", "query"),
    [
        ("text/csv; charset=windows-1251", {}),
        ('text/csv; header=present; charset="windows-1251"', {}),
        ("text/csv; charset=utf-8", {"encoding": "windows-1251"}),
    ],
)
def test_a_charset_is_heeded_where_the_query_names_no_encoding(
    media_type: str, query: dict[str, Any]
) -> None:
    assert rows_of(label("text\nДом\n".encode("cp1251"), media_type, **query))[1][0] == "Дом"


@pytest.mark.parametrize(
    ("content", "query", "fragments"),
    [
        (b"", {}, ("empty",)),
        (b"\x89PNG\r\n", {}, ("PNG",)),
        (b"text\ndog\n", {"text_column": "nonexist"}, ("expected a column 'nonexist'",)),
        (b"a,b,c\n1,2,3\n", {}, ("Set text_column",)),
        (b"id,description\n1,dog\n1,2,3\n", {}, ("line 3",)),
        (b"description,confidence\ndog,1\n", {}, ("confidence",)),
        (gzip.compress(CSV, mtime=0)[:30], {}, ("damaged",)),
        (gzip.compress(gzip.compress(CSV, mtime=0), mtime=0), {}, ("archive within an archive",)),
        (gzip.compress(bz2.compress(CSV), mtime=0), {}, ("archive within an archive",)),
        (zipped(("a.csv", CSV), method=zipfile.ZIP_BZIP2), {}, ("deflate", "a.csv", "method 12")),
        (zipped(("a.csv", CSV), method=zipfile.ZIP_LZMA), {}, ("deflate", "a.csv", "method 14")),
        (zipped(*((f"{i}.csv", CSV) for i in range(1001))), {}, ("at most 1,000", "more files")),
        (bz2.compress(CSV), {}, ("found bzip2",)),
        (lzma.compress(CSV), {}, ("found xz",)),
        (b"PK\x03\x04 no archive", {}, ("damaged",)),
        (b"a," * 600_000, {}, ("lines of at most 1,000,000 bytes",)),
        (b"a," * 1000 + b"a\n", {}, ("at most 1,000 columns, found 1,001",)),
        (CSV, {"encoding": "utf-99"}, ("encoding", "utf-99")),
        (CSV, {"header": "perhaps"}, ("header",)),
        (CSV, {"min_precision": "2"}, ("min_precision",)),
        (CSV, {"min_percision": "0.99"}, ("min_percision", "Did you mean 'min_precision'?")),
        (CSV, {"member": "a.csv"}, ("zip archive", "member=a.csv")),
    ],
    ids=lambda value: repr(value[:12]) if isinstance(value, bytes) else None,
)
def test_a_table_that_cannot_be_labelled_is_422_with_the_reason(
    content: bytes, query: dict[str, str], fragments: tuple[str, ...]
) -> None:
    answer = label(content, **query)
    assert answer.status_code == 422
    detail = answer.json()["detail"]
    assert all(fragment in detail for fragment in fragments), detail
    assert "data." not in detail


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b"text\n" + b"dog\n" * 500_000, "text/csv", 413),
        (gzip.compress(b"text\n" + b"dog\n" * 1_000_000, mtime=0), "application/gzip", 413),
        (CSV, "application/json", 415),
        (CSV, "multipart/form-data", 415),
    ],
    ids=["too large", "too large unpacked", "JSON", "a form"],
)
def test_what_is_too_large_or_no_table_is_refused(
    content: bytes, media_type: str, status: int
) -> None:
    assert label(content, media_type).status_code == status


@pytest.mark.parametrize(
    ("method", "status"),
    [(zipfile.ZIP_DEFLATED, 413), (zipfile.ZIP_BZIP2, 422), (zipfile.ZIP_LZMA, 422)],
)
def test_a_small_archive_of_a_huge_table_takes_no_more_memory_than_a_table(
    method: int, status: int
) -> None:
    bomb = zipped(("a.csv", b"a" * 40 * 10**6), method=method)
    answer, peak = peak_bytes(lambda: label(bomb))
    assert (answer.status_code, peak < 20e6) == (status, True), answer.text


class NoRoom(Pets):
    """A classifier that finds no memory."""

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        raise MemoryError


def test_a_table_for_which_there_is_no_memory_is_too_large() -> None:
    answer = client_of(NoRoom()).post("/label", content=CSV, headers={"Content-Type": "text/csv"})
    assert (answer.status_code, "memory" in answer.json()["detail"]) == (413, True)


@pytest.mark.parametrize(("rows", "status"), [(3, 200), (4, 422)])
def test_a_table_may_have_so_many_rows(rows: int, status: int) -> None:
    headers = {"Content-Type": "text/csv"}
    client = client_of(max_table_rows=3)
    answer = client.post("/label", content=b"text\n" + b"dog\n" * rows, headers=headers)
    assert answer.status_code == status


def test_work_ends_when_the_client_has_left() -> None:
    job = Job(60)
    work = TableWork(CSV, ReadingConfig(), LabelOptions(), ServeCommand(), job)
    job.stop()
    with pytest.raises(StoppedError):
        label_table(work, Pets())
