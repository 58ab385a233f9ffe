"""The page's sections on texts, languages, categories and drift."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ecomcat.pages.charts import OURS, THEIRS, figure, plotly_text
from ecomcat.pages.parts import Chart, Facts, Paragraph, Part, Section, Table

_MOST_BARS = 60


def texts_section(found: Mapping[str, Any]) -> Section:
    """Show how long texts are and what does not belong into them.

    Args:
        found: figures of the texts' contents.
    """
    words, gigantic, tiny = found["lengths"]["words"], found["gigantic"], found["tiny"]
    leftovers = [
        [kind, each["texts"], (each["examples"] or [""])[0]]
        for kind, each in found["leftovers"].items()
    ]
    parts: list[Part] = [
        Facts(
            {
                "median": f"{words.get('50%', 0):.0f} words",
                "mean": f"{words.get('mean', 0):.0f} words",
                "longest": f"{words.get('100%', 0):,.0f} words",
                f"below {tiny['below_words']} words": f"{tiny['texts']:,} texts",
                f"above {gigantic['above_words']} words": f"{gigantic['texts']:,} texts",
            }
        ),
        Paragraph(
            f"The default model reads the first {gigantic['above_words']} words of a text "
            f"(model.max_tokens); {gigantic['share_not_read']:.1%} of all words stand behind them.",
            note=True,
        ),
        _lengths_chart({"texts": found["lengths"]["histogram"]}),
        Table(["what", "texts", "an example"], leftovers, caption="What does not belong in a text"),
    ]
    if tiny["examples"]:
        rows = [[text] for text in tiny["examples"]]
        parts.append(Table(["text"], rows, caption="Tiny texts", fold=5))
    return Section("Texts", parts)


def _lengths_chart(histograms: Mapping[str, Sequence[Mapping[str, int]]]) -> Chart:
    from plotly.graph_objects import Bar

    drawn = figure(
        x="words", y="share of texts", xaxis_type="category", showlegend=len(histograms) > 1
    )
    drawn.update_yaxes(tickformat=".0%")
    for colour, (name, bins) in zip((OURS, THEIRS), histograms.items(), strict=False):
        total = max(sum(each["texts"] for each in bins), 1)
        drawn.add_trace(
            Bar(
                x=[_words(each["from"], each["below"] - 1) for each in bins],
                y=[each["texts"] / total for each in bins],
                name=plotly_text(name),
                marker_color=colour,
            )
        )
    return Chart("Texts by length", drawn, height=300)


def _words(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first} to {last}"


def languages_section(found: Mapping[str, Any]) -> Section:
    """List languages, and texts that are not in the commonest.

    Args:
        found: figures of languages.
    """
    looked = max(found["looked_at"], 1)
    rows = [
        [name, count, count / looked, (found["examples"].get(name) or [""])[0]]
        for name, count in found["counts"].items()
    ]
    chosen = "" if found["looked_at"] == found["all"] else f" by lot, of {found['all']:,}"
    return Section(
        "Languages",
        [
            Paragraph(
                f"{found['looked_at']:,} texts were looked at{chosen}. A language counts from a "
                f"probability of {found['sure_from']:.0%} on; short texts and lists of names are "
                "uncertain, and a rare language here is more often a mistake than a find."
            ),
            Table(
                ["language", "texts", "share", "an example"], rows, formats={"share": ".1%"}, fold=8
            ),
        ],
    )


def balance_section(found: Mapping[str, Any]) -> Section:
    """Show how many texts each category has.

    Args:
        found: figures of the balance.
    """
    from plotly.graph_objects import Bar

    classes = found["classes"]
    names = list(classes)[:_MOST_BARS]
    drawn = figure(x="distinct texts")
    drawn.add_trace(
        Bar(
            y=[plotly_text(name, 28) for name in names],
            x=[classes[name]["texts"] for name in names],
            orientation="h",
            marker_color=[THEIRS if name in found["rare"] else OURS for name in names],
        )
    )
    drawn.update_yaxes(autorange="reversed", type="category", dtick=1)
    title = "Distinct texts of each category"
    if len(classes) > _MOST_BARS:
        title = f"Distinct texts of the {_MOST_BARS} largest of {len(classes)} categories"
    rows = [[name, each["rows"], each["texts"]] for name, each in classes.items()]
    parts: list[Part] = [
        Chart(title, drawn, height=90 + 24 * max(len(names), 3)),
        Table(["category", "rows", "distinct texts"], rows, fold=12),
    ]
    if found["rare"]:
        said = f"Fewer than {found['min_class_rows']} distinct texts (data.min_class_rows): "
        parts.insert(0, Paragraph(said + f"{len(found['rare'])} categories, in the other colour."))
    return Section("Categories", parts)


def drift_section(found: Mapping[str, Any]) -> Section:
    """Compare the two files.

    Args:
        found: figures of drift.
    """
    auc, words = found["auc"], found["words"]
    facts = {
        "texts": " and ".join(f"{count:,}" for count in found["texts"]),
        "told apart (AUC)": "nothing to learn" if auc is None else f"{auc:.3f}",
        "shared exactly": f"{found['shared_exactly']:,}",
        "shared nearly": f"{found['shared_nearly']:,}",
        "unseen words": f"{words['unseen_share']:.1%} of the second file's",
        "other label": f"{found['contradicting_labels']:,} shared texts",
    }
    classes = [[name, *shares, shares[1] - shares[0]] for name, shares in found["classes"].items()]
    headings = ["category", "first file", "second file", "difference"]
    parts: list[Part] = [
        Paragraph(
            f"The second file is {found['source']}. An AUC of 0.5 means that a linear model cannot "
            "tell the files' texts apart, 1 that it always can."
        ),
        Facts(facts),
        Table(
            headings,
            classes,
            caption="Share of the distinct texts",
            formats=dict.fromkeys(headings[1:], ".1%"),
            fold=12,
        ),
        _lengths_chart(dict(zip(("first file", "second file"), words["histograms"], strict=True))),
    ]
    if words["commonest_unseen"]:
        rows = [list(item) for item in words["commonest_unseen"].items()]
        caption = "Words of the second file that the first never has"
        parts.append(Table(["word", "times"], rows, caption=caption, fold=8))
    if found["shared_examples"]:
        rows = [[text] for text in found["shared_examples"]]
        parts.append(Table(["text"], rows, caption="In both files, or nearly so", fold=5))
    return Section("Against the second file", parts)
