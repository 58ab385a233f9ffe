"""The audit's page: what was found, in sections from what matters most to what is good to know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ecomcat.auditing.findings import mean
from ecomcat.reporting.html import (
    COLOURS,
    OURS,
    THEIRS,
    Chart,
    Code,
    Document,
    Facts,
    Paragraph,
    Part,
    Section,
    Table,
    figure,
    plotly_text,
)

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


_FIRST = ("rank", "text", "label", "suggested", "confidence", "suggested_confidence")


def audit_page(figures: Mapping[str, Any]) -> Document:
    """Lay out all figures of an audit.

    Args:
        figures: what `audit.json` holds.
    """
    sections = [
        Section("What was found", _overview(figures)),
        Section("Suspicious labels", _suspicious(figures["suspicious"])),
        Section("Repeats and contradictions", _repeats(figures["repeats"])),
        near_section(figures["near_duplicates"]),
        splits_section(figures["leakage"]),
        texts_section(figures["contents"]),
        languages_section(figures["languages"]),
        balance_section(figures["balance"]),
    ]
    if "drift" in figures:
        sections.insert(1, drift_section(figures["drift"]))
    sections.append(Section("What to do next", _next(figures)))
    return Document(
        title=f"Audit of {figures['name']}",
        subtitle=str(figures["source"]),
        sections=sections,
        footer="Written by python -m ecomcat.audit; all figures stand in audit.json beside it.",
    )


def _overview(figures: Mapping[str, Any]) -> list[Part]:
    repeats, near = figures["repeats"], figures["near_duplicates"]
    suspicious = figures["suspicious"]
    facts = {
        "rows": f"{repeats['rows']:,}",
        "distinct texts": f"{repeats['distinct_texts']:,}",
        "repeats": f"{repeats['repeats'] / max(repeats['rows'], 1):.1%} of rows",
        "near-duplicates": f"{near['share']:.1%} of texts",
        "contradicting labels": f"{repeats['conflicting_texts']:,} texts",
        "suspicious labels": (
            f"{suspicious['sure']:,} ({suspicious['sure_share']:.1%})"
            if "sure" in suspicious
            else "not looked for"
        ),
        "categories": f"{len(figures['balance']['classes']):,}",
    }
    return [Facts(facts), *(Paragraph(sentence) for sentence in figures["findings"])]


def _suspicious(found: Mapping[str, Any]) -> list[Part]:
    if "first" not in found:
        return [Paragraph(f"Not looked for, since {found['reason']}.")]
    pairs = [[row["label"], row["suggested"], row["texts"]] for row in found["pairs"]]
    first = [[row[name] for name in _FIRST] for row in found["first"]]
    headings = ["rank", "text", "label", "suggested", "label's chance", "suggested one's"]
    formats = {"label's chance": ".3f", "suggested one's": ".3f"}
    return [
        Paragraph(
            "A linear model of words and pairs of words was asked for the labels of texts that "
            "neither they nor their near-duplicates were trained on. Where it is as sure of "
            "another category as it is of that category's texts on average, the label is "
            f"suspicious: {found['sure']:,} of {found['texts']:,}. That is no proof: read it, "
            "then mend the label, or mark the row with x in the column exclude of "
            "suspicious_labels.csv."
        ),
        Table(headings, first, formats=formats, fold=25),
        Table(
            ["label", "suggested", "texts"],
            pairs,
            caption="Where suspicious labels point to",
            fold=12,
        ),
    ]


def _repeats(found: Mapping[str, Any]) -> list[Part]:
    counts = {
        "rows": found["rows"],
        "without text": found["empty_texts"],
        "without label": found["empty_labels"],
        "distinct texts": found["distinct_texts"],
        "repeats": found["repeats"],
        "of these letter by letter": found["exact_repeats"],
        "texts of several labels": found["conflicting_texts"],
        "of these without a majority": found["conflicting_texts_dropped"],
    }
    parts: list[Part] = [
        Paragraph(
            "Two rows repeat each other when they agree in letters, marks and digits, whatever "
            "their case, spaces and punctuation. A search keeps one of them, under the label of "
            "most."
        ),
        Facts({name: f"{count:,}" for name, count in counts.items()}),
    ]
    if found["conflicts"]:
        rows = [[_labels(row["labels"]), row["text"]] for row in found["conflicts"]]
        caption = "One text, several labels: the most evenly contradicting first"
        parts.append(Table(["labels and rows", "text"], rows, caption=caption, fold=8))
    if found["most_repeated"]:
        rows = [[row["times"], row["text"]] for row in found["most_repeated"]]
        parts.append(Table(["rows", "text"], rows, caption="Repeated most", fold=5))
    return parts


def _labels(labels: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in labels.items())


def _next(figures: Mapping[str, Any]) -> list[Part]:
    said = ", ".join(f"{count:,} in {name}" for name, count in figures["marked"].items())
    return [
        Paragraph(
            "Open suspicious_labels.csv in a spreadsheet, or near_duplicates.csv, and put an x in "
            "the column exclude of what is wrong; another audit of the same file keeps your marks. "
            f"Marked so far: {said}. "
            "A search reads one of the two files, that which data.exclude names, leaves its marked "
            "rows out of train and validation, and gives figures on test with and without them:"
        ),
        Code(figures["next"]),
        Paragraph("To keep near-duplicates on one side of the split, add:"),
        Code("data.group_near_duplicates=true"),
    ]
