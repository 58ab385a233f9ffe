"""Write the rows of a table with columns added: CSV, TSV, JSON lines or Parquet."""

from __future__ import annotations

import csv
import gzip
import io
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any, cast

import pandas as pd

from ecomcat.console import printable, standard_output, visible
from ecomcat.data.cells import cells_of, json_of, plain_values
from ecomcat.data.formats import CSV, GZIP, JSON_LINES, PARQUET, TSV, Chunk, Table
from ecomcat.data.header import HEAD_ROWS, Columns, list_names
from ecomcat.errors import UserError, name_five
from ecomcat.files import STANDARD_STREAM, atomic_path, expanded, write_text

# Some spreadsheets take the wide forms of East Asian keyboards for the plain ones.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_BYTE_ORDER_MARK = "\ufeff"  # without it, some spreadsheets read UTF-8 as Latin-1
Write = Callable[[Chunk, pd.DataFrame], None]
"""Write rows, and the added columns of the same rows."""


def _refuse_name_clash(names: Sequence[str], place: str, added: Iterable[str]) -> None:
    """Refuse a table that already has a column with an added name."""
    taken = sorted(set(added) & set(names))
    if taken:
        raise UserError(
            f"Expected none of the columns that predict adds in {place}, found "
            f"{name_five(taken)}. Rename or remove them first."
        )


@contextmanager
def open_output(
    output: str | IO[bytes],
    format_name: str,
    table: Table,
    columns: Columns,
    added: Mapping[str, type],
) -> Iterator[Write]:
    """Open the output; a file appears under its name only when it is complete.

    Args:
        output: A file's path, `-` for standard output, or a binary stream.
        format_name: String. `"csv"`, `"tsv"`, `"jsonl"` or `"parquet"`.
        table: Where the rows come from.
        columns: What was found in it.
        added: Mapping. The names of the columns that are added, and the types of their values:
            `str`, `float`, `int`, `bool`, or `list` of strings.

    Raises:
        UserError: if it cannot be written, now or within the block.
    """
    _refuse_name_clash(columns.header or (), table.name, added)
    names = table.names(columns)
    repeated = [name for name, count in Counter(names).items() if count > 1]
    # From Parquet to Parquet, columns of the same name are copied as they are.
    if repeated and format_name not in {CSV, TSV} and {format_name, table.format} != {PARQUET}:
        raise UserError(
            f"{table.name}: expected different names of columns, as JSON and Parquet need them, "
            f"found more than once: {list_names(repeated)}. Rename them, or write CSV."
        )
    with ExitStack() as stack:
        binary = stack.enter_context(_bytes_of(output)) if isinstance(output, str) else output
        if format_name == PARQUET:
            yield stack.enter_context(_parquet_writer(binary, table, names, added))
            return
        text = stack.enter_context(_text_of(binary))
        if format_name == JSON_LINES:
            yield _json_writer(text, names)
        else:
            header = None if columns.header is None else [*columns.header, *added]
            yield _csv_writer(text, table, format_name, header)


def _csv_writer(
    text: io.TextIOWrapper, table: Table, format_name: str, header: Sequence[str] | None
) -> Write:
    # Where both are CSV, the input's own delimiter stays, whatever character it is.
    delimiter = "\t" if format_name == TSV else ","
    if table.format == format_name:
        delimiter = table.delimiter
    # Only where rows end in \r\n does it quote a cell with \r.
    unix = SimpleNamespace(write=lambda row: text.write(row.removesuffix("\r\n") + "\n"))
    writer = csv.writer(unix, delimiter=delimiter, lineterminator="\r\n")

    def write(chunk: Chunk, added: pd.DataFrame) -> None:
        _refuse_surplus(chunk, table)
        cells = [cells_of(chunk.frame[i]) for i in chunk.frame]
        shown = [[_added_cell(value) for value in plain_values(added[name])] for name in added]
        writer.writerows(zip(*cells, *shown, strict=True))

    if table.marked and table.format in (CSV, TSV):
        text.write("\ufeff")
    if header is not None:
        writer.writerow(header)
    return write


def _added_cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}"
    return " ".join(value) if isinstance(value, list) else value or ""


def _json_writer(text: io.TextIOWrapper, names: Sequence[str]) -> Write:
    def write(chunk: Chunk, added: pd.DataFrame) -> None:
        for place, new in chunk.surplus:
            _refuse_name_clash(new, place, list(map(str, added)))
        # Lines of JSON stay exactly as they are, to the digit.
        lines = chunk.lines or _objects(chunk.frame, names)
        for line, members in zip(lines, _objects(added, list(map(str, added))), strict=True):
            beginning = line[:-1].rstrip()
            text.write(f"{beginning}{'' if beginning == '{' else ', '}{members[1:]}\n")

    return write


