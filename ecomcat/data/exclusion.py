"""Rows that a person marked in a file of the audit's, left out of train and validation."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.data.cleaning import key_digest, normalized_key
from ecomcat.data.columns import folded
from ecomcat.data.splitting import Split
from ecomcat.errors import UserError

logger = logging.getLogger("ecomcat")

MARKS = ("x", "yes", "true", "1")
KEY, EXCLUDE, TEXT = "key", "exclude", "text"
_HEX_DIGITS = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Exclusion:
    """What the marks of a file meant for a data set.

    Args:
        rows: Array of the numbers of the texts that were marked, those of test included.
        identity: String. A hash of the marks that are known, to tell studies apart.
        description: Dictionary. What `metrics.json` records: the file, how many texts left train
            and validation, how many of test are marked, and how many marks are unknown.
    """

    rows: NDArray[np.int64]
    identity: str
    description: dict[str, Any]


def read_marks(path: Path) -> list[tuple[bytes, ...]]:
    """Read which rows a person marked.

    Args:
        path: A CSV with the columns `key` and `exclude`, as `ecomcat.audit` writes it; empty cells
            of `exclude` mean that a row stays.

    Returns:
        For each marked row the digests that it may be known by, the likeliest first.

    Raises:
        UserError: When the file cannot be read, lacks a column or has a mark that is none.
    """
    from ecomcat.data.tables import read_table

    frame = read_table(path)
    header = [folded(name) for name in frame.columns]
    for name in (KEY, EXCLUDE):
        if header.count(name) != 1:
            raise UserError(
                f"{path.name}: expected one column '{name}' in the first row, found "
                f"{', '.join(map(repr, header[:10]))}. Give data.exclude a CSV as "
                "python -m ecomcat.audit writes it, with its rows marked."
            )
    keys, marks = (frame.iloc[:, header.index(name)] for name in (KEY, EXCLUDE))
    texts = frame.iloc[:, header.index(TEXT)] if header.count(TEXT) == 1 else [""] * len(frame)
    return [  # rows are counted as a spreadsheet does, from the header
        _digests(f"{path.name}, row {number}", key.strip(), text)
        for number, (key, mark, text) in enumerate(zip(keys, marks, texts, strict=True), 2)
        if _is_marked(f"{path.name}, row {number}", mark.strip())
    ]


def _is_marked(place: str, mark: str) -> bool:
    if mark and mark.casefold() not in MARKS:
        raise UserError(
            f"{place}: expected {', '.join(MARKS)} or nothing in the column '{EXCLUDE}', found "
            f"{mark[:40]!r}. Mark the rows to be left out with x, and leave the others empty."
        )
    return bool(mark)


def _digests(place: str, key: str, text: str) -> tuple[bytes, ...]:
    """Know a row by its key, and by its text: a spreadsheet may take a key for a number."""
    found = [bytes.fromhex(key)] if _HEX_DIGITS.fullmatch(key.casefold()) else []
    if normalized := normalized_key(text):
        found.append(key_digest(normalized))
    if not found:
        raise UserError(
            f"{place}: expected 16 hexadecimal digits in the column '{KEY}' of a marked row, found "
            f"{key[:40]!r}. Copy the key from the audit's file; a spreadsheet keeps it when it "
            "reads the column as text."
        )
    return tuple(found)


def leave_out(
    split: Split, digests: Sequence[bytes], labels: Sequence[str], path: Path
) -> tuple[Split, Exclusion]:
    """Take the rows that are marked in a file out of train and validation, and log it.

    Args:
        split: The split of all texts; the test set stays what it is.
        digests: Sequence of the digests of the texts' keys.
        labels: Sequence of the labels of the texts.
        path: The file.

    Raises:
        UserError: When the file cannot be read, or a class would be left without training or
            validation texts.
    """
    numbers = {digest: number for number, digest in enumerate(digests)}
    marks = read_marks(path)
    found = [next((numbers[each] for each in mark if each in numbers), None) for mark in marks]
    rows = np.array(sorted({row for row in found if row is not None}), np.int64)
    left = Split(np.setdiff1d(split.train, rows), np.setdiff1d(split.validation, rows), split.test)
    for part, part_rows in (("train", left.train), ("validation", left.validation)):
        if lost := sorted(set(labels) - {labels[row] for row in part_rows}):
            raise UserError(
                f"{path}: expected texts of every class to be left in {part}, found all "
                f"{part} texts of '{lost[0]}' marked. Mark fewer of them, or take the class out of "
                "the file."
            )
    description = {
        "source": str(path),
        "unknown": found.count(None),
        "train": len(split.train) - len(left.train),
        "validation": len(split.validation) - len(left.validation),
        "test": len(np.intersect1d(rows, split.test)),
    }
    _log(description)
    identity = hashlib.sha256(b"".join(digests[row] for row in rows)).hexdigest()[:16]
    return left, Exclusion(rows, identity, description)


def _log(description: dict[str, Any]) -> None:
    logger.info(
        "Excluded by %(source)s: %(train)d texts of train, %(validation)d of validation; %(test)d "
        "marked texts of test stay in it, and figures without them are given, too.",
        description,
    )
    if description["unknown"]:
        logger.warning(
            "%(unknown)d marked rows of %(source)s are no texts of this data: it was written for "
            "other data, or they were left out as repeats, contradictions or of rare classes.",
            description,
        )
