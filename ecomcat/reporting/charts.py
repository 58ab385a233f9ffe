"""The charts of a study: of its search, as Optuna draws them, and of its final model."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ecomcat.model.intervals import f1_interval
from ecomcat.model.metrics import OBJECTIVE
from ecomcat.model.space import Domain, Range
from ecomcat.reporting.html_frame import (
    COLOURS,
    FAINT,
    OURS,
    THEIRS,
    Chart,
    figure,
    plotly_text,
    styled,
    unique_labels,
)
from ecomcat.tuning.records import COMPLETED, CUT_SHORT, FAILED, PRUNED, RUNNING, TrialRecord

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial
    from plotly.graph_objects import Figure

Curves = Mapping[str, Sequence[Mapping[str, float]]]

_SCORE, _BEST = "validation macro-F1", "best so far"
_COLOURS = {
    COMPLETED: COLOURS[0],
    PRUNED: COLOURS[4],
    CUT_SHORT: COLOURS[3],
    FAILED: COLOURS[1],
    RUNNING: COLOURS[6],
    _BEST: COLOURS[2],
}
# Optuna's names of its traces. A trial that the clock cut short is infeasible to Optuna: it is
# drawn, but not used.
_NAMES = {
    **dict.fromkeys((_SCORE, "Feasible Trial", "Feasible", "COMPLETE"), COMPLETED),
    **dict.fromkeys(("Infeasible Trial", "Infeasible", "INFEASIBLE"), CUT_SHORT),
    "PRUNED": PRUNED,
    "FAIL": FAILED,
    "RUNNING": RUNNING,
    "Best Value": _BEST,
}
_MAX_CURVES, _MAX_AXES = 40, 12  # trials; hyperparameters
_AXIS_WIDTH, _ROW_HEIGHT = 110, 26  # pixels
MAX_BARS = 40
_MAX_COUNTED_CLASSES = 12  # classes whose counts fit into the matrix
_MAX_NAME = 200  # characters of a name under the pointer


def progress_charts(
    records: Sequence[TrialRecord], names: Sequence[str], space: Mapping[str, Domain]
) -> Iterator[Chart]:
    """Yield the charts of how the search went; see `space_charts`."""
    from optuna import visualization

    study = _optuna_study(records, names, space)
    scored = [record for record in records if record.objective is not None]
    if any(record.status in {COMPLETED, CUT_SHORT} for record in scored):
        history = visualization.plot_optimization_history(study, target_name=_SCORE)
        history.data = [trace.update(showlegend=True) for trace in history.data if len(trace.x)]
        yield Chart("Best so far", _in_our_words(history))
    # The table has no curve of a trial whose file was lost.
    if drawn := [record for record in scored if record.curves]:
        ranked = sorted(drawn, key=lambda record: -(record.objective or 0.0))[:_MAX_CURVES]
        curves = visualization.plot_intermediate_values(_optuna_study(ranked, names, space))
        yield _learning_curves(curves, ranked)
    if ended := [record for record in records if record.ended_at is not None]:
        timeline = visualization.plot_timeline(_optuna_study(ended, names, space))
        timeline.update_layout(xaxis={"title": "time of search", "tickformat": "%H:%M:%S"})
        height = 150 + min(12 * len(ended), 450)
        yield Chart("Timeline of the trials", _in_our_words(timeline), height=height)


def _learning_curves(curves: Figure, records: Sequence[TrialRecord]) -> Chart:
    for trace, record in zip(curves.data, records, strict=True):
        trace.update(name=f"trial {record.id}", showlegend=False)
        if record.status != COMPLETED:
            trace.update(line={"color": FAINT, "dash": "dot"})
    curves.update_layout(yaxis_title=_SCORE, xaxis_title="epoch")
    caption = (
        f"At most the {_MAX_CURVES} best trials; those that were pruned or cut short are grey and "
        "dotted."
    )
    return Chart("Learning curves", _in_our_words(curves), caption)


def space_charts(
    records: Sequence[TrialRecord],
    names: Sequence[str],
    space: Mapping[str, Domain],
    importances: Mapping[str, float],
) -> Iterator[Chart]:
    """Yield the charts of which hyperparameters mattered.

    Args:
        records: Records of the trials, of which at least one has completed.
        names: Names of the hyperparameters in which they differ, the most important first.
        space: Domain of each hyperparameter.
        importances: Fraction of the variance by name; empty where there are too few trials.
    """
    from optuna import visualization

    if importances:
        yield _importance_chart(importances)
    study = _optuna_study(records, names, space)
    shown = [plotly_text(name) for name in names[:_MAX_AXES]]
    width = _AXIS_WIDTH * (len(shown) + 1)
    lines = visualization.plot_parallel_coordinate(study, shown, target_name=_SCORE)
    caption = "One line per trial, coloured by macro-F1; those that were cut short are dotted."
    lines = _in_our_words(lines).update_layout(margin_t=60, xaxis_tickangle=-20)
    yield Chart("Parallel coordinates", lines, caption, min_width=width)
    slices = _in_our_words(visualization.plot_slice(study, shown, target_name=_SCORE))
    caption = "The later a trial, the darker; those that were cut short stand out."
    yield Chart("Macro-F1 against each hyperparameter", slices, caption, min_width=width * 3 // 2)


def _importance_chart(importances: Mapping[str, float]) -> Chart:
    bars = figure(showlegend=False)
    bars.add_bar(
        x=[*importances.values()],
        y=[plotly_text(name) for name in importances],
        orientation="h",
        texttemplate="%{x:.0%}",
    )
    bars.update_xaxes(tickformat=".0%").update_yaxes(type="category", autorange="reversed")
    return Chart(
        "Importance of each hyperparameter",
        bars,
        "Fraction of the variance in validation macro-F1 over the completed trials (functional "
        "ANOVA over a random forest). Few trials make it rough.",
        height=90 + _ROW_HEIGHT * len(importances),
    )


def _in_our_words(drawn: Figure) -> Figure:
    """Give Optuna's figure the style of our pages, and our words and colours."""
    for trace in drawn.data:
        if (name := _NAMES.get(trace.name)) is None:
            continue
        trace.name = name
        several = trace.type == "scatter" and not isinstance(trace.marker.color, str | None)
        if not several:
            trace.marker.color = _COLOURS[name]
        if trace.type == "scatter" and trace.mode == "lines":
            trace.line.color = _COLOURS[name]
    drawn.update_annotations(bgcolor="rgba(0, 0, 0, 0)", font_color="#808080")
    return styled(drawn)


