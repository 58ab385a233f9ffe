"""The same rows are read from every format, so that a study does not depend on it."""

from __future__ import annotations

import gzip
import json
import logging
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ecomcat.config import DataConfig
from ecomcat.data.dataset import check_data
from ecomcat.data.sources import load_labelled_rows
from ecomcat.errors import UserError

ROWS = [("A red ball, round", "Toys"), ('A "novel"\nof two lines', "Books"), ("Öl", "Food")]


def config_of(path: Path | str, **options: Any) -> DataConfig:
    columns = {"text_column": "body", "label_column": "shop"}
    return DataConfig(name="csv", path=str(path), **{**columns, **options})


def objects(rows: Sequence[tuple[str, str]] = ROWS) -> list[dict[str, Any]]:
    return [{"id": number, "shop": shop, "body": body} for number, (body, shop) in enumerate(rows)]


def written_lines(path: Path, values: Sequence[dict[str, Any]]) -> Path:
    content = "\n".join(json.dumps(value) for value in values).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def written_parquet(path: Path, values: Sequence[dict[str, Any]]) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(list(values)), path)
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.jsonl.gz", "a.parquet", "a.PQ"])
def test_named_columns_give_texts_and_labels(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    write = written_lines if "n" in name else written_parquet
    path = write(tmp_path / name, objects())
    with caplog.at_level(logging.INFO, "ecomcat"):
        found = load_labelled_rows(config_of(path))
    assert found.rows == ROWS
    assert (found.name, found.text_columns) == ("a", ("body",))
    assert "columns by name, text from column body, label from column shop" in caplog.text


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_several_columns_are_joined_and_positions_count(tmp_path: Path, name: str) -> None:
    write = written_lines if "n" in name else written_parquet
    path = write(tmp_path / name, objects())
    found = load_labelled_rows(config_of(path, text_column=["shop", 2], label_column=0))
    assert found.rows[0] == ("Toys A red ball, round", "0")


def test_two_members_by_usual_names_need_no_columns(tmp_path: Path) -> None:
    path = written_lines(tmp_path / "a.jsonl", [{"text": "A ball", "label": "Toys"}])
    found = load_labelled_rows(config_of(path, text_column=None, label_column=None))
    assert found.rows == [("A ball", "Toys")]


def test_what_a_line_lacks_is_empty_and_what_it_has_besides_is_passed_over(tmp_path: Path) -> None:
    values = [*objects(), {"body": None, "shop": "Toys"}, {"shop": "Toys"}, {"body": "x"}]
    path = written_lines(tmp_path / "a.jsonl", values * 400 + [{**objects()[0], "new": 1}])
    found = load_labelled_rows(config_of(path)).rows
    assert found[3:6] == [("", "Toys"), ("", "Toys"), ("x", "")]
    assert found[-1] == ROWS[0]


def test_numbers_and_truths_are_written_the_same_in_every_format(tmp_path: Path) -> None:
    values = [
        {"body": "text", "shop": 1.0},
        {"body": "text", "shop": 2.5},
        {"body": "text", "shop": float("nan")},
        {"body": "text", "shop": None},
    ]
    truths = [{"body": 7, "shop": True}, {"body": 8, "shop": False}]
    for rows, expected in (
        (values, [("text", "1.0"), ("text", "2.5"), ("text", ""), ("text", "")]),
        (truths, [("7", "true"), ("8", "false")]),
    ):
        for path in (
            written_lines(tmp_path / "a.jsonl", rows),
            written_parquet(tmp_path / "a.parquet", rows),
        ):
            assert load_labelled_rows(config_of(path)).rows == expected


def test_bytes_of_parquet_are_texts(tmp_path: Path) -> None:
    values = [{"body": "Öl".encode(), "shop": b"Food"}]
    path = written_parquet(tmp_path / "a.parquet", values)
    assert load_labelled_rows(config_of(path)).rows == [("Öl", "Food")]


def test_columns_that_are_not_asked_for_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ecomcat.rows import parquet_rows

    values = [{"z": [1.5] * 8, "shop": "Food", "a": {"b": 1}, "body": "Öl"}]
    path = written_parquet(tmp_path / "a.parquet", values)
    read: list[Any] = []
    texts_of = parquet_rows.plain_texts_of
    monkeypatch.setattr(
        parquet_rows, "plain_texts_of", lambda column: read.append(column) or texts_of(column)
    )
    for columns in ({}, {"text_column": 3, "label_column": 1}):
        assert load_labelled_rows(config_of(path, **columns)).rows == [("Öl", "Food")]
    assert len(read) == 4


def test_of_columns_of_one_name_a_position_takes_the_right_one(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = [pa.array([text]) for text in ("first", "Toys", "third")]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_arrays(columns, names=["x", "y", "x"]), path)
    found = load_labelled_rows(config_of(path, text_column=2, label_column=1))
    assert found.rows == [("third", "Toys")]


def test_json_lines_in_a_zip_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("b.jsonl", "\n".join(map(json.dumps, objects())))
        archive.writestr("c.csv", "shop,body\nToys,ball\n")
    assert load_labelled_rows(config_of(path, member="b.jsonl")).rows == ROWS
    assert load_labelled_rows(config_of(path)).rows == [("ball", "Toys")]


def test_a_file_of_tabs_is_known_by_its_ending(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("shop\tbody\nToys\tred, round, new\nBooks\told, long, thin\n", "utf-8")
    assert load_labelled_rows(config_of(path)).rows[0] == ("red, round, new", "Toys")


@pytest.mark.parametrize(
    ("name", "content", "fragments"),
    [
        ("a.jsonl", '{"body": "x"}\n{"body"\n', ("a.jsonl, line 2",)),
        ("a.jsonl", "", ("a.jsonl", "empty file")),
        ("a.jsonl", '{"title": "x", "shop": "y"}\n', ("a.jsonl", "'body'", "title", "'shop'.")),
        ("a.jsonl", "{}\n{}\n", ("a.jsonl: expected columns for text and label, found none",)),
        (
            "a.jsonl",
            '{"body": "x", "shop": "y"}\n{"body": ["x"], "shop": "y"}\n',
            ("a.jsonl, line 2: expected a text or a number in 'body', found a list",),
        ),
        ("a.parquet", "PAR1", ("a.parquet", "expected a whole Parquet file")),
        ("b.parquet", None, ("b.parquet",)),
    ],
)
def test_what_cannot_be_read_is_named(
    tmp_path: Path, name: str, content: str | None, fragments: Sequence[str]
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content, "utf-8")
    with pytest.raises(UserError) as refused:
        load_labelled_rows(config_of(path))
    message = str(refused.value)
    assert all(fragment in message for fragment in fragments), message


@pytest.mark.parametrize("column", ["body", "shop"])
def test_lists_in_parquet_are_refused(tmp_path: Path, column: str) -> None:
    path = written_parquet(tmp_path / "a.parquet", [{**objects()[0], column: ["x"]}])
    with pytest.raises(UserError, match=f"expected a column of texts, found '{column}'"):
        load_labelled_rows(config_of(path))


def test_parquet_without_columns_is_refused(tmp_path: Path) -> None:
    path = written_parquet(tmp_path / "a.parquet", [{}])
    with pytest.raises(UserError, match="expected columns for text and label, found none"):
        load_labelled_rows(config_of(path))


def test_parquet_needs_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written_parquet(tmp_path / "a.parquet", objects())
    monkeypatch.setattr("ecomcat.process.is_installed", lambda package: package != "pyarrow")
    with pytest.raises(UserError, match=r'pip install "ecomcat\[parquet\]"'):
        load_labelled_rows(config_of(path))


@pytest.mark.parametrize(
    ("name", "advice"),
    [("a.json", "give it the ending .jsonl; one array"), ("a.xlsx", "Choose one of them, or give")],
)
def test_a_format_that_is_not_known_is_refused_by_its_ending(name: str, advice: str) -> None:
    with pytest.raises(UserError) as refused:
        check_data(config_of(name))
    assert "data.path: expected a file whose ending is one of .csv, .tsv" in str(refused.value)
    assert advice in str(refused.value)
