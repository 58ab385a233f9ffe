"""Split distinct texts into train, validation and test, each with every class in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ecomcat.data.clean import CleanRows
from ecomcat.errors import UserError


@dataclass(frozen=True)
class Split:
    """Row numbers of each part, sorted; the parts are disjoint and cover every row."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def split_rows(
    labels: Sequence[str], validation_fraction: float, test_fraction: float, seed: int
) -> Split:
    """Draw a stratified split, the same for the same labels and seed.

    Args:
        labels: one per row; each class needs rows enough for all three parts.
        validation_fraction: share of all rows, between 0 and 1.
        test_fraction: share of all rows, between 0 and 1.
        seed: of the drawing.

    Raises:
        UserError: when a part would be left without one of the classes.
    """
    from sklearn.model_selection import train_test_split

    def draw(rows: NDArray[np.int64], fraction: float) -> list[NDArray[np.int64]]:
        part_labels = [labels[row] for row in rows]
        try:
            parts = train_test_split(
                rows, test_size=fraction, stratify=part_labels, random_state=seed
            )
        except ValueError as error:
            raise UserError(_too_few(labels, validation_fraction, test_fraction)) from error
        return [np.sort(part) for part in parts]

    rest, test = draw(np.arange(len(labels)), test_fraction)
    train, validation = draw(rest, validation_fraction / (1 - test_fraction))
    split = Split(train, validation, test)
    for part in (split.train, split.validation, split.test):
        if len({labels[row] for row in part}) < len(set(labels)):
            raise UserError(_too_few(labels, validation_fraction, test_fraction))
    return split


def _too_few(labels: Sequence[str], validation_fraction: float, test_fraction: float) -> str:
    rarest, rows = min(Counter(labels).items(), key=lambda item: item[1])
    return (
        f"Expected rows enough for every class to stand in train, validation and test "
        f"(validation {validation_fraction:g} and test {test_fraction:g} of {len(labels)} rows); "
        f"found {rows} of '{rarest}'. Add rows, raise data.min_class_rows together with "
        "data.rare_classes=drop, or raise the fractions."
    )


def require_classes(rows: CleanRows, min_class_rows: int, rare_classes: str) -> CleanRows:
    """Refuse or drop classes that have too few distinct texts.

    Args:
        rows: cleaned rows.
        min_class_rows: distinct texts that a class needs.
        rare_classes: `"refuse"` or `"drop"`.

    Returns:
        The rows, without the rare classes, which the report then counts.

    Raises:
        UserError: on a rare class under `"refuse"`, or when fewer than two classes are left.
    """
    counts = Counter(rows.labels)
    rare = {label: count for label, count in sorted(counts.items()) if count < min_class_rows}
    if rare and rare_classes == "refuse" and len(counts) > 1:
        found = ", ".join(f"'{label}' ({count})" for label, count in rare.items())
        raise UserError(
            f"Expected at least {min_class_rows} different texts of each class; found {found}. "
            "Add rows, or leave these classes out with data.rare_classes=drop."
        )
    if len(counts) - len(rare) < 2:
        found = ", ".join(f"'{label}' ({count})" for label, count in counts.most_common(5))
        raise UserError(
            f"Expected at least two classes of {min_class_rows} different texts; found "
            f"{found or 'no labelled text'}. Check data.label_column and data.text_column."
        )
    return _without(rows, rare)


def _without(rows: CleanRows, rare: dict[str, int]) -> CleanRows:
    keep = [index for index, label in enumerate(rows.labels) if label not in rare]
    return CleanRows(
        texts=[rows.texts[index] for index in keep],
        labels=[rows.labels[index] for index in keep],
        digests=[rows.digests[index] for index in keep],
        report=replace(rows.report, rare_classes_dropped=rare),
    )
