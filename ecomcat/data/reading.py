"""Read a table, whole or in chunks: CSV, TSV, JSON lines, Parquet and Excel, as DataFrames."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

import pandas as pd
from pandas.arrays import ArrowExtensionArray

from ecomcat.config import DataConfig, ReadingConfig
from ecomcat.console import step
from ecomcat.data.cells import Number, texts_of
from ecomcat.data.cleaning import labelled_frame
from ecomcat.data.columns import find_labelled_columns
from ecomcat.data.composing import RowTexts
from ecomcat.data.decoding import Lines, choose_encoding, decode_head, marked_encoding
from ecomcat.data.delimited import open_delimited
from ecomcat.data.formats import (
    AUTO,
    CSV,
    EXCEL,
    JSON_LINES,
    PARQUET,
    Chunk,
    Table,
    empty_table,
    format_by_ending,
    share_read,
)
from ecomcat.data.header import HEAD_ROWS, Columns, Head
from ecomcat.data.unpacking import head_of, open_plain
from ecomcat.data.workbooks import is_workbook, open_workbook
from ecomcat.errors import UserError, first_line

ROWS = 8192
"""Rows that are read at a time by default."""

_decode = json.JSONDecoder(parse_float=Number, parse_constant=lambda _: None).decode
_BUFFER_BYTES = 1 << 20  # read at a time of each column: a row group need not fit in memory
_PARQUET_ROWS, _PARQUET_BYTES = 256, 1 << 25  # at a time; that are held

logger = logging.getLogger("ecomcat")


def read_labelled(path: Path, data: DataConfig) -> tuple[pd.DataFrame, Columns]:
    """Read the labelled rows of a file, which are the same in any format.

    Args:
        path: The file.
        data: How it is read.

    Returns:
        A frame of the two columns `TEXT` and `LABEL`, and of the given ones of `FURTHER`, strings
        as they are in the file, empty where there is none; and where they came from.

    Raises:
        UserError: if the file, or a row, or a column cannot be read.
    """
    with open_table(path, data) as table, step("Reading rows", in_log=False) as advance:
        columns = find_labelled_columns(table.head, data)
        parts, texts_of_rows = [], RowTexts(columns)
        for chunk in table.chunks(columns, ROWS):
            parts.append(texts_of_rows.labelled(chunk.frame))
            advance(len(chunk.frame), table.position())
    beside = (*columns.categories, *columns.numbers)
    empty = labelled_frame([], [], **dict.fromkeys(columns.further, ()))
    logger.info(
        "Data: %s, %s, text from column %s, label from column %s%s.",
        table.name,
        "no header" if columns.header is None else "first row taken as header",
        " + ".join(map(str, columns.text_names)),
        " + ".join(table.names(columns)[at] for at in columns.label),
        "; fields: " * bool(beside) + ", ".join(table.names(columns)[at] for at in beside),
    )
    texts_of_rows.log_missing()
    return pd.concat(parts or [empty], ignore_index=True), columns


def read_table(path: Path) -> pd.DataFrame:
    """Read a whole table whose first row names its columns; names may repeat."""
    with open_table(path, ReadingConfig(header="true")) as table:
        header = tuple(table.head.rows[0])
        parts = [chunk.frame for chunk in table.chunks(Columns((), header=header), ROWS)]
    frame = pd.concat(parts or [pd.DataFrame(columns=range(len(header)))], ignore_index=True)
    return frame.set_axis(list(header), axis=1)


@contextmanager
def open_table(
    source: Path | BinaryIO,
    reading: ReadingConfig,
    *,
    format_name: str = AUTO,
    name: str | None = None,
) -> Iterator[Table]:
    r"""Open a table.

    Args:
        source: A path, or a binary stream, which is copied to disk first and not closed.
        reading: How it is read.
        format_name: String. A format's name; `"auto"` looks at the file's content, then at its
            ending, and reads anything else as CSV.
        name: String. What messages call it. Defaults to the file's name.

    Raises:
        UserError: if it cannot be opened, or its beginning cannot be read.

    >>> import io
    >>> with open_table(io.BytesIO(b"text;price\nA ball;1,50\n"), ReadingConfig()) as table:
    ...     table.delimiter, table.head.rows[1]
    (';', ['A ball', '1,50'])
    """
    shown = name or (source.name if isinstance(source, Path) else "standard input")
    with ExitStack() as stack:
        file, shown = stack.enter_context(open_plain(source, shown, reading.member))
        found = _format_of(file, shown, format_name)
        if found == EXCEL:
            yield open_workbook(file, shown, reading)
        elif found == PARQUET:
            yield stack.enter_context(_open_parquet(file, shown))
        else:
            delimiter = reading.delimiter if len(reading.delimiter) == 1 else "\t"
            encoding, errors = choose_encoding(file, shown, reading.encoding, delimiter)
            start = head_of(file)
            lines = Lines(file, shown, encoding, errors)
            if found == JSON_LINES:
                yield _open_json(file, lines)
            else:
                table = open_delimited(file, lines, decode_head(start, encoding), found, reading)
                yield replace(table, marked=marked_encoding(start) is not None)


def _format_of(file: BinaryIO, name: str, asked: str) -> str:
    """Choose a format by the user's setting, the file's content, or its ending."""
    if asked != AUTO:
        return asked
    if is_workbook(file):
        return EXCEL
    head = head_of(file)
    if head.startswith(b"PAR1"):
        return PARQUET
    found = format_by_ending(name.rpartition(":")[2])
    if found in (None, CSV, EXCEL):
        return JSON_LINES if _holds_objects(head) else CSV
    return str(found)


def _holds_objects(head: bytes) -> bool:
    try:
        return isinstance(json.loads(head.lstrip(b"\xef\xbb\xbf").splitlines()[0]), dict)
    except (ValueError, IndexError, RecursionError):
        return False


def _open_json(file: BinaryIO, lines: Lines) -> Table:
    """Open JSON lines, whose columns are the members of the first lines."""
    rows = _json_rows(lines)
    first = list(islice(rows, HEAD_ROWS))
    if not first:
        raise empty_table(lines.name)
    names = dict.fromkeys(chain(*(values for _, _, values in first)))

    def chunks(columns: Columns, size: int) -> Iterator[Chunk]:
        used = [list(names)[i] for i in columns.used]
        remaining = chain(first, rows)
        while part := list(islice(remaining, size)):
            texts, places, objects = zip(*part, strict=True)
            surplus = []
            for place, values in zip(places, objects, strict=True):
                _refuse_containers(place, values, used)
                if new := [member for member in values if member not in names]:
                    surplus.append((place, new))
            frame = pd.DataFrame(objects, columns=list(names), dtype=object)
            yield Chunk(frame.set_axis(range(len(names)), axis=1), texts, surplus)

    head = Head(lines.name, [list(names)], "true")
    return Table(lines.name, JSON_LINES, head, chunks, lambda: share_read(file))


def _json_rows(lines: Lines) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield each line that is not blank, its place, and its object."""
    for line in lines:
        place, stripped = f"{lines.name}, line {lines.number}", line.strip(" \t\r\n")
        if not stripped:
            continue
        try:
            value = _decode(stripped)
        except (ValueError, RecursionError) as error:
            raise UserError(
                f"{place}: expected a JSON object, found a line that is not JSON: {error}. Correct "
                "the line, or remove it."
            ) from error
        if not isinstance(value, dict):
            raise UserError(
                f"{place}: expected a JSON object, found {stripped[:40]!r}. One array of objects "
                "is turned into such lines by: jq -c '.[]'."
            )
        yield stripped, place, value


