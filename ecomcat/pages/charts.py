"""Charts in one style: what every figure of a page begins from."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

# Told apart by most colour-blind readers as well: Okabe and Ito, "Color universal design" (2008),
# https://jfly.uni-koeln.de/color/
COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"),
    *("#7a7a7a", "#8c564b", "#5b3fa0", "#b8a200"),
)
OURS, THEIRS, FAINT = COLOURS[0], COLOURS[1], "rgba(120, 120, 120, 0.35)"
SCORE_SCALE = "Viridis_r"  # the better, the darker


def figure(*, x: str = "", y: str = "", **layout: Any) -> Figure:
    """Return an empty figure in the pages' style.

    Args:
        x: title of the horizontal axis.
        y: title of the vertical axis.
        layout: whatever else `plotly.graph_objects.Layout` takes.
    """
    from plotly.graph_objects import Figure

    empty = Figure()
    empty.update_layout(
        template="plotly_white",
        font={"family": "system-ui, 'Segoe UI', Roboto, 'Noto Sans', sans-serif", "size": 13},
        colorway=COLOURS,
        margin={"l": 60, "r": 20, "t": 20, "b": 50},
        xaxis={"title": {"text": plotly_text(x)}, "automargin": True},
        yaxis={"title": {"text": plotly_text(y)}, "automargin": True},
        modebar={"bgcolor": "rgba(0, 0, 0, 0)"},
        hoverlabel={"align": "left"},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "xanchor": "left", "x": 0.0},
    )
    return empty.update_layout(**layout)


def plotly_text(value: object, most: int = 60) -> str:
    """Return a value as text that Plotly shows as it is: it reads some HTML in every label.

    Args:
        value: anything.
        most: characters to show.
    """
    return html.escape(shortened(value, most), quote=False)


def shortened(value: object, most: int) -> str:
    """Return a value as text without its middle: names that begin alike often end differently.

    Args:
        value: anything.
        most: characters to keep, at least 3.
    """
    text = str(value)
    if len(text) <= most:
        return text
    end = (most - 1) // 2
    return f"{text[: most - 1 - end]}…{text[-end:]}"


def unique_labels(names: Sequence[str], most: int = 30) -> list[str]:
    """Return names as Plotly shows them, told apart where shortening made them equal.

    Args:
        names: different ones.
        most: characters to show of each.
    """
    labels: list[str] = []
    for name in names:
        label = plotly_text(name, most)
        labels.append(label if label not in labels else f"{label} ({len(labels) + 1})")
    return labels
