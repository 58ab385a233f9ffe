"""Formats that name their columns, or keep types: JSON lines, Parquet and Excel."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain, islice
from typing import Any, BinaryIO

import pandas as pd

from ecomcat.config import ReadingConfig
from ecomcat.data.chunks import MISSING, Chunk, Number, Table, empty_table, pieces
from ecomcat.data.columns import HEAD_ROWS, Columns, Head
from ecomcat.data.decoding import Lines
from ecomcat.data.formats import EXCEL, JSON_LINES, PARQUET, require_package
from ecomcat.data.packing import Content
from ecomcat.errors import UserError
from ecomcat.files import write_failure

logger = logging.getLogger("ecomcat")

_decode = json.JSONDecoder(parse_float=Number, parse_constant=Number).decode
_FOUND = {
    list: "a list",
    dict: "an object",
    str: "a text",
    bool: "true or false",
    int: "a number",
    Number: "a number",
    type(None): "null",
}
_BUFFER_BYTES = 1 << 20  # read at a time of each column: a row group need not fit in memory


def open_excel(packed: BinaryIO, name: str, reading: ReadingConfig) -> Table:
    """Open an Excel workbook, whose first or named sheet is read whole."""
    require_package(EXCEL)
    try:
        book = pd.ExcelFile(packed, engine="openpyxl")
        sheet = reading.member or str(book.sheet_names[0])
        if sheet not in book.sheet_names:
            raise UserError(
                f"{name}: expected a sheet {sheet!r} (data.member), found: "
                f"{', '.join(map(str, book.sheet_names[:5]))}. Name one of these."
            )
        frame = pd.read_excel(book, sheet, header=None, dtype=str, na_filter=False)
    except (KeyError, ValueError, OSError) as error:
        raise UserError(
            f"{name}: expected an Excel workbook, found one that cannot be read ({error}). Save "
            "its sheet as CSV (UTF-8) and give that file."
        ) from error
    if len(book.sheet_names) > 1 and reading.member is None:
        logger.warning(
            "%s: its first sheet, %r, is read. For another one set data.member=NAME.", name, sheet
        )
    frame = frame.astype(object)[(frame != "").any(axis=1)].reset_index(drop=True)
    frame.columns = pd.RangeIndex(frame.shape[1])
    if frame.empty:
        raise empty_table(name)

    def chunks(columns: Columns, size: int, _: Sequence[int] | None) -> Iterator[Chunk]:
        yield from pieces(frame[1:] if columns.header else frame, size)

    head = Head(name, frame[:HEAD_ROWS].to_numpy().tolist(), str(reading.header).lower())
    return Table(name, EXCEL, head, chunks, lambda: None)


def open_json(lines: Lines, position: Callable[[], float | None]) -> Table:
    """Open JSON lines, whose columns are the members of the first lines."""
    rows = _json_rows(lines)
    first = list(islice(rows, HEAD_ROWS))
    if not first:
        raise empty_table(lines.name)
    names = list(dict.fromkeys(chain(*(values for _, _, values in first))))

    def chunks(_: Columns, size: int, needed: Sequence[int] | None) -> Iterator[Chunk]:
        remaining = chain(first, rows)
        while part := list(islice(remaining, size)):
            yield _json_chunk(part, names, range(len(names)) if needed is None else needed)

    head = Head(lines.name, [names], "true", by_format=True)
    shown = _json_chunk(first, names, range(len(names))).frame
    return Table(lines.name, JSON_LINES, head, chunks, position, first=shown)


def _json_rows(lines: Lines) -> Iterator[tuple[str, int, dict[str, Any]]]:
    for line in lines:
        if stripped := line.strip(" \t\r\n"):
            yield (
                stripped,
                lines.number,
                _read_object(stripped, f"{lines.name}, line {lines.number}"),
            )
        lines.forget()


def _json_chunk(
    rows: Sequence[tuple[str, int, dict[str, Any]]], names: Sequence[str], needed: Sequence[int]
) -> Chunk:
    texts, numbers, objects = zip(*rows, strict=True)
    columns = {i: [values.get(names[i], MISSING) for values in objects] for i in needed}
    known = set(names)
    new = ((number, [x for x in values if x not in known]) for _, number, values in rows)
    surplus = [(number, found) for number, found in new if found]
    return Chunk(pd.DataFrame(columns, dtype=object), texts, numbers, surplus)


def _read_object(line: str, place: str) -> dict[str, Any]:
    try:
        value = _decode(line)
    except RecursionError as error:
        raise UserError(
            f"{place}: expected a JSON object, found one that is nested too deeply. Remove it."
        ) from error
    except ValueError as error:
        reason = str(error)
        if isinstance(error, json.JSONDecodeError):
            reason = f"{error.msg} at character {error.colno}"
        raise UserError(
            f"{place}: expected a JSON object, found a line that is not JSON: {reason}. Correct "
            "the line, or remove it."
        ) from error
    if isinstance(value, dict):
        return value
    advice = " One array is turned into such lines by: jq -c '.[]'." if type(value) is list else ""
    raise UserError(
        f"{place}: expected a JSON object on each line, found {_FOUND[type(value)]}.{advice}"
    )


@contextmanager
def open_parquet(packed: BinaryIO, content: Content) -> Iterator[Table]:
    """Open a Parquet file, which is read from its end: a stream goes through a temporary file.

    Args:
        packed: The stored bytes.
        content: The same unpacked, of which nothing has been read.
    """
    import pyarrow.parquet as pq

    name = content.name
    with ExitStack() as stack:
        whole: Any = packed
        if not _is_stored_plainly(packed):
            whole = stack.enter_context(_spooled(content))
        with _explained(name):
            file = pq.ParquetFile(whole, buffer_size=_BUFFER_BYTES, pre_buffer=False)
        stack.enter_context(file)
        names = list(file.schema_arrow.names)
        read = [0]

        def chunks(columns: Columns, size: int, needed: Sequence[int] | None) -> Iterator[Chunk]:
            for position in sorted({*columns.text, *(needed or ())}):
                _require_text(file.schema_arrow.field(position), name)
            with _explained(name):
                for batch in file.iter_batches(batch_size=size, columns=wanted(needed)):
                    if batch.num_rows:
                        yield Chunk(_frame(batch, names, needed))
                        read[0] += batch.num_rows

        def wanted(needed: Sequence[int] | None) -> list[str] | None:
            return None if needed is None else list(dict.fromkeys(names[i] for i in needed))

        def position() -> float | None:
            rows = file.metadata.num_rows
            return read[0] / rows if rows else None

        head = Head(name, [names], "true", by_format=True)
        yield Table(name, PARQUET, head, chunks, position, schema=file.schema_arrow)


def _is_stored_plainly(packed: BinaryIO) -> bool:
    """Tell whether a file can be read in any order, and is not packed."""
    if not packed.seekable():
        return False
    read = packed.tell()
    packed.seek(0)
    plain = packed.read(4) == b"PAR1"
    packed.seek(read)
    return plain


def _frame(batch: Any, names: Sequence[str], needed: Sequence[int] | None) -> pd.DataFrame:
    """Return the columns at some places of a file (None for all), as Arrow has them."""
    import pyarrow as pa

    table = pa.Table.from_batches([batch])
    if needed is None:
        needed = found = list(range(len(names)))
    else:
        # They come in the order that they are asked for, and of one name all of them.
        asked = dict.fromkeys(names[place] for place in needed)
        found = [i for name in asked for i, other in enumerate(names) if other == name]
    arrays = {place: table.column(found.index(place)) for place in needed}
    return pd.DataFrame(
        {i: pd.Series(pd.arrays.ArrowExtensionArray(array)) for i, array in arrays.items()}
    )


def class_names(schema: Any, position: int) -> list[str] | None:
    """Return the names of a column of class numbers, as Hugging Face's `datasets` notes them."""
    noted = (schema.metadata or {}).get(b"huggingface")
    try:
        features = json.loads(noted or "{}")["info"]["features"]
        names = features[schema.field(position).name]["names"]
    except (TypeError, ValueError, KeyError):
        return None
    return list(map(str, names))


def _require_text(field: Any, source: str) -> None:
    """Refuse a column that holds no texts: lists, objects."""
    import pyarrow as pa

    kind = field.type
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_nested(kind):
        raise UserError(
            f"{source}: expected a column of texts, found {field.name!r} of type {field.type}. "
            "Set data.text_column or data.label_column to a column of texts."
        )


@contextmanager
def _spooled(content: Content) -> Iterator[BinaryIO]:
    """Put a stream into a file without a name."""
    with tempfile.TemporaryFile() as file:
        try:
            shutil.copyfileobj(content.stream, file)
        except OSError as error:
            raise UserError(
                f"Cannot keep {content.name} on disk: {write_failure(error)}"
            ) from error
        file.seek(0)
        yield file


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Tell in the user's terms what is wrong with a file that is read."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{name}: expected a whole Parquet file, found one that cannot be read ({reason}). It "
            "is damaged, cut short or of another format: write it again, or give it the ending of "
            "what it is (predict takes input_format, too)."
        ) from error
