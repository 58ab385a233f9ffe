"""What an audit found, in sentences and as a page: what matters first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from ecomcat.auditing.linear import NAIVE, averages
from ecomcat.auditing.texts import UNCERTAIN
from ecomcat.data.cleaning import named
from ecomcat.reporting.charts import learning_chart
from ecomcat.reporting.html_frame import Chart, figure, render
from ecomcat.wording.summary import learning_sentence
from ecomcat.wording.table import Table

Found = Mapping[str, Any]

_MANY_REPEATS = 0.01
_DRIFT_AUC = 0.6


def findings(figures: Found, warnings: Iterable[str]) -> list[str]:
    """Describe in sentences what was found and what to do about it, with warnings of cleaning."""
    return [
        *_row_findings(figures["repeats"], figures["near_duplicates"]),
        *_label_findings(figures["leakage"], figures["suspicious"]),
        *_learning_findings(figures["learning_curve"]),
        *warnings,
        *_category_findings(figures["balance"]),
        *_text_findings(figures["contents"], figures["languages"], figures["repeats"]),
        *(_drift_findings(figures["drift"]) if "drift" in figures else ()),
    ]


def _row_findings(found: Found, near: Found) -> Iterator[str]:
    share = found["repeats"] / found["rows"]
    removed = ": a search removes them before it splits" if share > _MANY_REPEATS else ""
    yield f"{found['repeats']:,} of {found['rows']:,} rows ({share:.1%}) repeat another{removed}."
    if empty := found["empty_texts"] + found["empty_labels"]:
        yield f"Rows without text or label, which a search leaves out: {empty:,}."
    if found["conflicting_texts"]:
        yield (
            f"Texts with several labels: {found['conflicting_texts']:,}. A search takes the label "
            "of most rows; on a tie it drops the text "
            f"({found['conflicting_texts_dropped']:,})."
        )
    for part, later in (("train", "validation or test"), ("validation", "test")):
        if shared := found["shared_texts"].get(part):
            yield (
                f"{shared:,} texts of {part} are also in {later}: a search leaves them out of "
                f"{part}."
            )
    if near["texts"]:
        yield (
            f"{near['texts']:,} distinct texts ({near['share']:.1%}) are nearly the same as "
            f"another; groups of them: {near['groups']:,}, across categories: "
            f"{near['groups_across_classes']:,}. data.group_near_duplicates=true keeps each group "
            "on one side of the split."
        )


def _label_findings(leakage: Found, suspicious: Found) -> Iterator[str]:
    if "splits" in leakage:
        means = averages(leakage)
        naive, distinct, grouped = means.loc["accuracy"]
        near, deviation = means.loc["near"][NAIVE], means.loc["deviation"].max()
        yield (
            f"A random split of all rows tests a linear model on {near:.0%} rows that it was "
            f"trained on, or nearly so, and gives an accuracy of {naive:.4f}; after repeats are "
            f"removed it is {distinct:.4f}, with near-duplicates on one side {grouped:.4f} "
            f"(± {deviation:.4f}, {len(leakage['splits'][NAIVE])} splits)."
        )
    else:
        yield f"Splits were not compared: {leakage['reason']}".rstrip(".") + "."
    if "sure" not in suspicious:
        yield f"Suspicious labels were not looked for, since {suspicious['reason']}."
    elif suspicious["sure"]:
        yield (
            "Labels that a model of the other texts contradicts with confidence: "
            f"{suspicious['sure']:,} ({suspicious['sure_share']:.1%}). Look through the first of "
            "them in suspicious_labels.csv."
        )
    else:
        sure = " with confidence" if suspicious["contradicted"] else ""
        yield f"No label is contradicted{sure} by a model of the other texts."


def _learning_findings(found: Found) -> Iterator[str]:
    if "doubled" in found:
        yield learning_sentence("A linear model", found, found["test_texts"])
    else:
        yield f"What more texts would gain was not estimated, since {found['reason']}."


def _category_findings(found: Found) -> Iterator[str]:
    if rare := found["rare"]:
        yield (
            f"Categories of fewer than {found['min_class_rows']} distinct texts: {len(rare)}, "
            f"namely {named(rare)}. A search refuses or drops them (data.rare_classes)."
        )
    if (found["largest_to_smallest"] or 0) >= 10:
        yield (
            f"The largest category has {found['largest_to_smallest']:.0f} times the texts of the "
            "smallest: compare models by macro-F1, not by accuracy."
        )


def _text_findings(found: Found, languages: Found, repeats: Found) -> Iterator[str]:
    kinds = {kind: each["texts"] for kind, each in found["leftovers"].items() if each["texts"]}
    if kinds:
        shown = ", ".join(f"{kind} in {count:,}" for kind, count in kinds.items())
        yield f"Of {repeats['distinct_texts']:,} distinct texts some have leftovers: {shown}."
    long, tiny = found["gigantic"], found["tiny"]
    if long["texts"]:
        yield (
            f"Texts longer than the {long['above_words']} words that the default model reads "
            f"(model.max_tokens): {long['texts']:,}; {long['share_not_read']:.1%} of all words "
            "come after these."
        )
    if tiny["texts"]:
        yield f"Texts of fewer than {tiny['below_words']} words: {tiny['texts']:,}."
    sure = {name: count for name, count in languages["counts"].items() if name != UNCERTAIN}
    if len(sure) > 1:
        shown = ", ".join(f"{name} {count:,}" for name, count in list(sure.items())[:5])
        yield f"Languages of {languages['looked_at']:,} texts, where that is certain: {shown}."


def _drift_findings(found: Found) -> Iterator[str]:
    exactly, nearly = found["shared_exactly"], found["shared_nearly"]
    if exactly or nearly:
        yield (
            f"Texts of the second file that are also in the first one: {exactly:,}, and nearly "
            f"so: {nearly:,}. No figure on them is honest after training on the first."
        )
    if found["auc"] is not None:
        differ = "differ" if found["auc"] >= _DRIFT_AUC else "hardly differ"
        yield (
            f"The texts of the two files {differ}: a linear model separates them with an AUC of "
            f"{found['auc']:.3f} (0.5 is chance)."
        )


def audit_page(figures: Found) -> str:
    """Return the page with all figures of an audit; a table without rows is left out."""
    return render(
        "auditing/audit.html",
        title=f"Audit of {figures['name']}",
        subtitle=str(figures["source"]),
        footer="Written by python -m ecomcat.audit; all figures are in audit.json beside it.",
        **figures,
        named=named,
        listed=_table,
        suspects_table=suspects_table,
        splits_table=splits_table,
        lengths_chart=_lengths_chart,
        learning_chart=learning_chart,
    )


def _table(
    found: Found | Iterable[Any], headings: Sequence[str], caption: str = "", *patterns: str
) -> Table:
    """Lay out figures as they are in `audit.json`: one row per entry, with its values in order.

    Columns of numbers are formatted by `patterns`, in their order; the last one is for the rest.
    """
    entries = found.items() if isinstance(found, Mapping) else found
    empty = [""] * len(headings)
    rows = [[*_cells(entry), *empty][: len(headings)] for entry in entries]
    formats = dict(zip_longest(headings, patterns, fillvalue=patterns[-1] if patterns else ""))
    return Table(headings, rows, caption, formats=formats, fold=12)


def _cells(entry: Any) -> list[Any]:
    values = entry.values() if isinstance(entry, Mapping) else entry
    if isinstance(values, str) or not isinstance(values, Iterable):
        return [entry]
    return [cell for value in values for cell in _cells(value)]


def suspects_table(found: Found) -> Table:
    """List the most suspicious labels, if any is contradicted."""
    headings = ("rank", "label", "suggested", "confidence", "suggestion", "text")
    return _table(found.get("first", ()), headings, "Most suspicious labels", "", ".3f")


def splits_table(found: Found) -> Table:
    """Compare the three kinds of split on average, if they were compared."""
    headings = ("split", "accuracy", "macro-F1", "trained on", "or nearly so", "± of accuracy")
    patterns = ("", ".4f", ".4f", ".1%", ".1%", ".4f")
    rows = averages(found).T.itertuples()
    return _table(rows, headings, "A linear model on three kinds of split", *patterns)


def _lengths_chart(histograms: Mapping[str, Sequence[Found]]) -> Chart:
    drawn = figure(x="words", y="share of texts", xaxis_type="category")
    drawn.update_yaxes(tickformat=".0%")
    for name, bins in histograms.items():
        total = max(sum(each["texts"] for each in bins), 1)
        names = [f"{each['from']} to {each['below'] - 1}" for each in bins]
        drawn.add_bar(x=names, y=[each["texts"] / total for each in bins], name=name)
    return Chart("Texts by length", drawn, height=300)
