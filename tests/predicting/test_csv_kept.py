"""CSV keeps its cells, its delimiter and its columns, whatever it becomes."""

from __future__ import annotations

import codecs
import csv
import tempfile
from pathlib import Path

import pytest
from dog_classifier import READ_BACK, label_file, read_rows, write_rows
from hypothesis import given, settings
from hypothesis import strategies as st

DOG, CAT, BLANK, ODD = ["dogs", "0.7500"], ["cats", "0.9000"], ["", "", ""], ["!?", "", ""]
ADDED = ["predicted_category", "confidence"]


@pytest.mark.parametrize(
    ("content", "data", "expected"),
    [
        (b'"a\rdog"\na cat\n', {"delimiter": ","}, [["a\rdog", *DOG], ["a cat", *CAT]]),
        (b"\n\na dog\n\n!?", {"delimiter": "none"}, [BLANK, BLANK, ["a dog", *DOG], BLANK, ODD]),
        (b"\n\ntext\n\na dog\n", {}, [["text", *ADDED], BLANK, ["a dog", *DOG]]),
        (
            b"\n1,a dog\n\n2,a cat\n",
            {"text_column": 1},
            [["1", "a dog", *DOG], ["2", "a cat", *CAT]],
        ),
        (b"text\r\r\na dog\r\r\n", {}, [["text", *ADDED], ["a dog", *DOG]]),
        (b"text\n", {}, [["text", *ADDED]]),
    ],
)
def test_rows_and_blank_lines_keep_their_place(tmp_path, content, data, expected):
    (tmp_path / "rows").write_bytes(content)
    label_file(tmp_path / "rows", tmp_path / "labelled.csv", data=data)
    with (tmp_path / "labelled.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == expected


@pytest.mark.parametrize(("column", "warned"), [("text", False), ("title", True), (None, False)])
def test_other_columns_than_in_training_are_warned_of(tmp_path, caplog, column, warned):
    source = write_rows(tmp_path / "rows.csv", [{"title": "a dog", "text": "barks"}])
    label_file(source, tmp_path / "labelled.csv", data={"text_column": column})
    assert ("the model was trained on text" in caplog.text) == warned


def test_a_name_may_begin_with_a_tilde(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_rows(Path("~rows of nobody.csv"), [{"text": "a dog"}])
    label_file(Path("~rows of nobody.csv"), Path("~labelled.csv"))
    assert read_rows(tmp_path / "~labelled.csv")[0]["predicted_category"] == "dogs"


@pytest.mark.parametrize("output", [".jsonl", ".parquet"])
def test_columns_without_a_header_are_named_by_their_positions(tmp_path, output):
    (tmp_path / "rows.csv").write_text("1,a dog\n2,a cat\n", encoding="utf-8")
    written = tmp_path / f"labelled{output}"
    label_file(tmp_path / "rows.csv", written, data={"text_column": 1, "header": False})
    assert [(row["0"], row["1"]) for row in read_rows(written)] == [("1", "a dog"), ("2", "a cat")]


@pytest.mark.parametrize(
    ("source", "output", "line"),
    [
        ("rows.csv", "labelled.csv", "1;a dog;dogs;0.7500"),
        ("rows.csv", "labelled.tsv", "1\ta dog\tdogs\t0.7500"),
        ("rows.txt", "labelled.txt", "1;a dog;dogs;0.7500"),
        ("rows.txt", "labelled", "1;a dog;dogs;0.7500"),
    ],
)
def test_csv_keeps_its_own_delimiter(tmp_path, source, output, line):
    (tmp_path / source).write_text("id;text\n1;a dog\n", encoding="utf-8")
    label_file(tmp_path / source, tmp_path / output)
    assert (tmp_path / output).read_text(encoding="utf-8").splitlines()[1] == line


@pytest.mark.parametrize(
    ("encoding", "marked"),
    [
        ("utf-8", False),
        ("utf-8-sig", True),
        ("utf-16", True),
        ("utf-32", True),
        ("cp1252", False),
    ],
)
def test_a_byte_order_mark_stays_so_that_a_spreadsheet_reads_utf_8(tmp_path, encoding, marked):
    (tmp_path / "rows.csv").write_text("id,text\n1,a dog\n2,Hündin\n", encoding=encoding)
    label_file(tmp_path / "rows.csv", tmp_path / "labelled.csv")
    written = (tmp_path / "labelled.csv").read_bytes()
    assert written.startswith(codecs.BOM_UTF8) == marked
    header, first, second = written.decode("utf-8-sig").splitlines()
    assert header.startswith("id,text,") and first.startswith("1,a dog,")
    assert second.startswith("2,Hündin,")


def test_only_a_table_takes_over_a_byte_order_mark(tmp_path):
    (tmp_path / "rows.csv").write_text("id,text\n1,a dog\n", encoding="utf-8-sig")
    label_file(tmp_path / "rows.csv", tmp_path / "labelled.jsonl")
    assert read_rows(tmp_path / "labelled.jsonl")[0]["id"] == "1"
    assert not (tmp_path / "labelled.jsonl").read_bytes().startswith(codecs.BOM_UTF8)


def test_tsv_becomes_csv_with_commas(tmp_path):
    (tmp_path / "rows.tsv").write_text("id\ttext\n1\ta dog\n", encoding="utf-8")
    label_file(tmp_path / "rows.tsv", tmp_path / "labelled.csv")
    assert read_rows(tmp_path / "labelled.csv")[0]["id"] == "1"


def test_a_packed_output_tells_neither_time_nor_temporary_name(tmp_path):
    for number in (1, 2):
        label_file(
            write_rows(tmp_path / "rows.csv", [{"text": "a dog"}]), tmp_path / f"{number}.csv.gz"
        )
    assert (tmp_path / "1.csv.gz").read_bytes() == (tmp_path / "2.csv.gz").read_bytes()


# Cells are strings; many control characters would be binary data.
letters = st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\r\n")
cells = st.lists(st.text(letters, max_size=8), min_size=2, max_size=2)


@settings(deadline=None, max_examples=50)
@given(rows=st.lists(cells, min_size=1, max_size=6), output=st.sampled_from(READ_BACK))
def test_whatever_a_csv_file_holds_comes_back(rows, output):
    table = [["text", "note"], *rows]
    with tempfile.TemporaryDirectory() as folder:
        source, written = Path(folder, "rows.csv"), Path(folder, f"labelled{output}")
        with source.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, quoting=csv.QUOTE_ALL).writerows(table)
        label_file(
            source, written, data={"encoding": "utf-8", "delimiter": "comma", "header": True}
        )
        assert [[row["text"], row["note"]] for row in read_rows(written)] == rows
