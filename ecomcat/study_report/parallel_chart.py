"""Parallel coordinates of the completed trials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ecomcat.pages.charts import SCORE_SCALE, figure, plotly_text, shortened
from ecomcat.reporting.progress import plain_value
from ecomcat.study_report.contents import StudyContents
from ecomcat.tuning.study.records import TrialRecord

_MOST_TICKS = 6  # values of an axis that are each named


def parallel_coordinates(contents: StudyContents, names: Sequence[str]) -> Any:
    """Return the figure: a line a completed trial, an axis a hyperparameter, the score the last.

    Args:
        contents: of the study, with at least one completed trial.
        names: of the hyperparameters, in the order of their axes.
    """
    from plotly.graph_objects import Parcoords

    # The best lie on top of the others.
    records = list(reversed(contents.ranked))
    scores = [record.objective for record in records]
    dimensions = [_dimension(contents, name, records) for name in names]
    dimensions.append({"label": "macro-F1", "values": scores, "tickformat": ".4f"})
    chart = figure(margin={"l": 70, "r": 50, "t": 95, "b": 30})
    chart.add_trace(
        Parcoords(
            dimensions=dimensions,
            line={"color": scores, "colorscale": SCORE_SCALE, "showscale": True},
            labelfont={"size": 12},
            labelangle=-25,
        )
    )
    return chart


def _dimension(
    contents: StudyContents, name: str, records: Sequence[TrialRecord]
) -> dict[str, Any]:
    values: list[Any] = [record.values.get(name) for record in records]
    label = plotly_text(name.replace("_", " "), most=18)
    if are_numbers(values):
        return {"label": label, **_numeric_axis(values, log=contents.is_logarithmic(name))}
    words = sorted({str(value) for value in values})
    return {
        "label": label,
        "values": [words.index(str(value)) for value in values],
        "tickvals": list(range(len(words))),
        # The one place where Plotly reads no HTML.
        "ticktext": [shortened(word, most=12) for word in words],
    }


def _numeric_axis(values: Sequence[float], *, log: bool) -> dict[str, Any]:
    """Return an axis whose few different values are each named; Plotly knows no logarithmic one."""
    placed = [math.log10(float(value)) for value in values] if log else list(values)
    shown = dict(zip(placed, values, strict=True))
    if len(shown) > _MOST_TICKS:
        if not log:
            return {"values": placed}
        low, high = min(placed), max(placed)
        ticks = [low + (high - low) * step / 4 for step in range(5)]
        return {"values": placed, "tickvals": ticks, "ticktext": [f"{10**at:.2g}" for at in ticks]}
    ticks = sorted(shown)
    text = [plain_value(shown[tick]) for tick in ticks]
    return {"values": placed, "tickvals": ticks, "ticktext": text}


def are_numbers(values: Sequence[Any]) -> bool:
    """Tell whether all values are numbers: true and false are none."""
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
