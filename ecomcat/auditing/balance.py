"""How many texts each class has, and which have too few."""

from __future__ import annotations

from typing import Any

import numpy as np

from ecomcat.auditing.rows import AuditRows


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
