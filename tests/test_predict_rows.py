"""What predict writes is what it read, row by row, with a category and a confidence added."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ecomcat.export.bundle
import ecomcat.export.classifier
from ecomcat import predict
from ecomcat.config import PredictCommand, PredictDataConfig
from ecomcat.errors import UserError
from ecomcat.export.labelling import Labeller, LabelOptions
from ecomcat.rows.added import Added
from ecomcat.rows.csv_rows import CsvBatch, CsvOutput, in_batches
from ecomcat.table.columns import Columns
from ecomcat.table.table import open_table
from tests.command_line import command_line

ADDED_COLUMNS = LabelOptions().added
DOG, CAT, NEITHER = ["dogs", "0.7500"], ["cats", "0.7500"], ["", ""]


class DogOrCat:
    """A classifier that knows a dog by the word."""

    labels = ("cats", "dogs")

    def __init__(self, *text_columns: str | int) -> None:
        self.text_columns = text_columns

    def probabilities(self, texts):
        return np.array([[0.25, 0.75] if "dog" in text else [0.75, 0.25] for text in texts])


def labelled(rows, *, header=None, text=(0,), delimiter=",", batch_rows=2) -> str:
    output = io.StringIO(newline="")
    columns, options = Columns(text, None, header, text), LabelOptions()
    labeller = Labeller(DogOrCat(), options)
    written = CsvOutput(output, delimiter, None if header is None else [*header, *options.added])
    for cells in in_batches(rows, batch_rows):
        batch = CsvBatch(cells, columns)
        written.write(batch, Added.of(labeller.label(batch.texts().values)))
    return output.getvalue()


def read_back(written: str, delimiter=",") -> list[list[str]]:
    with open_table(io.BytesIO(written.encode()), encoding="utf-8", delimiter=delimiter) as table:
        return list(table.rows())


@pytest.fixture
def labelled_file(monkeypatch, tmp_path):
    """Return a function that labels the bytes of a file and returns the rows written."""
    monkeypatch.setattr(ecomcat.export.bundle, "require_export", lambda directory: None)

    def label(content: bytes, *, trained_on: tuple[str | int, ...] = (1,), **data: object):
        classifier = DogOrCat(*trained_on)
        monkeypatch.setattr(ecomcat.export.classifier, "load_classifier", lambda *_: classifier)
        source, output = tmp_path / "input", tmp_path / "labelled.csv"
        source.write_bytes(content)
        predict.predict(
            PredictCommand(
                input=str(source),
                output=str(output),
                data=PredictDataConfig(**data),
                batch_rows=2,
            )
        )
        with output.open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file))

    return label


# How rows are written


def test_rows_keep_their_order_over_batches():
    assert labelled([["a dog"], ["a cat"], ["!"], ["dog, too"], ["x"]]) == (
        'a dog,dogs,0.7500\na cat,cats,0.7500\n!,,\n"dog, too",dogs,0.7500\nx,cats,0.7500\n'
    )


def test_the_header_is_written_before_the_rows():
    written = labelled([["1", "a dog"]], header=("id", "text"), text=(1,), delimiter="\t")
    assert written == "id\ttext\tpredicted_category\tconfidence\n1\ta dog\tdogs\t0.7500\n"


def test_the_header_is_written_where_there_are_no_rows():
    assert labelled([], header=("text",)) == "text,predicted_category,confidence\n"


@pytest.mark.parametrize("line_end", ["\r", "\n", "\r\n"])
def test_a_line_end_within_a_cell_or_a_name_tears_no_row(line_end):
    rows = [[f"a{line_end}dog"], ["a cat"]]
    written = labelled(rows, header=(f"my{line_end}text",))
    assert read_back(written) == [
        [f"my{line_end}text", *ADDED_COLUMNS],
        [f"a{line_end}dog", *DOG],
        ["a cat", *CAT],
    ]


@given(
    rows=st.lists(
        st.lists(st.text("ab \t\r\n\",;'", max_size=6), min_size=2, max_size=2),
        min_size=1,
        max_size=8,
    ),
    delimiter=st.sampled_from([",", "\t", ";", "|"]),
)
def test_whatever_the_cells_hold_they_come_back(rows, delimiter):
    written = labelled(rows, header=("id", "text"), text=(0, 1), delimiter=delimiter)
    assert [row[:2] for row in read_back(written, delimiter)[1:]] == rows


# From file to file


def test_a_carriage_return_in_quotes_is_one_row(labelled_file):
    assert labelled_file(b'"a\rdog"\na cat\n', delimiter=",") == [["a\rdog", *DOG], ["a cat", *CAT]]


@pytest.mark.parametrize("end", ["", "\n"])
def test_blank_lines_of_one_column_keep_their_place(labelled_file, end):
    rows = labelled_file(f"a dog toy\n\nb cat\n   \nlast{end}".encode(), delimiter="none")
    assert rows == [
        ["a dog toy", *DOG],
        ["", *NEITHER],
        ["b cat", *CAT],
        ["", *NEITHER],
        ["last", *CAT],
    ]


def test_blank_lines_at_either_end_of_one_column_keep_their_place(labelled_file):
    rows = labelled_file(b"\n \na dog\n\n\n", delimiter="none")
    assert rows == [["", *NEITHER]] * 2 + [["a dog", *DOG]] + [["", *NEITHER]] * 2


def test_a_header_stands_first_whatever_blank_lines_are_before_it(labelled_file):
    rows = labelled_file(b"\n\ntext\n\na dog\n")
    assert rows == [["text", *ADDED_COLUMNS], ["", *NEITHER], ["a dog", *DOG]]


def test_blank_lines_between_rows_of_several_columns_are_no_rows(labelled_file):
    rows = labelled_file(b"\n1,a dog\n\n2,a cat\n\n", delimiter=",")
    assert rows == [["1", "a dog", *DOG], ["2", "a cat", *CAT]]


def test_a_table_that_has_an_added_column_is_refused(labelled_file):
    with pytest.raises(UserError, match="found confidence"):
        labelled_file(b"text,confidence\na dog,1\n", trained_on=("text",))


# Where the output goes


@pytest.fixture
def refused(monkeypatch, capsys, tmp_path):
    """Return a function that runs predict, which must end before it opens a model."""

    def open_model(directory: Path) -> None:
        raise AssertionError("the model was opened")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ecomcat.export.bundle, "require_export", open_model)
    monkeypatch.setattr(ecomcat.export.classifier, "load_classifier", open_model)
    Path("texts.csv").write_text("text\na dog\n", encoding="utf-8")
    with command_line(monkeypatch, capsys) as run:

        def run_predict(output: str) -> str:
            ended = run(predict.main, "input=texts.csv", f"output={output}")
            assert (ended.code, ended.output) == (2, "")
            assert [path.name for path in tmp_path.iterdir()] == ["texts.csv"]
            return ended.errors

        yield run_predict


@pytest.mark.parametrize(
    ("output", "named"),
    [
        ("absent/labelled.csv", "found no folder absent."),
        ("absent/deeper/labelled.csv", "found no folder absent/deeper."),
        ("texts.csv/labelled.csv", "found no folder texts.csv."),
    ],
)
def test_an_output_in_a_missing_folder_is_refused_and_makes_none(refused, output, named):
    message = refused(output)
    assert f"output={output}" in message
    assert named in message


def test_an_output_that_is_a_folder_is_refused(refused, tmp_path):
    message = refused(str(tmp_path))
    assert f"output={tmp_path}, or - for standard output; found a folder" in message