def _optuna_study(
    records: Sequence[TrialRecord], names: Sequence[str], space: Mapping[str, Domain]
) -> Study:
    """Return trials as an Optuna study in memory; all names and words in it are escaped."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    shown = {name: [_shown(record.values[name]) for record in records] for name in names}
    kinds = {
        plotly_text(name): _distribution(values, space.get(name)) for name, values in shown.items()
    }
    # Optuna labels feasible trials as soon as one trial has a constraint.
    some_cut_short = any(record.status == CUT_SHORT for record in records)
    for record, *values in zip(records, *shown.values(), strict=True):
        study.add_trial(_optuna_trial(record, values, kinds, constrained=some_cut_short))
    return study


def _shown(value: Any) -> Any:
    return value if type(value) in {int, float} else plotly_text(value, 20)


def _distribution(values: Sequence[Any], domain: Domain | None) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    types = {type(value) for value in values}
    if not types <= {int, float}:
        return CategoricalDistribution(sorted(set(values), key=str))
    log = isinstance(domain, Range) and domain.log
    kind = IntDistribution if types == {int} else FloatDistribution
    return kind(min(values), max(values), log=log)


def _optuna_trial(
    record: TrialRecord, values: Sequence[Any], kinds: Mapping[str, Any], *, constrained: bool
) -> FrozenTrial:
    from optuna.trial import TrialState, create_trial

    states = {PRUNED: TrialState.PRUNED, FAILED: TrialState.FAIL, RUNNING: TrialState.RUNNING}
    state = states.get(record.status, TrialState.COMPLETE)
    first = record.epochs - len(record.curves) + 1
    trial = create_trial(
        state=state,
        params=dict(zip(kinds, values, strict=True)),
        distributions=dict(kinds),
        value=record.objective if state == TrialState.COMPLETE else None,
        intermediate_values={e: row[OBJECTIVE] for e, row in enumerate(record.curves, first)},
        system_attrs={"constraints": (record.status == CUT_SHORT,)} if constrained else {},
    )
    ended = datetime.datetime(2000, 1, 1) + datetime.timedelta(seconds=record.ended_at or 0.0)
    trial.datetime_start = ended - datetime.timedelta(seconds=record.seconds)
    trial.datetime_complete = None if state == TrialState.RUNNING else ended
    return trial


def calibration_chart(bins: Curves) -> Chart:
    """Draw accuracy against confidence, in the bins of each set."""
    chart = figure(x="confidence", y="accuracy")
    line = {"color": FAINT, "dash": "dash"}
    chart.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=line, name="perfectly calibrated")
    _add_curves(chart, bins, "confidence", "accuracy", "{texts} texts")
    return Chart("Calibration", chart, "On the dashed line confidence equals accuracy.")


def coverage_chart(curves: Curves, asked: Mapping[str, Mapping[str, Any]]) -> Chart:
    """Draw the precision of the most confident answers against their fraction of all.

    Marks show what the thresholds from validation reached on the first set, by precision asked.
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
    caption = (
        "How many texts are accepted automatically, for the precision asked. The lines include "
        "novel texts, which the thresholds do not accept."
    )
    return Chart("Coverage against precision", chart, caption)


