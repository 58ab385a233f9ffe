"""The CSVs that a person goes through: suspicious labels and near-duplicates, with their marks.

They are meant for a spreadsheet, so a cell that it could take for a formula begins with an
apostrophe; rows are known by their key, and the apostrophe does not change a text's key either.
"""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path

import numpy as np

from ecomcat.auditing.rows import AuditRows
from ecomcat.auditing.suspicion import Suspicion
from ecomcat.data.exclude import EXCLUDE, KEY, TEXT, read_marks
from ecomcat.data.near_duplicates import NearDuplicates
from ecomcat.files import atomic_path, write_text

logger = logging.getLogger("ecomcat")

SUSPICIOUS, NEAR = "suspicious_labels.csv", "near_duplicates.csv"
# Some spreadsheets take the wide forms of East Asian keyboards for the plain ones.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_BYTE_ORDER_MARK = "\ufeff"  # without it, some spreadsheets read UTF-8 as Latin-1


def check_marks(directory: Path) -> None:
    """Refuse files of a former audit whose marks cannot be read, before any work is done.

    Raises:
        UserError: naming what is wrong, so that no mark is lost.
    """
    for name in (SUSPICIOUS, NEAR):
        if (directory / name).exists():
            read_marks(directory / name)


def _kept_marks(path: Path, digests: Iterable[bytes]) -> set[bytes]:
    """Return which rows a person marked in a former file; it is kept if a mark has no row now."""
    if not path.exists():
        return set()
    marks, known = read_marks(path), set(digests)
    found = [next((d for d in mark.digests if d in known), None) for mark in marks]
    if lost := found.count(None):
        logger.warning(
            "%d marked rows of %s have no place in it any more; the file is kept as %s.",
            lost,
            path,
            _keep_copy(path).name,
        )
    return {digest for digest in found if digest is not None}


def _keep_copy(path: Path) -> Path:
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


def write_suspicious(path: Path, rows: AuditRows, suspicion: Suspicion | None, most: int) -> int:
    """Write the most suspicious labels, and those further down that a person has marked.

    Args:
        path: the file; marks in it are kept.
        rows: of the audited file.
        suspicion: of its usable texts.
        most: rows to write, marked ones not counted.

    Returns:
        How many rows are marked.
    """
    usable = rows.usable
    listed = usable if suspicion is not None else usable[:0]
    marks = _kept_marks(path, (rows.digests[text] for text in listed))
    ranking = np.empty(0, np.int64) if suspicion is None else suspicion.ranking
    chosen = []
    for rank, row in enumerate(ranking.tolist(), start=1):
        digest = rows.digests[usable[row]]
        if rank <= most or digest in marks:
            chosen.append((rank, row, digest))
    assert suspicion is not None or not chosen
    headings = ("rank", KEY, EXCLUDE, "label", "suggested", "confidence", "suggested_confidence")
    table = (
        (
            rank,
            digest.hex(),
            "x" if digest in marks else "",
            rows.class_of(usable[row]),
            rows.classes[suspicion.suggested[row]],
            f"{suspicion.confidence[row]:.4f}",
            f"{suspicion.suggested_confidence[row]:.4f}",
            rows.texts[usable[row]],
        )
        for rank, row, digest in chosen
        if suspicion is not None
    )
    _write(path, (*headings, TEXT), table)
    return sum(digest in marks for _, _, digest in chosen)


def write_near_duplicates(path: Path, rows: AuditRows, found: NearDuplicates) -> int:
    """Write every text that is nearly the same as another, group by group, large ones first.

    Args:
        path: the file; marks in it are kept.
        rows: of the audited file.
        found: near-duplicates among its distinct texts.

    Returns:
        How many rows are marked.
    """
    sizes = found.sizes
    closest = np.zeros(len(rows.texts))
    for side in (0, 1):
        np.maximum.at(closest, found.pairs[:, side], found.similarities)
    members = np.flatnonzero(sizes[found.groups] > 1) if len(sizes) else np.empty(0, np.int64)
    order = members[np.lexsort((members, found.groups[members], -sizes[found.groups[members]]))]
    marks = _kept_marks(path, (rows.digests[text] for text in order))
    numbers: dict[int, int] = {}
    table = (
        (
            numbers.setdefault(int(found.groups[text]), len(numbers) + 1),
            rows.digests[text].hex(),
            "x" if rows.digests[text] in marks else "",
            rows.class_of(text),
            f"{closest[text]:.4f}",
            rows.texts[text],
        )
        for text in order.tolist()
    )
    _write(path, ("group", KEY, EXCLUDE, "label", "similarity_to_closest", TEXT), table)
    return sum(rows.digests[text] in marks for text in order)


def _write(path: Path, headings: Sequence[str], table: Iterable[Sequence[object]]) -> None:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(headings)
    writer.writerows([_harmless(cell) for cell in row] for row in table)
    write_text(path, _BYTE_ORDER_MARK + out.getvalue())


def _harmless(cell: object) -> object:
    text = str(cell)
    return f"'{text}" if text.startswith(_FORMULA) else cell
