"""Classes with too few texts: refused, left out, or merged into those above them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from ecomcat.config import DataConfig
from ecomcat.data.cleaning import LABEL, CleanRows
from ecomcat.data.splitting import require_classes
from ecomcat.errors import UserError


def with_enough_texts(rows: CleanRows, data: DataConfig, separator: str | None) -> CleanRows:
    """Return the rows of classes that have enough texts, as the configuration says.

    Raises:
        UserError: When others are to be refused, or cannot be merged, or too few are left.
    """
    if data.rare_classes == "parent":
        rows = merge_rare_classes(rows, data.min_class_rows, separator)
    return require_classes(rows, data.min_class_rows, refuse=data.rare_classes == "refuse")


def merge_rare_classes(rows: CleanRows, min_class_rows: int, separator: str | None) -> CleanRows:
    """Merge classes that have too few texts, or none in train, into those above, deepest first.

    Classes are merged into a class before it is checked itself. Classes that are too small even
    at the first level stay as they are, so that they can be named.

    Args:
        rows: Cleaned rows.
        min_class_rows: Integer. Distinct texts that a class needs.
        separator: String between the levels of a label; None where they are no paths.

    Raises:
        UserError: The labels are no paths.

    >>> from ecomcat.data.cleaning import clean_rows, labelled_frame
    >>> rows = clean_rows(labelled_frame(["a ball", "a car"], ["Toys > Balls", "Toys > Cars"]))
    >>> merge_rare_classes(rows, 2, " > ").class_sizes()
    {'Toys': 2}
    """
    if separator is None:
        raise UserError(
            "data.rare_classes=parent: expected labels that are paths, found none with a separator "
            "between levels. Give data.label_separator, or use data.rare_classes=drop."
        )
    names = _merged_names(rows, min_class_rows, separator)
    read: Counter[str] = Counter()
    for name, count in rows.classes_read.items():
        read[names[name]] += count
    counts = {name: size for name, size in rows.class_sizes().items() if names[name] != name}
    report = replace(rows.report, rare_classes_merged={**counts, **rows.report.rare_classes_merged})
    frame, usable = (
        each.assign(**{LABEL: each[LABEL].map(names.__getitem__)})
        for each in (rows.frame, rows.usable)
    )
    return replace(rows, frame=frame, usable=usable, report=report, classes_read=dict(read))


def _merged_names(rows: CleanRows, min_class_rows: int, separator: str) -> dict[str, str]:
    """Return for each class that was read the class that it becomes."""
    sizes = Counter(rows.class_sizes(of_train=rows.only_train_counts))
    trained = Counter(rows.class_sizes(of_train=True))

    def is_rare(name: str) -> bool:
        return sizes[name] < min_class_rows or not trained[name]

    merged: dict[str, str] = {}
    for depth in range(max(name.count(separator) for name in sizes), 0, -1):
        for name in [each for each in sizes if each.count(separator) == depth and is_rare(each)]:
            parent = merged[name] = name.rpartition(separator)[0]
            for counted in (sizes, trained):
                counted[parent] += counted.pop(name, 0)
    targets = {name: _target(name, merged) for name in rows.classes_read}
    return {name: name if is_rare(into) else into for name, into in targets.items()}


def _target(name: str, merged: dict[str, str]) -> str:
    while name in merged:
        name = merged[name]
    return name
