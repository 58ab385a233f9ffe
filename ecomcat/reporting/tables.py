"""The tables that a run ends with, on standard output."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ecomcat.reporting.progress import describe_values

if TYPE_CHECKING:
    from ecomcat.tuning.study.records import TrialRecord

_PLAIN_WIDTH = 120  # columns, where standard output is no terminal


def output_console() -> Console:
    """Return a console on standard output, wide enough for a table in a log.

    It reads no markup: what is printed comes from files and their names.
    """
    width = None if sys.stdout.isatty() else max(_PLAIN_WIDTH, shutil.get_terminal_size().columns)
    return Console(width=width, highlight=False, markup=False, emoji=False)


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
    table = Table(title=_title(title))
    for heading in ("trial", "macro-F1", "accuracy", "epochs", "seconds"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("hyperparameters that differ")
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
    table = Table(title=_title("What mattered: share of the variance in macro-F1"), box=None)
    table.add_column("hyperparameter")
    table.add_column("share", justify="right")
    table.add_column("")
    for name, share in shares.items():
        table.add_row(Text(name), f"{share:.0%}", "█" * round(share * 40))
    return table


def scores_table(title: str, sets: Mapping[str, Mapping[str, Any]]) -> Table:
    """List accuracy and F1 of each set of texts.

    Args:
        title: of the table.
        sets: their names, and scores as `ecomcat.model.scores` gives them.
    """
    table = Table(title=_title(title))
    table.add_column("set")
    for heading in ("texts", "accuracy", "macro-F1", "weighted F1"):
        table.add_column(heading, justify="right")
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
    table = Table(title=_title(title))
    table.add_column("category")
    for heading in ("precision", "recall", "F1", "texts"):
        table.add_column(heading, justify="right")
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


def confusion_table(scores: Mapping[str, Any], most: int = 12) -> Table | None:
    """Cross true with predicted classes; none when there are too many to read.

    Args:
        scores: as `ecomcat.model.scores` gives them.
        most: classes to show.
    """
    names = list(scores["per_class"])
    if len(names) > most:
        return None
    table = Table(title=_title("Confusion matrix: true category by row, predicted by column"))
    table.add_column("")
    for name in names:
        table.add_column(Text(name), justify="right")
    for name, counts in zip(names, scores["confusion_matrix"], strict=True):
        table.add_row(Text(name), *map(str, counts))
    return table


def coverage_table(title: str, scores: Mapping[str, Any]) -> Table:
    """List how many texts need no second look for some precisions, and how right they are.

    Args:
        title: of the table.
        scores: as `ecomcat.model.confidence` gives them.
    """
    table = Table(title=_title(title))
    for heading in ("precision asked", "from confidence", "texts accepted", "precision reached"):
        table.add_column(heading, justify="right")
    for precision, found in scores["coverage"].items():
        threshold, reached = found["threshold"], found["precision"]
        table.add_row(
            precision,
            "none is enough" if threshold is None else f"{threshold:.4f}",
            f"{found['coverage']:.1%}",
            "" if reached is None else f"{reached:.4f}",
        )
    error = scores["calibration_error"]
    table.caption = _caption(f"expected calibration error {error:.4f}; thresholds from validation")
    return table


def _title(text: str) -> Text:
    """Return a title in which nothing is markup."""
    return Text(text, style="table.title")


def _caption(text: str) -> Text:
    """Return a caption in which nothing is markup."""
    return Text(text, style="table.caption")


def _differs(name: str, records: Sequence[TrialRecord]) -> bool:
    return len({repr(record.values.get(name)) for record in records}) > 1
