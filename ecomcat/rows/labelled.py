"""A file to train on or to score by: rows of cells, whichever format it has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from ecomcat.config import DataConfig, PredictDataConfig
from ecomcat.extras import require_extra
from ecomcat.rows.formats import CSV, JSON_LINES, PARQUET, TSV, format_by_ending
from ecomcat.rows.json_rows import JsonInput, open_json
from ecomcat.rows.json_values import cell_text
from ecomcat.rows.reading import open_parquet_input
from ecomcat.table.table import open_table

_AT_A_TIME = 4096  # rows


@dataclass(frozen=True)
class Cells:
    """Rows of cells of one width.

    Args:
        name: what messages call the file.
        rows: the rows, in the file's order.
        header: whether the first row names the columns: `true`, `false` or `auto`.
        encoding: what the file was decoded with, so that it can be read again in the same way.
        names_columns: whether the format itself names the columns, and not a row.
    """

    name: str
    rows: Iterator[list[str]]
    header: str
    encoding: str
    names_columns: bool


@contextmanager
def open_cells(path: Path, data: DataConfig) -> Iterator[Cells]:
    """Open a CSV, TSV, JSON lines or Parquet file, by its ending; one of another ending is CSV.

    Of JSON lines the columns are the members of the first lines, whatever others later lines have;
    what is no text stands as its JSON, and null or a missing member as an empty cell.

    Args:
        path: the file.
        data: how it is read.

    Raises:
        UserError: if it cannot be opened, or its beginning cannot be read.
    """
    options = PredictDataConfig(member=data.member, encoding=data.encoding)
    found = format_by_ending(str(path)) or CSV
    if found == PARQUET:
        require_extra("parquet", "pyarrow", needed_for="Parquet")
        with open_parquet_input(path, path.name, options, regular=path.is_file()) as table:
            batches = table.batches(_AT_A_TIME)
            cells = chain.from_iterable(batch.cells() for batch in batches)
            yield Cells(
                table.name, chain([list(table.header or ())], cells), "true", data.encoding, True
            )
    elif found == JSON_LINES:
        with open_json(path, options, name=path.name, reserved=(), size=None) as lines:
            yield Cells(lines.name, _members(lines), "true", lines.encoding, True)
    else:
        delimiter = "tab" if (found, data.delimiter) == (TSV, "auto") else data.delimiter
        with open_table(
            path, encoding=data.encoding, delimiter=delimiter, member=data.member
        ) as plain:
            header = str(data.header).lower()
            yield Cells(plain.name, plain.rows(), header, plain.format.encoding, False)


def _members(lines: JsonInput) -> Iterator[list[str]]:
    yield list(lines.names)
    for values in lines.objects():
        yield [cell_text(values.get(name)) for name in lines.names]
