"""Open the input and the output, whichever formats they have."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from ecomcat.checks import STANDARD_STREAM
from ecomcat.errors import UserError
from ecomcat.files import atomic_path, write_failure
from ecomcat.rows.batch import Input, Output
from ecomcat.rows.csv_rows import CsvInput, CsvOutput
from ecomcat.rows.formats import CSV, JSON_LINES, PARQUET, TSV, is_packed
from ecomcat.rows.json_rows import JsonOutput, open_json
from ecomcat.rows.names import refuse_repeated_names
from ecomcat.table.content import open_file
from ecomcat.table.table import open_table

_PARQUET_MAGIC = b"PAR1"
_DELIMITERS = {CSV: ",", TSV: "\t"}


@dataclass(frozen=True)
class ReadSettings:
    """How an input is read; see `PredictDataConfig`."""

    member: str | None = None
    encoding: str = "auto"
    delimiter: str = "auto"
    header: str = "auto"
    text_column: Any = None


@contextmanager
def open_input(
    source: str, format_name: str, settings: ReadSettings, *, reserved: Sequence[str]
) -> Iterator[Input]:
    """Open what is to be labelled.

    Args:
        source: a file's path, or `-` for standard input.
        format_name: one of `FORMATS`.
        settings: how it is read.
        reserved: names that its columns may not have.

    Raises:
        UserError: if it cannot be opened, or its beginning cannot be read.
    """
    from_stream = source == STANDARD_STREAM
    path = Path(source).expanduser()
    opened: Path | BinaryIO = sys.stdin.buffer if from_stream else path
    name = "standard input" if from_stream else path.name
    regular = not from_stream and path.is_file()
    with ExitStack() as stack:
        if format_name == PARQUET:
            yield stack.enter_context(_open_parquet(opened, name, settings, regular=regular))
            return
        if regular:
            _refuse_parquet(path)
        size = path.stat().st_size if regular else None
        if format_name == JSON_LINES:
            lines = open_json(
                opened,
                name=name,
                encoding=settings.encoding,
                member=settings.member,
                text_column=settings.text_column,
                reserved=reserved,
                size=size,
            )
            yield stack.enter_context(lines)
            return
        delimiter = settings.delimiter
        if delimiter == "auto" and format_name == TSV:
            delimiter = "tab"
        table = stack.enter_context(
            open_table(
                opened,
                name=None if regular else name,
                encoding=settings.encoding,
                delimiter=delimiter,
                member=settings.member,
            )
        )
        yield CsvInput(
            table,
            format_name,
            header=settings.header,
            text_column=settings.text_column,
            size=size,
        )


@contextmanager
def open_output(
    output: str, format_name: str, rows: Input, added: Sequence[str]
) -> Iterator[Output]:
    """Open where labelled rows go: a file appears under its name only when it is whole.

    Args:
        output: a file's path, or `-` for standard output.
        format_name: one of `FORMATS`.
        rows: the input, whose text columns are chosen.
        added: names of the columns that are added.

    Raises:
        UserError: if it cannot be written, now or within the block.
    """
    # From Parquet to Parquet, columns of the same name are copied as they are.
    if format_name == JSON_LINES or (format_name == PARQUET and rows.format != PARQUET):
        refuse_repeated_names(rows.names, rows.name)
    with ExitStack() as stack:
        binary = stack.enter_context(_bytes_of(output))
        if format_name == PARQUET:
            from ecomcat.rows.parquet_rows import ParquetOutput

            yield stack.enter_context(ParquetOutput(binary, rows.schema(), added))
            return
        text = stack.enter_context(_text_of(binary, packed=is_packed(output)))
        if format_name == JSON_LINES:
            yield JsonOutput(text)
            return
        header = None if rows.header is None else [*rows.header, *added]
        yield CsvOutput(text, _delimiter(rows, format_name), header)


@contextmanager
def _open_parquet(
    source: Path | BinaryIO, name: str, settings: ReadSettings, *, regular: bool
) -> Iterator[Input]:
    from ecomcat.rows.parquet_rows import open_parquet

    with ExitStack() as stack:
        if not regular:
            if isinstance(source, Path):
                source = stack.enter_context(open_file(source))
            source = stack.enter_context(_whole(source, name))
        yield stack.enter_context(open_parquet(source, name=name, text_column=settings.text_column))


@contextmanager
def _whole(stream: BinaryIO, name: str) -> Iterator[BinaryIO]:
    """Put a stream into a file without a name: Parquet is read from its end."""
    with tempfile.TemporaryFile() as file:
        try:
            shutil.copyfileobj(stream, file)
        except OSError as error:
            raise UserError(f"Cannot keep {name} on disk: {write_failure(error)}") from error
        file.seek(0)
        yield file


def _delimiter(rows: Input, format_name: str) -> str:
    """Return the input's own delimiter where both are CSV, whatever character it is."""
    if isinstance(rows, CsvInput) and rows.format == format_name:
        return rows.delimiter
    return _DELIMITERS[format_name]


def _refuse_parquet(path: Path) -> None:
    with open_file(path) as file:
        is_parquet = file.read(len(_PARQUET_MAGIC)) == _PARQUET_MAGIC
    if is_parquet:
        raise UserError(
            f"{path}: expected a text file, found a Parquet file. Set input_format=parquet."
        )


@contextmanager
def _bytes_of(output: str) -> Iterator[IO[bytes]]:
    if output == STANDARD_STREAM:
        with _standard_output() as stream:
            yield stream
        return
    path = Path(output).expanduser()
    with atomic_path(path) as temporary, temporary.open("wb") as file:
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
        target = binary
        if packed:
            # Neither the temporary file's name nor the time goes into the output.
            unnamed = gzip.GzipFile("", "wb", compresslevel=6, fileobj=binary, mtime=0)
            target = cast(IO[bytes], stack.enter_context(unnamed))
        text = io.TextIOWrapper(target, "utf-8", errors="backslashreplace", newline="")
        try:
            yield text
        finally:
            text.detach()
