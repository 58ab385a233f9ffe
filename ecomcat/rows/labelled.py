"""A file to train on or to score by: rows of cells, whichever format it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from ecomcat.config import DataConfig, PredictDataConfig
from ecomcat.errors import UserError
from ecomcat.process import require_extra
from ecomcat.rows.formats import CSV, JSON_LINES, PARQUET, TSV, format_by_ending
from ecomcat.rows.json_rows import JsonInput, open_json
from ecomcat.rows.json_values import Number, cell_text
from ecomcat.rows.reading import open_parquet_input
from ecomcat.table.columns import HEAD_ROWS, Columns
from ecomcat.table.table import open_table

_NO_NUMBER = "NaN"


@dataclass(frozen=True)
class Cells:
    """Rows of cells of one width.

    Args:
        name: what messages call the file.
        head: the first rows, that with the columns' names included; where the format names the
            columns, that row alone.
        header: whether the first row names the columns: `true`, `false` or `auto`.
        body: returns all rows below the header, to be called once; cells of other columns than
            the text's and the label's may be empty.
        encoding: what the file was decoded with, so that it can be read again in the same way.
        names_columns: whether the format itself names the columns, and not a row.
    """

    name: str
    head: Sequence[list[str]]
    header: str
    body: Callable[[Columns], Iterator[list[str]]]
    encoding: str
    names_columns: bool = True


@contextmanager
def open_cells(path: Path, data: DataConfig) -> Iterator[Cells]:
    """Open a CSV, TSV, JSON lines or Parquet file, by its ending; one of another ending is CSV.

    Of JSON lines the columns are the members of the first lines, whatever others later lines have.
    Numbers, true and false stand as they are written; null, a missing member and what is not a
    number are empty cells.

    Args:
        path: the file.
        data: how it is read.

    Raises:
        UserError: if it cannot be opened, or its beginning cannot be read.
    """
    options = PredictDataConfig(member=data.member, encoding=data.encoding)
    found = format_by_ending(data.member or str(path)) or CSV
    if found == PARQUET:
        require_extra("parquet", "pyarrow", needed_for="Parquet")
        with open_parquet_input(path, path.name, options, regular=path.is_file()) as table:
            names = _named(table.name, table.header)

            def rows(columns: Columns) -> Iterator[list[str]]:
                needed = _needed(columns)
                return (_spread(cells, needed, len(names)) for cells in table.columns(needed))

            yield Cells(table.name, [names], "true", rows, data.encoding)
    elif found == JSON_LINES:
        with open_json(path, options, name=path.name, reserved=(), size=None) as lines:
            names = _named(lines.name, lines.names)

            def members(columns: Columns) -> Iterator[list[str]]:
                return _members(lines, _needed(columns))

            yield Cells(lines.name, [names], "true", members, lines.encoding)
    else:
        with _open_text(path, data, found) as cells:
            yield cells


@contextmanager
def _open_text(path: Path, data: DataConfig, found: str) -> Iterator[Cells]:
    delimiter = "tab" if (found, data.delimiter) == (TSV, "auto") else data.delimiter
    with open_table(path, encoding=data.encoding, delimiter=delimiter, member=data.member) as table:
        stream = table.rows()
        head = list(islice(stream, HEAD_ROWS))

        def body(columns: Columns) -> Iterator[list[str]]:
            return chain(head if columns.header is None else head[1:], stream)

        header = str(data.header).lower()
        yield Cells(table.name, head, header, body, table.format.encoding, names_columns=False)


def _named(name: str, names: Sequence[str] | None) -> list[str]:
    if not names:
        raise UserError(
            f"{name}: expected columns for text and label, found none. Give a file that has them."
        )
    return list(names)


def _needed(columns: Columns) -> list[int]:
    labels = [] if columns.label is None else [columns.label]
    return sorted({*columns.text, *labels})


def _spread(cells: Sequence[str | None], positions: Sequence[int], width: int) -> list[str]:
    """Put cells where their columns stand."""
    row = [""] * width
    for position, cell in zip(positions, cells, strict=True):
        row[position] = cell or ""
    return row


def _members(lines: JsonInput, needed: Sequence[int]) -> Iterator[list[str]]:
    names = [lines.names[position] for position in needed]
    for row in lines.rows():
        place = lines.place(row.number)
        cells = [_cell(row.values.get(name), name, place) for name in names]
        yield _spread(cells, needed, len(lines.names))


def _cell(value: Any, name: str, place: str) -> str:
    if isinstance(value, list | dict):
        found = "a list" if isinstance(value, list) else "an object"
        raise UserError(
            f"{place}: expected a text or a number in {name!r}, found {found}. Write it as a text."
        )
    if isinstance(value, Number) and value == _NO_NUMBER:
        return ""
    return cell_text(value)
