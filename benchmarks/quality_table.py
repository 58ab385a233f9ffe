"""What the figures of several methods on the same splits come to: their table and a picture."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.common import format_table
from benchmarks.quality_cell import OURS
from ecomcat.files import atomic_path
from ecomcat.model.comparison import exact_p_value

REFERENCE = "linear"
TITLES = {
    "majority": "majority class",
    "naive_bayes": "complement naive Bayes",
    "linear_words": "LinearSVC, words and pairs",
    "linear_tokens": "LinearSVC, our tokens and pairs",
    "linear_letters": "LinearSVC, letters",
    "linear": "LinearSVC, the best of the three",
    "logistic_regression": "TF-IDF + logistic regression",
    "fasttext": "fastText",
    "network": "ecomcat, the LSTM alone",
    "single": "ecomcat, single",
    "ensemble": "ecomcat, ensemble",
}
_HEADER = (
    *("method", "splits", "accuracy", "macro-F1", "errors (best linear 1)", "McNemar p"),
    *("points above it", "training CPU s", "rows/s", "MB"),
)
_OURS_COLOR, _OTHERS_COLOR, _LINE_COLOR = "#c2410c", "#475569", "#94a3b8"
# The majority's error is many times the others', which would leave them no room.
_NOT_DRAWN = "majority"


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
        f"{p_value:.3f}".replace("0.000", "< 0.001") if compared else "",
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
        rows = set(figures[split].rows) - counted
        ours, theirs = (rows.intersection(each[split].wrong) for each in (figures, reference))
        better += len(theirs - ours)
        worse += len(ours - theirs)
        counted |= rows
    return exact_p_value(better, worse)


def draw_errors(found: Found, part: str, path: Path) -> None:
    """Draw each method's mean error as a dot, with a bar of one standard deviation to each side."""
    from matplotlib.figure import Figure

    shown = {
        name: [100 * (1 - each.accuracy) for each in figures.values()]
        for name, figures in reversed(found.items())
        if figures and name != _NOT_DRAWN
    }
    figure = Figure(figsize=(6.4, 0.8 + 0.36 * max(len(shown), 2)), layout="constrained")
    axes = figure.subplots()
    for height, (name, rates) in enumerate(shown.items()):
        _draw_method(axes, height, rates, _OURS_COLOR if name in OURS else _OTHERS_COLOR)
    if REFERENCE in shown:
        axes.axvline(statistics.fmean(shown[REFERENCE]), color=_LINE_COLOR, ls="--", lw=1)
    axes.set_yticks(range(len(shown)), [TITLES[name] for name in shown])
    axes.set_ylim(-0.6, len(shown) - 0.3)
    axes.margins(x=0.08)
    axes.set_xlabel(f"{part} error, % (lower is better; dashed: best linear model)")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def _draw_method(axes: Any, height: int, rates: Sequence[float], color: str) -> None:
    mean = statistics.fmean(rates)
    width = statistics.stdev(rates) if len(rates) > 1 else 0.0
    axes.errorbar(mean, height, xerr=width, fmt="o", color=color, capsize=3, markersize=6)
    axes.text(mean, height + 0.18, f"{mean:.2f}", ha="center", fontsize=8, color=color)
