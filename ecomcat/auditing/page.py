"""The page of an audit: what was found, from what matters most to what is good to know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ecomcat.auditing.splits import mean
from ecomcat.export.summary import Table
from ecomcat.reporting.html import (
    COLOURS,
    OURS,
    THEIRS,
    Chart,
    Code,
    Part,
    figure,
    plotly_text,
    render,
)

Found = Mapping[str, Any]

_MAX_BARS = 60
_SHORT_KINDS = ("all rows", "distinct", "grouped")  # so that a chart fits a telephone


def audit_page(figures: Found) -> str:
    """Return the page with all figures of an audit."""
    sections = {
        "What was found": _overview(figures),
        "Against the second file": _drift(figures["drift"]) if "drift" in figures else (),
        "Suspicious labels": _suspicious(figures["suspicious"]),
        "Repeats and contradictions": _repeats(figures["repeats"]),
        "Near-duplicates": _near(figures["near_duplicates"]),
        "What a leaking split hides": _splits(figures["leakage"]),
        "Texts": _texts(figures["contents"]),
        "Languages": _languages(figures["languages"]),
        "Categories": _balance(figures["balance"]),
        "What to do next": _next(figures),
    }
    filled = {title: list(parts) for title, parts in sections.items()}
    return render(
        f"Audit of {figures['name']}",
        str(figures["source"]),
        {title: parts for title, parts in filled.items() if parts},
        footer="Written by python -m ecomcat.audit; all figures stand in audit.json beside it.",
    )


def _overview(figures: Found) -> Iterator[Part]:
    repeats, near, labels = (figures[name] for name in ("repeats", "near_duplicates", "suspicious"))
    sure = f"{labels['sure']:,} ({labels['sure_share']:.1%})" if "sure" in labels else ""
    yield {
        "rows": f"{repeats['rows']:,}",
        "distinct texts": f"{repeats['distinct_texts']:,}",
        "repeats": f"{repeats['repeats'] / max(repeats['rows'], 1):.1%} of rows",
        "near-duplicates": f"{near['share']:.1%} of texts",
        "contradicting labels": f"{repeats['conflicting_texts']:,} texts",
        "suspicious labels": sure or "not looked for",
        "categories": f"{len(figures['balance']['classes']):,}",
    }
    yield from figures["findings"]


def _suspicious(found: Found) -> Iterator[Part]:
    if "first" not in found:
        yield f"Not looked for, since {found['reason']}."
        return
    yield (
        "A linear model of words and pairs of words was asked for the labels of texts that "
        "neither they nor their near-duplicates were trained on. Where it is as sure of another "
        "category as it is of that category's texts on average, the label is suspicious: "
        f"{found['sure']:,} of {found['texts']:,}. That is no proof: read it, then fix the label, "
        "or mark the row with x in the column exclude of suspicious_labels.csv."
    )
    yield suspects_table(found)
    names = ["label", "suggested", "texts"]
    caption = "Where suspicious labels point to"
    yield Table(names, _cells(found["pairs"], names), caption=caption, fold=12)


def suspects_table(found: Found) -> Table:
    """List the most suspicious labels."""
    names = ["rank", "text", "label", "suggested", "confidence", "suggested_confidence"]
    headings = ["rank", "text", "label", "suggested", "label's chance", "suggested one's"]
    formats = dict.fromkeys(headings[4:], ".3f")
    return Table(headings, _cells(found["first"], names), formats=formats, fold=25)


def _cells(rows: Sequence[Found], names: Sequence[str]) -> list[list[Any]]:
    return [[row[name] for name in names] for row in rows]


def _repeats(found: Found) -> Iterator[Part]:
    yield (
        "Two rows repeat each other when they agree in letters, marks and digits, whatever their "
        "case, spaces and punctuation. A search keeps one of them, under the label of most."
    )
    names = {
        "rows": "rows",
        "without text": "empty_texts",
        "without label": "empty_labels",
        "distinct texts": "distinct_texts",
        "repeats": "repeats",
        "of these letter by letter": "exact_repeats",
        "texts of several labels": "conflicting_texts",
        "of these without a majority": "conflicting_texts_dropped",
    }
    yield {name: f"{found[key]:,}" for name, key in names.items()}
    if found["conflicts"]:
        caption = "One text, several labels: the most evenly contradicting first"
        rows = [
            [", ".join(f"{name} ({count})" for name, count in row["labels"].items()), row["text"]]
            for row in found["conflicts"]
        ]
        yield Table(["labels and rows", "text"], rows, caption=caption, fold=8)
    if found["most_repeated"]:
        rows = _cells(found["most_repeated"], ("times", "text"))
        yield Table(["rows", "text"], rows, caption="Repeated most", fold=5)


def _near(found: Found) -> Iterator[Part]:
    yield (
        f"Two texts are nearly the same when they share at least {found['similarity']:.0%} of "
        "their distinct word triples (Jaccard similarity): the same description of another "
        "colour, size or edition. Whoever trains on one has seen most of the other."
    )
    yield {
        "texts": f"{found['texts']:,} ({found['share']:.1%})",
        "groups": f"{found['groups']:,}",
        "largest group": f"{found['largest'][0]:,}" if found["largest"] else "none",
        "groups across categories": f"{found['groups_across_classes']:,}",
    }
    if found["groups"]:
        drawn = figure(x="texts of a group", y="groups", xaxis_type="category")
        drawn.add_bar(x=[*found["sizes"]], y=[*found["sizes"].values()], marker_color=OURS)
        yield Chart("Groups by size", drawn, height=260)
    if found["across_classes"]:
        rows = [
            [*each["texts"], *each["labels"], each["similarity"]]
            for each in found["across_classes"]
        ]
        headings = ["one text", "the other text", "label", "the other's", "similarity"]
        caption = "Nearly the same text, another category: one of the labels is likely wrong"
        yield Table(headings, rows, caption=caption, formats={"similarity": ".2f"}, fold=6)
    if found["largest_groups"]:
        rows = [[each["texts"], *each["examples"]] for each in found["largest_groups"]]
        headings = ["texts", "one of them", "another"]
        yield Table(headings, rows, caption="Largest groups", fold=5)


def _splits(found: Found) -> Iterator[Part]:
    if "splits" not in found:
        yield f"None: {found['reason']}"
        return
    splits = found["splits"]
    yield (
        "The same linear model, trained and tested on three kinds of split of this file, "
        f"{len(next(iter(splits.values())))} of each. What the first reaches above the others it "
        "has learnt by heart. A single split is noisy: differences below twice the ± say little."
    )
    yield splits_table(found)
    drawn = figure(x="on test", yaxis_type="category", showlegend=True)
    drawn.update_yaxes(autorange="reversed")
    for colour, name, key in zip(
        COLOURS, ("accuracy", "macro-F1"), ("accuracy", "macro_f1"), strict=False
    ):
        points = [
            (each[key], kind)
            for kind, found_here in zip(_SHORT_KINDS, splits.values(), strict=True)
            for each in found_here
        ]
        drawn.add_scatter(
            x=[score for score, _ in points],
            y=[kind for _, kind in points],
            mode="markers",
            name=name,
            marker={"color": colour, "size": 11, "opacity": 0.75},
        )
    yield Chart("Each split's figures", drawn, height=260)


def splits_table(found: Found) -> Table:
    """Compare the three kinds of split, on average."""
    rows = []
    for kind in found["splits"]:
        scores = [mean(found, kind, name) for name in ("accuracy", "macro_f1")]
        shares = [mean(found, kind, name)[0] for name in ("twins", "near")]
        spread = max(deviation for _, deviation in scores)
        rows.append([kind, *(score for score, _ in scores), spread, *shares])
    headings = ["split", "accuracy", "macro-F1", "±", "test rows trained on", "or nearly so"]
    formats = {**dict.fromkeys(headings[1:4], ".4f"), **dict.fromkeys(headings[4:], ".1%")}
    return Table(headings, rows, formats=formats)


def _texts(found: Found) -> Iterator[Part]:
    words, gigantic, tiny = found["lengths"]["words"], found["gigantic"], found["tiny"]
    yield {
        "median": f"{words.get('50%', 0):.0f} words",
        "mean": f"{words.get('mean', 0):.0f} words",
        "longest": f"{words.get('100%', 0):,.0f} words",
        f"below {tiny['below_words']} words": f"{tiny['texts']:,} texts",
        f"above {gigantic['above_words']} words": f"{gigantic['texts']:,} texts",
    }
    yield (
        f"The default model reads the first {gigantic['above_words']} words of a text "
        f"(model.max_tokens); {gigantic['share_not_read']:.1%} of all words stand behind them."
    )
    yield _lengths_chart({"texts": found["lengths"]["histogram"]})
    rows = [
        [kind, each["texts"], *(each["examples"] or [""])[:1]]
        for kind, each in found["leftovers"].items()
    ]
    yield Table(["what", "texts", "an example"], rows, caption="What does not belong in a text")
    if tiny["examples"]:
        yield _listed(tiny["examples"], "Tiny texts")


def _listed(texts: Sequence[str], caption: str) -> Table:
    return Table(["text"], [[text] for text in texts], caption=caption, fold=5)


def _lengths_chart(histograms: Mapping[str, Sequence[Mapping[str, int]]]) -> Chart:
    several = len(histograms) > 1
    drawn = figure(x="words", y="share of texts", xaxis_type="category", showlegend=several)
    drawn.update_yaxes(tickformat=".0%")
    for colour, (name, bins) in zip((OURS, THEIRS), histograms.items(), strict=False):
        total = max(sum(each["texts"] for each in bins), 1)
        ranges = [(each["from"], each["below"] - 1) for each in bins]
        drawn.add_bar(
            x=[f"{low}" if low == high else f"{low} to {high}" for low, high in ranges],
            y=[each["texts"] / total for each in bins],
            name=name,
            marker_color=colour,
        )
    return Chart("Texts by length", drawn, height=300)


def _languages(found: Found) -> Iterator[Part]:
    sampled = found["looked_at"] < found["all"]
    yield (
        f"{found['looked_at']:,} texts were looked at"
        + (f", a random sample of {found['all']:,}" if sampled else "")
        + f". A language counts from a probability of {found['sure_from']:.0%} on; short texts and "
        "lists of names are uncertain, and a rare language here is more often a mistake than a "
        "find."
    )
    rows = [
        [name, count, count / max(found["looked_at"], 1), *found["examples"].get(name, [""])[:1]]
        for name, count in found["counts"].items()
    ]
    headings = ["language", "texts", "share", "an example"]
    yield Table(headings, rows, formats={"share": ".1%"}, fold=8)


def _balance(found: Found) -> Iterator[Part]:
    classes, rare = found["classes"], found["rare"]
    if rare:
        yield (
            f"Fewer than {found['min_class_rows']} distinct texts (data.min_class_rows): "
            f"{len(rare)} categories, in the other colour."
        )
    names = list(classes)[:_MAX_BARS]
    drawn = figure(x="distinct texts")
    drawn.add_bar(
        y=[plotly_text(name, 28) for name in names],
        x=[classes[name]["texts"] for name in names],
        orientation="h",
        marker_color=[THEIRS if name in rare else OURS for name in names],
    )
    drawn.update_yaxes(autorange="reversed", type="category", dtick=1)
    which = f"the {_MAX_BARS} largest of {len(classes)} categories"
    which = which if len(classes) > _MAX_BARS else "each category"
    yield Chart(f"Distinct texts of {which}", drawn, height=90 + 24 * max(len(names), 3))
    rows = [[name, each["rows"], each["texts"]] for name, each in classes.items()]
    yield Table(["category", "rows", "distinct texts"], rows, fold=12)


def _drift(found: Found) -> Iterator[Part]:
    auc, words = found["auc"], found["words"]
    yield (
        f"The second file is {found['source']}. An AUC of 0.5 means that a linear model cannot "
        "tell the files' texts apart, 1 that it always can."
    )
    yield {
        "texts": " and ".join(f"{count:,}" for count in found["texts"]),
        "told apart (AUC)": "nothing to learn" if auc is None else f"{auc:.3f}",
        "shared exactly": f"{found['shared_exactly']:,}",
        "shared nearly": f"{found['shared_nearly']:,}",
        "unseen words": f"{words['unseen_share']:.1%} of the second file's",
        "other label": f"{found['contradicting_labels']:,} shared texts",
    }
    rows = [[name, *shares, shares[1] - shares[0]] for name, shares in found["classes"].items()]
    headings = ["category", "first file", "second file", "difference"]
    formats = dict.fromkeys(headings[1:], ".1%")
    yield Table(headings, rows, caption="Share of the distinct texts", formats=formats, fold=12)
    yield _lengths_chart(dict(zip(headings[1:3], words["histograms"], strict=True)))
    if words["commonest_unseen"]:
        rows = [list(item) for item in words["commonest_unseen"].items()]
        caption = "Words of the second file that the first never has"
        yield Table(["word", "times"], rows, caption=caption, fold=8)
    if found["shared_examples"]:
        yield _listed(found["shared_examples"], "In both files, or nearly so")


def _next(figures: Found) -> Iterator[Part]:
    marked = ", ".join(f"{count:,} in {name}" for name, count in figures["marked"].items())
    yield (
        "Open suspicious_labels.csv in a spreadsheet, or near_duplicates.csv, and put an x in the "
        "column exclude of what is wrong; another audit of the same file keeps your marks. Marked "
        f"so far: {marked}. A search reads one of the two files, that which data.exclude names, "
        "leaves its marked rows out of train and validation, and gives figures on test with and "
        "without them:"
    )
    yield Code(figures["next"])
    yield "To keep near-duplicates on one side of the split, add:"
    yield Code("data.group_near_duplicates=true")
