"""Write the rows of a table with columns added: CSV, TSV, JSON lines or Parquet."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO, Any, cast

import pandas as pd

from ecomcat.data.chunks import Chunk, Number, Table, cells_of, json_of, plain_values
from ecomcat.data.columns import HEAD_ROWS, Columns
from ecomcat.data.formats import CSV, GZIP, JSON_LINES, PARQUET, TSV
from ecomcat.data.header import list_names
from ecomcat.errors import UserError
from ecomcat.files import STANDARD_STREAM, atomic_path, expanded, write_failure

Write = Callable[[Chunk, pd.DataFrame], None]
"""Write rows, and the columns added to them, of as many rows."""

_MARK = "\ufeff"
_SURROGATE = re.compile("[\ud800-\udfff]")


def refuse_name_clash(names: Sequence[str], place: str, added: Sequence[str]) -> None:
    """Refuse a table that has a column of a name that is to be added."""
    taken = sorted(set(added) & set(names))
    if taken:
        raise UserError(
            f"Expected no column {' or '.join(added)} in {place}, since predict adds them; found "
            f"{', '.join(taken)}. Rename or remove it first."
        )


@contextmanager
def open_output(
    output: str | IO[bytes], format_name: str, table: Table, columns: Columns, added: Sequence[str]
) -> Iterator[Write]:
    """Open where rows go: a file appears under its name only when it is whole.

    Args:
        output: A file's path, `-` for standard output, or a binary stream.
        format_name: String. One of `OUTPUT_FORMATS`, not `"auto"`.
        table: Where the rows come from.
        columns: What was found in it.
        added: Names of the columns that are added.

    Raises:
        UserError: if it cannot be written, now or within the block.
    """
    names = table.names(columns)
    # From Parquet to Parquet, columns of the same name are copied as they are.
    if format_name == JSON_LINES or (format_name == PARQUET and table.format != PARQUET):
        _refuse_repeated_names(names, table.name)
    with ExitStack() as stack:
        binary = stack.enter_context(_bytes_of(output)) if isinstance(output, str) else output
        if format_name == PARQUET:
            yield stack.enter_context(_parquet_writer(binary, table, names, added))
            return
        packed = isinstance(output, str) and output.lower().endswith(GZIP)
        text = stack.enter_context(_text_of(binary, packed=packed))
        if format_name == JSON_LINES:
            yield _json_writer(text, table, names)
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
    needs_quotes = re.compile(f'["\r\n{re.escape(delimiter)}]').search

    def write_row(row: Sequence[str]) -> None:
        cells = [
            '"' + cell.replace('"', '""') + '"' if needs_quotes(cell) else cell for cell in row
        ]
        text.write(delimiter.join(cells) + "\n")

    def write(chunk: Chunk, added: pd.DataFrame) -> None:
        _refuse_surplus(chunk, table)
        cells = [cells_of(chunk.frame[i]) for i in chunk.frame]
        shown = [[_added_cell(value) for value in _plain(added[name])] for name in added]
        for row in zip(*cells, *shown, strict=True):
            write_row(row)

    if table.marked and table.format in (CSV, TSV):
        text.write(_MARK)
    if header is not None:
        write_row(header)
    return write


def _plain(column: pd.Series[Any]) -> list[Any]:
    """Return a column that is added, None where there is no value."""
    return [None if value is None or value != value else value for value in column.tolist()]


def _added_cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}"
    return " ".join(value) if isinstance(value, list) else value or ""


def _json_writer(text: io.TextIOWrapper, table: Table, names: Sequence[str]) -> Write:
    def write(chunk: Chunk, added: pd.DataFrame) -> None:
        for number, new in chunk.surplus:
            refuse_name_clash(new, f"{table.name}, line {number}", list(map(str, added)))
        # Lines of JSON stay as they stand, to the digit.
        lines = chunk.lines or _objects([plain_values(chunk.frame[i]) for i in chunk.frame], names)
        more = _objects([_plain(added[name]) for name in added], list(map(str, added)))
        for line, members in zip(lines, more, strict=True):
            beginning = line[:-1].rstrip()
            text.write(f"{beginning}{'' if beginning == '{' else ', '}{members[1:]}\n")

    return write


def _objects(columns: Sequence[Sequence[Any]], names: Sequence[str]) -> Iterator[str]:
    keys = [json.dumps(name, ensure_ascii=False) for name in names]
    for row in zip(*columns, strict=True):
        pairs = (f"{key}: {json_of(value)}" for key, value in zip(keys, row, strict=True))
        yield "{" + ", ".join(pairs) + "}"


@contextmanager
def _parquet_writer(
    binary: IO[bytes], table: Table, names: Sequence[str], added: Sequence[str]
) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"confidence": pa.float64(), "accept": pa.bool_(), "words": pa.list_(pa.string())}
    fields = [pa.field(name, types.get(name, pa.string())) for name in added]
    schema = table.schema
    writer: Any = None

    def write(chunk: Chunk, more: pd.DataFrame) -> None:
        nonlocal schema, writer
        _refuse_surplus(chunk, table)
        if schema is None:
            first = chunk.frame if table.first is None else table.first
            kinds = [_type_of(first[i]) for i in range(len(names))]
            schema = pa.schema(list(zip(map(_escaped, names), kinds, strict=True)))
        if writer is None:
            writer = pq.ParquetWriter(sink, pa.schema([*schema, *fields], schema.metadata))
        arrays = [_array(chunk, i, kind, table) for i, kind in enumerate(schema.types)]
        arrays += [pa.array(_plain(more[field.name]), field.type) for field in fields]
        writer.write_table(pa.table(arrays, schema=writer.schema))

    sink = _Sink(binary)
    try:
        yield write
        if writer is None:  # a file without rows
            empty = pd.DataFrame(columns=range(len(names)), dtype=object)
            write(Chunk(empty), pd.DataFrame(columns=list(added)))
    except BaseException:
        # Without its end no reader takes a stream that was cut short for a whole file; the
        # writer writes it also when it is not closed but forgotten.
        sink.cut_short = True
        raise
    finally:
        if writer is not None:
            writer.close()


def _array(chunk: Chunk, position: int, kind: Any, table: Table) -> Any:
    """Return a column of a chunk as Arrow has it."""
    import pyarrow as pa

    column = chunk.frame[position]
    if table.schema is not None and len(column):
        return pa.chunked_array(column.array.__arrow_array__())
    values = [None if value is None or value != value else value for value in column]
    if pa.types.is_string(kind):
        cells = cells_of(column)
        return pa.array(
            [v if v is None else _escaped(c) for v, c in zip(values, cells, strict=True)]
        )
    for value, number in zip(values, chunk.numbers, strict=True):
        if value is not None and not _fits(value, kind):
            words = {pa.int64(): "a whole number", pa.bool_(): "true or false"}
            raise UserError(
                f"{table.name}, line {number}: expected {words.get(kind, 'a number')} in "
                f"{table.head.rows[0][position]!r}, as on the first lines, found "
                f"{str(value)[:40]!r}. Write JSON lines or CSV instead of Parquet, or make the "
                "values of this member alike."
            )
    return pa.array(values, kind)


def _type_of(column: pd.Series[Any]) -> Any:
    """Choose the type of a column of JSON: that which its values share, else of strings."""
    import pyarrow as pa

    values = [value for value in column if value is not None and value == value]
    kinds = (pa.int64(), pa.float64(), pa.bool_())
    fitting = [kind for kind in kinds if values and all(_fits(value, kind) for value in values)]
    return fitting[0] if fitting else pa.string()


def _fits(value: Any, kind: Any) -> bool:
    """Tell whether a value can stand in a column of a type without loss."""
    import pyarrow as pa

    if isinstance(value, bool) or pa.types.is_boolean(kind):
        return isinstance(value, bool) and bool(pa.types.is_boolean(kind))
    if isinstance(value, int):
        limit = 2**53 if pa.types.is_floating(kind) else 2**63
        return -limit <= value < limit
    return isinstance(value, Number) and bool(pa.types.is_floating(kind))


def _escaped(text: str) -> str:
    r"""Write lone surrogates, which no encoding takes, as JSON escapes them: `\ud800`."""
    if text.isascii():
        return text
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


class _Sink(io.RawIOBase):
    """A stream that can be cut short: what is written after that is dropped."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.cut_short = False

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        if not self.cut_short:
            self._stream.write(data)
        return memoryview(data).nbytes


