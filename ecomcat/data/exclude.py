"""Leave rows out of training that a person marked in the audit's file: `data.exclude`."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.data.cleaning import TEXT, key_digest, normalized_key
from ecomcat.data.header import folded, list_names
from ecomcat.data.splitting import Split
from ecomcat.errors import UserError

KEY, EXCLUDE = "key", "exclude"
_MARKS = ("x", "yes", "true", "1")
_HEX_DIGITS = re.compile(r"[0-9a-f]{16}")

logger = logging.getLogger("ecomcat")


def leave_out(
    split: Split, digests: Sequence[bytes], labels: Sequence[str], path: Path
) -> tuple[Split, NDArray[np.int64], dict[str, Any]]:
    """Take the rows that are marked in a file out of train and validation, and log it.

    Returns:
        The split; the numbers of the marked texts, those of test included; and what
        `metrics.json` records.

    Raises:
        UserError: When the file cannot be read, or a class would be left without training or
            validation texts.
    """
    numbers = {digest: number for number, digest in enumerate(digests)}
    marks = read_marks(path)
    found = [next((numbers[each] for each in mark if each in numbers), None) for mark in marks]
    rows = np.array(sorted({row for row in found if row is not None}), np.int64)
    left = Split(np.setdiff1d(split.train, rows), np.setdiff1d(split.validation, rows), split.test)
    _require_same_classes(split, left, labels, path)
    description: dict[str, Any] = {"source": str(path), "unknown": found.count(None)}
    description |= {part: len(np.intersect1d(rows, of)) for part, of in vars(split).items()}
    logger.info(
        "Excluded by %(source)s: %(train)d texts of train, %(validation)d of validation; %(test)d "
        "marked texts of test stay in it, and figures without them are given, too.",
        description,
    )
    if description["unknown"]:
        logger.warning(
            "%(unknown)d marked rows of %(source)s are not in this data: the file was written for "
            "other data, or they were left out as repeats, contradictions or rare classes.",
            description,
        )
    return left, rows, description


def _require_same_classes(split: Split, left: Split, labels: Sequence[str], path: Path) -> None:
    for part in ("train", "validation"):
        before, after = ({labels[row] for row in getattr(each, part)} for each in (split, left))
        if lost := sorted(before - after):
            raise UserError(
                f"{path}: expected texts of every class to be left in {part}, found all "
                f"{part} texts of '{lost[0]}' marked. Mark fewer of them, or take the class out of "
                "the file."
            )


def read_marks(path: Path) -> list[tuple[bytes, ...]]:
    """Read which rows a person marked in a CSV as `ecomcat.audit` writes it.

    Returns:
        For each marked row the digests by which it may be found, the likeliest first.

    Raises:
        UserError: When the file cannot be read, lacks a column or has an unknown mark.
    """
    from ecomcat.data.reading import read_table

    frame = read_table(path)
    names = [folded(name) for name in frame.columns]
    if names.count(KEY) != 1 or names.count(EXCLUDE) != 1:
        raise UserError(
            f"{path.name}: expected one column '{KEY}' and one column '{EXCLUDE}' in the first "
            f"row, found {list_names(names)}. Give data.exclude a CSV as python -m ecomcat.audit "
            "writes it, with its rows marked."
        )
    texts = frame.iloc[:, names.index(TEXT)] if TEXT in names else [""] * len(frame)
    columns = frame.iloc[:, names.index(KEY)], frame.iloc[:, names.index(EXCLUDE)], texts
    return [  # rows are counted as a spreadsheet does, from the header
        tuple(_digests(f"{path.name}, row {number}", key.strip(), text))
        for number, (key, mark, text) in enumerate(zip(*columns, strict=True), 2)
        if _is_marked(f"{path.name}, row {number}", mark.strip())
    ]


def _is_marked(place: str, mark: str) -> bool:
    if mark and mark.casefold() not in _MARKS:
        raise UserError(
            f"{place}: expected {', '.join(_MARKS)} or nothing in the column '{EXCLUDE}', found "
            f"{mark[:40]!r}. Mark the rows to be left out with x, and leave the others empty."
        )
    return bool(mark)


def _digests(place: str, key: str, text: str) -> Iterator[bytes]:
    """Yield the digests of a row's key and of its text: a spreadsheet may change a key."""
    is_key, normalized = _HEX_DIGITS.fullmatch(key.casefold()), normalized_key(text)
    if is_key:
        yield bytes.fromhex(key)
    if normalized:
        yield key_digest(normalized)
    if not is_key and not normalized:
        raise UserError(
            f"{place}: expected 16 hexadecimal digits in the column '{KEY}' of a marked row, found "
            f"{key[:40]!r}. Copy the key from the audit's file; a spreadsheet keeps it when it "
            "reads the column as text."
        )
