"""Rows that repeat another, and texts that stand under several labels."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from ecomcat.auditing.rows import AuditRows
from ecomcat.auditing.shown import shortened

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
