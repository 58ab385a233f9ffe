"""Read a table, whole or in chunks: CSV, TSV, JSON lines, Parquet and Excel, by pandas."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pandas as pd

from ecomcat.config import DataConfig, ReadingConfig
from ecomcat.data.chunks import Chunk, Table, empty_table, join_texts, pieces, texts_of
from ecomcat.data.cleaning import labelled_frame
from ecomcat.data.columns import HEAD_ROWS, Columns, Head, find_labelled_columns
from ecomcat.data.decoding import MARKED, Lines, choose_encoding, decode_head
from ecomcat.data.delimited import ONE_COLUMN, Rows, choose_dialect, first_row
from ecomcat.data.formats import AUTO, CSV, EXCEL, JSON_LINES, PARQUET, TSV, format_by_ending
from ecomcat.data.packing import HEAD_BYTES, Content, is_workbook, open_content, open_file
from ecomcat.data.typed_formats import class_names, open_excel, open_json, open_parquet
from ecomcat.errors import UserError

ROWS = 8192
"""Rows that are read at a time where nobody says how many."""

logger = logging.getLogger("ecomcat")


def read_labelled(path: Path, data: DataConfig) -> tuple[pd.DataFrame, Columns]:
    """Read the labelled rows of a file, which are the same in any format.

    Args:
        path: The file.
        data: How it is read.

    Returns:
        A frame of the two columns `TEXT` and `LABEL`, strings as they stand in the file, empty
        where there is none; and the columns that they came from.

    Raises:
        UserError: if the file, or a row, or a column cannot be read.
    """
    with open_table(path, data) as table:
        columns = find_labelled_columns(table.head, data.text_column, data.label_column)
        label = columns.label
        assert label is not None
        chunks = table.chunks(columns, ROWS, sorted({*columns.text, label}))
        parts = [_labelled(table, chunk, columns.text, label) for chunk in chunks]
    header = "no header" if columns.header is None else "first row taken as header"
    logger.info(
        "Data: %s, %s, text from column %s, label from column %s.",
        table.name,
        "columns by name" if table.head.by_format else header,
        " + ".join(map(str, columns.text_names)),
        table.names(columns)[label],
    )
    return pd.concat(parts or [labelled_frame([], [])], ignore_index=True), columns


def _labelled(table: Table, chunk: Chunk, text: Sequence[int], label: int) -> pd.DataFrame:
    """Return the texts and labels of a chunk."""
    if table.format == JSON_LINES:
        _refuse_containers(table, chunk, [*text, label])
    labels = [cell or "" for cell in texts_of(chunk.frame[label])]
    names = class_names(table.schema, label) if table.schema is not None else None
    if names is not None:  # numbers of classes, -1 for none
        known = {str(number): name for number, name in enumerate(names)} | {"-1": ""}
        labels = [known.get(number, number) for number in labels]
    return labelled_frame(join_texts(chunk.frame, text), labels)


def _refuse_containers(table: Table, chunk: Chunk, places: Sequence[int]) -> None:
    """Refuse lists and objects of JSON where a text or a label is needed."""
    for place in places:
        for value, number in zip(chunk.frame[place], chunk.numbers, strict=True):
            if isinstance(value, list | dict):
                found = "a list" if isinstance(value, list) else "an object"
                raise UserError(
                    f"{table.name}, line {number}: expected a text or a number in "
                    f"{table.head.rows[0][place]!r}, found {found}. Write it as a text."
                )


def read_table(path: Path, reading: ReadingConfig | None = None) -> pd.DataFrame:
    """Read a whole table, whose first row names its columns.

    Args:
        path: The file.
        reading: How it is read. Defaults to what it looks like.

    Returns:
        A frame with the names of the columns, which may repeat.
    """
    with open_table(path, replace(reading or ReadingConfig(), header="true")) as table:
        header = tuple(table.head.rows[0])
        parts = [chunk.frame for chunk in table.chunks(Columns((), None, header, ()), ROWS, None)]
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
        source: A path, or a binary stream, which is read and not closed.
        reading: How it is read.
        format_name: String. One of `INPUT_FORMATS`; `"auto"` goes by what the file holds, then
            by its ending, and takes another one for CSV.
        name: String. What messages call it. Defaults to the file's name.

    Raises:
        UserError: if it cannot be opened, or its beginning cannot be read.

    >>> import io
    >>> with open_table(io.BytesIO(b"text;price\nA ball;1,50\n"), ReadingConfig()) as table:
    ...     table.delimiter, table.head.rows[1]
    (';', ['A ball', '1,50'])
    """
    with ExitStack() as stack:
        packed = stack.enter_context(open_file(source)) if isinstance(source, Path) else source
        shown = name or (source.name if isinstance(source, Path) else "standard input")
        size = os.fstat(packed.fileno()).st_size if isinstance(source, Path) else 0
        position = _share_read(packed, size)
        if format_name == EXCEL or (format_name == AUTO and is_workbook(packed)):
            yield open_excel(packed, shown, reading)
            return
        start = packed.tell() if packed.seekable() else None
        content = stack.enter_context(open_content(packed, shown, reading.member))
        found = _format_of(content, format_name)
        if found == PARQUET:
            yield stack.enter_context(open_parquet(packed, content))
            return
        encoding, errors = _encoding(content, reading, whole=start is not None)
        if start is not None:  # the encoding was chosen by reading it to its end
            packed.seek(start)
            content = stack.enter_context(open_content(packed, shown, reading.member))
        beginning = decode_head(content.head(), encoding)
        complete = len(content.head()) < HEAD_BYTES
        lines = Lines(content, encoding, errors)
        if complete and not beginning.strip("\ufeff \t\r\n"):
            raise empty_table(content.name)
        if found == JSON_LINES:
            yield open_json(lines, position)
        else:
            yield _open_text(lines, beginning, found, reading, complete, encoding, position)


