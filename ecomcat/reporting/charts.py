"""The pages' style of charts, and the charts of a final model."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Curves = Mapping[str, Sequence[Mapping[str, float]]]

# Different to most colour-blind readers as well: Okabe and Ito, "Color universal design" (2008),
# https://jfly.uni-koeln.de/color/
COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"),
    *("#7a7a7a", "#8c564b", "#5b3fa0", "#b8a200"),
)
OURS, THEIRS, FAINT = COLOURS[0], COLOURS[1], "rgba(120, 120, 120, 0.35)"

MAX_MATRIX_CLASSES = 80
_MAX_COUNTED_CLASSES = 12  # classes whose counts have room in the matrix
_MAX_BARS, _MAX_NAME = 40, 200  # categories; characters of a name under the pointer


@dataclass(frozen=True)
class Chart:
    """A chart of Plotly's.

    Args:
        title: The title above it, which a screen reader reads.
        figure: A `plotly.graph_objects.Figure`, made by `figure` or given to `styled`.
        caption: How it is read, below it.
        height: Integer. Height in pixels. Defaults to 380.
        min_width: Integer. Width in pixels, below which it scrolls sideways. Defaults to 0.
    """

    title: str
    figure: Any
    caption: str = ""
    height: int = 380
    min_width: int = 0


def figure(*, x: str = "", y: str = "", **layout: Any) -> Figure:
    """Return an empty figure in the pages' style, with titles of its axes, and `layout` updated."""
    from plotly.graph_objects import Figure

    empty = styled(Figure()).update_xaxes(title_text=plotly_text(x), automargin=True)
    return empty.update_yaxes(title_text=plotly_text(y), automargin=True).update_layout(**layout)


def styled(drawn: Figure) -> Figure:
    """Give a figure the pages' style; the page itself gives it its colours, light or dark."""
    return drawn.update_layout(
        title=None,
        template="plotly_white",
        font={"family": "system-ui, 'Segoe UI', Roboto, 'Noto Sans', sans-serif", "size": 13},
        colorway=COLOURS,
        margin={"l": 60, "r": 20, "t": 20, "b": 50},
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        modebar={"bgcolor": "rgba(0, 0, 0, 0)"},
        hoverlabel={"align": "left"},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "xanchor": "left", "x": 0.0},
    )


def plotly_text(value: object, max_characters: int = 60) -> str:
    """Return a value as text that Plotly shows as it is: it reads some HTML in every label.

    A long text loses its middle, since names that begin alike often end differently.

    >>> plotly_text("<b>Home & Kitchen > Storage > Boxes</b>", 20)
    '&lt;b&gt;Home &amp; …Boxes&lt;/b&gt;'
    """
    text = str(value)
    if len(text) > max_characters:
        end = (max_characters - 1) // 2
        text = f"{text[: max_characters - 1 - end]}…{text[-end:]}"
    return html.escape(text, quote=False)


def unique_labels(names: Sequence[str], max_characters: int = 30) -> list[str]:
    """Return different names as Plotly shows them, different where shortening made them equal."""
    labels: list[str] = []
    for name in names:
        label = plotly_text(name, max_characters)
        labels.append(label if label not in labels else f"{label} ({len(labels) + 1})")
    return labels


def calibration_chart(bins: Curves) -> Chart:
    """Draw accuracy against confidence, in the bins of test and of validation."""
    chart = figure(x="confidence", y="accuracy")
    line = {"color": FAINT, "dash": "dash"}
    chart.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=line, name="perfectly calibrated")
    _add_curves(chart, bins, "confidence", "accuracy", "{texts} texts")
    return Chart("Calibration", chart, "On the dashed line confidence equals accuracy.")


def coverage_chart(curves: Curves, asked: Mapping[str, Mapping[str, Any]]) -> Chart:
    """Draw the precision of the most confident answers against their fraction of all.

    Marked is what the thresholds from validation came to on test, by the precision asked.
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
