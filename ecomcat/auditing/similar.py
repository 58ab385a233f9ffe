"""What near-duplicates there are, and how many of them a random split puts on both sides."""

from __future__ import annotations

from typing import Any

import numpy as np

from ecomcat.auditing.rows import AuditRows
from ecomcat.auditing.shown import shortened
from ecomcat.data.near_duplicates import NearDuplicates

_EXAMPLES = 20


def similar_texts(rows: AuditRows, found: NearDuplicates, similarity: float) -> dict[str, Any]:
    """Count groups and pairs of near-duplicates, those across classes apart.

    Args:
        rows: of the file.
        found: near-duplicates among its distinct texts.
        similarity: from which texts count as such.
    """
    sizes = found.sizes
    large = sizes[sizes > 1]
    one, other = rows.labels[found.pairs[:, 0]], rows.labels[found.pairs[:, 1]]
    across = np.flatnonzero((one != other) & (one >= 0) & (other >= 0))
    alike = across[np.argsort(-found.similarities[across], kind="stable")]
    return {
        "similarity": similarity,
        "groups": len(large),
        "texts": int(large.sum()),
        "share": float(large.sum() / max(len(rows.texts), 1)),
        "pairs": len(found.pairs),
        "pairs_across_classes": len(across),
        "groups_across_classes": len(_mixed_groups(rows, found)),
        "largest": sorted(map(int, large), reverse=True)[:10],
        "sizes": {name: int(((sizes >= low) & (sizes < high)).sum()) for name, low, high in _SIZES},
        "similarities": np.histogram(found.similarities, np.linspace(0, 1, 21))[0].tolist(),
        "across_classes": [_pair(rows, found, pair) for pair in alike[:_EXAMPLES].tolist()],
        "largest_groups": _largest(rows, found),
    }


_SIZES = (("2", 2, 3), ("3 to 5", 3, 6), ("6 to 20", 6, 21), ("more than 20", 21, np.inf))


def _mixed_groups(rows: AuditRows, found: NearDuplicates) -> list[int]:
    labelled = rows.usable
    pairs = np.unique(np.column_stack([found.groups[labelled], rows.labels[labelled]]), axis=0)
    groups, classes = np.unique(pairs[:, 0], return_counts=True)
    return [int(group) for group in groups[classes > 1]]


def _pair(rows: AuditRows, found: NearDuplicates, pair: int) -> dict[str, Any]:
    one, other = found.pairs[pair].tolist()
    return {
        "similarity": round(float(found.similarities[pair]), 4),
        "labels": [rows.class_of(one), rows.class_of(other)],
        "texts": [shortened(rows.texts[one]), shortened(rows.texts[other])],
    }


def _largest(rows: AuditRows, found: NearDuplicates) -> list[dict[str, Any]]:
    sizes = found.sizes
    largest = np.argsort(-sizes, kind="stable")[:10]
    return [
        {
            "texts": int(sizes[group]),
            "examples": [
                shortened(rows.texts[text]) for text in np.flatnonzero(found.groups == group)[:2]
            ],
        }
        for group in largest
        if sizes[group] > 1
    ]