def _refuse_containers(place: str, values: dict[str, Any], used: Sequence[str]) -> None:
    """Refuse lists and objects of JSON where a text or a label is needed."""
    for name in used:
        if isinstance(values.get(name), list | dict):
            raise UserError(
                f"{place}: expected a text or a number in {name!r}, found "
                f"{json.dumps(values[name])[:40]}. Write it as a text."
            )


@contextmanager
def _open_parquet(file: BinaryIO, name: str) -> Iterator[Table]:
    import pyarrow.parquet as pq

    with _explained(name):
        parquet = pq.ParquetFile(file, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    schema, names, read = parquet.schema_arrow, parquet.schema_arrow.names, [0]

    def chunks(columns: Columns, size: int) -> Iterator[Chunk]:
        _require_texts(schema, columns, name)
        class_names = _class_names(schema, columns.label)
        places = sorted(columns.used) if columns.label else range(len(names))
        # Only the position distinguishes columns of the same name.
        distinct = len(set(names)) == len(names)
        wanted = [names[i] for i in places] if distinct else None
        with _explained(name):
            rows = min(size, _PARQUET_ROWS)
            for part in _joined(parquet.iter_batches(batch_size=rows, columns=wanted), size):
                arrays = {i: part.column(names[i] if distinct else i) for i in places}
                frame = pd.DataFrame({i: ArrowExtensionArray(each) for i, each in arrays.items()})
                for i, named in class_names.items():
                    frame[i] = [named.get(cell, cell) for cell in texts_of(frame[i])]
                yield Chunk(frame)
                read[0] += part.num_rows

    with parquet:
        head = Head(name, [names], "true")
        share = max(1, parquet.metadata.num_rows)
        yield Table(name, PARQUET, head, chunks, lambda: read[0] / share, schema=schema)


def _joined(batches: Iterator[Any], size: int) -> Iterator[Any]:
    """Yield tables of the given number of rows, or of fewer if these are large.

    A file of a few kB can have a column that repeats one large text thousands of times.
    """
    import pyarrow as pa

    held: list[Any] = []
    for batch in filter(len, batches):
        rows, held_bytes = (
            sum(getattr(each, of) for each in held) for of in ("num_rows", "nbytes")
        )
        if held and (rows + len(batch) > size or held_bytes > _PARQUET_BYTES):
            yield pa.Table.from_batches(held)
            held = []
        held.append(batch)
    if held:
        yield pa.Table.from_batches(held)


def _class_names(schema: Any, places: Sequence[int]) -> dict[int, dict[str, str]]:
    """Return the names in columns of class numbers, as Hugging Face's `datasets` stores them."""
    noted, found = (schema.metadata or {}).get(b"huggingface"), {}
    for place in places:
        with suppress(TypeError, ValueError, KeyError):
            features = json.loads(noted or "{}")["info"]["features"]
            names = features[schema.field(place).name]["names"]
            found[place] = {str(number): str(name) for number, name in enumerate(names)}
            found[place]["-1"] = ""
    return found


def _require_texts(schema: Any, columns: Columns, source: str) -> None:
    """Refuse columns that hold no texts: lists, objects."""
    import pyarrow as pa

    for position in columns.used:
        field = schema.field(position)
        if pa.types.is_nested(getattr(field.type, "storage_type", field.type)):
            raise UserError(
                f"{source}: expected a column of texts, found {field.name!r} of type {field.type}. "
                "Set data.text_column or data.label_column to a column of texts."
            )


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Explain to the user what is wrong with a file that is read."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{name}: expected a whole Parquet file, found one that cannot be read "
            f"({first_line(error)}). It is damaged, cut short or of another format: write it "
            "again, or give it the ending of what it is (predict takes input_format, too)."
        ) from error
