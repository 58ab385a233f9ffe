"""Rows that repeat another, and texts that stand under several labels."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.data.cleaning import (
    CleaningReport,
    clean_label,
    clean_rows,
    key_digest,
    labelled_frame,
    normalized_key,
)

logger = logging.getLogger("ecomcat")

EXAMPLE_CHARACTERS = 200


def shortened(text: str, most: int = EXAMPLE_CHARACTERS) -> str:
    """Return a text on one line, cut after `most` characters."""
    line = " ".join(text[: 4 * most].split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def around(text: str, start: int, end: int, before: int = 60, after: int = 120) -> str:
    """Return a piece of a text on one line, with what stands around it."""
    first, last = max(0, start - before), min(len(text), end + after)
    piece = " ".join(text[first:last].split())
    return f"{'…' if first else ''}{piece}{'…' if last < len(text) else ''}"


@dataclass(frozen=True)
class AuditRows:
    """A file's rows.

    Args:
        texts: distinct texts, ordered by their digests; of each the spelling that came first.
        digests: 8 bytes a text that stand for its key.
        classes: names of the categories, sorted.
        labels: the class number that most rows of a text have, shape `(texts,)`; -1 on a tie.
        row_texts: of each row with text and label, in the file's order, its text's number.
        row_labels: the same of its class.
        exact_repeats: rows that repeat an earlier one letter by letter, in text and label.
        report: what cleaning for a search counts.
    """

    texts: list[str]
    digests: list[bytes]
    classes: list[str]
    labels: NDArray[np.int64]
    row_texts: NDArray[np.int64]
    row_labels: NDArray[np.int64]
    exact_repeats: int
    report: CleaningReport

    @property
    def usable(self) -> NDArray[np.int64]:
        """Return the numbers of the texts that have one label: those a search would take."""
        return np.flatnonzero(self.labels >= 0)

    def class_of(self, text: int) -> str:
        """Return the name of a text's class, and what there is instead of one on a tie."""
        return self.classes[self.labels[text]] if self.labels[text] >= 0 else "(contradicting)"


def audit_rows(rows: Sequence[tuple[str, str]]) -> AuditRows:
    """Number the texts and classes of a file.

    Args:
        rows: pairs of text and label, as the file has them.
    """
    texts, named = [text for text, _ in rows], [label for _, label in rows]
    cleaned = clean_rows(labelled_frame(texts, named))
    for warning in cleaned.warnings():
        logger.warning(warning)
    keyed = [
        (key, clean_label(label), text) for text, label in rows if (key := normalized_key(text))
    ]
    full = [(key_digest(key), label, text) for key, label, text in keyed if label]
    first: dict[bytes, str] = {}
    for digest, _, text in full:
        first.setdefault(digest, text)
    digests = sorted(first)
    text_numbers = {digest: number for number, digest in enumerate(digests)}
    # Those included of which no row has a text.
    classes = sorted(cleaned.classes_read)
    class_numbers = {label: number for number, label in enumerate(classes)}
    labels = np.full(len(digests), -1, np.int64)
    for digest, label in zip(cleaned.digests, cleaned.labels, strict=True):
        labels[text_numbers[digest]] = class_numbers[label]
    same = Counter((text, label) for _, label, text in full)
    return AuditRows(
        texts=[first[digest] for digest in digests],
        digests=digests,
        classes=classes,
        labels=labels,
        row_texts=np.array([text_numbers[digest] for digest, _, _ in full], np.int64),
        row_labels=np.array([class_numbers[label] for _, label, _ in full], np.int64),
        exact_repeats=same.total() - len(same),
        report=cleaned.report,
    )


def balance(rows: AuditRows, min_class_rows: int) -> dict[str, Any]:
    """Count rows and distinct texts of each class.

    Args:
        rows: of the file.
        min_class_rows: distinct texts that a search asks of a class.
    """
    count = len(rows.classes)
    texts = np.bincount(rows.labels[rows.usable], minlength=count)
    read = np.bincount(rows.row_labels, minlength=count)
    order = np.argsort(-texts, kind="stable")
    classes = {rows.classes[n]: {"rows": int(read[n]), "texts": int(texts[n])} for n in order}
    return {
        "classes": classes,
        "min_class_rows": min_class_rows,
        "rare": {rows.classes[n]: int(texts[n]) for n in order if texts[n] < min_class_rows},
        "largest_to_smallest": (
            float(texts.max() / texts.min()) if count and texts.min() > 0 else None
        ),
        "largest_share": float(texts.max() / texts.sum()) if texts.sum() else None,
    }


_EXAMPLES = 20


def repeats(rows: AuditRows) -> dict[str, Any]:
    """Count repeats, empty rows and contradictions.

    Args:
        rows: of the file.

    Returns:
        Counts, the texts that are repeated most, and those under the most contradicting labels.
    """
    report = rows.report
    times = np.bincount(rows.row_texts, minlength=len(rows.texts))
    most = np.argsort(-times, kind="stable")[:_EXAMPLES]
    return {
        "rows": report.rows_read,
        "empty_texts": report.empty_texts,
        "empty_labels": report.empty_labels,
        "distinct_texts": len(rows.texts),
        "repeats": report.duplicates_removed,
        "exact_repeats": rows.exact_repeats,
        "repeated_texts": int((times > 1).sum()),
        "conflicting_texts": report.conflicting_texts,
        "conflicting_texts_dropped": report.conflicting_texts_dropped,
        "most_repeated": [
            {"times": int(times[text]), "text": shortened(rows.texts[text])}
            for text in most
            if times[text] > 1
        ],
        "conflicts": _conflicts(rows),
    }


def _conflicts(rows: AuditRows) -> list[dict[str, Any]]:
    """Return the texts of several labels, the most evenly contradicting first."""
    votes: dict[int, Counter[str]] = {}
    for text, label in zip(rows.row_texts.tolist(), rows.row_labels.tolist(), strict=True):
        votes.setdefault(text, Counter())[rows.classes[label]] += 1
    several = [(text, counts) for text, counts in votes.items() if len(counts) > 1]

    def evenness(item: tuple[int, Counter[str]]) -> tuple[int, int]:
        (_, first), (_, second) = item[1].most_common(2)
        return first - second, item[0]

    return [
        {"labels": dict(counts.most_common()), "text": shortened(rows.texts[text])}
        for text, counts in sorted(several, key=evenness)[:_EXAMPLES]
    ]
