"""What an audit prints: short tables on standard output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from ecomcat.auditing.findings import mean
from ecomcat.reporting.tables import output_console

_SHOWN = 10
_CHARACTERS = 120


def print_audit(figures: Mapping[str, Any]) -> None:
    """Print what was found, the splits' figures, and the most suspicious labels."""
    console = output_console()
    console.print(_table(f"Audit of {figures['source']}", ["found"], figures["findings"]))
    leaked, suspicious = figures["leakage"], figures["suspicious"]
    if "splits" in leaked:
        console.print(_leakage_table(leaked))
    if "first" in suspicious:
        console.print(_suspicious_table(suspicious["first"]))


def _table(title: str, headings: Sequence[str], rows: Sequence[Any]) -> Table:
    table = Table(title=Text(title, style="table.title"))
    for heading in headings:
        # A text is cut where the table ends; the page shows more of it.
        table.add_column(heading, no_wrap=heading == "text", overflow="ellipsis")
    for row in rows:
        cells = [row] if isinstance(row, str) else row
        table.add_row(*(Text(str(cell)) for cell in cells))
    return table


def _leakage_table(found: Mapping[str, Any]) -> Table:
    rows = []
    for kind, each in found["splits"].items():
        figures = [
            f"{average:.4f} ± {spread:.4f}" if len(each) > 1 else f"{average:.4f}"
            for average, spread in (mean(found, kind, "accuracy"), mean(found, kind, "macro_f1"))
        ]
        shares = [f"{mean(found, kind, name)[0]:.1%}" for name in ("twins", "near")]
        rows.append([kind, *figures, *shares])
    headings = ["split", "accuracy", "macro-F1", "test rows trained on", "these or nearly so"]
    return _table("A linear model on three kinds of split", headings, rows)


def _suspicious_table(first: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        (
            row["rank"],
            row["label"],
            row["suggested"],
            f"{row['suggested_confidence']:.2f}",
            row["text"][:_CHARACTERS],
        )
        for row in first[:_SHOWN]
    ]
    headings = ["rank", "label", "suggested", "sure", "text"]
    return _table("Most suspicious labels", headings, rows)
