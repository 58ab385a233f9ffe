"""What the study was searched on: categories, lengths, and what cleaning removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from ecomcat.pages.charts import OURS, figure, plotly_text, unique_labels
from ecomcat.pages.parts import Chart, Facts, Grid, Paragraph, Part, Table

_MOST_BARS, _ROW_HEIGHT = 40, 24  # categories; pixels
_CLEANED = {
    "empty_texts": "rows without a text",
    "empty_labels": "rows without a label",
    "duplicates_removed": "repeats of another row",
    "conflicting_texts": "texts under several labels",
    "conflicting_texts_dropped": "of these without a majority, dropped",
}

_GROUPED = {
    "near_duplicate_groups": "groups of near-duplicates, kept on one side of the split",
    "near_duplicate_texts": "texts in these groups",
}
_EXCLUDED = {
    "train": "texts that data.exclude keeps out of train",
    "validation": "texts that data.exclude keeps out of validation",
    "test": "texts that data.exclude marks in test, which keeps them",
    "unknown": "marks of data.exclude for texts that are not there",
}


def data_parts(facts: Mapping[str, Any]) -> Iterator[Part]:
    """Yield what is known of the data.

    Args:
        facts: as the pipeline writes them, with `data` and `lengths`.
    """
    data, lengths = facts["data"], facts["lengths"]
    split = data["split"]
    yield Facts(
        {
            "rows": f"{data['rows']:,}",
            "distinct texts": f"{data['distinct_texts']:,}",
            **{part: f"{split[part]:,}" for part in ("train", "validation", "test")},
            "categories": f"{len(data['classes']):,}",
        }
    )
    licence = f" Licence: {data['licence']}." if data.get("licence") else ""
    protocol = split["protocol"]
    yield Paragraph(f"{data['source']}. {protocol[:1].upper()}{protocol[1:]}.{licence}")
    yield _cleaned(data)
    yield Grid([_balance(data["classes"]), _lengths(lengths)])


def _cleaned(data: Mapping[str, Any]) -> Table:
    split, excluded = data["split"], data.get("excluded", {})
    return Table(
        ["removed or found", "count"],
        [
            *([title, data[key]] for key, title in _CLEANED.items()),
            *([f"rare category: {name}", n] for name, n in data["rare_classes_dropped"].items()),
            *([title, split[key]] for key, title in _GROUPED.items() if key in split),
            *([title, excluded[key]] for key, title in _EXCLUDED.items() if key in excluded),
        ],
        caption="What cleaning removed or found.",
        fold=10,
    )


def _balance(classes: Mapping[str, int]) -> Chart:
    from plotly.graph_objects import Bar

    ranked = sorted(classes.items(), key=lambda item: -item[1])
    shown = ranked[:_MOST_BARS][::-1]
    chart = figure(x="distinct texts", showlegend=False)
    chart.add_trace(
        Bar(
            x=[count for _, count in shown],
            y=unique_labels([name for name, _ in shown]),
            orientation="h",
            marker={"color": OURS},
            customdata=[plotly_text(name, most=200) for name, _ in shown],
            hovertemplate="%{customdata}: %{x:,} texts<extra></extra>",
        )
    )
    chart.update_yaxes(type="category")
    more = len(ranked) - len(shown)
    rarest = ranked[-1]
    return Chart(
        "Categories, the largest first",
        chart,
        caption=f"And {more} more; the smallest, {rarest[0]}, has {rarest[1]}." if more else "",
        height=max(300, 110 + _ROW_HEIGHT * len(shown)),
    )


def _lengths(lengths: Mapping[str, Any]) -> Chart:
    from plotly.graph_objects import Bar

    characters = lengths["characters"]
    edges, counts = characters["edges"], characters["counts"]
    chart = figure(x="characters", y="texts", showlegend=False, bargap=0)
    chart.add_trace(
        Bar(
            # Plotly takes half of the width to either side before it takes logarithms.
            x=[(low + high) / 2 for low, high in pairwise(edges)],
            width=[high - low for low, high in pairwise(edges)],
            y=counts,
            marker={"color": OURS},
            customdata=[[low, high - 1] for low, high in pairwise(edges)],
            hovertemplate="%{customdata[0]:,} to %{customdata[1]:,} characters: %{y:,} texts"
            "<extra></extra>",
        )
    )
    chart.update_xaxes(type="log")
    quantiles = characters["quantiles"]
    return Chart(
        "Lengths",
        chart,
        caption=f"Half of the texts have {quantiles['0.5']:,} characters or fewer, 95% "
        f"{quantiles['0.95']:,} or fewer, the longest {characters['longest']:,}; on average "
        f"{lengths['mean_tokens']:.0f} tokens are read. {lengths['cut']:.1%} of the texts have "
        f"{lengths['max_tokens']:,} tokens or more, and are cut there.",
    )
