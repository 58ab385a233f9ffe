"""A small picture of the methods' error rates."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.quality_search import OURS
from benchmarks.quality_table import REFERENCE, TITLES, Found, errors
from ecomcat.errors import UserError
from ecomcat.files import atomic_path

_OURS, _OTHERS, _LINE = "#c2410c", "#475569", "#94a3b8"
# The majority's error is many times the others', which would leave them no room.
_LEFT_OUT = "majority"


def require_matplotlib() -> None:
    """Refuse to begin without matplotlib.

    Raises:
        UserError: when it is missing.
    """
    if find_spec("matplotlib") is None:
        raise UserError(
            "--plot: expected the package matplotlib, found none. Run: "
            'pip install -c constraints.txt "ecomcat[benchmarks]"'
        )


def draw_errors(found: Found, part: str, path: Path, warning: str = "") -> None:
    """Draw a dot a method, its mean error, with a bar of one standard deviation to each side.

    Args:
        found: figures by method and split.
        part: `validation` or `test`.
        path: the PNG file.
        warning: stands above the picture.

    Raises:
        UserError: when the file cannot be written.
    """
    from matplotlib.figure import Figure

    shown = {name: figures for name, figures in found.items() if figures and name != _LEFT_OUT}
    figure = Figure(figsize=(6.4, 0.8 + 0.36 * max(len(shown), 2)), layout="constrained")
    axes = figure.subplots()
    for height, (name, figures) in enumerate(reversed(shown.items())):
        _draw_method(axes, height, [100 * error for error in errors(figures)], name in OURS)
    if REFERENCE in shown:
        axes.axvline(100 * statistics.fmean(errors(shown[REFERENCE])), color=_LINE, ls="--", lw=1)
    axes.set_yticks(range(len(shown)), [TITLES[name] for name in reversed(shown)])
    axes.set_ylim(-0.6, len(shown) - 0.3)
    axes.margins(x=0.08)
    axes.set_xlabel(f"{part} error, % (lower is better; dashed: LinearSVC)")
    if warning:
        axes.set_title(warning, fontsize=9, color="#b91c1c")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def _draw_method(axes: Any, height: int, rates: Sequence[float], ours: bool) -> None:
    mean = statistics.fmean(rates)
    width = statistics.stdev(rates) if len(rates) > 1 else 0.0
    color = _OURS if ours else _OTHERS
    axes.errorbar(mean, height, xerr=width, fmt="o", color=color, capsize=3, markersize=6)
    axes.annotate(
        f"{mean:.2f}",
        (mean, height),
        (0, 6),
        textcoords="offset points",
        ha="center",
        fontsize=8,
        color=color,
        bbox={"boxstyle": "square,pad=0.1", "color": "white"},
    )
