"""What the figures of several methods on the same splits come to: their table and a picture."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from benchmarks.common import format_p_value, format_table
from ecomcat.model.comparison import exact_p_value

REFERENCE = "linear"
TITLES = {
    "majority": "majority class",
    "naive_bayes": "complement naive Bayes",
    "linear_words": "linear, words and pairs",
    "linear_tokens": "linear, our tokens and pairs",
    "linear_letters": "linear, letters",
    "linear_both": "linear, our tokens, pairs and letters",
    "linear": "the best linear model",
    "logistic_regression": "TF-IDF + logistic regression",
    "fasttext": "fastText",
    "ecomcat": "ecomcat",
    "network": "its LSTM alone",
    "linear_part": "its linear part alone",
}
_HEADER = (
    *("method", "splits", "accuracy", "macro-F1", "errors (best linear 1)", "McNemar p"),
    *("points above it", "training CPU s", "rows/s", "MB"),
)


@dataclass(frozen=True)
class Figures:
    """What one method reached and took on one split."""

    accuracy: float
    macro_f1: float
    rows: Sequence[int]  # numbers of the rows that were labelled
    wrong: Sequence[int]  # and of those that were labelled wrong
    cpu_seconds: float  # of training, choosing included
    rows_per_second: float  # from raw text to label
    megabytes: float  # of what is deployed, 10^6 bytes
    choice: Mapping[str, Any]  # what was chosen on validation, such as a `LinearChoice`


Splits = Mapping[int, Figures]  # by the seed of the split
Found = Mapping[str, Splits]  # by method


def quality_table(found: Found) -> str:
    """Write a row for each method; without the best linear model nothing is compared with it."""
    reference = found.get(REFERENCE, {})
    rows = [_row(method, figures, reference) for method, figures in found.items() if figures]
    return format_table(_HEADER, rows)


def _row(method: str, figures: Splits, reference: Splits) -> list[str]:
    everything = list(figures.values())
    common = [split for split in figures if split in reference]
    compared = bool(common) and method != REFERENCE
    points = [100 * (figures[split].accuracy - reference[split].accuracy) for split in common]
    p_value, ratio = mcnemar(figures, reference), error_ratio(figures, reference)
    return [
        TITLES[method],
        str(len(everything)),
        _spread([each.accuracy for each in everything]),
        _spread([each.macro_f1 for each in everything]),
        "" if ratio is None else f"{ratio:.2f}",
        format_p_value(p_value) if compared else "",
        _spread(points, 2, signed=True) if compared else "",
        f"{statistics.median(each.cpu_seconds for each in everything):,.1f}",
        f"{statistics.median(each.rows_per_second for each in everything):,.0f}",
        f"{statistics.median(each.megabytes for each in everything):,.1f}",
    ]


def _spread(values: Sequence[float], digits: int = 4, *, signed: bool = False) -> str:
    """Write the mean and, of several values, their standard deviation (that of a sample)."""
    mean = f"{statistics.fmean(values):{'+' if signed else ''}.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.{digits}f}"


def error_ratio(figures: Splits, reference: Splits) -> float | None:
    """Return the ratio of the errors on the splits that both have; None where there are none."""
    common = [split for split in figures if split in reference]
    ours, theirs = (
        sum(len(each[split].wrong) for split in common) for each in (figures, reference)
    )
    return ours / theirs if theirs else None


def mcnemar(figures: Splits, reference: Splits) -> float:
    """Return the p-value of McNemar's exact test: are both methods equally often right?

    Only rows count that one method labels right and the other wrong. A row that several splits
    score counts once, in the first of them, since the test assumes independent rows.
    """
    counted: set[int] = set()
    better = worse = 0
    for split in (split for split in figures if split in reference):
        gained, lost = gained_and_lost(figures[split], reference[split], counted)
        better += gained
        worse += lost
        counted.update(figures[split].rows)
    return exact_p_value(better, worse)


def gained_and_lost(
    figures: Figures, reference: Figures, left_out: AbstractSet[int] = frozenset()
) -> tuple[int, int]:
    """Return how many rows of a split only the first method labels right, and only the other."""
    ours, theirs = ({*each.wrong} - left_out for each in (figures, reference))
    return len(theirs - ours), len(ours - theirs)
