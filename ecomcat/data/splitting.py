"""Split texts into train, validation and test, and leave out what a person marked."""

from __future__ import annotations

import hashlib
import logging
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.data.cleaning import LABEL, CleanRows, key_digest, named, normalized_key, quoted
from ecomcat.data.header import folded
from ecomcat.errors import UserError

Rows = NDArray[np.int64]
_PARTS = 3
MARKS = ("x", "yes", "true", "1")
KEY, EXCLUDE, TEXT = "key", "exclude", "text"
_HEX_DIGITS = re.compile(r"[0-9a-f]{16}")

logger = logging.getLogger("ecomcat")


@dataclass(frozen=True)
class Split:
    """Row numbers of each part, sorted; the parts are disjoint."""

    train: Rows
    validation: Rows
    test: Rows


def split_rows(
    labels: Sequence[str], validation_fraction: float, test_fraction: float, seed: int
) -> Split:
    """Draw a stratified split, the same for the same labels and seed.

    Args:
        labels: Sequence of strings, one per row; each class needs rows for all three parts.
        validation_fraction: Float between 0 and 1. Share of all rows.
        test_fraction: Float between 0 and 1. Share of all rows.
        seed: Integer. Seed of the split.

    Raises:
        UserError: When a part would be left without one of the classes.

    >>> len(split_rows(["a", "b"] * 50, 0.15, 0.15, seed=1).test)
    15
    """
    from sklearn.model_selection import train_test_split

    every = np.array(labels, object)

    def draw(rows: Rows, fraction: float) -> list[Rows]:
        parts = train_test_split(rows, test_size=fraction, stratify=every[rows], random_state=seed)
        return [np.sort(part) for part in parts]

    try:
        rest, test = draw(np.arange(len(every)), test_fraction)
        train, validation = draw(rest, validation_fraction / (1 - test_fraction))
    except ValueError as error:
        raise UserError(_too_few(labels, validation_fraction, test_fraction)) from error
    if any(set(every[part]) < set(labels) for part in (train, validation, test)):
        raise UserError(_too_few(labels, validation_fraction, test_fraction))
    return Split(train, validation, test)


def _too_few(labels: Sequence[str], validation_fraction: float, test_fraction: float) -> str:
    rarest, rows = min(Counter(labels).items(), key=lambda item: item[1])
    return (
        f"Expected rows enough for every class to stand in train, validation and test "
        f"(validation {validation_fraction:g} and test {test_fraction:g} of {len(labels)} rows); "
        f"found {rows} of {quoted(rarest)}. Add rows, raise data.min_class_rows together with "
        "data.rare_classes=drop, or raise the fractions."
    )


def require_classes(rows: CleanRows, min_class_rows: int, rare_classes: str) -> CleanRows:
    """Refuse or drop classes that have too few distinct texts, those with none included.

    Args:
        rows: Cleaned rows.
        min_class_rows: Integer. Distinct texts that a class needs.
        rare_classes: String. `"refuse"` or `"drop"`.

    Raises:
        UserError: On a rare class under `"refuse"`, or when fewer than two classes are left.
    """
    sizes = rows.class_sizes()
    rare = {name: size for name, size in sizes.items() if size < min_class_rows}
    if len(sizes) - len(rare) < 2:
        largest = dict(sorted(sizes.items(), key=lambda item: -item[1]))
        raise UserError(
            f"Expected at least two classes of {min_class_rows} different texts; found "
            f"{named(largest) if largest else 'no labelled text'}.{_cause(rows, sizes)} Check "
            "data.label_column and data.text_column."
        )
    if rare and rare_classes == "refuse":
        raise UserError(
            f"Expected at least {min_class_rows} different texts of each class; found "
            f"{named(rare)}.{_cause(rows, rare)} Add rows, or leave these classes out with "
            "data.rare_classes=drop."
        )
    left = rows.frame[~rows.frame[LABEL].isin(list(rare))].reset_index(drop=True)
    return replace(rows, frame=left, report=replace(rows.report, rare_classes_dropped=rare))


def _cause(rows: CleanRows, sizes: dict[str, int]) -> str:
    """Say why classes are small, as far as it can be seen."""
    report, causes = rows.report, []
    if emptied := [name for name, size in sizes.items() if not size]:
        read = named({name: rows.classes_read[name] for name in emptied})
        causes.append(f"Rows were read of {read}, but none has a text with words of its own.")
    if report.conflicting_texts_dropped:
        causes.append(
            f"{report.conflicting_texts_dropped} texts were left out because they stand under "
            f"several labels; {report.conflicts_of_symbols} differ in symbols alone, such as "
            "emoji, which are not read."
        )
    if len(rows.classes_read) > max(10, len(rows.frame) / 2):
        causes.append(
            f"There are {len(rows.classes_read)} labels of {len(rows.frame)} texts: the column "
            "of labels may hold numbers of rows."
        )
    return "".join(f" {cause}" for cause in causes)