def _encoding(content: Content, reading: ReadingConfig, *, whole: bool) -> tuple[str, str]:
    delimiter = reading.delimiter if len(reading.delimiter) == 1 else "\t"
    return choose_encoding(content, reading.encoding, whole=whole, delimiter=delimiter)


def _share_read(packed: BinaryIO, size: int) -> Callable[[], float | None]:
    # What is unpacked is read ahead of what is handed out, by 1 MiB at most.
    return lambda: packed.tell() / size if size else None


def _format_of(content: Content, asked: str) -> str:
    """Choose a format by what the user says, what the file holds, or its ending."""
    if asked == AUTO:
        asked = format_by_ending(content.name.rpartition(":")[2]) or CSV
        if content.head().startswith(b"PAR1"):
            asked = PARQUET
        elif asked == EXCEL:
            asked = CSV  # it is no workbook
        elif asked == CSV and _holds_objects(content.head()):
            asked = JSON_LINES
    return asked


def _holds_objects(head: bytes) -> bool:
    try:
        return isinstance(json.loads(head.lstrip(b"\xef\xbb\xbf").splitlines()[0]), dict)
    except (ValueError, IndexError, RecursionError):
        return False


def _open_text(
    lines: Lines,
    beginning: str,
    found: str,
    reading: ReadingConfig,
    complete: bool,
    encoding: str,
    position: Callable[[], float | None],
) -> Table:
    name = f"{lines.name}.tsv" if found == TSV else lines.name
    dialect, before = choose_dialect(beginning, name, reading, complete=complete)
    for _ in range(before):
        lines.readline()
    width = len(first_row("".join(beginning.splitlines(keepends=True)[before:]), dialect))
    rows = Rows(lines, dialect, width)
    first = rows.read(HEAD_ROWS) if width else None
    if first is None or first.empty:
        raise empty_table(lines.name)
    # Blank lines are rows of a table of one column, but not before a header.
    top = int((first[0].str.strip() != "").argmax()) if width == 1 else 0

    def chunks(columns: Columns, size: int, _: Sequence[int] | None) -> Iterator[Chunk]:
        yield from pieces(first[top + 1 :] if columns.header else first, size)
        while (frame := rows.read(size)) is not None:
            yield Chunk(frame)

    return Table(
        name=lines.name,
        format=found,
        head=Head(lines.name, first[top:].to_numpy().tolist(), str(reading.header).lower()),
        chunks=chunks,
        position=position,
        delimiter="," if dialect.delimiter == ONE_COLUMN else dialect.delimiter,
        marked=encoding in MARKED,
    )
