"""The data of one run: distinct texts, class numbers, and the split."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.config import DataConfig
from ecomcat.data.cleaning import CleaningReport, CleanRows, clean_rows
from ecomcat.data.near_duplicates import find_near_duplicates
from ecomcat.data.sources import load_labelled_rows
from ecomcat.data.splitting import (
    Exclusion,
    Split,
    leave_out,
    log_exclusion,
    require_classes,
    split_groups,
    split_rows,
)
from ecomcat.errors import UserError
from ecomcat.files import expanded
from ecomcat.options import validate
from ecomcat.rows.formats import ending_problems

logger = logging.getLogger("ecomcat")


def check_data(data: DataConfig) -> None:
    """Check the data configuration alone.

    Raises:
        UserError: naming each value that is wrong, a line each.
    """
    validate(data, file_problems(data), prefix="data.")


def refuse_split_keys(data: DataConfig, command: str, *, compares: bool = False) -> None:
    """Refuse keys that change a split, where a command draws none.

    Args:
        data: its configuration.
        command: its name.
        compares: whether it looks for near-duplicates all the same.

    Raises:
        UserError: naming the keys that would do nothing.
    """
    other = data.near_duplicate_similarity != DataConfig.near_duplicate_similarity
    keys = {
        "data.exclude": data.exclude,
        "data.group_near_duplicates": data.group_near_duplicates,
        "data.near_duplicate_similarity": other and not compares,
    }
    if given := [key for key, value in keys.items() if value]:
        raise UserError(
            f"Expected {' and '.join(given)} in ecomcat.search or ecomcat.train, which split rows, "
            f"found {'it' if len(given) == 1 else 'them'} in ecomcat.{command}. Leave "
            f"{'it' if len(given) == 1 else 'them'} out."
        )


def file_problems(data: DataConfig) -> Iterator[str]:
    """Yield what is wrong with the file that a data configuration names."""
    if data.path:
        yield from path_problems("data.path", data.path)


def path_problems(key: str, path: str) -> Iterator[str]:
    """Yield what is wrong with the name of a labelled file.

    Args:
        key: that names it.
        path: the file.
    """
    known = "give it the ending of what it is"
    yield from ending_problems(key, path, lines="give it the ending .jsonl", other=known)


def idle_similarity(data: DataConfig) -> Iterator[str]:
    """Yield what is wrong with a similarity that nothing would ask for."""
    default = DataConfig.near_duplicate_similarity
    if data.near_duplicate_similarity != default and not data.group_near_duplicates:
        yield (
            "data.near_duplicate_similarity: expected data.group_near_duplicates=true with it, "
            "found false, so that it would do nothing. Add the one or leave the other out."
        )


_BINS = 40
_SHARES = (0.05, 0.5, 0.95, 0.99)


def describe_lengths(
    texts: Sequence[str], tokens: NDArray[np.int64], max_tokens: int
) -> dict[str, Any]:
    """Return the distribution of texts' lengths.

    Args:
        texts: distinct texts, at least one.
        tokens: of each text, at most `max_tokens`, shape `(texts,)`.
        max_tokens: that any model of the search reads of a text.

    Returns:
        `characters` with `edges` and `counts` of a histogram over logarithmic bins and its
        `quantiles` by share; `mean_tokens`; `cut`, the share of texts of `max_tokens` or more.
    """
    characters = np.array([len(text) for text in texts], np.int64)
    longest = max(int(characters.max()), 2)
    edges = np.unique(np.geomspace(1, longest + 1, _BINS + 1).round().astype(np.int64))
    counts, _ = np.histogram(characters, edges)
    return {
        "characters": {
            "edges": edges.tolist(),
            "counts": counts.tolist(),
            "quantiles": {
                f"{share:g}": int(np.quantile(characters, share, method="nearest"))
                for share in _SHARES
            },
            "shortest": int(characters.min()),
            "longest": int(characters.max()),
        },
        "mean_tokens": round(float(tokens.mean()), 1),
        "max_tokens": max_tokens,
        "cut": round(float((tokens >= max_tokens).mean()), 4),
    }


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
        split: which texts are train, validation and test; what a file excludes is in neither of
            the first two.
        report: what cleaning dropped.
        text_columns: names or positions of the columns that the texts came from.
        protocol: the split in words.
        licence: of the rows, where it is known.
        groups: of near-duplicates, a number a text, where the split keeps them together.
        exclusion: what was left out of train and validation, where a file says so.
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
    groups: NDArray[np.int64] | None = None
    exclusion: Exclusion | None = None

    @property
    def excluded(self) -> NDArray[np.int64]:
        """Return the numbers of the texts that a file marks, those of the test set included."""
        return np.empty(0, np.int64) if self.exclusion is None else self.exclusion.rows

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
        excluded = {} if self.exclusion is None else {"excluded": self.exclusion.describe()}
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
                **_describe_groups(self.groups),
            },
            **excluded,
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
    split, groups = _split(data, cleaned, seed)
    exclusion = None
    if data.exclude:
        path = expanded(data.exclude)
        split, exclusion = leave_out(split, cleaned.digests, cleaned.labels, path)
    classes = sorted(set(cleaned.labels))
    numbers = {name: number for number, name in enumerate(classes)}
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
        protocol=_protocol(data, seed),
        groups=groups,
        exclusion=exclusion,
    )
    _log_summary(dataset)
    return dataset


def _split(data: DataConfig, rows: CleanRows, seed: int) -> tuple[Split, NDArray[np.int64] | None]:
    """Draw the split, and return the groups of near-duplicates where it keeps them together."""
    fractions = data.validation_fraction, data.test_fraction
    if not data.group_near_duplicates:
        return split_rows(rows.labels, *fractions, seed), None
    logger.info("Looking for near-duplicates among %d texts.", len(rows.texts))
    groups = find_near_duplicates(rows.texts, data.near_duplicate_similarity).groups
    return split_groups(rows.labels, groups, *fractions, seed), groups


def _protocol(data: DataConfig, seed: int) -> str:
    """Say in words how the rows were split."""
    train_fraction = 1 - data.validation_fraction - data.test_fraction
    together = ""
    if data.group_near_duplicates:
        together = (
            "groups of near-duplicates (Jaccard similarity of word triples from "
            f"{data.near_duplicate_similarity:g}) kept on one side, "
        )
    return (
        "duplicates removed (NFKC, casefold, letters, marks and digits only) before a "
        f"stratified split, {together}{train_fraction:.0%} train, {data.validation_fraction:.0%} "
        f"validation, {data.test_fraction:.0%} test, seed {seed}"
    )


def _describe_groups(groups: NDArray[np.int64] | None) -> dict[str, int]:
    if groups is None:
        return {}
    sizes = np.bincount(groups)
    near = sizes[sizes > 1]
    return {"near_duplicate_groups": len(near), "near_duplicate_texts": int(near.sum())}


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
    if dataset.groups is not None:
        found = _describe_groups(dataset.groups)
        logger.info(
            "Near-duplicates kept on one side of the split: %d texts in %d groups.",
            found["near_duplicate_texts"],
            found["near_duplicate_groups"],
        )
    if dataset.exclusion is not None:
        log_exclusion(dataset.exclusion)
