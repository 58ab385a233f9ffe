"""The tables that a run ends with, on standard output."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from ecomcat.tuning.records import TrialRecord

_PLAIN_WIDTH = 120  # columns, where standard output is no terminal


def output_console() -> Console:
    """Return a console on standard output, wide enough for a table in a log."""
    width = None if sys.stdout.isatty() else max(_PLAIN_WIDTH, shutil.get_terminal_size().columns)
    return Console(width=width, highlight=False)


def best_trials_table(records: Sequence[TrialRecord], most: int = 10) -> Table:
    """List the best trials, with the hyperparameters in which trials differ.

    Args:
        records: of a study.
        most: trials to show.
    """
    ranked = sorted(
        (record for record in records if record.objective is not None),
        key=lambda record: -(record.objective or 0.0),
    )
    names = [name for name in (ranked[0].values if ranked else ()) if _differs(name, ranked)]
    table = Table(title=f"Best of {len(records)} trials, by validation macro-F1")
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
            Text("  ".join(f"{name}={_plain(record.values.get(name))}" for name in names)),
        )
    return table


def scores_table(title: str, sets: Mapping[str, Mapping[str, Any]]) -> Table:
    """List accuracy and F1 of each set of texts."""
    table = Table(title=title)
    table.add_column("set")
    for heading in ("texts", "accuracy", "macro-F1", "weighted F1"):
        table.add_column(heading, justify="right")
    for name, scores in sets.items():
        table.add_row(
            name,
            str(scores["rows"]),
            *(f"{scores[key]:.4f}" for key in ("accuracy", "macro_f1", "weighted_f1")),
        )
    return table


def per_class_table(title: str, scores: Mapping[str, Any], most: int = 40) -> Table:
    """List precision, recall and F1 of each class, those of the lowest F1 first.

    Args:
        title: of the table.
        scores: as `score_predictions` returns them.
        most: classes to show.
    """
    table = Table(title=title)
    table.add_column("category")
    for heading in ("precision", "recall", "F1", "texts"):
        table.add_column(heading, justify="right")
    ranked = sorted(scores["per_class"].items(), key=lambda item: item[1]["f1"])
    for name, score in ranked[:most]:
        figures = (f"{score[key]:.4f}" for key in ("precision", "recall", "f1"))
        table.add_row(Text(name), *figures, str(score["rows"]))
    if len(ranked) > most:
        table.caption = f"and {len(ranked) - most} more in metrics.json"
    return table


def confusion_table(scores: Mapping[str, Any], most: int = 12) -> Table | None:
    """Cross true with predicted classes; none when there are too many to read.

    Args:
        scores: as `score_predictions` returns them.
        most: classes to show.
    """
    names = list(scores["per_class"])
    if len(names) > most:
        return None
    table = Table(title="Confusion matrix: true category by row, predicted by column")
    table.add_column("")
    for name in names:
        table.add_column(Text(name), justify="right")
    for name, counts in zip(names, scores["confusion_matrix"], strict=True):
        table.add_row(Text(name), *map(str, counts))
    return table


def _differs(name: str, records: Sequence[TrialRecord]) -> bool:
    return len({repr(record.values.get(name)) for record in records}) > 1


def _plain(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
