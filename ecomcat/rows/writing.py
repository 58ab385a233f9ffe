"""Open where labelled rows go, whichever format they get."""

from __future__ import annotations

import gzip
import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO, cast

from ecomcat.errors import UserError
from ecomcat.files import STANDARD_STREAM, atomic_path, expanded, write_failure
from ecomcat.rows.batch import Input, Output
from ecomcat.rows.csv_rows import CsvInput, CsvOutput
from ecomcat.rows.formats import CSV, JSON_LINES, PARQUET, TSV, is_packed
from ecomcat.rows.json_rows import JsonOutput
from ecomcat.rows.names import refuse_repeated_names

_DELIMITERS = {CSV: ",", TSV: "\t"}


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
        marked = isinstance(rows, CsvInput) and rows.marked
        yield CsvOutput(text, _delimiter(rows, format_name), header, marked=marked)


def _delimiter(rows: Input, format_name: str) -> str:
    """Return the input's own delimiter where both are CSV, whatever character it is."""
    if isinstance(rows, CsvInput) and rows.format == format_name:
        return rows.delimiter
    return _DELIMITERS[format_name]


@contextmanager
def _bytes_of(output: str) -> Iterator[IO[bytes]]:
    if output == STANDARD_STREAM:
        with _standard_output() as stream:
            yield stream
        return
    path = expanded(output)
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
