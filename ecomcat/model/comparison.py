"""Whether two models differ, by their answers to the same texts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def compare_answers(ours: NDArray[np.bool_], theirs: NDArray[np.bool_]) -> dict[str, Any]:
    """Test by McNemar's exact test whether two models differ, on the same texts.

    Q. McNemar, "Note on the sampling error of the difference between correlated proportions or
    percentages" (Psychometrika 12, 1947). Both arrays say of each text whether it was right.

    >>> compare_answers(np.array([True] * 6), np.array([False] * 6))
    {'only_ours_right': 6, 'only_baseline_right': 0, 'p_value': 0.03125}
    """
    gained, lost = int(np.sum(ours & ~theirs)), int(np.sum(theirs & ~ours))
    p_value = exact_p_value(gained, lost)
    return {"only_ours_right": gained, "only_baseline_right": lost, "p_value": p_value}


def exact_p_value(gained: int, lost: int) -> float:
    """Return the p-value of McNemar's test, by the texts that only one of two models is right on.

    >>> exact_p_value(6, 0)
    0.03125
    """
    from scipy.stats import binomtest

    return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
