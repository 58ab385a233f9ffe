"""The data of one run: distinct texts, class numbers, and the split."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.config import DataConfig
from ecomcat.data.clean import CleaningReport, clean_rows
from ecomcat.data.source import load_labelled_rows
from ecomcat.data.split import Split, require_classes, split_rows

logger = logging.getLogger("ecomcat")


@dataclass(frozen=True)
class Dataset:
    """Distinct texts and where each of them stands in the split.

    Args:
        name: a short name, for folders.
        source: what the rows are, in words.
        texts: distinct texts.
        classes: names of the categories, sorted; a label is a position in this list.
        labels: class numbers, shape `(texts,)`.
        digests: 8 bytes a text that stand for its key.
        split: which texts are train, validation and test.
        report: what cleaning dropped.
        text_columns: names or positions of the columns that the texts came from.
        protocol: the split in words.
        licence: of the rows, where it is known.
    """

    name: str
    source: str
    texts: list[str]
    classes: list[str]
    labels: NDArray[np.int64]
    digests: list[bytes]
    split: Split
    report: CleaningReport
    text_columns: tuple[str | int, ...]
    protocol: str
    licence: str | None = None

    @property
    def content_hash(self) -> str:
        """Return a hash of the distinct texts and their labels, whatever the file's order."""
        content = hashlib.sha256()
        for digest, label in zip(self.digests, self.labels, strict=True):
            content.update(digest + self.classes[label].encode("utf-8", "replace") + b"\0")
        return content.hexdigest()

    def describe(self) -> dict[str, Any]:
        """Return what `metrics.json` records under `data`."""
        report = asdict(self.report)
        parts = ("train", "validation", "test")
        return {
            "source": self.source,
            "licence": self.licence,
            "rows": report.pop("rows_read"),
            "distinct_texts": len(self.texts),
            **report,
            "classes": {
                name: int(count)
                for name, count in zip(
                    self.classes, np.bincount(self.labels, minlength=len(self.classes)), strict=True
                )
            },
            "split": {
                "protocol": self.protocol,
                **{part: len(getattr(self.split, part)) for part in parts},
            },
        }


def load_dataset(data: DataConfig, seed: int) -> Dataset:
    """Read, clean and split the rows that the configuration names.

    Args:
        data: which rows, and how they are split.
        seed: of the split.

    Raises:
        UserError: when the rows cannot be had, read or split.
    """
    source = load_labelled_rows(data)
    cleaned = require_classes(clean_rows(source.rows), data.min_class_rows, data.rare_classes)
    split = split_rows(cleaned.labels, data.validation_fraction, data.test_fraction, seed)
    classes = sorted(set(cleaned.labels))
    numbers = {name: number for number, name in enumerate(classes)}
    train_fraction = 1 - data.validation_fraction - data.test_fraction
    dataset = Dataset(
        name=source.name,
        source=source.source,
        texts=cleaned.texts,
        classes=classes,
        labels=np.array([numbers[label] for label in cleaned.labels]),
        digests=cleaned.digests,
        split=split,
        report=cleaned.report,
        text_columns=source.text_columns,
        licence=source.licence,
        protocol=(
            "duplicates removed (NFKC, casefold, letters, marks and digits only) before a "
            f"stratified split, {train_fraction:.0%} train, {data.validation_fraction:.0%} "
            f"validation, {data.test_fraction:.0%} test, seed {seed}"
        ),
    )
    _log_summary(dataset)
    return dataset


def _log_summary(dataset: Dataset) -> None:
    report, split = dataset.report, dataset.split
    logger.info(
        "Cleaned: %d rows read, %d empty texts, %d empty labels, %d duplicates removed, "
        "%d texts with contradicting labels (%d of them dropped).",
        report.rows_read,
        report.empty_texts,
        report.empty_labels,
        report.duplicates_removed,
        report.conflicting_texts,
        report.conflicting_texts_dropped,
    )
    if report.rare_classes_dropped:
        dropped = ", ".join(f"{name} ({n})" for name, n in report.rare_classes_dropped.items())
        logger.warning("Dropped classes with too few texts: %s.", dropped)
    counts = Counter(dataset.classes[label] for label in dataset.labels)
    logger.info(
        "Split: %d distinct texts of %d classes (%s): %d train, %d validation, %d test.",
        len(dataset.texts),
        len(dataset.classes),
        ", ".join(f"{name} {count}" for name, count in counts.most_common(6))
        + (", …" if len(counts) > 6 else ""),
        len(split.train),
        len(split.validation),
        len(split.test),
    )
