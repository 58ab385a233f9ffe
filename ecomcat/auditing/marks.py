"""The tables of an audit that a person marks rows in, written without losing a mark."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecomcat.data.splitting import EXCLUDE, KEY, read_marks
from ecomcat.files import atomic_path, write_text

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger("ecomcat")

# Some spreadsheets take the wide forms of East Asian keyboards for the plain ones.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_BYTE_ORDER_MARK = "\ufeff"  # without it, some spreadsheets read UTF-8 as Latin-1


def write_with_marks(path: Path, table: pd.DataFrame, max_rows: int | None = None) -> int:
    """Write a table with a column for marks, in which those of an earlier file stay.

    Beyond `max_rows`, only marked rows are written.

    Returns:
        How many rows are marked.
    """
    marks = _earlier_marks(path, table[KEY])
    marked = table[KEY].isin(marks).to_numpy()
    words = table.select_dtypes(exclude="number").columns
    table = table.assign(**{name: table[name].map(_harmless) for name in words})
    table.insert(list(table).index(KEY) + 1, EXCLUDE, np.where(marked, "x", ""))
    if max_rows is not None:
        table = table[marked | (np.arange(len(table)) < max_rows)]
    content = table.to_csv(index=False, lineterminator="\n", float_format="%.4f")
    write_text(path, _BYTE_ORDER_MARK + content)
    return int(marked.sum())


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _earlier_marks(path: Path, keys: Iterable[str]) -> set[str]:
    """Return the keys that a person marked; the file is copied if a mark has no row any more."""
    if not path.exists():
        return set()
    known = set(keys)
    marks = [[digest.hex() for digest in mark] for mark in read_marks(path)]
    found = [next((key for key in mark if key in known), None) for mark in marks]
    if lost := found.count(None):
        content = path.read_bytes()
        name = hashlib.blake2b(content, digest_size=4).hexdigest()
        former = path.with_suffix(f".former-{name}.csv")
        # A copy: stopped before the new file is written, the marks are still in their place.
        with atomic_path(former) as temporary:
            temporary.write_bytes(content)
        message = "%d marked rows of %s have no place in it any more; the file is saved as %s."
        logger.warning(message, lost, path, former.name)
    return {key for key in found if key is not None}
