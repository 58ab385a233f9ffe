"""The rows of an audit: as they stand in the file, and as a search would take them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ecomcat.data.clean import CleaningReport, clean_rows, key_digest, normalized_key


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
    cleaned = clean_rows(rows)
    keyed = [(key, label.strip(), text) for text, label in rows if (key := normalized_key(text))]
    full = [(key_digest(key), label, text) for key, label, text in keyed if label]
    first: dict[bytes, str] = {}
    for digest, _, text in full:
        first.setdefault(digest, text)
    digests = sorted(first)
    text_numbers = {digest: number for number, digest in enumerate(digests)}
    classes = sorted({label for _, label, _ in full})
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
