"""How the search went: the best so far, the learning curves, and where the time went."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ecomcat.model.scores import OBJECTIVE
from ecomcat.pages.charts import COLOURS, FAINT, figure, plotly_text
from ecomcat.pages.parts import Chart, Grid, Part
from ecomcat.reporting.durations import format_seconds
from ecomcat.reporting.progress import describe_values
from ecomcat.study_report.contents import StudyContents
from ecomcat.tuning.study.records import COMPLETED, FAILED, PRUNED, TrialRecord

_MOST_CURVES = 6  # of the best trials
STATUS_COLOURS = {COMPLETED: COLOURS[0], PRUNED: COLOURS[4], FAILED: COLOURS[1]}


def progress_parts(contents: StudyContents) -> Iterator[Part]:
    """Yield the charts of how the search went.

    Args:
        contents: of the study, with at least one trial that has ended.
    """
    if contents.scored:
        by_trial = _best_so_far(
            contents,
            "trials that have ended",
            lambda number, _: float(number),
            _in_order(contents.ended),
        )
        timed = [record for record in contents.ended if record.ended_at is not None]
        parts: list[Part] = [Chart("Best so far, by trials", by_trial)]
        if timed:
            minutes = _best_so_far(
                contents,
                "minutes of search",
                lambda _, record: (record.ended_at or 0.0) / 60,
                sorted(timed, key=lambda record: record.ended_at or 0.0),
            )
            parts.append(Chart("Best so far, by time", minutes))
        yield Grid(parts)
        yield Chart(
            "Learning curves",
            _learning_curves(contents),
            caption=f"Validation macro-F1 after each epoch: the {_MOST_CURVES} best trials in "
            "colour, other completed ones grey, pruned ones grey and dotted.",
            height=420,
        )
    yield Chart(
        "Time of the trials, by how they ended",
        _time_by_status(contents),
        caption=f"The study was searched for {format_seconds(contents.seconds)}; trials that ran "
        "side by side count each for itself.",
        height=190,
    )


def _in_order(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return trials as they ended; as they began where that is not known of all."""
    if any(record.ended_at is None for record in records):
        return list(records)
    return sorted(records, key=lambda record: record.ended_at or 0.0)


def _best_so_far(
    contents: StudyContents,
    title: str,
    place: Callable[[int, TrialRecord], float],
    records: Sequence[TrialRecord],
) -> Any:
    from plotly.graph_objects import Scatter

    chart = figure(x=title, y="validation macro-F1")
    placed = [(place(number, record), record) for number, record in enumerate(records, start=1)]
    for status in (COMPLETED, PRUNED):
        of_status = [each for each in placed if each[1].status == status]
        chart.add_trace(
            Scatter(
                x=[x for x, record in of_status],
                y=[record.objective for _, record in of_status],
                text=[hover_text(record, contents.searched) for _, record in of_status],
                hovertemplate="%{text}<extra></extra>",
                mode="markers",
                name=status,
                marker={"color": STATUS_COLOURS[status], "size": 7, "opacity": 0.7},
            )
        )
    return chart.add_trace(_best_line(placed))


def _best_line(placed: Sequence[tuple[float, TrialRecord]]) -> Any:
    """Return the steps of the best score among completed trials, from the first of them on."""
    from plotly.graph_objects import Scatter

    best, x, y = 0.0, [], []
    for at, record in placed:
        if record.status == COMPLETED and (record.objective or 0.0) > best:
            best = record.objective or 0.0
        if best:
            x.append(at)
            y.append(best)
    line = {"shape": "hv", "color": COLOURS[2], "width": 2}
    return Scatter(x=x, y=y, mode="lines", name="best so far", line=line, hoverinfo="skip")


def hover_text(record: TrialRecord, names: Sequence[str]) -> str:
    """Return what is shown of a trial under the pointer, in Plotly's HTML.

    Args:
        record: of the trial.
        names: of the hyperparameters to show.
    """
    score = "" if record.objective is None else f"macro-F1 {record.objective:.4f}, "
    head = f"<b>trial {record.id}</b> ({record.status})<br>{score}epoch {record.best_epoch} of "
    values = "<br>".join(plotly_text(describe_values(record, [name])) for name in names)
    return f"{head}{record.epochs}, {record.seconds:.0f} s<br>{values}"


def _learning_curves(contents: StudyContents) -> Any:
    from plotly.graph_objects import Scatter

    chart = figure(x="epoch", y="validation macro-F1")
    longest = max(record.epochs for record in contents.scored)
    chart.update_xaxes(dtick=max(1, round(longest / 10)))
    best = contents.ranked[:_MOST_CURVES]
    pruned = [record for record in contents.scored if record.status == PRUNED]
    # One trace for all that are faint: hundreds would take the browser seconds.
    for name, dash, records in (
        ("pruned", "dot", pruned),
        ("other completed trials", "solid", contents.ranked[_MOST_CURVES:]),
    ):
        if records:
            x, y = _joined(records)
            line = {"color": FAINT, "width": 1, "dash": dash}
            chart.add_trace(Scatter(x=x, y=y, mode="lines", name=name, line=line, hoverinfo="skip"))
    for record in best:
        chart.add_trace(
            Scatter(
                x=_epochs(record),
                y=[row[OBJECTIVE] for row in record.curves],
                mode="lines+markers",
                name=f"trial {record.id}",
                hovertemplate=f"trial {record.id}, epoch %{{x}}: %{{y:.4f}}<extra></extra>",
            )
        )
    return chart


def _epochs(record: TrialRecord) -> list[int]:
    """Return the numbers of the epochs that a record has scores of: the last ones."""
    return list(range(record.epochs - len(record.curves) + 1, record.epochs + 1))


def _joined(records: Sequence[TrialRecord]) -> tuple[list[Any], list[Any]]:
    """Return all curves as one line with gaps in it."""
    x: list[Any] = []
    y: list[Any] = []
    for record in records:
        x += [*_epochs(record), None]
        y += [*(row[OBJECTIVE] for row in record.curves), None]
    return x, y


def _time_by_status(contents: StudyContents) -> Any:
    from plotly.graph_objects import Bar

    chart = figure(x="minutes", barmode="stack", showlegend=True)
    for status, colour in STATUS_COLOURS.items():
        records = [record for record in contents.ended if record.status == status]
        if records:
            minutes = sum(record.seconds for record in records) / 60
            chart.add_trace(
                Bar(
                    x=[minutes],
                    y=["trials"],
                    orientation="h",
                    name=f"{status} ({len(records)})",
                    marker={"color": colour},
                    hovertemplate=f"{len(records)} {status}: %{{x:.1f}} min<extra></extra>",
                )
            )
    return chart