def _objects(frame: pd.DataFrame, names: Sequence[str]) -> Iterator[str]:
    """Yield the rows of a frame as JSON."""
    for row in zip(*(plain_values(frame[i]) for i in frame), strict=True):
        yield json_of(dict(zip(names, row, strict=True)))


@contextmanager
def _parquet_writer(
    binary: IO[bytes], table: Table, names: Sequence[str], added: Mapping[str, type]
) -> Iterator[Write]:
    """Write Parquet: the types of a Parquet input stay, cells of other formats are strings."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {
        str: pa.string(),
        float: pa.float64(),
        int: pa.int64(),
        bool: pa.bool_(),
        list: pa.list_(pa.string()),
    }
    fields = [pa.field(name, types[kind]) for name, kind in added.items()]
    read = table.schema or pa.schema([(_escaped(name), pa.string()) for name in names])
    schema = pa.schema([*read, *fields], read.metadata)

    def write(chunk: Chunk, more: pd.DataFrame) -> None:
        _refuse_surplus(chunk, table)
        keeps_types = table.schema is not None
        arrays = [_arrow_array(chunk.frame[i], keeps_types=keeps_types) for i in chunk.frame]
        arrays += [pa.array(plain_values(more[field.name]), field.type) for field in fields]
        writer.write_table(pa.table(arrays, schema=schema))

    with _whole(binary) as file, pq.ParquetWriter(file, schema) as writer:
        yield write


@contextmanager
def _whole(binary: IO[bytes]) -> Iterator[IO[bytes]]:
    """Give a stream the output only when it is complete: a part would look like a whole file."""
    if binary.seekable() and binary is not sys.stdout.buffer:
        yield binary
        return
    with tempfile.TemporaryFile() as file:
        yield file
        file.seek(0)
        shutil.copyfileobj(file, binary)


def _arrow_array(column: pd.Series[Any], *, keeps_types: bool) -> Any:
    """Return a column as Arrow's, or as strings that Arrow takes, None where there is no value."""
    import pyarrow as pa

    if keeps_types:
        return pa.chunked_array(column.array.__arrow_array__())
    pairs = zip(plain_values(column), cells_of(column), strict=True)
    strings = [None if value is None else _escaped(cell) for value, cell in pairs]
    return pa.array(strings, pa.string())


def _escaped(text: str) -> str:
    r"""Write lone surrogates, which no encoding takes, as JSON escapes them: `\ud800`."""
    return text.encode("utf-8", "backslashreplace").decode()


def _refuse_surplus(chunk: Chunk, table: Table) -> None:
    """Refuse a member that has no column in an output of fixed columns."""
    if chunk.surplus:
        place, names = chunk.surplus[0]
        raise UserError(
            f"{place}: expected members among those of the first "
            f"{HEAD_ROWS:,} lines ({list_names(table.head.rows[0])}), which are the columns of the "
            f"output, found {list_names(names)}. Write JSON lines (output_format=jsonl), or give "
            "the first line this member, if only as null."
        )


@contextmanager
def _bytes_of(output: str) -> Iterator[IO[bytes]]:
    """Open a file, packed where its name says so, or standard output."""
    if output != STANDARD_STREAM:
        with atomic_path(expanded(output)) as temporary, temporary.open("wb") as file:
            if not output.lower().endswith(GZIP):
                yield file
                return
            # Neither the temporary file's name nor the time goes into the output.
            with gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as packed:
                yield cast(IO[bytes], packed)
        return
    sys.stdout.flush()
    with standard_output() as text:
        yield cast(IO[bytes], text.buffer)


class _Shown(io.TextIOWrapper):
    def write(self, text: str) -> int:
        return super().write(printable(text))


@contextmanager
def _text_of(binary: IO[bytes]) -> Iterator[io.TextIOWrapper]:
    """Write UTF-8 text, lone surrogates as JSON escapes them."""
    shown = binary is getattr(sys.stdout, "buffer", None) and sys.stdout.isatty()
    wrapper = _Shown if shown else io.TextIOWrapper
    text = wrapper(binary, "utf-8", errors="backslashreplace", newline="")
    try:
        yield text
    finally:
        text.detach()


def write_spreadsheet(path: Path, table: pd.DataFrame) -> None:
    """Write a table of our own that is safe to open in a spreadsheet: no cell is a formula."""
    words = table.select_dtypes(exclude="number").columns
    table = table.assign(**{name: table[name].map(_harmless) for name in words})
    content = table.to_csv(index=False, lineterminator="\n", float_format="%.4f")
    write_text(path, _BYTE_ORDER_MARK + content)


def _harmless(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    cell = visible(cell)  # our own readers would not read the file as text
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