def _add_curves(chart: Figure, curves: Curves, x: str, y: str, note: str) -> None:
    """Add a line of each set, with a note on each point under the pointer."""
    colours = {"test": OURS, "validation": THEIRS}
    for part, points in curves.items():
        chart.add_scatter(
            x=[point[x] for point in points],
            y=[point[y] for point in points],
            text=[note.format(**point) for point in points],
            mode="lines+markers",
            marker={"size": 4},
            line={"color": colours[part]},
            name=part,
        )


def confusion_chart(
    class_names: Sequence[str], counts: Sequence[Sequence[int]], on: str = "test"
) -> Chart:
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
        f"Number of {on} texts: true category by row, predicted by column; the darker, the larger "
        "the fraction of the row.",
        height=200 + side,
        min_width=400 + side,
    )


def scores_chart(per_class: Mapping[str, Mapping[str, Any]], caption: str = "") -> Chart:
    """Draw F1 of each category, the lowest first; at most 40 of them."""
    ranked = dict(sorted(per_class.items(), key=lambda item: item[1]["f1"])[:MAX_BARS])
    chart = figure(x="F1, with 95 % intervals", showlegend=False)
    intervals = [(f1_interval(score), score) for score in ranked.values()]
    chart.add_bar(
        x=[score["f1"] for score in ranked.values()],
        y=unique_labels(list(ranked)),
        orientation="h",
        marker={"color": OURS},
        error_x={
            "array": [high - score["f1"] for (_, high), score in intervals],
            "arrayminus": [score["f1"] - low for (low, _), score in intervals],
            "color": FAINT,
        },
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


def learning_chart(found: Mapping[str, Any], model: str) -> Chart:
    """Draw a model's accuracy against the number of texts, and the gain of twice as many."""
    points, doubled = found["points"], found["doubled"]
    last = points[-1]
    low, high = (last["accuracy"] + bound for bound in doubled["interval"])
    expected = last["accuracy"] + doubled["gain"]
    drawn = figure(x="texts that were learned", y="accuracy", xaxis_type="log")
    drawn.add_scatter(
        x=[each["texts"] for each in points],
        y=[each["accuracy"] for each in points],
        mode="lines+markers",
        name="measured",
        line={"color": OURS},
    )
    drawn.add_scatter(
        x=[last["texts"], doubled["texts"]],
        y=[last["accuracy"], expected],
        mode="lines+markers",
        name="with twice the texts",
        line={"color": THEIRS, "dash": "dash"},
        error_y={"array": [0, high - expected], "arrayminus": [0, expected - low]},
    )
    sizes = [each["texts"] for each in (*points, doubled)]
    drawn.update_xaxes(tickvals=sizes, ticktext=[f"{size:,}" for size in sizes])
    drawn.update_yaxes(tickformat=".1%")
    return Chart(f"Learning curve of {model}", drawn, height=300)
