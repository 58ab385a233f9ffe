"""The tables that a run ends with, on standard output."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.bar import Bar
from rich.box import HEAVY_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ecomcat.reporting.fitting import FittingTable
from ecomcat.reporting.progress import describe_values

if TYPE_CHECKING:
    from ecomcat.tuning.study.records import TrialRecord

_PLAIN_WIDTH = 120  # columns, where standard output is no terminal
_BAR_WIDTH = 40
_LEAST_NAME = 12  # columns that a category's name needs beside a confusion matrix
COVERAGE_HEADINGS = ("precision asked", "from confidence", "texts accepted", "precision reached")


def output_console() -> Console:
    """Return a console on standard output, wide enough for a table in a log.

    It reads no markup: what is printed comes from files and their names.
    """
    width = None if sys.stdout.isatty() else max(_PLAIN_WIDTH, shutil.get_terminal_size().columns)
    return Console(width=width, highlight=False, markup=False, emoji=False)


def validation_title(final: Mapping[str, Any]) -> str:
    """Say whose the figures of validation are: never of weights that were trained on it.

    Args:
        final: what `metrics.json` holds under `final`.
    """
    return f"validation ({'weights before retraining' if final['retrained'] else 'these weights'})"


def best_trials_table(records: Sequence[TrialRecord], most: int = 10) -> Table:
    """List the best trials, with the hyperparameters in which trials differ.

    Args:
        records: of a study.
        most: trials to show.
    """
    from ecomcat.tuning.study.records import COMPLETED, FAILED, PRUNED

    ranked = sorted(
        (record for record in records if record.status == COMPLETED),
        key=lambda record: -(record.objective or 0.0),
    )
    names = [name for name in (ranked[0].values if ranked else ()) if _differs(name, ranked)]
    others = {
        status: sum(record.status == status for record in records) for status in (PRUNED, FAILED)
    }
    trials = f"{len(ranked)} completed {'trial' if len(ranked) == 1 else 'trials'}"
    notes = ", ".join(f"{count} {status}" for status, count in others.items() if count)
    title = f"Best of {trials}{f' ({notes})' if notes else ''}, by validation macro-F1"
    table = FittingTable(title)
    for heading in ("trial", "macro-F1", "accuracy", "epochs", "seconds"):
        table.add_figures(heading, dispensable=heading in {"accuracy", "seconds"})
    table.add_words("hyperparameters that differ")
    for record in ranked[:most]:
        table.add_row(
            record.id,
            f"{record.objective:.4f}",
            f"{record.accuracy:.4f}",
            f"{record.best_epoch}/{record.epochs}",
            f"{record.seconds:.0f}",
            Text(describe_values(record, names)),
        )
    return table


def importance_table(shares: Mapping[str, float]) -> Table:
    """List how much each hyperparameter mattered, in a line each.

    Args:
        shares: of the variance in macro-F1, by name.
    """
    table = FittingTable("What mattered: share of the variance in macro-F1", box=None)
    table.add_words("hyperparameter")
    table.add_figures("share")
    table.add_column("", max_width=_BAR_WIDTH, min_width=4)
    for name, share in shares.items():
        table.add_row(Text(name), f"{share:.0%}", Bar(1.0, 0.0, share))
    return table


def scores_table(title: str, sets: Mapping[str, Mapping[str, Any]]) -> Table:
    """List accuracy and F1 of each set of texts.

    Args:
        title: of the table.
        sets: their names, and scores as `ecomcat.model.scores` gives them.
    """
    table = FittingTable(title)
    table.add_words("set")
    for heading in ("texts", "accuracy", "macro-F1", "weighted F1"):
        table.add_figures(heading, dispensable=heading == "weighted F1")
    for name, scores in sets.items():
        table.add_row(
            Text(name),
            str(scores["rows"]),
            *(f"{scores[key]:.4f}" for key in ("accuracy", "macro_f1", "weighted_f1")),
        )
    if any(scores.get("absent_classes") for scores in sets.values()):
        table.caption = _caption("macro-F1 over the categories that occur or were predicted")
    return table


def per_class_table(
    title: str, scores: Mapping[str, Any], most: int = 40, where_all: str = "in metrics.json"
) -> Table:
    """List precision, recall and F1 of each class, those of the lowest F1 first.

    Args:
        title: of the table.
        scores: as `ecomcat.model.scores` gives them.
        most: classes to show.
        where_all: where all classes are to be found, in words.
    """
    table = FittingTable(title)
    table.add_words("category")
    for heading in ("precision", "recall", "F1", "texts"):
        table.add_figures(heading)
    ranked = sorted(scores["per_class"].items(), key=lambda item: item[1]["f1"])
    for name, score in ranked[:most]:
        figures = (f"{score[key]:.4f}" for key in ("precision", "recall", "f1"))
        table.add_row(Text(name), *figures, str(score["rows"]))
    notes = [f"and {len(ranked) - most} more {where_all}"] if len(ranked) > most else []
    if absent := len(scores.get("absent_classes", ())):
        categories = "category" if absent == 1 else "categories"
        notes.append(
            f"{absent} {categories} with neither texts nor predictions left out, of macro-F1 too"
        )
    table.caption = _caption("; ".join(notes)) if notes else None
    return table


def confusion_table(
    scores: Mapping[str, Any], most: int = 12, width: int = _PLAIN_WIDTH
) -> Table | None:
    """Cross true with predicted classes; none when there are too many to read.

    Where the predicted classes' names have no room, their numbers head the columns.

    Args:
        scores: as `ecomcat.model.scores` gives them.
        most: classes to show.
        width: columns that there are.
    """
    names, counts = list(scores["per_class"]), scores["confusion_matrix"]
    digits = max((len(str(count)) for row in counts for count in row), default=1)
    if len(names) > most or _LEAST_NAME + len(names) * (max(digits, 2) + 1) > width:
        return None
    words = [max(digits, *map(len, name.split() or [""])) + 3 for name in names]
    # With the frame's last line.
    numbered = sum(words) + max(words, default=0) + 1 > width
    title = "Confusion matrix: true category by row, predicted by column"
    table = FittingTable(title, box=None if numbered else HEAVY_HEAD, pad_edge=not numbered)
    if numbered:
        table.padding = (0, 1, 0, 0)
    table.add_words()
    for number, name in enumerate(names, start=1):
        table.add_column(str(number) if numbered else Text(name), justify="right")
    for number, (name, row) in enumerate(zip(names, counts, strict=True), start=1):
        table.add_row(Text(f"{number} {name}" if numbered else name), *map(str, row))
    return table


def coverage_rows(coverage: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Write what is accepted for each precision that was asked, a cell for each heading.

    Args:
        coverage: as `ecomcat.model.confidence` gives it.
    """
    return [
        (
            asked,
            "none is enough" if found["threshold"] is None else f"{found['threshold']:.4f}",
            f"{found['coverage']:.1%}",
            "" if found["precision"] is None else f"{found['precision']:.4f}",
        )
        for asked, found in coverage.items()
    ]


def coverage_table(title: str, scores: Mapping[str, Any]) -> Table:
    """List how many texts need no second look for some precisions, and how right they are.

    Args:
        title: of the table.
        scores: as `ecomcat.model.confidence` gives them.
    """
    table = FittingTable(title)
    for heading in COVERAGE_HEADINGS:
        table.add_figures(heading)
    for row in coverage_rows(scores["coverage"]):
        table.add_row(*row)
    error = scores["calibration_error"]
    table.caption = _caption(f"expected calibration error {error:.4f}; thresholds from validation")
    return table


def _caption(text: str) -> Text:
    """Return a caption in which nothing is markup."""
    return Text(text, style="table.caption")


def _differs(name: str, records: Sequence[TrialRecord]) -> bool:
    return len({repr(record.values.get(name)) for record in records}) > 1
