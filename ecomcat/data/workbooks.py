"""Excel workbooks; one sheet is read completely."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Iterator
from typing import BinaryIO

import pandas as pd

from ecomcat.config import ReadingConfig
from ecomcat.data.formats import EXCEL, Chunk, Table, empty_table, row_chunks
from ecomcat.data.header import HEAD_ROWS, Columns, Head
from ecomcat.errors import UserError
from ecomcat.process import require_extra

logger = logging.getLogger("ecomcat")


def is_workbook(file: BinaryIO) -> bool:
    """Tell whether a file is an Excel workbook (.xlsx), which is a zip archive."""
    try:
        with zipfile.ZipFile(file) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile):
        return False
    finally:
        file.seek(0)


def open_workbook(file: BinaryIO, name: str, reading: ReadingConfig) -> Table:
    """Open an Excel workbook, whose first or named sheet is read whole."""
    require_extra("excel", "openpyxl", needed_for="Excel")
    frame = _read_sheet(file, name, reading.member)
    rows: list[list[str]] = frame[(frame != "").any(axis=1)].to_numpy(object).tolist()
    if not rows:
        raise empty_table(name)

    def chunks(columns: Columns, size: int) -> Iterator[Chunk]:
        return row_chunks(iter(rows[1:] if columns.header else rows), size)

    head = Head(name, rows[:HEAD_ROWS], str(reading.header).lower())
    return Table(name, EXCEL, head, chunks, lambda: None)


def _read_sheet(file: BinaryIO, name: str, member: str | None) -> pd.DataFrame:
    try:
        book = pd.ExcelFile(file, engine="openpyxl")
        sheet = member or str(book.sheet_names[0])
        if sheet not in book.sheet_names:
            raise UserError(
                f"{name}: expected a sheet {sheet!r} (data.member), found: "
                f"{', '.join(map(str, book.sheet_names[:5]))}. Name one of these."
            )
        frame = pd.read_excel(book, sheet, header=None, dtype=str, na_filter=False)
    except (UserError, MemoryError):
        raise
    except Exception as error:  # openpyxl and its parser raise many kinds
        raise UserError(
            f"{name}: expected an Excel workbook, found one that cannot be read ({error}). Save "
            "its sheet as CSV (UTF-8) and give that file."
        ) from error
    if len(book.sheet_names) > 1 and member is None:
        logger.warning(
            "%s: its first sheet, %r, is read. For another one set data.member=NAME.", name, sheet
        )
    return frame
