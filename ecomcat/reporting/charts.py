"""The charts of the final model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ecomcat.reporting.html import (
    COLOURS,
    FAINT,
    OURS,
    THEIRS,
    Chart,
    figure,
    plotly_text,
    unique_labels,
)

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

MAX_MATRIX_CLASSES = 80
_MAX_COUNTED_CLASSES = 12  # classes whose counts have room in the matrix
_MAX_BARS, _MAX_NAME = 40, 200  # categories; characters of a name under the pointer

Curves = Mapping[str, Sequence[Mapping[str, float]]]


def calibration_chart(bins: Curves) -> Chart:
    """Draw accuracy against confidence, in the bins of test and of validation."""
    chart = figure(x="confidence", y="accuracy")
    line = {"color": FAINT, "dash": "dash"}
    chart.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=line, name="perfectly calibrated")
    _add_curves(chart, bins, "confidence", "accuracy", "{texts} texts")
    return Chart("Calibration", chart, "On the dashed line confidence equals accuracy.")


def coverage_chart(curves: Curves, asked: Mapping[str, Mapping[str, Any]]) -> Chart:
    """Draw the precision of the most confident answers against their fraction of all.

    Args:
        curves: Curves of test and of validation, as `coverage_curve` gives them.
        asked: What the thresholds from validation came to on test, by the precision asked.
    """
    chart = figure(x="accepted automatically", y="precision of these")
    _add_curves(chart, curves, "coverage", "precision", "from confidence {threshold:.4f}")
    reached = {key: each for key, each in asked.items() if each["precision"] is not None}
    chart.add_scatter(
        x=[each["coverage"] for each in reached.values()],
        y=[each["precision"] for each in reached.values()],
        text=[f"{key} asked" for key in reached],
        mode="markers+text",
        textposition="bottom left",
        name="thresholds from validation",
        marker={"color": COLOURS[3], "size": 9, "symbol": "diamond"},
    )
    chart.update_xaxes(tickformat=".0%").update_yaxes(tickformat=".1%")
    caption = "How much of the test set is accepted automatically, for the precision asked."
    return Chart("Coverage against precision", chart, caption)


def _add_curves(chart: Figure, curves: Curves, x: str, y: str, note: str) -> None:
    """Add a line of test and one of validation, with a note on each point under the pointer."""
    for part, colour in (("test", OURS), ("validation", THEIRS)):
        points = curves[part]
        chart.add_scatter(
            x=[point[x] for point in points],
            y=[point[y] for point in points],
            text=[note.format(**point) for point in points],
            mode="lines+markers",
            marker={"size": 4},
            line={"color": colour},
            name=part,
        )


def confusion_chart(class_names: Sequence[str], counts: Sequence[Sequence[int]]) -> Chart:
    """Draw the confusion matrix, true categories by row, predicted ones by column."""
    labels, size = unique_labels(class_names), len(class_names)
    counted = size <= _MAX_COUNTED_CLASSES
    chart = figure(x="predicted", y="true")
    chart.add_heatmap(
        x=labels,
        y=labels,
        z=[[count / max(sum(row), 1) for count in row] for row in counts],
        text=counts,
        texttemplate="%{text}" if counted else None,
        colorscale="Blues",
        zmin=0,
        zmax=1,
        showscale=False,
        hovertemplate="%{y} taken for %{x}: %{text} (%{z:.1%})<extra></extra>",
    )
    axis = {"type": "category", "dtick": 1, "tickfont_size": 11}
    chart.update_xaxes(**axis).update_yaxes(**axis, autorange="reversed")
    side = (44 if counted else 14) * size
    return Chart(
        "Confusion matrix",
        chart,
        "Number of test texts: true category by row, predicted by column; the darker, the larger "
        "the fraction of the row.",
        height=200 + side,
        min_width=400 + side,
    )


def scores_chart(per_class: Mapping[str, Mapping[str, Any]], caption: str = "") -> Chart:
    """Draw F1 of each category, the lowest first; of very many, the lowest 40."""
    ranked = dict(sorted(per_class.items(), key=lambda item: item[1]["f1"])[:_MAX_BARS])
    chart = figure(x="F1", showlegend=False)
    chart.add_bar(
        x=[score["f1"] for score in ranked.values()],
        y=unique_labels(list(ranked)),
        orientation="h",
        marker={"color": OURS},
        customdata=[
            [plotly_text(name, _MAX_NAME), score["precision"], score["recall"], score["rows"]]
            for name, score in ranked.items()
        ],
        hovertemplate="%{customdata[0]}: F1 %{x:.4f}, precision %{customdata[1]:.4f}, recall "
        "%{customdata[2]:.4f}, %{customdata[3]} texts<extra></extra>",
    )
    chart.update_yaxes(type="category", autorange="reversed")
    height = max(300, 110 + 24 * len(ranked))
    return Chart("Categories, the lowest F1 first", chart, caption, height=height)
