"""What mattered: importances, F1 against each hyperparameter, and all trials as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ecomcat.extras import is_installed, pip_line
from ecomcat.pages.charts import OURS, figure, plotly_text
from ecomcat.pages.parts import Chart, Grid, Paragraph, Part, Table
from ecomcat.reporting.progress import plain_value
from ecomcat.study_report.contents import StudyContents
from ecomcat.study_report.parallel_chart import are_numbers, parallel_coordinates
from ecomcat.study_report.progress_charts import STATUS_COLOURS
from ecomcat.tuning.study.records import COMPLETED, PRUNED, TrialRecord

_AXIS_WIDTH, _ROW_HEIGHT = 85, 26  # pixels
_MOST_ROWS_SHOWN = 15
_MOST_COORDINATES = 14  # axes that can be told apart


def space_parts(contents: StudyContents) -> Iterator[Part]:
    """Yield the charts of what mattered, and all trials as a table.

    Args:
        contents: of the study.
    """
    names = contents.searched
    if not contents.scored:
        yield Paragraph("No trial has reached a score so far.", note=True)
    elif not names:
        yield Paragraph("The trials so far do not differ: there is nothing to compare.", note=True)
    else:
        shares = _importances(contents)
        if isinstance(shares, str):
            yield Paragraph(f"No importances: {shares}", note=True)
        else:
            names = [*shares, *(name for name in names if name not in shares)]
            yield Chart(
                "Importance of each hyperparameter",
                _importance_chart(shares),
                caption="Share of the variance in validation macro-F1 over the completed trials "
                "(functional ANOVA over a random forest). Few trials make it rough.",
                height=90 + _ROW_HEIGHT * len(shares),
            )
        if contents.ranked:
            yield Chart(
                "Parallel coordinates",
                parallel_coordinates(contents, names[:_MOST_COORDINATES]),
                caption="A line a completed trial, coloured by macro-F1. Draw along an axis to "
                "keep only the lines that pass there; draw an axis's name to move it.",
                height=420,
                min_width=_AXIS_WIDTH * (min(len(names), _MOST_COORDINATES) + 2),
            )
        pruned = any(record.status == PRUNED for record in contents.scored)
        reached = "; pruned trials, in orange, with what they had reached by then"
        text = f"Macro-F1 against each hyperparameter{reached if pruned else ''}."
        yield Paragraph(text, note=True)
        yield Grid([_against(contents, name) for name in names])
    yield _trials(contents, names)


def _importances(contents: StudyContents) -> dict[str, float] | str:
    """Return shares by name, or why there are none."""
    if not contents.space:
        return "the study is older than what they need. The same search command adds it."
    if not (is_installed("optuna") and is_installed("sklearn")):
        return f"optuna and scikit-learn are not installed ({pip_line('report')})."
    from ecomcat.tuning.oracles.importance import importances

    found = importances(contents.records, contents.space, contents.identity["seed"])
    return found or "eight completed trials that differ are needed."


def _importance_chart(shares: Mapping[str, float]) -> Any:
    from plotly.graph_objects import Bar

    # Plotly begins at the bottom.
    ranked = list(shares.items())[::-1]
    chart = figure(x="share of the variance", xaxis_tickformat=".0%", showlegend=False)
    chart.add_trace(
        Bar(
            x=[share for _, share in ranked],
            y=[plotly_text(name) for name, _ in ranked],
            orientation="h",
            marker={"color": OURS},
            hovertemplate="%{y}: %{x:.1%}<extra></extra>",
        )
    )
    return chart.update_yaxes(title=None)


def _against(contents: StudyContents, name: str) -> Chart:
    """Draw macro-F1 against one hyperparameter."""
    from plotly.graph_objects import Scatter

    chart = figure(y="macro-F1", showlegend=False, margin={"l": 50, "r": 10, "t": 5, "b": 30})
    numbers = are_numbers([record.values.get(name) for record in contents.scored])
    for status in (PRUNED, COMPLETED):
        records = [record for record in contents.scored if record.status == status]
        values = [record.values.get(name) for record in records]
        chart.add_trace(
            Scatter(
                x=values if numbers else [plotly_text(value) for value in values],
                y=[record.objective for record in records],
                text=[record.id for record in records],
                hovertemplate=f"trial %{{text}} ({status}): %{{x}}, macro-F1 "
                "%{y:.4f}<extra></extra>",
                mode="markers",
                marker={"color": STATUS_COLOURS[status], "size": 7, "opacity": 0.6},
            )
        )
    if not numbers:
        chart.update_xaxes(type="category", categoryorder="category ascending")
    elif contents.is_logarithmic(name):
        chart.update_xaxes(type="log")
    return Chart(name, chart, height=230)


def _trials(contents: StudyContents, names: Sequence[str]) -> Table:
    rows = [
        [
            *(record.id, record.status, record.objective, record.accuracy),
            *(record.epochs, record.seconds, record.parameters or None),
            *(_cell(record.values.get(name)) for name in names),
            record.ended,
        ]
        for record in sorted(contents.records, key=_rank)
    ]
    head = ("trial", "status", "macro-F1", "accuracy", "epochs", "seconds", "weights")
    formats = {"macro-F1": ".4f", "accuracy": ".4f", "seconds": ".0f", "weights": ",d"}
    return Table(
        [*head, *names, "ended"],
        rows,
        caption="All trials; a heading sorts them.",
        formats={**formats, **dict.fromkeys(names, ".6g")},
        fold=_MOST_ROWS_SHOWN,
    )


def _cell(value: Any) -> Any:
    return value if are_numbers([value]) else plain_value(value)


def _rank(record: TrialRecord) -> tuple[bool, float]:
    """Completed trials first, the best of them first."""
    return record.status != COMPLETED, -(record.objective or 0.0)
