"""How far the final model's confidences can be trusted: calibration, and what needs no look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ecomcat.pages.charts import COLOURS, FAINT, OURS, THEIRS, figure
from ecomcat.pages.parts import Chart


def calibration_chart(bins: Mapping[str, Sequence[Mapping[str, float]]]) -> Chart:
    """Draw accuracy against confidence.

    Args:
        bins: of test and of validation, as `calibration_bins` gives them.
    """
    from plotly.graph_objects import Scatter

    chart = figure(x="confidence", y="share that was right")
    chart.add_trace(
        Scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            line={"color": FAINT, "dash": "dash"},
            name="as sure as right",
            hoverinfo="skip",
        )
    )
    for part, colour in (("test", OURS), ("validation", THEIRS)):
        found = bins[part]
        chart.add_trace(
            Scatter(
                x=[each["confidence"] for each in found],
                y=[each["accuracy"] for each in found],
                mode="lines+markers",
                name=part,
                marker={"size": [4 + min(each["texts"], 400) ** 0.5 for each in found]},
                line={"color": colour},
                customdata=[each["texts"] for each in found],
                hovertemplate=f"{part}, %{{customdata}} texts: confidence %{{x:.3f}}, right "
                "%{y:.3f}<extra></extra>",
            )
        )
    return Chart(
        "Calibration",
        chart,
        caption="On the dashed line confidences can be taken at their word; the larger a point, "
        "the more texts.",
    )


def coverage_chart(
    curves: Mapping[str, Sequence[Mapping[str, float]]], asked: Mapping[str, Mapping[str, Any]]
) -> Chart:
    """Draw the precision of the surest answers against their share of all.

    Args:
        curves: of test and of validation, as `coverage_curve` gives them.
        asked: what the thresholds from validation came to on test, by the precision that was asked.
    """
    from plotly.graph_objects import Scatter

    chart = figure(x="share labelled without a look", y="precision of these")
    for part, colour in (("test", OURS), ("validation", THEIRS)):
        points = curves[part]
        chart.add_trace(
            Scatter(
                x=[point["coverage"] for point in points],
                y=[point["precision"] for point in points],
                mode="lines",
                name=part,
                line={"color": colour},
                customdata=[point["threshold"] for point in points],
                hovertemplate=f"{part}: %{{x:.1%}} labelled from confidence %{{customdata:.4f}}, "
                "%{y:.2%} right<extra></extra>",
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
            hovertemplate="%{text}: %{x:.1%} labelled, %{y:.2%} right<extra></extra>",
        )
    )
    chart.update_xaxes(tickformat=".0%").update_yaxes(tickformat=".1%")
    return Chart(
        "Coverage against precision",
        chart,
        caption="How much of the test set needs no second look, for the precision that is asked.",
    )
