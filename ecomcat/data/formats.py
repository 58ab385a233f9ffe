"""Formats of tables: which one a file has, and the common form of all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from ecomcat.command_config import INPUT_FORMATS
from ecomcat.data.header import Columns, Head
from ecomcat.errors import UserError
from ecomcat.files import STANDARD_STREAM

if TYPE_CHECKING:
    import pandas as pd

AUTO, CSV, TSV, JSON_LINES, PARQUET, EXCEL = INPUT_FORMATS
GZIP = ".gz"

_ENDINGS = {
    ".csv": CSV,
    ".tsv": TSV,
    ".tab": TSV,
    ".jsonl": JSON_LINES,
    ".ndjson": JSON_LINES,
    ".parquet": PARQUET,
    ".pq": PARQUET,
    ".xlsx": EXCEL,
}
_PACKINGS = (GZIP, ".zip", ".bz2", ".xz", ".zst")
_UNKNOWN = frozenset(
    {".json", ".xls", ".ods", ".feather", ".arrow", ".avro", ".orc", ".xml", ".sqlite"}
)


def format_by_ending(path: str) -> str | None:
    """Return the format that a file's ending names; None for an unknown ending.

    >>> format_by_ending("products.CSV.gz")
    'csv'
    """
    return _ENDINGS.get(_ending(path))


def _ending(path: str) -> str:
    """Return a file's ending in lower case, without that of its packing."""
    name = PurePath(path.lower())
    return name.with_suffix("").suffix if name.suffix in _PACKINGS else name.suffix


def choose_output_format(
    source: str, output: str, *, input_format: str = AUTO, output_format: str = AUTO
) -> str:
    """Return the format of the output, by the name of the file.

    A stream, or a file with an unknown ending, has the input's format, and else is CSV.

    Args:
        source: String. What is labelled: a path or `-`.
        output: String. What is written: a path or `-`.
        input_format: String. What the user says of the input, or `"auto"`.
        output_format: String. What the user says of the output, or `"auto"`.

    Raises:
        UserError: When a file cannot be written in the format that its ending names.

    >>> choose_output_format("products.xlsx", "labelled.tsv.gz")
    'tsv'
    """
    like_input = format_by_ending(source) if input_format == AUTO else input_format
    if like_input in (None, EXCEL):
        like_input = CSV
    written = output_format
    if output_format == AUTO:
        written = str(format_by_ending(output) or like_input)
    packing = PurePath(output.lower()).suffix
    packed = packing in _PACKINGS and (packing != GZIP or written == PARQUET)
    if output != STANDARD_STREAM and (packed or written == EXCEL):
        raise UserError(
            "output: expected CSV, TSV or JSON lines, packed with gzip or not, or Parquet, which "
            f"is compressed within; found {output!r}. Give it an ending such as .csv, .jsonl.gz or "
            ".parquet."
        )
    return written


def path_problems(key: str, path: str | None, format_name: str = AUTO) -> Iterator[str]:
    """Yield what is wrong with the name of a file, whose ending tells its format."""
    if not path or format_name != AUTO or _ending(path) not in _UNKNOWN:
        return
    advice = "Write it in one of these formats."
    if _ending(path) == ".json":
        way = f"set {key}_format=jsonl" if "." not in key else "give it the ending .jsonl"
        advice = (
            f"If it has one object a line, {way}; one array is turned into such lines by: "
            "jq -c '.[]'."
        )
    yield (
        f"{key}: expected a file whose ending is one of {', '.join(_ENDINGS)}, found {path!r}. "
        f"{advice}"
    )


class Chunk(NamedTuple):
    """Some rows of a table, in columns numbered from 0.

    Cells are strings from CSV and Excel, Python's values from JSON, Arrow's from Parquet.
    """

    frame: pd.DataFrame
    lines: Sequence[str] = ()  # for JSON: each row as it is written
    surplus: Sequence[tuple[str, list[str]]] = ()  # for JSON: places and names without a column


@dataclass(frozen=True)
class Table:
    """An opened table, to be read once.

    Args:
        name: String. What messages call it.
        format: String. `"csv"`, `"tsv"`, `"jsonl"`, `"parquet"` or `"excel"`.
        head: Its first rows, in which columns are searched.
        chunks: Function of the columns that are used and of the rows to read at a time, which
            returns the rows below the header. Where one of them is the label, Parquet gives only
            these columns.
        position: Function that returns the share of the file that has been read, from 0 to 1.
        delimiter: String. The character between the cells of CSV and TSV.
        marked: Boolean. Whether it begins with a byte order mark, as spreadsheets save it.
        schema: Arrow's schema of a Parquet file.
    """

    name: str
    format: str
    head: Head
    chunks: Callable[[Columns, int], Iterator[Chunk]]
    position: Callable[[], float | None]
    delimiter: str = ","
    marked: bool = False
    schema: Any = None

    def names(self, columns: Columns) -> list[str]:
        """Return what the columns are called where a format needs names."""
        return list(columns.header or map(str, range(self.head.width)))


def share_read(file: BinaryIO) -> float:
    """Return how much of a file has been read, from 0 to 1."""
    return file.tell() / max(1, os.fstat(file.fileno()).st_size)


def row_chunks(rows: Iterator[Sequence[Any]], size: int) -> Iterator[Chunk]:
    """Yield rows as frames of the given size."""
    import pandas as pd

    while part := list(islice(rows, size)):
        yield Chunk(pd.DataFrame(part, dtype=object))


def empty_table(name: str) -> UserError:
    """Return the error for a table without a row."""
    return UserError(
        f"{name}: expected a table with rows, found an empty file. Give a file that has rows."
    )
