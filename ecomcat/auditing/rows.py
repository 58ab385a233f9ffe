"""The rows of a file as an audit sees them: repeats, contradictions and the sizes of categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.data.cleaning import (
    DIGEST,
    LABEL,
    TEXT,
    CleanRows,
    clean_label,
    clean_rows,
    key_digest,
    look_alikes,
    normalized_key,
)

if TYPE_CHECKING:
    import pandas as pd

NUMBER = "number"  # of a distinct text, in the frame of all rows
_EXAMPLES = 20


def shortened(text: str, max_characters: int = 200) -> str:
    """Return a text on one line, cut after so many characters.

    >>> shortened("a long   text", 7)
    'a long…'
    """
    line = " ".join(text[: 4 * max_characters].split())
    return line if len(line) <= max_characters else f"{line[: max_characters - 1]}…"


@dataclass(frozen=True)
class AuditRows:
    """The rows of a file.

    Args:
        rows: DataFrame of all rows with text and label, in the file's order: `text`, `label`,
            and `number`, that of its distinct text.
        texts: List of the distinct texts, ordered by their digests, in the spelling that came
            first.
        digests: List of 8 bytes for each text, which stand for its key.
        class_names: List of all class names, sorted.
        label_ids: Integer array `(texts,)`, the class that most rows of a text have; -1 on a tie.
        cleaned: What a search would take of the rows.
    """

    rows: pd.DataFrame
    texts: list[str]
    digests: list[bytes]
    class_names: list[str]
    label_ids: NDArray[np.int64]
    cleaned: CleanRows

    @property
    def usable(self) -> NDArray[np.int64]:
        """Numbers of the texts that have one label: those that a search would take."""
        return np.flatnonzero(self.label_ids >= 0)

    def class_of(self, text: int) -> str:
        """Return the class name of a text."""
        number = self.label_ids[text]
        return self.class_names[number] if number >= 0 else "(contradicting)"


def read_rows(frame: pd.DataFrame) -> AuditRows:
    """Number the distinct texts and the classes of a file."""
    import pandas as pd

    cleaned = clean_rows(frame)
    keys = frame[TEXT].map(normalized_key)
    rows = frame[[TEXT]].assign(**{LABEL: frame[LABEL].map(clean_label), DIGEST: keys})
    rows = rows[(keys != "") & (rows[LABEL] != "")].reset_index(drop=True)
    rows[DIGEST] = rows[DIGEST].map(key_digest)
    firsts = rows.drop_duplicates(DIGEST).sort_values(DIGEST)
    index, class_names = pd.Index(firsts[DIGEST]), pd.Index(sorted(cleaned.classes_read))
    label_ids = np.full(len(firsts), -1, np.int64)
    label_ids[index.get_indexer(pd.Index(cleaned.digests))] = class_names.get_indexer(
        pd.Index(cleaned.labels)
    )
    numbered = rows[[TEXT, LABEL]].assign(**{NUMBER: index.get_indexer(pd.Index(rows[DIGEST]))})
    texts = list(firsts[TEXT])
    return AuditRows(numbered, texts, list(index), list(class_names), label_ids, cleaned)


def balance(rows: AuditRows, min_class_rows: int) -> dict[str, Any]:
    """Count the rows and distinct texts of each class, and name classes that look alike."""
    sizes = rows.cleaned.class_sizes()
    ranked = dict(sorted(sizes.items(), key=lambda item: -item[1]))
    read, least, total = rows.cleaned.classes_read, min(sizes.values()), sum(sizes.values())
    return {
        "classes": {name: {"rows": read[name], "texts": texts} for name, texts in ranked.items()},
        "min_class_rows": min_class_rows,
        "rare": {name: texts for name, texts in ranked.items() if texts < min_class_rows},
        "look_alikes": look_alikes(sizes),
        "largest_to_smallest": max(sizes.values()) / least if least else None,
        "largest_share": max(sizes.values()) / total if total else None,
    }


def repeats(rows: AuditRows) -> dict[str, Any]:
    """Count repeats, empty rows and contradictions, and give examples."""
    report = rows.cleaned.report
    times = rows.rows[NUMBER].value_counts()
    several = times[times > 1].sort_index().sort_values(ascending=False, kind="stable")
    ranked = several.head(_EXAMPLES)
    return {
        "rows": report.rows_read,
        "empty_texts": report.empty_texts,
        "empty_labels": report.empty_labels,
        "distinct_texts": len(rows.texts),
        "repeats": report.duplicates_removed,
        "exact_repeats": int(rows.rows.duplicated([TEXT, LABEL]).sum()),
        "repeated_texts": len(several),
        "conflicting_texts": report.conflicting_texts,
        "conflicting_texts_dropped": report.conflicting_texts_dropped,
        "conflicts_of_symbols": report.conflicts_of_symbols,
        "most_repeated": [
            {"times": count, "text": shortened(rows.texts[text])}
            for text, count in zip(ranked.index.to_list(), ranked.to_list(), strict=True)
        ],
        "conflicts": _conflicts(rows),
    }


def _conflicts(rows: AuditRows) -> list[dict[str, Any]]:
    """Return the texts of several labels, the most evenly contradicting first."""
    votes = rows.rows.groupby(NUMBER)[LABEL].value_counts()
    several = votes[votes.groupby(level=0).transform("size") > 1]
    numbers = several.index.get_level_values(0).unique()
    found = [(int(number), several[number]) for number in numbers]
    found.sort(key=lambda item: item[1].iloc[0] - item[1].iloc[1])
    return [
        {
            "labels": counts.to_dict(),
            "text": shortened(rows.texts[text]),
        }
        for text, counts in found[:_EXAMPLES]
    ]
