"""Parallel coordinates of the completed trials."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ecomcat.config import ModelConfig, SearchCommand
from ecomcat.console import format_seconds, our_command
from ecomcat.model.metrics import OBJECTIVE
from ecomcat.model.space import Domain, Range, read_space, resolve_auto
from ecomcat.process import is_installed, pip_line
from ecomcat.reporting.html import (
    COLOURS,
    FAINT,
    OURS,
    SCORE_SCALE,
    THEIRS,
    Chart,
    Facts,
    Grid,
    Paragraph,
    Part,
    Table,
    figure,
    plotly_text,
    shortened,
    unique_labels,
)
from ecomcat.reporting.terminal import describe_values, plain_value, validation_title
from ecomcat.tuning.records import COMPLETED, FAILED, PRUNED, RUNNING, TrialRecord, load_records
from ecomcat.tuning.study import DATA, FINAL, Study, active_seconds, read_facts, read_study


@dataclass(frozen=True)
class StudyContents:
    """A study as it stands.

    Args:
        directory: the study's folder.
        identity: what a resume must agree with.
        config: of the run that began it.
        records: of its trials, in the order of their numbers.
        seconds: that it was searched for.
        data: facts of its data; None in studies older than these.
        final: facts of its final model; None before there is one.
    """

    directory: Path
    identity: Mapping[str, Any]
    config: Mapping[str, Any]
    records: Sequence[TrialRecord]
    seconds: float
    data: Mapping[str, Any] | None
    final: Mapping[str, Any] | None

    @property
    def name(self) -> str:
        """The study's name."""
        return self.directory.name

    def our_command(self, command: str, argument: str) -> str:
        """Return how one of our commands is typed that is about this study.

        Args:
            command: its name, such as `"train"`.
            argument: its override.
        """
        outputs = str(self.directory.parent.parent)
        others = [] if outputs == SearchCommand.outputs_dir else [f"outputs_dir={outputs}"]
        return our_command(command, argument, *others)

    @cached_property
    def ended(self) -> list[TrialRecord]:
        """Trials that completed, were pruned or failed."""
        return [record for record in self.records if record.status != RUNNING]

    @cached_property
    def scored(self) -> list[TrialRecord]:
        """Ended trials that reached a score."""
        return [record for record in self.ended if record.objective is not None]

    @cached_property
    def ranked(self) -> list[TrialRecord]:
        """Completed trials, the best first, the earliest of equals first."""
        completed = [record for record in self.scored if record.status == COMPLETED]
        return sorted(completed, key=lambda record: -(record.objective or 0.0))

    @cached_property
    def searched(self) -> list[str]:
        """Names of the hyperparameters in which scored trials differ."""
        names = self.scored[0].values if self.scored else ()
        return [
            name
            for name in names
            if len({repr(record.values.get(name)) for record in self.scored}) > 1
        ]

    @cached_property
    def space(self) -> dict[str, Domain]:
        """The domains that were searched; empty where the number of training texts is not known."""
        if self.data is None:
            return {}
        space = read_space(ModelConfig(**self.config["model"]))
        return resolve_auto(space, self.data["data"]["split"]["train"])

    def is_logarithmic(self, name: str) -> bool:
        """Tell whether a hyperparameter was drawn by its logarithm."""
        domain = self.space.get(name)
        return isinstance(domain, Range) and domain.log


def read_contents(study: Study) -> StudyContents:
    """Read a study's folder; a search may be writing to it.

    Args:
        study: the folder.

    Raises:
        UserError: when a file cannot be read, or another version of ecomcat wrote it.
    """
    stored = read_study(study.directory)
    return StudyContents(
        study.directory,
        stored["identity"],
        stored["config"],
        load_records(study),
        active_seconds(study),
        read_facts(study, DATA),
        read_facts(study, FINAL),
    )


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


_MOST_CROSSED, _MOST_IN_HEATMAP = 12, 80  # classes
_MOST_BARS, _MOST_PAIRS, _MOST_ABSENT = 40, 20, 5
_MOST_NAMED = 200  # characters of a category's name under the pointer
_ROW_HEIGHT = 24  # pixels


def score_parts(final: Mapping[str, Any]) -> Iterator[Part]:
    """Yield figures and charts of the final model on the test set.

    Args:
        final: facts of the final model.
    """
    metrics = final["metrics"]
    test = metrics["test"]
    yield Facts(
        {
            "test accuracy": f"{test['accuracy']:.4f}",
            "test macro-F1": f"{test['macro_f1']:.4f}",
            "calibration error": f"{test['calibration_error']:.4f}",
            **{
                f"labelled at {asked} asked": f"{found['coverage']:.1%}"
                for asked, found in test["coverage"].items()
            },
        }
    )
    yield _beside_baseline(metrics)
    yield Paragraph(final["verdict"])
    yield from _confusion(test)
    yield _per_class(test)
    coverage = coverage_chart(final["coverage"], test["coverage"])
    yield Grid([calibration_chart(final["calibration"]), coverage])


