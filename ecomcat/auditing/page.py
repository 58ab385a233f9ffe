"""The audit's page: what was found, in sections from what matters most to what is good to know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecomcat.auditing.page_splits import near_section, splits_section
from ecomcat.auditing.page_texts import (
    balance_section,
    drift_section,
    languages_section,
    texts_section,
)
from ecomcat.pages.document import Document
from ecomcat.pages.parts import Code, Facts, Paragraph, Part, Section, Table

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
