"""The charts of the data and of the final model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

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

MAX_MATRIX_CLASSES = 80
_MAX_COUNTED_CLASSES = 12  # classes whose counts have room in the matrix
_MAX_BARS, _ROW_HEIGHT = 40, 24  # bars; pixels
_MAX_NAME = 200  # characters of a category's name under the pointer


def calibration_chart(bins: Mapping[str, Sequence[Mapping[str, float]]]) -> Chart:
    """Draw accuracy against confidence.

    Args:
        bins: Bins of test and of validation, as `calibration_bins` gives them.
    """
    from plotly.graph_objects import Scatter

    line = {"color": FAINT, "dash": "dash"}
    chart = figure(x="confidence", y="accuracy")
    chart.add_trace(Scatter(x=[0, 1], y=[0, 1], mode="lines", line=line, showlegend=False))
    for part, colour in (("test", OURS), ("validation", THEIRS)):
        chart.add_trace(
            Scatter(
                x=[each["confidence"] for each in bins[part]],
                y=[each["accuracy"] for each in bins[part]],
                text=[f"{each['texts']} texts" for each in bins[part]],
                name=part,
                mode="lines+markers",
                marker={"size": [4 + min(each["texts"], 400) ** 0.5 for each in bins[part]]},
                line={"color": colour},
            )
        )
    caption = "On the dashed line it is perfectly calibrated; the larger a point, the more texts."
    return Chart("Calibration", chart, caption)


def coverage_chart(
    curves: Mapping[str, Sequence[Mapping[str, float]]], asked: Mapping[str, Mapping[str, Any]]
) -> Chart:
    """Draw the precision of the most confident answers against their fraction of all.

    Args:
        curves: Curves of test and of validation, as `coverage_curve` gives them.
        asked: What the thresholds from validation came to on test, by the precision asked.
    """
    from plotly.graph_objects import Scatter

    chart = figure(x="accepted automatically", y="precision of these")
    for part, colour in (("test", OURS), ("validation", THEIRS)):
        chart.add_trace(
            Scatter(
                x=[point["coverage"] for point in curves[part]],
                y=[point["precision"] for point in curves[part]],
                mode="lines",
                name=part,
                line={"color": colour},
                customdata=[point["threshold"] for point in curves[part]],
                hovertemplate="%{x:.1%} from confidence %{customdata:.4f}: %{y:.2%} right",
            )
        )
    reached = {key: each for key, each in asked.items() if each["precision"] is not None}
    chart.add_trace(
        Scatter(
            x=[each["coverage"] for each in reached.values()],
            y=[each["precision"] for each in reached.values()],
            text=[f"{key} asked" for key in reached],
            mode="markers+text",
            textposition="bottom left",
            name="thresholds from validation",
            marker={"color": COLOURS[3], "size": 9, "symbol": "diamond"},
        )
    )
    chart.update_xaxes(tickformat=".0%").update_yaxes(tickformat=".1%")
    caption = "How much of the test set is accepted automatically, for the precision asked."
    return Chart("Coverage against precision", chart, caption)


def confusion_chart(class_names: Sequence[str], counts: Sequence[Sequence[int]]) -> Chart:
    """Draw the confusion matrix, true categories by row, predicted ones by column."""
    from plotly.graph_objects import Heatmap

    labels, size = unique_labels(class_names), len(class_names)
    chart = figure(x="predicted", y="true")
    chart.add_trace(
        Heatmap(
            x=labels,
            y=labels,
            z=[[count / max(sum(row), 1) for count in row] for row in counts],
            text=counts,
            texttemplate="%{text}" if size <= _MAX_COUNTED_CLASSES else None,
            colorscale="Blues",
            zmin=0,
            zmax=1,
            showscale=False,
            hovertemplate="%{y} taken for %{x}: %{text} (%{z:.1%})<extra></extra>",
        )
    )
    chart.update_xaxes(type="category", dtick=1).update_yaxes(type="category", dtick=1)
    chart.update_yaxes(autorange="reversed", tickfont={"size": 11})
    chart.update_xaxes(tickfont={"size": 11})
    cell = 44 if size <= _MAX_COUNTED_CLASSES else 14
    return Chart(
        "Confusion matrix",
        chart,
        "Number of test texts: true category by row, predicted by column; the darker, the larger "
        "the fraction of the row.",
        height=200 + cell * size,
        min_width=300 + cell * size,
    )


def scores_chart(per_class: Mapping[str, Mapping[str, Any]], caption: str = "") -> Chart:
    """Draw F1 of each category, the worst first; of very many, the worst 40."""
    ranked = sorted(per_class.items(), key=lambda item: item[1]["f1"])[:_MAX_BARS]
    return _bars(
        "Categories, the lowest F1 first",
        "F1",
        {name: score["f1"] for name, score in ranked},
        {
            name: f"precision {score['precision']:.4f}, recall {score['recall']:.4f}, "
            f"{score['rows']} texts"
            for name, score in ranked
        },
        caption,
    )


def balance_chart(sizes: Mapping[str, int]) -> Chart:
    """Draw the number of texts of each category, the largest first; of very many, 40."""
    ranked = sorted(sizes.items(), key=lambda item: -item[1])
    more = len(ranked) - _MAX_BARS
    smallest = f"And {more} more; the smallest, {ranked[-1][0]}, has {ranked[-1][1]}."
    return _bars(
        "Categories, the largest first",
        "distinct texts",
        dict(ranked[:_MAX_BARS]),
        {},
        smallest if more > 0 else "",
    )


def _bars(
    title: str, axis: str, values: Mapping[str, float], notes: Mapping[str, str], caption: str
) -> Chart:
    from plotly.graph_objects import Bar

    names = list(values)[::-1]  # Plotly begins at the bottom
    chart = figure(x=axis, showlegend=False)
    chart.add_trace(
        Bar(
            x=[values[name] for name in names],
            y=unique_labels(names),
            orientation="h",
            marker={"color": OURS},
            customdata=[[plotly_text(name, _MAX_NAME), notes.get(name, "")] for name in names],
            hovertemplate=f"%{{customdata[0]}}: {axis} %{{x:,.4~r}} %{{customdata[1]}}"
            "<extra></extra>",
        )
    )
    chart.update_yaxes(type="category")
    return Chart(title, chart, caption, height=max(300, 110 + _ROW_HEIGHT * len(names)))


def lengths_chart(lengths: Mapping[str, Any]) -> Chart:
    """Draw how many texts have how many characters.

    Args:
        lengths: As `describe_lengths` gives them.
    """
    from plotly.graph_objects import Bar

    characters = lengths["characters"]
    edges = list(pairwise(characters["edges"]))
    chart = figure(x="characters", y="texts", showlegend=False, bargap=0)
    chart.add_trace(
        Bar(
            # Plotly takes half of the width to either side before it takes logarithms.
            x=[(low + high) / 2 for low, high in edges],
            width=[high - low for low, high in edges],
            y=characters["counts"],
            marker={"color": OURS},
            customdata=[[low, high - 1] for low, high in edges],
            hovertemplate="%{customdata[0]:,} to %{customdata[1]:,} characters: %{y:,} texts"
            "<extra></extra>",
        )
    )
    quantiles = characters["quantiles"]
    return Chart(
        "Lengths",
        chart.update_xaxes(type="log"),
        f"Half of the texts have {quantiles['0.5']:,} characters or fewer, 95% "
        f"{quantiles['0.95']:,} or fewer, the longest {characters['longest']:,}; on average "
        f"{lengths['mean_tokens']:.0f} tokens are read. {lengths['cut']:.1%} of the texts have "
        f"{lengths['max_tokens']:,} tokens or more, and are cut there.",
    )