def _beside_baseline(metrics: Mapping[str, Any]) -> Table:
    sets = [
        ("this model", "test (scored once)", metrics["test"]),
        ("this model", validation_title(metrics["final"]), metrics["validation"]),
    ]
    if "test_without_excluded" in metrics:
        title = "test, without rows that data.exclude marks"
        sets.insert(1, ("this model", title, metrics["test_without_excluded"]))
    baseline = metrics.get("baseline")
    if baseline is not None:
        sets.insert(-1, (baseline["name"], "test, same split", baseline["test"]))
        sets.append((baseline["name"], "validation (fitted on train)", baseline["validation"]))
    names = ("accuracy", "macro_f1", "weighted_f1")
    headings = ("accuracy", "macro-F1", "weighted F1")
    return Table(
        ["model", "set", "texts", *headings],
        [
            [model, part, scores["rows"], *(scores[name] for name in names)]
            for model, part, scores in sets
        ],
        caption="This model beside the linear baseline." if baseline else "Figures of this model.",
        formats=dict.fromkeys(headings, ".4f"),
    )


def _confusion(test: Mapping[str, Any]) -> Iterator[Part]:
    names, crossed = list(test["per_class"]), test["confusion_matrix"]
    if len(names) <= _MOST_CROSSED:
        shares = [[count / max(sum(row), 1) for count in row] for row in crossed]
        yield Table(
            ["true category", *names],
            [[name, *row] for name, row in zip(names, crossed, strict=True)],
            caption="Confusion matrix: true category by row, predicted by column; the darker, the "
            "larger the share of the row.",
            shades=[[None, *row] for row in shares],
        )
    elif len(names) <= _MOST_IN_HEATMAP:
        yield _heatmap(names, crossed)
    pairs = sorted(
        (
            (count, names[true], names[other], count / sum(row))
            for true, row in enumerate(crossed)
            for other, count in enumerate(row)
            if true != other and count
        ),
        key=lambda pair: -pair[0],
    )
    if len(names) > 2 and pairs:
        yield Table(
            ["true category", "taken for", "texts", "of the category's"],
            [[true, other, count, share] for count, true, other, share in pairs[:_MOST_PAIRS]],
            caption="What is most often taken for something else.",
            formats={"of the category's": ".1%"},
            fold=8,
        )


def _heatmap(names: Sequence[str], crossed: Sequence[Sequence[int]]) -> Chart:
    from plotly.graph_objects import Heatmap

    labels = unique_labels(names)
    chart = figure(x="predicted", y="true")
    chart.add_trace(
        Heatmap(
            x=labels,
            y=labels,
            z=[[count / max(sum(row), 1) for count in row] for row in crossed],
            text=crossed,
            colorscale="Blues",
            zmin=0,
            zmax=1,
            hovertemplate="%{y} taken for %{x}: %{text} (%{z:.1%})<extra></extra>",
        )
    )
    # Every name, where there is room for one.
    chart.update_xaxes(type="category", dtick=1, tickfont={"size": 10})
    chart.update_yaxes(type="category", dtick=1, tickfont={"size": 10}, autorange="reversed")
    return Chart(
        "Confusion matrix",
        chart,
        caption="The darker, the larger the share of the true category's texts.",
        height=200 + 14 * len(names),
        min_width=300 + 12 * len(names),
    )


def _per_class(test: Mapping[str, Any]) -> Chart:
    from plotly.graph_objects import Bar

    # The worst first, which Plotly draws at the bottom: so they stand last here.
    ranked = sorted(test["per_class"].items(), key=lambda item: item[1]["f1"])
    shown = ranked[:_MOST_BARS][::-1]
    labels = unique_labels([name for name, _ in shown])
    chart = figure(x="F1", showlegend=False)
    chart.add_trace(
        Bar(
            x=[score["f1"] for _, score in shown],
            y=labels,
            orientation="h",
            marker={"color": OURS},
            customdata=[
                [score["precision"], score["recall"], score["rows"], plotly_text(name, _MOST_NAMED)]
                for name, score in shown
            ],
            hovertemplate="%{customdata[3]}: F1 %{x:.4f}, precision %{customdata[0]:.4f}, recall "
            "%{customdata[1]:.4f}, %{customdata[2]} texts<extra></extra>",
        )
    )
    chart.update_yaxes(type="category")
    more = len(ranked) - len(shown)
    absent = [name for name, score in ranked if score["rows"] == 0]
    notes = [f"And {more} better ones in metrics.json."] if more else []
    if absent:
        named = ", ".join(absent[:_MOST_ABSENT]) + (", …" if len(absent) > _MOST_ABSENT else "")
        notes.append(f"Without a text in the test set, and so of F1 0: {named}.")
    return Chart(
        "Categories, the worst first",
        chart,
        caption=" ".join(notes),
        height=110 + _ROW_HEIGHT * len(shown),
    )


_AXIS_WIDTH, _SPACE_ROW_HEIGHT = 85, 26  # pixels
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
                height=90 + _SPACE_ROW_HEIGHT * len(shares),
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
    from ecomcat.tuning.tpe import importances

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
