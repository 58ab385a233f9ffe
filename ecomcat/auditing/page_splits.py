"""The page's sections on near-duplicates and on splits that leak."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecomcat.auditing.findings import mean
from ecomcat.pages.charts import COLOURS, OURS, figure, plotly_text
from ecomcat.pages.parts import Chart, Facts, Paragraph, Part, Section, Table


def near_section(found: Mapping[str, Any]) -> Section:
    """Show how many texts are nearly the same, and those of different categories.

    Args:
        found: figures of near-duplicates.
    """
    parts: list[Part] = [
        Paragraph(
            "Two texts are nearly the same when they share at least "
            f"{found['similarity']:.0%} of their distinct word triples (Jaccard similarity): the "
            "same description of another colour, size or edition. Whoever trains on one has seen "
            "most of the other."
        ),
        Facts(
            {
                "texts": f"{found['texts']:,} ({found['share']:.1%})",
                "groups": f"{found['groups']:,}",
                "largest group": f"{found['largest'][0]:,}" if found["largest"] else "none",
                "groups across categories": f"{found['groups_across_classes']:,}",
            }
        ),
    ]
    if found["groups"]:
        parts.append(_sizes_chart(found["sizes"]))
    if found["across_classes"]:
        rows = [
            [*_both(pair["texts"]), *_both(pair["labels"]), pair["similarity"]]
            for pair in found["across_classes"]
        ]
        headings = ["one text", "the other text", "label", "the other's", "similarity"]
        caption = "Nearly the same text, another category: one of the labels is likely wrong"
        formats = {"similarity": ".2f"}
        parts.append(Table(headings, rows, caption=caption, formats=formats, fold=6))
    if found["largest_groups"]:
        groups = [[row["texts"], *_both(row["examples"])] for row in found["largest_groups"]]
        headings = ["texts", "one of them", "another"]
        parts.append(Table(headings, groups, caption="Largest groups", fold=5))
    return Section("Near-duplicates", parts)


def _both(pair: list[str]) -> list[str]:
    return [pair[0], pair[-1]]


def _sizes_chart(sizes: Mapping[str, int]) -> Chart:
    from plotly.graph_objects import Bar

    drawn = figure(x="texts of a group", y="groups", xaxis_type="category")
    names = list(sizes)
    drawn.add_trace(Bar(x=names, y=[sizes[name] for name in names], marker_color=OURS))
    return Chart("Groups by size", drawn, height=260)


def splits_section(found: Mapping[str, Any]) -> Section:
    """Compare the three kinds of split.

    Args:
        found: figures of leakage.
    """
    if "splits" not in found:
        return Section("What a leaking split hides", [Paragraph(f"None: {found['reason']}")])
    rows = []
    for kind in found["splits"]:
        accuracy, f1 = (mean(found, kind, name) for name in ("accuracy", "macro_f1"))
        shares = [mean(found, kind, name)[0] for name in ("twins", "near")]
        rows.append([kind, accuracy[0], f1[0], max(accuracy[1], f1[1]), *shares])
    headings = ["split", "accuracy", "macro-F1", "±", "test rows trained on", "or nearly so"]
    formats = {"accuracy": ".4f", "macro-F1": ".4f", "±": ".4f"}
    formats |= {"test rows trained on": ".1%", "or nearly so": ".1%"}
    count = len(next(iter(found["splits"].values())))
    return Section(
        "What a leaking split hides",
        [
            Paragraph(
                "The same linear model, trained and tested on three kinds of split of this file, "
                f"{count} of each. What the first reaches above the others it has learnt by heart. "
                "A single split is noisy: differences below twice the ± say little."
            ),
            Table(headings, rows, formats=formats),
            _splits_chart(found["splits"]),
        ],
    )


def _splits_chart(splits: Mapping[str, Any]) -> Chart:
    from plotly.graph_objects import Scatter

    drawn = figure(x="on test", yaxis_type="category", showlegend=True)
    drawn.update_yaxes(autorange="reversed")
    for place, (name, key) in enumerate((("accuracy", "accuracy"), ("macro-F1", "macro_f1"))):
        points = [(each[key], kind) for kind, found in splits.items() for each in found]
        drawn.add_trace(
            Scatter(
                x=[value for value, _ in points],
                y=[plotly_text(_broken(kind)) for _, kind in points],
                mode="markers",
                name=name,
                marker={"color": COLOURS[place], "size": 11, "opacity": 0.75},
            )
        )
    return Chart("Each split's figures", drawn, height=260)


def _broken(kind: str) -> str:
    """Shorten what stands beside the chart, so that it fits a telephone."""
    return {"near-duplicates on one side, too": "grouped", "repeats removed first": "distinct"}.get(
        kind, "all rows"
    )
