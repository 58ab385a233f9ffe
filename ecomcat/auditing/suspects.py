"""The figures of suspicious labels, and the first of them for the page."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ecomcat.auditing.rows import AuditRows
from ecomcat.auditing.shown import shortened
from ecomcat.auditing.suspicion import Suspicion

_SHOWN = 100


def suspects(rows: AuditRows, suspicion: Suspicion | None) -> dict[str, Any]:
    """Count suspicious labels and describe the first of them.

    Args:
        rows: of the file.
        suspicion: of its usable texts; none where there was nothing to learn.
    """
    if suspicion is None:
        return {"reason": "there are fewer than two classes, or no word stands in two texts"}
    usable = rows.usable
    own = rows.labels[usable]
    pairs = Counter(
        (rows.classes[own[row]], rows.classes[suspicion.suggested[row]])
        for row in suspicion.sure.nonzero()[0]
    )
    return {
        "texts": len(usable),
        "contradicted": suspicion.contradicted,
        "sure": int(suspicion.sure.sum()),
        "sure_share": float(suspicion.sure.mean()),
        "pairs": [
            {"label": label, "suggested": suggested, "texts": count}
            for (label, suggested), count in pairs.most_common(30)
        ],
        "first": [
            {
                "rank": rank,
                "label": rows.classes[own[row]],
                "suggested": rows.classes[suspicion.suggested[row]],
                "confidence": round(float(suspicion.confidence[row]), 4),
                "suggested_confidence": round(float(suspicion.suggested_confidence[row]), 4),
                "text": shortened(rows.texts[usable[row]]),
            }
            for rank, row in enumerate(suspicion.ranking[:_SHOWN].tolist(), start=1)
        ],
    }
