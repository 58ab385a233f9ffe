"""The tables and the picture of the files of `suite_files`."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import format_p_value, format_table
from benchmarks.quality_table import (
    REFERENCE,
    Figures,
    Found,
    Splits,
    error_ratio,
    gained_and_lost,
)
from benchmarks.suite_files import SUITE
from ecomcat.files import atomic_path
from ecomcat.final.baseline import LinearChoice
from ecomcat.final.linear_models import MODELS
from ecomcat.model.comparison import exact_p_value

_RESAMPLES = 2000
_DRAWN = {"network": "#475569", "ecomcat": "#c2410c"}  # methods of a picture, and their colours
_SHORT_TITLES = {
    "linear_words": "words",
    "linear_tokens": "tokens",
    "linear_letters": "letters",
    "linear_both": "tokens, letters",
    "naive_bayes": "naive Bayes",
    "fasttext": "fastText",
    "ecomcat": "ecomcat",
    "network": "its LSTM alone",
    "linear_part": "its linear part alone",
}
SUITE_METHODS = ("linear", *_SHORT_TITLES)


def suite_tables(found: Mapping[str, Found]) -> str:
    """Write two tables with a row for each file: ratios of errors, and texts by split."""
    methods = [name for name in _SHORT_TITLES if any(name in each for each in found.values())]
    caption = (
        "Texts that only the method labels right, and that only the best linear model does, on "
        "each split; in brackets the p-value of McNemar's exact test:"
    )
    return f"{_ratios_table(found, methods)}\n\n{caption}\n\n{_texts_table(found, methods)}"


def _ratios_table(found: Mapping[str, Found], methods: Sequence[str]) -> str:
    """Write the errors of each method as a share of the best linear model's.

    In brackets stand the bounds of 95 % intervals; one that has 1 outside is a difference. That of
    the mean takes the files for a random sample of files.
    """
    titles = [_SHORT_TITLES[name] for name in methods]
    rows = [
        [
            SUITE[name].title,
            _accuracy(each[REFERENCE]),
            _chosen(each[REFERENCE]),
            *(_cell(each, method) for method in methods),
        ]
        for name, each in found.items()
    ]
    means = [_mean_ratio(list(found.values()), method) for method in methods]
    header = ["file", "best linear", "chosen on each split", *titles]
    return format_table(header, [*rows, ["mean of the ratios", "", "", *means]])


def _texts_table(found: Mapping[str, Found], methods: Sequence[str]) -> str:
    rows = [
        [SUITE[name].title, *(_texts(each.get(method, {}), each[REFERENCE]) for method in methods)]
        for name, each in found.items()
    ]
    return format_table(["file", *(_SHORT_TITLES[name] for name in methods)], rows)


def _chosen(splits: Splits) -> str:
    choices = [LinearChoice(**figures.choice) for figures in splits.values()]
    return "; ".join(f"{MODELS[each.model].title} ({each.features})" for each in choices)


def _texts(splits: Splits, reference: Splits) -> str:
    cells = []
    for split, figures in splits.items():
        gained, lost = gained_and_lost(figures, reference[split])
        cells.append(f"{gained}, {lost} ({format_p_value(exact_p_value(gained, lost))})")
    return "; ".join(cells)


def _accuracy(splits: Splits) -> str:
    return f"{statistics.fmean(figures.accuracy for figures in splits.values()):.4f}"


def _cell(found: Found, method: str) -> str:
    if method not in found:
        return ""
    ratio = error_ratio(found[method], found[REFERENCE])
    low, high = ratio_interval(found[method], found[REFERENCE])
    return "" if ratio is None else f"{ratio:.2f} ({low:.2f} to {high:.2f})"


def _mean_ratio(everything: Sequence[Found], method: str) -> str:
    from scipy.stats import bootstrap

    found = [error_ratio(each[method], each[REFERENCE]) for each in everything if method in each]
    ratios = [ratio for ratio in found if ratio is not None]
    if not ratios:
        return ""
    mean = f"{statistics.fmean(ratios):.2f}"
    if len(ratios) < 2:
        return mean
    drawn = bootstrap([ratios], np.mean, n_resamples=_RESAMPLES, method="percentile", rng=0)
    low, high = drawn.confidence_interval
    return f"{mean} ({low:.2f} to {high:.2f})"


def ratio_interval(figures: Splits, reference: Splits) -> tuple[float, float]:
    """Return the 95 % interval of the ratio of errors, by a paired bootstrap of texts.

    A text that several splits score is drawn with all of its answers.
    """
    from scipy.stats import bootstrap

    rows = sorted({row for each in reference.values() for row in each.rows})
    pairs = [_errors_by_row(splits, rows) for splits in (figures, reference)]

    def ratio(ours: Any, theirs: Any, axis: int) -> Any:
        return ours.sum(axis) / np.maximum(theirs.sum(axis), 1)

    interval = bootstrap(
        pairs, ratio, paired=True, n_resamples=_RESAMPLES, method="percentile", rng=0, batch=100
    ).confidence_interval
    return float(interval.low), float(interval.high)


def _errors_by_row(splits: Mapping[int, Figures], rows: Sequence[int]) -> Any:
    wrong = [row for figures in splits.values() for row in figures.wrong]
    return np.bincount(np.searchsorted(rows, wrong), minlength=len(rows))


def draw_ratios(found: Mapping[str, Found], part: str, path: Path) -> None:
    """Draw the errors of our methods on each file beside the best linear model's, as a PNG.

    A dot is the ratio, the bar about it its 95 % interval.
    """
    from matplotlib.figure import Figure

    names = [name for name, each in found.items() if REFERENCE in each]
    figure = Figure(figsize=(7.2, 1.1 + 0.38 * len(names)), layout="constrained")
    axes = figure.subplots()
    for lift, (method, color) in zip((0.13, -0.13), _DRAWN.items(), strict=True):
        for height, name in enumerate(reversed(names)):
            if method in found[name]:
                _draw_ratio(axes, height + lift, found[name], method, color)
        axes.plot([], [], "o", color=color, label=_SHORT_TITLES[method])
    axes.axvline(1, color="#94a3b8", ls="--", lw=1)
    axes.set_yticks(range(len(names)), [SUITE[name].title for name in reversed(names)])
    axes.set_xlabel(f"{part} errors (best linear model: 1), with 95 % intervals")
    axes.set_xlim(left=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.legend(loc="upper right", frameon=False, fontsize=8)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def _draw_ratio(axes: Any, height: float, found: Found, method: str, color: str) -> None:
    ratio = error_ratio(found[method], found[REFERENCE])
    if ratio is not None:
        bounds = ratio_interval(found[method], found[REFERENCE])
        axes.plot(bounds, [height, height], color=color, lw=1.2)
        axes.plot([ratio], [height], "o", color=color, markersize=5)
