"""A table in chunks, and its cells as texts, as cells of CSV and as JSON."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ecomcat.data.columns import ColumnName, Columns, Head
from ecomcat.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

MISSING = float("nan")
"""What stands where an object has no such member; None stands for null."""


class Chunk(NamedTuple):
    """Some rows of a table.

    Args:
        frame: The cells, in columns numbered from 0: strings of CSV and Excel, Python's values of
            JSON (`MISSING` where there is no such member), Arrow's of Parquet.
        lines: Of JSON, each row as it stands.
        numbers: Of JSON, the number of each row's line.
        surplus: Of JSON, the number of the line, and the names, of each row that has members for
            which there is no column.
    """

    frame: pd.DataFrame
    lines: Sequence[str] = ()
    numbers: Sequence[int] = ()
    surplus: Sequence[tuple[int, list[str]]] = ()


@dataclass(frozen=True)
class Table:
    """An opened table, to be read once.

    Args:
        name: String. What messages call it.
        format: String. One of `INPUT_FORMATS`, not `"auto"`.
        head: Its first rows, in which columns are looked for.
        chunks: Function of the columns that are used, of the rows to read at a time, and of the
            positions that are needed (None for all), which returns the rows below the header.
        position: Function that returns the share of the file that has been read, from 0 to 1;
            None where its end is not known.
        delimiter: String. The character between the cells of CSV and TSV.
        marked: Boolean. Whether it begins with a byte order mark, as spreadsheets save it.
        schema: Arrow's schema of a Parquet file.
        first: Frame of the first rows of JSON, by which types are chosen.
    """

    name: str
    format: str
    head: Head
    chunks: Callable[[Columns, int, Sequence[int] | None], Iterator[Chunk]]
    position: Callable[[], float | None]
    delimiter: str = ","
    marked: bool = False
    schema: Any = None
    first: pd.DataFrame | None = None

    def names(self, columns: Columns) -> list[str]:
        """Return what the columns are called where a format needs names."""
        return list(columns.header or map(str, range(self.head.width)))


def empty_table(name: str) -> UserError:
    """Return the error for a table without a row."""
    return UserError(
        f"{name}: expected a table with rows, found an empty file. Give a file that has rows."
    )


def pieces(frame: pd.DataFrame, size: int) -> Iterator[Chunk]:
    """Cut a frame into chunks."""
    for start in range(0, len(frame), size):
        yield Chunk(frame[start : start + size].reset_index(drop=True))


class Number(float):
    """A number of JSON, which keeps the digits that it was written with."""

    __slots__ = ("written",)
    written: str

    def __new__(cls, written: str) -> Number:
        """Make one of its digits."""
        number = super().__new__(cls, written)
        number.written = written
        return number

    def __str__(self) -> str:
        return self.written


def join_texts(frame: pd.DataFrame, positions: Sequence[int]) -> list[str]:
    """Return the text of each row.

    Args:
        frame: A chunk of a table.
        positions: Columns, whose cells are joined in this order.

    Returns:
        A list of strings: the cells that are not blank, without the white space around them,
        joined by one space. Null, lists and objects are no texts.

    >>> import pandas as pd
    >>> join_texts(pd.DataFrame([[" a red ", None, "ball"]]), [0, 1, 2])
    ['a red ball']
    """
    columns = [[text.strip() if text else "" for text in texts_of(frame[i])] for i in positions]
    if len(columns) == 1:
        return columns[0]
    return [" ".join(filter(None, cells)) for cells in zip(*columns, strict=True)]


def absences(chunk: Chunk, columns: Columns, texts: Sequence[str]) -> dict[int, str]:
    """Say why rows have no text, by their position in the chunk, where the format tells."""
    places = zip(columns.text, columns.text_names, strict=True)
    cells = [(name, plain_values(chunk.frame[place])) for place, name in places]
    found = {}
    for row in (row for row, text in enumerate(texts) if not text):
        reasons = [_absence(values[row], name) for name, values in cells]
        if any(reasons):
            found[row] = ", ".join(filter(None, reasons))
    return found


def _absence(value: Any, name: ColumnName) -> str:
    if value is None:
        return f"{name} is null"
    if isinstance(value, list | dict):
        return f"{name} is {'a list' if isinstance(value, list) else 'an object'}"
    return f"no {name}" if value != value else ""


def texts_of(column: pd.Series[Any]) -> list[str | None]:
    """Return a column's texts, the same from every format; None for what is no text.

    Numbers are written as JSON has them, true and false as pandas writes them to CSV.
    """
    return [_text(value) for value in plain_values(column)]


def plain_values(column: pd.Series[Any]) -> list[Any]:
    """Return a column's values as Python's own: None for null, also of an Arrow column."""
    if not hasattr(column.dtype, "pyarrow_dtype"):
        return column.tolist()
    import pyarrow as pa

    array = pa.chunked_array(column.array.__arrow_array__())
    kind = array.type
    if pa.types.is_float16(kind) or pa.types.is_float32(kind):
        # By the fewest digits that give them back.
        return [None if x is None else float(x) for x in array.cast(pa.string()).to_pylist()]
    try:
        values: list[Any] = array.to_pylist()
    except UnicodeDecodeError:  # a file may hold bytes in a column of texts that are none
        values = array.cast(pa.large_binary()).to_pylist()
    return values


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if value is None or value != value or isinstance(value, list | dict | tuple):
        return None
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def cells_of(column: pd.Series[Any]) -> list[str]:
    """Return a column's values as cells: nothing for null, bytes as base64, lists as JSON."""
    return [value if isinstance(value, str) else _cell(value) for value in plain_values(column)]


def _cell(value: Any) -> str:
    if isinstance(value, list | dict):
        return json_of(value)
    return _text(_plain(value) if isinstance(value, bytes) else value) or ""


def json_of(value: Any) -> str:
    """Return a value as JSON; null for what is no number, bytes as base64, times as texts."""
    return json.dumps(_plain(value), ensure_ascii=False)


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return str(value)
