"""The tables of an audit that a person marks rows in, written without losing a mark."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ecomcat.auditing.rows import AuditRows
from ecomcat.data.near_duplicates import NearDuplicates
from ecomcat.data.splitting import EXCLUDE, KEY, TEXT, read_marks
from ecomcat.files import atomic_path, write_text

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger("ecomcat")

SUSPICIOUS, NEAR = "suspicious_labels.csv", "near_duplicates.csv"
# Some spreadsheets take the wide forms of East Asian keyboards for the plain ones.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_BYTE_ORDER_MARK = "\ufeff"  # without it, some spreadsheets read UTF-8 as Latin-1


def suspicious_table(rows: AuditRows, found: pd.DataFrame | None) -> pd.DataFrame:
    """Return a row for each usable text, the most suspicious label first."""
    import pandas as pd

    names = ["rank", KEY, "label", "suggested", "confidence", "suggested_confidence", TEXT]
    if found is None:
        return pd.DataFrame(columns=names)
    keys = [rows.digests[text].hex() for text in found["number"]]
    texts = [rows.texts[text] for text in found["number"]]
    return found.assign(**{"rank": range(1, len(found) + 1), KEY: keys, TEXT: texts})[names]


def near_duplicates_table(rows: AuditRows, found: NearDuplicates) -> pd.DataFrame:
    """Return a row for each text that is nearly the same as another, large groups first."""
    import pandas as pd

    closest = np.zeros(len(rows.texts))
    for side in (0, 1):
        np.maximum.at(closest, found.pairs[:, side], found.similarities)
    sizes = found.sizes[found.groups]
    order = np.lexsort((np.arange(len(sizes)), found.groups, -sizes))
    members = order[sizes[order] > 1]
    return pd.DataFrame(
        {
            "group": pd.factorize(found.groups[members])[0] + 1,
            KEY: [rows.digests[text].hex() for text in members],
            "label": [rows.class_of(text) for text in members],
            "similarity_to_closest": closest[members],
            TEXT: pd.Series([rows.texts[text] for text in members], dtype=object),
        }
    )


def check_marks(directory: Path) -> None:
    """Refuse files of an earlier audit whose marks cannot be read, before any work is done.

    Raises:
        UserError: When a mark is none, so that no mark is lost.
    """
    for name in (SUSPICIOUS, NEAR):
        if (directory / name).exists():
            read_marks(directory / name)


def write_with_marks(path: Path, table: pd.DataFrame, max_rows: int | None = None) -> int:
    """Write a table with a column for marks, in which those of an earlier file stay.

    Args:
        path: Path. The file.
        table: DataFrame with the column `key`.
        max_rows: Integer. Rows that are written, marked ones further down not counted. Defaults to
            None, all of them.

    Returns:
        How many rows are marked.
    """
    marks = _earlier_marks(path, table[KEY])
    marked = table[KEY].isin(marks).to_numpy()
    table = table.copy()
    table.insert(list(table).index(KEY) + 1, EXCLUDE, np.where(marked, "x", ""))
    if max_rows is not None:
        table = table[marked | (np.arange(len(table)) < max_rows)]
    words = table.select_dtypes(exclude="number").columns
    table = table.assign(**{name: table[name].map(_harmless) for name in words})
    content = table.to_csv(index=False, lineterminator="\n", float_format="%.4f")
    write_text(path, _BYTE_ORDER_MARK + content)
    return int(marked.sum())


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _earlier_marks(path: Path, keys: Iterable[str]) -> set[str]:
    """Return the keys that a person marked; the file is kept if a mark has no row any more."""
    if not path.exists():
        return set()
    known = set(keys)
    marks = [[digest.hex() for digest in mark] for mark in read_marks(path)]
    found = [next((key for key in each if key in known), None) for each in marks]
    if lost := found.count(None):
        logger.warning(
            "%d marked rows of %s have no place in it any more; the file is kept as %s.",
            lost,
            path,
            _copy(path).name,
        )
    return {key for key in found if key is not None}


def _copy(path: Path) -> Path:
    """Copy a file beside itself under a name that no earlier copy of other content has."""
    content = path.read_bytes()
    for number in count(1):
        former = path.with_suffix(f".former{'' if number == 1 else f'-{number}'}.csv")
        if not former.exists():
            # A copy: stopped before the new file is written, the marks are still in their place.
            with atomic_path(former) as temporary:
                temporary.write_bytes(content)
            break
        if former.is_file() and former.read_bytes() == content:
            break
    return former
