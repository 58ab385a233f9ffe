"""The rows of a file as an audit sees them: repeats, near-duplicates, sizes of categories."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ecomcat.data.cleaning import DIGEST, LABEL, TEXT, CleanRows, clean_rows, look_alikes
from ecomcat.data.exclude import KEY
from ecomcat.data.near_duplicates import NearDuplicates
from ecomcat.text.fields import shown

if TYPE_CHECKING:
    import pandas as pd

NUMBER = "number"  # of a distinct text, in the frame of all rows
_EXAMPLES = 20
_TIE = "(contradicting)"  # in the place of a label
_SIZES, _SIZE_NAMES = (1, 2, 5, 20, np.inf), ("2", "3 to 5", "6 to 20", "more than 20")


def shortened(text: str, max_characters: int = 200) -> str:
    """Return a text on one line, cut after so many characters.

    >>> shortened("a long   text", 7)
    'a long…'
    """
    line = " ".join(text[: 4 * max_characters].split())
    return line if len(line) <= max_characters else f"{line[: max_characters - 1]}…"


@dataclass(frozen=True)
class AuditRows:
    """The rows of a file that have a text and a label.

    Args:
        rows: DataFrame of `text`, `label` and the `number` of the distinct text, for each row.
        texts: List of the distinct texts, ordered by their digests.
        digests: List of 8 bytes for each text, a hash of its key.
        class_names: List of all class names, sorted.
        label_ids: Integer array `(texts,)`, the class that most rows of a text have; -1 on a tie.
        cleaned: The rows that a search would take.
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

    @property
    def labels(self) -> NDArray[np.object_]:
        """The class name of each text."""
        return np.array([*self.class_names, _TIE], object)[self.label_ids]

    def shown(self, texts: Iterable[int]) -> list[str]:
        """Return texts as examples, each on one line."""
        return [shortened(self.texts[text]) for text in texts]


def read_rows(frame: pd.DataFrame) -> AuditRows:
    """Number the distinct texts and the classes of a file."""
    import pandas as pd

    cleaned = clean_rows(frame[[TEXT, LABEL]])
    firsts = cleaned.usable.drop_duplicates(DIGEST).sort_values(DIGEST)
    digests, class_names = list(firsts[DIGEST]), sorted(cleaned.classes_read)
    labels = cleaned.frame.set_index(DIGEST)[LABEL].reindex(digests)
    label_ids = pd.Index(class_names).get_indexer(pd.Index(labels))
    numbers = pd.Index(digests).get_indexer(pd.Index(cleaned.usable[DIGEST]))
    rows = cleaned.usable.assign(**{NUMBER: numbers})
    return AuditRows(rows, list(map(shown, firsts[TEXT])), digests, class_names, label_ids, cleaned)


def balance(rows: AuditRows, min_class_rows: int) -> dict[str, Any]:
    """Count the rows and distinct texts of each class, and name classes that look alike."""
    sizes, read = rows.cleaned.class_sizes(), rows.cleaned.classes_read
    ranked = dict(sorted(sizes.items(), key=lambda item: -item[1]))
    smallest, largest, total = min(sizes.values()), max(sizes.values()), sum(sizes.values())
    return {
        "classes": {name: {"rows": read[name], "texts": texts} for name, texts in ranked.items()},
        "min_class_rows": min_class_rows,
        "rare": {name: texts for name, texts in ranked.items() if texts < min_class_rows},
        "look_alikes": look_alikes(sizes),
        "largest_to_smallest": largest / smallest if smallest else None,
        "largest_share": largest / total if total else None,
    }


