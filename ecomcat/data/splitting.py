"""Split texts into train, validation and test."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ecomcat.config import DataConfig
from ecomcat.data.cleaning import LABEL, PARTS, CleanRows, named, quoted
from ecomcat.data.given_split import unknown_classes
from ecomcat.data.header import GROUP, SPLIT
from ecomcat.errors import UserError, name_five

Rows = NDArray[np.int64]

# Texts, and texts times classes.
_MAX_SCORED = {"validation": (20_000, 40_000_000), "test": (1_000_000, 400_000_000)}

logger = logging.getLogger("ecomcat")


@dataclass(frozen=True)
class Split:
    """Row numbers of each part, sorted; the parts are disjoint."""

    train: Rows
    validation: Rows
    test: Rows


def sample_rows(rows: int, max_rows: int, random: np.random.Generator) -> Rows:
    """Return row numbers in ascending order: all, or a random sample of `max_rows`."""
    if rows <= max_rows:
        return np.arange(rows)
    return np.sort(random.choice(rows, max_rows, replace=False))


def balanced_sample(
    label_ids: NDArray[np.int64], max_rows: int, random: np.random.Generator
) -> Rows:
    """Return row numbers in ascending order: all, or at most `max_rows`, balanced by class.

    All classes may have the same number of rows, and small classes keep all of theirs.

    >>> label_ids = np.array([0] * 90 + [1] * 10)
    >>> np.bincount(label_ids[balanced_sample(label_ids, 30, np.random.default_rng(1))]).tolist()
    [20, 10]
    """
    if len(label_ids) <= max_rows:
        return np.arange(len(label_ids))
    import pandas as pd

    order = random.permutation(len(label_ids))
    place = pd.Series(order).groupby(label_ids[order]).cumcount().to_numpy()  # within a class
    quota = np.sort(place)[max_rows]
    return np.sort(order[place < quota])


def scored_rows(split: Split, num_classes: int, seed: int) -> Split:
    """Return the split with random samples of validation and test where they are very large.

    This is logged. The probabilities of all classes are held in memory for each of these texts,
    and for validation those of several models.

    >>> large = Split(np.arange(10), np.arange(10, 60_000), np.arange(60_000, 99_000))
    >>> [len(rows) for rows in vars(scored_rows(large, 4_000, seed=1)).values()]
    [10, 10000, 39000]
    """
    scored = {}
    for part, (max_texts, max_numbers) in _MAX_SCORED.items():
        rows, max_rows = getattr(split, part), max(1, min(max_texts, max_numbers // num_classes))
        random = np.random.default_rng([seed, num_classes])
        scored[part] = rows[sample_rows(len(rows), max_rows, random)]
        if len(rows) > max_rows:
            logger.info("Scored in %s: a random sample of %d of %d.", part, max_rows, len(rows))
    return replace(split, **scored)


def drawn_fractions(data: DataConfig, given: Collection[str]) -> dict[str, float]:
    """Return the shares of the parts that are drawn from train, by their names."""
    shares = {"validation": data.validation_fraction, "test": data.test_fraction}
    return {part: share for part, share in shares.items() if share and part not in given}


def draw_split(rows: CleanRows, drawn: Mapping[str, float], seed: int) -> Split:
    """Take the parts that are given as they are, and draw the others from the rest.

    Args:
        rows: Cleaned rows. Texts of one `group`, where there is such a column, stay together.
        drawn: Mapping. Shares of the parts that are drawn, by their names.
        seed: Integer. Seed of the split.

    Raises:
        UserError: When a part that is drawn would be left without one of the classes.
    """
    parts = rows.frame[SPLIT].to_numpy(np.int64, copy=True)
    rest = np.flatnonzero(parts == 0)
    own = rows.frame.iloc[rest]
    validation, test = (drawn.get(part, 0.0) for part in PARTS[1:])
    labels = list(own[LABEL])
    if GROUP in own:
        split = split_groups(labels, own[GROUP].to_numpy(), validation, test, seed)
    else:
        split = split_rows(labels, validation, test, seed)
    for number, part in enumerate((split.validation, split.test), 1):
        parts[rest[part]] = number
    return Split(*(np.flatnonzero(parts == number) for number in range(len(PARTS))))


def split_rows(
    labels: Sequence[str], validation_fraction: float, test_fraction: float, seed: int
) -> Split:
    """Draw a stratified split, the same for the same labels and seed.

    Args:
        labels: Sequence of strings, one per row; each class needs rows for all parts.
        validation_fraction: Float from 0 to 1. Share of all rows; 0 for a part without rows.
        test_fraction: Float from 0 to 1. Share of all rows; 0 for a part without rows.
        seed: Integer. Seed of the split.

    Raises:
        UserError: When a part would be left without one of the classes.

    >>> len(split_rows(["a", "b"] * 50, 0.15, 0.15, seed=1).test)
    15
    """
    from sklearn.model_selection import train_test_split

    every = np.array(labels, object)

    def draw(rows: Rows, fraction: float) -> list[Rows]:
        if fraction == 0:
            return [rows, rows[:0]]
        parts = train_test_split(rows, test_size=fraction, stratify=every[rows], random_state=seed)
        return [np.sort(part) for part in parts]

    try:
        rest, test = draw(np.arange(len(every)), test_fraction)
        train, validation = draw(rest, validation_fraction / (1 - test_fraction))
        if any(len(part) and set(every[part]) < set(labels) for part in (train, validation, test)):
            raise ValueError("A part lacks a class.")
    except ValueError as error:
        rarest, rows = min(Counter(labels).items(), key=lambda item: item[1])
        raise UserError(
            "Expected enough rows for every class to be in train and in each part that is drawn "
            f"(validation {validation_fraction:g} and test {test_fraction:g} of {len(labels)} "
            f"rows); found {rows} of {quoted(rarest)}. Add rows, raise data.min_class_rows "
            "together with data.rare_classes=drop, or raise the fractions."
        ) from error
    return Split(train, validation, test)


def require_classes(rows: CleanRows, min_class_rows: int, *, refuse: bool) -> CleanRows:
    """Refuse or drop classes with too few distinct texts, or with none in train.

    Args:
        rows: Cleaned rows.
        min_class_rows: Integer. Distinct texts that a class needs.
        refuse: Boolean. Whether such a class is an error; else it is dropped.

    Raises:
        UserError: On such a class that is refused, or when fewer than two classes are left.
    """
    if (unknown := unknown_classes(rows)) and refuse:
        raise UserError(
            "Expected texts in train of each class of validation and test; found none of "
            f"{named(unknown)}. Add rows of these classes to train, or leave them out with "
            "data.rare_classes=drop."
        )
    sizes = rows.class_sizes(of_train=rows.only_train_counts)
    where = " in train" if rows.only_train_counts else ""
    rare = {name: size for name, size in sizes.items() if size < min_class_rows}
    if len(sizes.keys() - rare.keys() - unknown.keys()) < 2:
        largest = dict(sorted(sizes.items(), key=lambda item: -item[1]))
        raise UserError(
            f"Expected at least two classes of {min_class_rows} different texts{where}; found "
            f"{named(largest) if largest else 'no labelled text'}.{_cause(rows, sizes)} Check "
            "data.label_column and data.text_column."
        )
    if rare and refuse:
        raise UserError(
            f"Expected at least {min_class_rows} different texts of each class{where}; found "
            f"{named(rare)}.{_cause(rows, rare)} Add rows, or leave these classes out with "
            "data.rare_classes=drop, or, where labels are paths, merge them into the classes "
            "above with data.rare_classes=parent."
        )
    return _without(rows, [*unknown, *rare])


def _without(rows: CleanRows, classes: Sequence[str]) -> CleanRows:
    left = rows.frame[~rows.frame[LABEL].isin(classes)].reset_index(drop=True)
    texts = rows.class_sizes()
    dropped = {name: texts[name] for name in classes} | rows.report.rare_classes_dropped
    return replace(rows, frame=left, report=replace(rows.report, rare_classes_dropped=dropped))


def _cause(rows: CleanRows, sizes: dict[str, int]) -> str:
    """Explain why classes are small, as far as possible."""
    report, causes = rows.report, []
    if emptied := sorted(sizes.keys() - set(rows.labels)):
        read = named({name: rows.classes_read[name] for name in emptied})
        causes.append(f"Rows were read of {read}, but none has a text with words of its own.")
    if report.conflicting_texts_dropped:
        causes.append(
            f"{report.conflicting_texts_dropped} texts were left out because they have several "
            f"labels; {report.conflicts_of_symbols} differ only in symbols, such as emoji, which "
            "are not read."
        )
    if len(rows.classes_read) > max(10, len(rows.frame) / 2):
        causes.append(
            f"There are {len(rows.classes_read)} labels of {len(rows.frame)} texts: the column "
            "of labels may hold numbers of rows."
        )
    return "".join(f" {cause}" for cause in causes)


def split_groups(
    labels: Sequence[str], groups: Rows, validation_fraction: float, test_fraction: float, seed: int
) -> Split:
    """Draw a stratified split of whole groups, the same for the same arguments.

    The groups are shuffled, then placed one after the other, the large ones first: each goes to
    the part with room for it that lacks the largest share of its classes. Unlike
    scikit-learn's `StratifiedGroupKFold`, each part has every class.

    Args:
        labels: Sequence of strings, one per row.
        groups: Array of integers, the group of each row; a class needs at least one per part.
        validation_fraction: Float from 0 to 1. Share of all rows; 0 for a part without rows.
        test_fraction: Float from 0 to 1. Share of all rows; 0 for a part without rows.
        seed: Integer. Seed of the shuffling.

    Raises:
        UserError: When a part would be left without one of the classes.
    """
    names, label_ids = np.unique(np.array(labels, object), return_inverse=True)
    shares = np.array([1 - validation_fraction - test_fraction, validation_fraction, test_fraction])
    drawn = np.flatnonzero(shares)
    order = np.argsort(groups, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    classes = [np.unique(label_ids[rows], return_counts=True) for rows in members]
    placement = _Placement(shares[drawn], np.bincount(label_ids), classes)
    random = np.random.default_rng(seed)
    shuffled = random.permutation(len(members))
    sizes = np.array([len(rows) for rows in members])
    part_of = np.empty(len(labels), np.int64)
    for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        part_of[members[group]] = drawn[placement.place(classes[group], random)]
    for absent in np.flatnonzero((placement.groups == 0).any(axis=0))[:1]:
        found = len(np.unique(groups[label_ids == absent]))
        raise UserError(
            f"Expected every class in {name_five(PARTS[part] for part in drawn)} with groups "
            f"together; found {(label_ids == absent).sum()} texts of {quoted(names[absent])} in "
            f"{found} {'group' if found == 1 else 'groups'}. Add texts, raise data.min_class_rows "
            "together with data.rare_classes=drop, or keep fewer together (data.group_column, "
            "data.group_near_duplicates, data.near_duplicate_similarity)."
        )
    return Split(*(np.flatnonzero(part_of == part) for part in range(len(PARTS))))


class _Placement:
    """What each part still needs of each class, and what it has."""

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
        """Return which parts may take a group: those that need a class whose groups run out."""
        absent = self.groups[:, present] == 0
        urgent = self._left[present] <= absent.sum(axis=0)
        needing = (absent & urgent).any(axis=1)
        return needing if needing.any() else np.ones(len(self._fractions), bool)