def _refuse_surplus(chunk: Chunk, table: Table) -> None:
    """Refuse a member for which an output of fixed columns has none."""
    if chunk.surplus:
        number, names = chunk.surplus[0]
        raise UserError(
            f"{table.name}, line {number}: expected members among those of the first "
            f"{HEAD_ROWS:,} lines ({list_names(table.head.rows[0])}), which are the columns of the "
            f"output, found {list_names(names)}. Write JSON lines (output_format=jsonl), or give "
            "the first line this member, if only as null."
        )


def _refuse_repeated_names(names: Sequence[str], source: str) -> None:
    """Refuse columns of the same name, of which readers of JSON and Parquet see one or none."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise UserError(
            f"{source}: expected different names of columns, as JSON and Parquet need them, found "
            f"more than once: {list_names(repeated)}. Rename them, or write CSV."
        )


@contextmanager
def _bytes_of(output: str) -> Iterator[IO[bytes]]:
    if output == STANDARD_STREAM:
        with _standard_output() as stream:
            yield stream
        return
    with atomic_path(expanded(output)) as temporary, temporary.open("wb") as file:
        yield file


@contextmanager
def _standard_output() -> Iterator[IO[bytes]]:
    sys.stdout.flush()
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        # What is left to flush when the process ends has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise UserError(f"Cannot write to standard output: {write_failure(error)}") from error


@contextmanager
def _text_of(binary: IO[bytes], *, packed: bool) -> Iterator[io.TextIOWrapper]:
    """Write UTF-8 text, lone surrogates as JSON escapes them."""
    with ExitStack() as stack:
        if packed:
            # Neither the temporary file's name nor the time goes into the output.
            unnamed = gzip.GzipFile("", "wb", compresslevel=6, fileobj=binary, mtime=0)
            binary = cast(IO[bytes], stack.enter_context(unnamed))
        text = io.TextIOWrapper(binary, "utf-8", errors="backslashreplace", newline="")
        try:
            yield text
        finally:
            text.detach()
