"""What the figures of several methods on the same splits come to, and their table."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.common import format_table

REFERENCE = "linear_svc"
TITLES = {
    "majority": "majority class",
    "naive_bayes": "complement naive Bayes",
    "linear_svc": "TF-IDF + LinearSVC",
    "logistic_regression": "TF-IDF + logistic regression",
    "fasttext": "fastText",
    "seed": "small BiLSTM, fixed 10 epochs",
    "single": "ecomcat, single",
    "ensemble": "ecomcat, ensemble",
}
_HEADER = (
    *("method", "splits", "accuracy", "macro-F1", "errors (LinearSVC 1)"),
    *("points above LinearSVC", "training CPU s", "rows/s", "MB"),
)


@dataclass(frozen=True)
class Figures:
    """What one method reached and took on one split.

    Args:
        accuracy: 0 to 1.
        macro_f1: 0 to 1.
        cpu_seconds: of training, choosing included.
        rows_per_second: from raw text to label.
        megabytes: of what is deployed, 10^6 bytes.
    """

    accuracy: float
    macro_f1: float
    cpu_seconds: float
    rows_per_second: float
    megabytes: float


Found = Mapping[str, Mapping[int, Figures]]  # by method and split


def spread(values: Sequence[float], digits: int = 4, *, signed: bool = False) -> str:
    """Write the mean and, of several values, their standard deviation (that of a sample)."""
    sign = "+" if signed else ""
    mean = f"{statistics.fmean(values):{sign}.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.{digits}f}"


def errors(figures: Mapping[int, Figures]) -> list[float]:
    """Return the share of wrong labels on each split."""
    return [1 - each.accuracy for each in figures.values()]


def relative_error(
    figures: Mapping[int, Figures], reference: Mapping[int, Figures]
) -> float | None:
    """Return the ratio of the mean errors on the splits that both have; None without one."""
    common = [split for split in figures if split in reference]
    theirs = sum(1 - reference[split].accuracy for split in common)
    ours = sum(1 - figures[split].accuracy for split in common)
    return ours / theirs if theirs > 0 else None


def paired_points(figures: Mapping[int, Figures], reference: Mapping[int, Figures]) -> list[float]:
    """Return how many points of accuracy each split is above the same split of a reference."""
    return [
        100 * (each.accuracy - reference[split].accuracy)
        for split, each in figures.items()
        if split in reference
    ]


def quality_table(found: Found) -> str:
    """Write a row a method.

    Args:
        found: figures by method and split; without LinearSVC nothing is compared with it.
    """
    reference = found.get(REFERENCE, {})
    return format_table(
        _HEADER,
        [_row(method, figures, reference) for method, figures in found.items() if figures],
    )


def _row(
    method: str, figures: Mapping[int, Figures], reference: Mapping[int, Figures]
) -> list[str]:
    everything = list(figures.values())
    ratio = relative_error(figures, reference)
    points = [] if method == REFERENCE else paired_points(figures, reference)
    return [
        TITLES[method],
        str(len(everything)),
        spread([each.accuracy for each in everything]),
        spread([each.macro_f1 for each in everything]),
        "" if ratio is None else f"{ratio:.2f}",
        spread(points, 2, signed=True) if points else "",
        f"{statistics.median(each.cpu_seconds for each in everything):,.1f}",
        f"{statistics.median(each.rows_per_second for each in everything):,.0f}",
        f"{statistics.median(each.megabytes for each in everything):,.1f}",
    ]