def repeats(rows: AuditRows) -> dict[str, Any]:
    """Count repeats, empty rows and contradictions, and give examples."""
    report = rows.cleaned.report
    times = rows.rows[NUMBER].value_counts().sort_index()
    repeated = times[times > 1].sort_values(ascending=False, kind="stable")
    several = repeated.head(_EXAMPLES)
    return {
        "rows": report.rows_read,
        "empty_texts": report.empty_texts,
        "empty_labels": report.empty_labels,
        "distinct_texts": len(rows.texts),
        "repeats": report.duplicates_removed,
        "exact_repeats": int(rows.rows.duplicated([TEXT, LABEL]).sum()),
        "repeated_texts": len(repeated),
        "conflicting_texts": report.conflicting_texts,
        "conflicting_texts_dropped": report.conflicting_texts_dropped,
        "conflicts_of_symbols": report.conflicts_of_symbols,
        "most_repeated": [
            {"times": count, "text": text}
            for count, text in zip(several.to_list(), rows.shown(several.index), strict=True)
        ],
        "conflicts": _conflicts(rows),
    }


def _conflicts(rows: AuditRows) -> list[dict[str, Any]]:
    """Return the texts with several labels, the most evenly contradicting first."""
    votes = rows.rows.groupby(NUMBER)[LABEL].value_counts()
    several = votes[votes.groupby(level=0).transform("size") > 1]
    found = [counts.droplevel(0).to_dict() for _, counts in several.groupby(level=0)]
    texts = rows.shown(several.index.unique(0))
    conflicts = [{"labels": n, "text": text} for n, text in zip(found, texts, strict=True)]
    return sorted(conflicts, key=_majority)[:_EXAMPLES]


def _majority(conflict: dict[str, Any]) -> int:
    most, second, *_ = conflict["labels"].values()
    return int(most - second)


def near_duplicates_table(rows: AuditRows, found: NearDuplicates) -> pd.DataFrame:
    """Return a row for each text that is nearly the same as another, large groups first."""
    import pandas as pd

    closest = np.zeros(len(rows.texts))
    for side in (0, 1):
        np.maximum.at(closest, found.pairs[:, side], found.similarities)
    sizes = found.sizes[found.groups]
    order = np.lexsort((found.groups, -sizes))  # stable: texts of a group stay in order
    members = order[sizes[order] > 1]
    table = {
        "group": pd.factorize(found.groups[members])[0] + 1,
        KEY: [rows.digests[text].hex() for text in members],
        LABEL: rows.labels[members],
        "similarity_to_closest": closest[members],
        TEXT: np.array(rows.texts, object)[members],
    }
    return pd.DataFrame(table)


def similar_texts(rows: AuditRows, found: NearDuplicates, members: pd.DataFrame) -> dict[str, Any]:
    """Count groups and pairs of near-duplicates, those of different classes separately."""
    import pandas as pd

    groups, labelled = members.groupby("group"), members[members[LABEL] != _TIE]
    sizes, classes = groups.size(), labelled.groupby("group")[LABEL].nunique()
    across = _pairs_across_classes(rows, found)
    return {
        "groups": len(sizes),
        "texts": len(members),
        "share": len(members) / len(rows.texts),
        "pairs": len(found.pairs),
        "pairs_across_classes": len(across),
        "groups_across_classes": int((classes > 1).sum()),
        "largest": sizes.head(10).to_list(),
        "sizes": pd.cut(sizes, _SIZES, labels=_SIZE_NAMES).value_counts(sort=False).to_dict(),
        "similarities": np.histogram(found.similarities, np.linspace(0, 1, 21))[0].tolist(),
        "across_classes": [
            {
                "similarity": round(float(found.similarities[pair]), 4),
                "labels": rows.labels[found.pairs[pair]].tolist(),
                "texts": rows.shown(found.pairs[pair]),
            }
            for pair in across[:_EXAMPLES]
        ],
        "largest_groups": [
            {"texts": len(group), "examples": list(group[TEXT].head(2).map(shortened))}
            for _, group in islice(groups, 10)
        ],
    }


def _pairs_across_classes(rows: AuditRows, found: NearDuplicates) -> NDArray[np.int64]:
    """Return the numbers of the pairs whose texts are of different classes, most similar first."""
    one, other = rows.label_ids[found.pairs].T
    across = np.flatnonzero((one != other) & (one >= 0) & (other >= 0))
    return across[np.argsort(-found.similarities[across], kind="stable")]