def split_groups(
    labels: Sequence[str],
    groups: Rows,
    validation_fraction: float,
    test_fraction: float,
    seed: int,
) -> Split:
    """Draw a stratified split of whole groups, the same for the same arguments.

    The groups are shuffled, then placed one after the other, the large ones first: each goes to
    the part that lacks the largest share of its classes, of those that have room for it. Unlike
    scikit-learn's `StratifiedGroupKFold`, each part has every class.

    Args:
        labels: Sequence of strings, one per row.
        groups: Array of integers, the group of each row; a class needs three at least.
        validation_fraction: Float between 0 and 1. Share of all rows.
        test_fraction: Float between 0 and 1. Share of all rows.
        seed: Integer. Seed of the shuffling.

    Raises:
        UserError: When a part would be left without one of the classes.
    """
    names, label_ids = np.unique(np.array(labels, object), return_inverse=True)
    fractions = np.array(
        [1 - validation_fraction - test_fraction, validation_fraction, test_fraction]
    )
    order = np.argsort(groups, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    classes = [np.unique(label_ids[rows], return_counts=True) for rows in members]
    placement = _Placement(fractions, np.bincount(label_ids), classes)
    random = np.random.default_rng(seed)
    shuffled = random.permutation(len(members))
    sizes = np.array([len(rows) for rows in members])
    part_of = np.empty(len(labels), np.int64)
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        part_of[members[group]] = placement.place(classes[group], random)
    for absent in np.flatnonzero((placement.groups == 0).any(axis=0))[:1]:
        found = len(np.unique(groups[label_ids == absent]))
        raise UserError(
            "Expected every class in train, validation and test with near-duplicates "
            f"together; found {(label_ids == absent).sum()} texts of {quoted(names[absent])} in "
            f"{found} {'group' if found == 1 else 'groups'}. Add texts, raise data.min_class_rows "
            "together with data.rare_classes=drop, raise data.near_duplicate_similarity, or split "
            "with data.group_near_duplicates=false."
        )
    return Split(*(np.flatnonzero(part_of == part) for part in range(_PARTS)))


class _Placement:
    """What each part wants of each class, and has."""

    def __init__(
        self, fractions: NDArray[np.float64], totals: Rows, classes: Sequence[tuple[Rows, Rows]]
    ) -> None:
        self._fractions = fractions
        self._wanted = np.outer(fractions, totals)
        self._lacking = self._wanted.copy()
        self.groups = np.zeros(self._wanted.shape, np.int64)  # groups of a class in a part
        self._left = np.zeros(len(totals), np.int64)  # groups of a class that wait
        for present, _ in classes:
            self._left[present] += 1

    def place(self, group: tuple[Rows, Rows], random: np.random.Generator) -> int:
        """Choose a part for a group of some classes with so many rows of each."""
        present, counts = group
        lacking, wanted = self._lacking[:, present], self._wanted[:, present]
        allowed = self._needed(present)
        fits = allowed & (lacking + 1 > counts).all(axis=1)
        if fits.any():
            score = (lacking / wanted) @ counts
        else:
            fits, score = allowed, ((lacking - counts) / wanted) @ counts
        best = np.flatnonzero(fits & np.isclose(score, score[fits].max(), rtol=1e-9, atol=1e-9))
        share = self._fractions[best]
        # Between equals chance decides, for the larger part more often.
        part = int(best[0] if len(best) == 1 else random.choice(best, p=share / share.sum()))
        self._lacking[part, present] -= counts
        self.groups[part, present] += 1
        self._left[present] -= 1
        return part

    def _needed(self, present: Rows) -> NDArray[np.bool_]:
        """Return which parts may take a group: those without a class whose groups run out."""
        absent = self.groups[:, present] == 0
        urgent = self._left[present] <= absent.sum(axis=0)
        needing = (absent & urgent).any(axis=1)
        return needing if needing.any() else np.ones(_PARTS, bool)


@dataclass(frozen=True)
class Exclusion:
    """What the marks of a file meant for a data set."""

    rows: NDArray[np.int64]  # the texts that were marked, those of test included
    identity: str  # a hash of the marks that are known, to tell studies apart
    description: dict[str, Any]  # what `metrics.json` records


def read_marks(path: Path) -> list[tuple[bytes, ...]]:
    """Read which rows a person marked in a CSV as `ecomcat.audit` writes it.

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
    description: dict[str, Any] = {
        "source": str(path),
        "unknown": found.count(None),
        "train": len(split.train) - len(left.train),
        "validation": len(split.validation) - len(left.validation),
        "test": len(np.intersect1d(rows, split.test)),
    }
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
    identity = hashlib.sha256(b"".join(digests[row] for row in rows)).hexdigest()[:16]
    return left, Exclusion(rows, identity, description)
