"""Read a table from bytes, whole and without looking for a header."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from ecomcat.config import ReadingConfig
from ecomcat.data.header import Columns
from ecomcat.data.tables import Table, open_table

ALL_ROWS = Columns((), None, None, ())


def rows_of(table: Table, size: int = 4096) -> list[list[Any]]:
    """Return every row of an opened table."""
    chunks = table.chunks(ALL_ROWS, size, None)
    return [row for chunk in chunks for row in chunk.frame.to_numpy().tolist()]


def read(source: Path | bytes | str | Any, name: str | None = None, **reading: Any) -> Any:
    """Return the rows of a file, of bytes or of a stream."""
    if isinstance(source, str):
        source = source.encode()
    if isinstance(source, bytes):
        source = io.BytesIO(source)
    with open_table(source, ReadingConfig(**reading), name=name) as table:
        return rows_of(table)
