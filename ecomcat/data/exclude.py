"""Rows that a person marked in a file of the audit's, left out of train and validation."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecomcat.data.clean import key_digest, normalized_key
from ecomcat.data.split import Split
from ecomcat.errors import UserError
from ecomcat.table.header import folded
from ecomcat.table.table import Table, open_table

logger = logging.getLogger("ecomcat")

MARKS = ("x", "yes", "true", "1")
KEY, EXCLUDE, TEXT = "key", "exclude", "text"
_HEX_DIGITS = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Mark:
    """A row that is to be left out.

    Args:
        line: where it begins in the file.
        digests: what it may be known by, the likeliest first: its key, and its text's.
    """

    line: int
    digests: tuple[bytes, ...]


@dataclass(frozen=True)
class Exclusion:
    """What the marks of a file meant for a data set.

    Args:
        source: the file.
        rows: numbers of the texts that were marked, sorted, those of the test set included.
        unknown: marked rows that are no text of the data set.
        train: texts that left train.
        validation: texts that left validation.
        test: marked texts of the test set, which stay in it.
        identity: of the marks as far as they are known, for what must agree to resume a study.
    """

    source: str
    rows: NDArray[np.int64]
    unknown: int
    train: int
    validation: int
    test: int
    identity: str

    def describe(self) -> dict[str, str | int]:
        """Return what `metrics.json` records."""
        names = ("source", "unknown", "train", "validation", "test")
        return {name: getattr(self, name) for name in names}


def read_marks(path: Path) -> list[Mark]:
    """Read which rows a person marked.

    Args:
        path: a CSV with the columns `key` and `exclude`, as `ecomcat.audit` writes it; empty cells
            of `exclude` mean that a row stays.

    Raises:
        UserError: when the file cannot be read, lacks a column or has a mark that is none.
    """
    with open_table(path) as table:
        rows = table.rows()
        header = [folded(cell) for cell in next(rows)]
        for name in (KEY, EXCLUDE):
            if header.count(name) != 1:
                raise UserError(
                    f"{table.name}: expected one column '{name}' in the first row, found "
                    f"{', '.join(map(repr, header[:10]))}. Give data.exclude a CSV as "
                    "python -m ecomcat.audit writes it, with its rows marked."
                )
        places = header.index(KEY), header.index(EXCLUDE)
        text = header.index(TEXT) if header.count(TEXT) == 1 else None
        return [
            _mark(table, row[places[0]], None if text is None else row[text])
            for row in rows
            if _is_marked(table, row[places[1]])
        ]


def _is_marked(table: Table, cell: str) -> bool:
    mark = cell.strip().casefold()
    if mark and mark not in MARKS:
        raise UserError(
            f"{table.name}, line {table.row_line}: expected {', '.join(MARKS)} or nothing in the "
            f"column '{EXCLUDE}', found {cell.strip()[:40]!r}. Mark the rows to be left out with "
            "x, and leave the others empty."
        )
    return bool(mark)


def _mark(table: Table, key: str, text: str | None) -> Mark:
    """Know a row by its key, and by its text: a spreadsheet may take a key for a number."""
    digests = []
    if _HEX_DIGITS.fullmatch(key.strip().casefold()):
        digests.append(bytes.fromhex(key.strip()))
    if text is not None and (normalized := normalized_key(text)):
        digests.append(key_digest(normalized))
    if not digests:
        raise UserError(
            f"{table.name}, line {table.row_line}: expected 16 hexadecimal digits in the column "
            f"'{KEY}' of a marked row, found {key.strip()[:40]!r}. Copy the key from the audit's "
            "file; a spreadsheet keeps it when it reads the column as text."
        )
    return Mark(table.row_line, tuple(digests))


def leave_out(
    split: Split, digests: Sequence[bytes], labels: Sequence[str], path: Path
) -> tuple[Split, Exclusion]:
    """Take the rows that are marked in a file out of train and validation.

    Args:
        split: of all texts; the test set stays what it is.
        digests: of the texts' keys.
        labels: of the texts.
        path: the file.

    Raises:
        UserError: when the file cannot be read, or a class would be left without training or
            validation texts.
    """
    numbers = {digest: number for number, digest in enumerate(digests)}
    marks = read_marks(path)
    found = [
        next((numbers[digest] for digest in mark.digests if digest in numbers), None)
        for mark in marks
    ]
    rows = np.array(sorted({row for row in found if row is not None}), np.int64)
    kept = {
        part: np.setdiff1d(getattr(split, part), rows, assume_unique=True)
        for part in ("train", "validation")
    }
    for part, left in kept.items():
        if lost := sorted(set(labels) - {labels[row] for row in left}):
            raise UserError(
                f"{path}: expected texts of every class to be left in {part}, found all "
                f"{part} texts of '{lost[0]}' marked. Mark fewer of them, or take the class out of "
                "the file."
            )
    exclusion = Exclusion(
        source=str(path),
        rows=rows,
        unknown=found.count(None),
        train=len(split.train) - len(kept["train"]),
        validation=len(split.validation) - len(kept["validation"]),
        test=len(np.intersect1d(rows, split.test)),
        identity=hashlib.sha256(b"".join(digests[row] for row in rows)).hexdigest()[:16],
    )
    return Split(kept["train"], kept["validation"], split.test), exclusion


def log_exclusion(exclusion: Exclusion) -> None:
    """Say which rows were left out, and warn of marks that mean nothing here."""
    logger.info(
        "Excluded by %s: %d texts of train, %d of validation; %d marked texts of test stay in it, "
        "and figures without them are given, too.",
        exclusion.source,
        exclusion.train,
        exclusion.validation,
        exclusion.test,
    )
    if exclusion.unknown:
        logger.warning(
            "%d marked rows of %s are no texts of this data: it was written for other data, or "
            "they were left out as repeats, contradictions or of rare classes.",
            exclusion.unknown,
            exclusion.source,
        )
