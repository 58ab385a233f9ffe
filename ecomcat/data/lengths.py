"""How long texts are: what a length limit cuts off, and whether some stick out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
