"""How good the final model is: figures beside the baseline's, confusion, and each category."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ecomcat.pages.charts import OURS, figure, plotly_text, unique_labels
from ecomcat.pages.parts import Chart, Facts, Grid, Paragraph, Part, Table
from ecomcat.reporting.tables import validation_title
from ecomcat.study_report.confidence_charts import calibration_chart, coverage_chart

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
