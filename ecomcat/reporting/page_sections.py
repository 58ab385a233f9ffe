"""What the report says of the final model and of the data, with the charts of the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ecomcat.errors import name_five
from ecomcat.export.summary import (
    Table,
    hardest_pairs,
    model_sentences,
    parts_table,
    score_sets,
    scores_table,
    verdict,
)
from ecomcat.reporting.html import (
    COLOURS,
    FAINT,
    OURS,
    THEIRS,
    Chart,
    MarkedText,
    Part,
    figure,
    plotly_text,
    unique_labels,
)

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

Curves = Mapping[str, Sequence[Mapping[str, float]]]

_MAX_MATRIX_CLASSES = 80
_MAX_COUNTED_CLASSES = 12  # classes whose counts have room in the matrix
_MAX_BARS, _MAX_NAME = 40, 200  # categories; characters of a name under the pointer
_COUNTS = {
    ("empty_texts",): "rows without a text",
    ("empty_labels",): "rows without a label",
    ("duplicates_removed",): "repeats of another row",
    ("conflicting_texts",): "texts under several labels",
    ("conflicting_texts_dropped",): "of these without a majority, dropped",
    ("split", "near_duplicate_groups"): "groups of near-duplicates, which stay on one side",
    ("split", "near_duplicate_texts"): "texts in these groups",
    ("excluded", "train"): "texts that data.exclude leaves out of train",
    ("excluded", "validation"): "texts that data.exclude leaves out of validation",
    ("excluded", "test"): "texts that data.exclude marks in test, where they stay",
    ("excluded", "unknown"): "marks of data.exclude for texts that are not there",
}


def model_parts(final: Mapping[str, Any], trials: int) -> Iterator[Part]:
    """Yield what the final model is and how good; the study has so many trials by now."""
    metrics = final["metrics"]
    test, trials_before = metrics["test"], metrics["search"]["trials"]
    yield {
        "test accuracy": f"{test['accuracy']:.4f}",
        "test macro-F1": f"{test['macro_f1']:.4f}",
        "calibration error": f"{test['calibration_error']:.4f}",
        **{
            f"accepted automatically at {asked}": f"{found['coverage']:.1%}"
            for asked, found in test["coverage"].items()
        },
    }
    yield f"{verdict(metrics)} The test set was scored once, after every choice."
    yield " ".join([*model_sentences(metrics["final"]), f"It is in {final['model_dir']}."])
    if trials > trials_before:
        yield f"It was made after {trials_before} trials; the study has gone on since."
    yield scores_table("The model beside the linear baseline", score_sets(metrics))
    if parts := parts_table(metrics):
        yield parts
    names = list(test["per_class"])
    if len(names) <= _MAX_MATRIX_CLASSES:
        yield _confusion_chart(names, test["confusion_matrix"])
    pairs = hardest_pairs(test, names, 20)
    if len(names) > 2 and pairs:
        yield Table(
            ["true category", "taken for", "texts", "of the category's"],
            [[true, other, count, count / total] for count, total, true, other in pairs],
            "What is most often taken for something else",
            formats={"of the category's": ".1%"},
            fold=8,
        )
    absent = [name for name, score in test["per_class"].items() if score["rows"] == 0]
    named = f"Without a text in the test set, and so of F1 0: {name_five(absent)}."
    yield _scores_chart(test["per_class"], named if absent else "")
    coverage = _coverage_chart(final["coverage"], test["coverage"])
    yield [_calibration_chart(final["calibration"]), coverage]


def mistake_parts(mistakes: Sequence[Mapping[str, Any]]) -> Iterator[Part]:
    """Yield the most confident mistakes, with the words that spoke for and against them."""
    if not mistakes:
        yield "There was no mistake on the test set."
        return
    yield (
        f"The {len(mistakes)} most confident of the wrong answers on test. Some are the model's "
        "faults, some those of the labels. Words in blue spoke for the answer, those in orange "
        "against it: how far its probability falls without the word."
    )
    for mistake in mistakes:
        left = mistake["characters"] - len(mistake["text"])
        notes = [f"{left:,} more characters"] if left else []
        notes += ["too long to weigh its words"] if mistake["spans"] is None else []
        yield MarkedText(
            f"{_isolated(mistake['predicted'])} ({mistake['confidence']:.1%}), labelled "
            f"{_isolated(mistake['true'])} ({mistake['true_probability']:.1%})",
            mistake["text"],
            [tuple(span) for span in mistake["spans"] or ()],
            note=", ".join(notes),
        )


def _isolated(name: str) -> str:
    """Return a name that leaves the order of what follows alone, whichever way it is written."""
    return f"\N{FIRST STRONG ISOLATE}{name}\N{POP DIRECTIONAL ISOLATE}"


def data_parts(snapshot: Mapping[str, Any]) -> Iterator[Part]:
    """Yield what is known of the data."""
    data = snapshot["data"]
    split, protocol = data["split"], data["split"]["protocol"]
    yield {
        "rows": f"{data['rows']:,}",
        "distinct texts": f"{data['distinct_texts']:,}",
        **{part: f"{split[part]:,}" for part in ("train", "validation", "test")},
        "categories": f"{len(data['classes']):,}",
    }
    licence = f" Licence: {data['licence']}." if data.get("licence") else ""
    yield f"{data['source']}. {protocol[:1].upper()}{protocol[1:]}.{licence}"
    counts = [[title, _found(data, keys)] for keys, title in _COUNTS.items()]
    rare = [[f"rare category: {name}", n] for name, n in data["rare_classes_dropped"].items()]
    rows = [[title, count] for title, count in [*counts, *rare] if count is not None]
    caption = "What cleaning removed or found"
    yield Table(["removed or found", "count"], rows, caption, fold=10)
    ranked = sorted(data["classes"].items(), key=lambda item: -item[1])
    yield Table(["category", "distinct texts"], ranked, caption="Categories", fold=10)
    lengths, quantiles = snapshot["lengths"], snapshot["lengths"]["characters"]["quantiles"]
    yield (
        f"Half of the texts have {quantiles['0.5']:,} characters or fewer, 95% "
        f"{quantiles['0.95']:,} or fewer; on average {lengths['mean_tokens']:.0f} tokens are read. "
        f"{lengths['cut']:.1%} of the texts have {lengths['max_tokens']:,} tokens or more, and are "
        "cut there."
    )


def _found(data: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        data = (data or {}).get(key)
    return data


def _calibration_chart(bins: Curves) -> Chart:
    """Draw accuracy against confidence, in the bins of test and of validation."""
    chart = figure(x="confidence", y="accuracy")
    line = {"color": FAINT, "dash": "dash"}
    chart.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=line, name="perfectly calibrated")
    _add_curves(chart, bins, "confidence", "accuracy", "{texts} texts")
    return Chart("Calibration", chart, "On the dashed line confidence equals accuracy.")


def _coverage_chart(curves: Curves, asked: Mapping[str, Mapping[str, Any]]) -> Chart:
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


def _confusion_chart(class_names: Sequence[str], counts: Sequence[Sequence[int]]) -> Chart:
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


def _scores_chart(per_class: Mapping[str, Mapping[str, Any]], caption: str = "") -> Chart:
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
