"""Open what is to be labelled, whichever format it has."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ecomcat.config import PredictDataConfig
from ecomcat.errors import UserError
from ecomcat.files import STANDARD_STREAM, expanded, write_failure
from ecomcat.rows.batch import Input
from ecomcat.rows.csv_rows import CsvInput
from ecomcat.rows.formats import JSON_LINES, PARQUET, TSV
from ecomcat.rows.json_rows import open_json
from ecomcat.table.content import open_file
from ecomcat.table.table import open_table

if TYPE_CHECKING:
    from ecomcat.rows.parquet_rows import ParquetInput

_PARQUET_MAGIC = b"PAR1"


@contextmanager
def open_input(
    source: str, format_name: str, data: PredictDataConfig, *, reserved: Sequence[str]
) -> Iterator[Input]:
    """Open what is to be labelled.

    Args:
        source: a file's path, or `-` for standard input.
        format_name: one of `FORMATS`.
        data: how it is read.
        reserved: names that its columns may not have.

    Raises:
        UserError: if it cannot be opened, or its beginning cannot be read.
    """
    from_stream = source == STANDARD_STREAM
    path = expanded(source)
    opened: Path | BinaryIO = sys.stdin.buffer if from_stream else path
    name = "standard input" if from_stream else path.name
    regular = not from_stream and path.is_file()
    with ExitStack() as stack:
        if format_name == PARQUET:
            yield stack.enter_context(open_parquet_input(opened, name, data, regular=regular))
            return
        if regular:
            _refuse_parquet(path)
        size = path.stat().st_size if regular else None
        if format_name == JSON_LINES:
            lines = open_json(opened, data, name=name, reserved=reserved, size=size)
            yield stack.enter_context(lines)
            return
        delimiter = data.delimiter
        if delimiter == "auto" and format_name == TSV:
            delimiter = "tab"
        table = stack.enter_context(
            open_table(
                opened,
                name=None if regular else name,
                encoding=data.encoding,
                delimiter=delimiter,
                member=data.member,
            )
        )
        yield CsvInput(
            table,
            format_name,
            header=str(data.header).lower(),
            text_column=data.text_column,
            size=size,
        )


@contextmanager
def open_parquet_input(
    source: Path | BinaryIO, name: str, data: PredictDataConfig, *, regular: bool
) -> Iterator[ParquetInput]:
    """Open a Parquet file, or a stream, which is read to its end first.

    Args:
        source: a path, or a binary stream.
        name: what messages call it.
        data: how it is read.
        regular: whether it is a file that can be read in any order.

    Raises:
        UserError: if it cannot be opened, or is no whole Parquet file.
    """
    from ecomcat.rows.parquet_rows import open_parquet

    with ExitStack() as stack:
        if not regular:
            if isinstance(source, Path):
                source = stack.enter_context(open_file(source))
            source = stack.enter_context(_whole(source, name))
        yield stack.enter_context(open_parquet(source, name=name, text_column=data.text_column))


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


def _refuse_parquet(path: Path) -> None:
    with open_file(path) as file:
        is_parquet = file.read(len(_PARQUET_MAGIC)) == _PARQUET_MAGIC
    if is_parquet:
        raise UserError(
            f"{path}: expected a text file, found a Parquet file. Set input_format=parquet."
        )
