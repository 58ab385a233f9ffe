"""The tables that a terminal or a log shows at the end of a run."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.bar import Bar
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ecomcat.export.summary import (
    COVERAGE_HEADINGS,
    FIGURES,
    PART_HEADINGS,
    coverage_rows,
    part_rows,
    score_rows,
)
from ecomcat.tuning.records import COMPLETED, CUT_SHORT, FAILED, PRUNED, TrialRecord

_LOG_WIDTH = 120  # columns, where standard output is no terminal
_BAR_WIDTH = 40
_MAX_MATRIX_CLASSES = 12
TELLING = ("lstm_units", "embedding_dim", "dropout", "learning_rate")  # where there is little room
STATUS_STYLES = {COMPLETED: "green", PRUNED: "yellow", CUT_SHORT: "magenta", FAILED: "red"}


def output_console() -> Console:
    """Return a console on standard output, wide enough for a table in a log.

    It reads no markup: what is printed comes from files and their names.
    """
    width = None if sys.stdout.isatty() else max(_LOG_WIDTH, shutil.get_terminal_size().columns)
    return Console(width=width, highlight=False, markup=False, emoji=False)


def text_table(
    title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], caption: str = ""
) -> Table:
    """Return a table in which nothing is markup; columns of figures stand to the right.

    Args:
        title: The title above it.
        headings: Headings of the columns.
        rows: A cell for each of the headings.
        caption: A text below it. Defaults to none.
    """
    table = Table(title=Text(title, style="table.title"))
    table.caption = Text(caption, style="table.caption") if caption else None
    for number, heading in enumerate(headings):
        figures = number > 0 and any(row[number][:1].isdigit() for row in rows)
        table.add_column(Text(heading), justify="right" if figures else "left")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def best_trials_table(records: Sequence[TrialRecord], max_trials: int = 10) -> Table:
    """List the best trials, with the hyperparameters in which trials differ.

    Args:
        records: Records of a study.
        max_trials: Integer. Trials to show. Defaults to 10.
    """
    scored = [record for record in records if record.status in {COMPLETED, CUT_SHORT}]
    ranked = sorted(scored, key=lambda record: -(record.objective or 0.0))
    names = [
        name
        for name in (ranked[0].values if ranked else ())
        if len({repr(record.values.get(name)) for record in ranked}) > 1
    ]
    counts = {status: sum(each.status == status for each in records) for status in STATUS_STYLES}
    notes = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    return text_table(
        f"Best trials by validation macro-F1 ({notes or 'none has ended'})",
        ("trial", "status", "macro-F1", "accuracy", "epochs", "seconds", "what differs"),
        [
            (
                *(record.id, record.status, f"{record.objective:.4f}", f"{record.accuracy:.4f}"),
                *(f"{record.best_epoch}/{record.epochs}", f"{record.seconds:.0f}"),
                describe_values(record, names),
            )
            for record in ranked[:max_trials]
        ],
    )


def importance_table(importances: Mapping[str, float]) -> Table:
    """List how much each hyperparameter mattered.

    Args:
        importances: Fraction of the variance in macro-F1, by name.
    """
    table = Table("hyperparameter", "", "", box=None)
    table.title = Text("What mattered: fraction of the variance in macro-F1", style="table.title")
    table.columns[2].max_width = _BAR_WIDTH
    for name, share in importances.items():
        table.add_row(Text(name), f"{share:.0%}", Bar(1.0, 0.0, share))
    return table


def scores_table(title: str, sets: Mapping[str, Mapping[str, Any]]) -> Table:
    """List accuracy and F1 of each set of texts.

    Args:
        title: The title above it.
        sets: Scores, as `ecomcat.model.metrics` gives them, by what they are of.
    """
    absent = any(scores.get("absent_classes") for scores in sets.values())
    return text_table(
        title,
        ("of", "texts", *FIGURES.values()),
        [
            (name, str(scores["rows"]), *(f"{scores[key]:.4f}" for key in FIGURES))
            for name, scores in sets.items()
        ],
        "macro-F1 over the categories that occur or were predicted" if absent else "",
    )


def per_class_table(
    title: str, scores: Mapping[str, Any], max_classes: int = 40, where_all: str = "in metrics.json"
) -> Table:
    """List precision, recall and F1 of each category, those of the lowest F1 first.

    Args:
        title: The title above it.
        scores: Scores, as `ecomcat.model.metrics` gives them.
        max_classes: Integer. Categories to show. Defaults to 40.
        where_all: Where all of them are to be found, in words.
    """
    ranked = sorted(scores["per_class"].items(), key=lambda item: item[1]["f1"])
    more, absent = len(ranked) - max_classes, len(scores.get("absent_classes", ()))
    notes = [f"and {more} more {where_all}"] if more > 0 else []
    if absent:
        categories = "category" if absent == 1 else "categories"
        notes.append(f"{absent} {categories} with neither texts nor predictions left out")
    return text_table(
        title,
        ("category", "precision", "recall", "F1", "texts"),
        [
            (
                name,
                *(f"{score[key]:.4f}" for key in ("precision", "recall", "f1")),
                str(score["rows"]),
            )
            for name, score in ranked[:max_classes]
        ],
        "; ".join(notes),
    )


def confusion_table(scores: Mapping[str, Any], width: int = _LOG_WIDTH) -> Table | None:
    """Count true against predicted categories; None where there are too many to read.

    Args:
        scores: Scores, as `ecomcat.model.metrics` gives them.
        width: Integer. Columns that there are: without room for names, numbers head the table.
    """
    names = list(scores["per_class"])
    if len(names) > _MAX_MATRIX_CLASSES:
        return None
    longest = [max(map(len, name.split() or [""])) + 3 for name in names]
    named = 2 * max(longest) + sum(longest) <= width
    rows = [names[n] if named else f"{n + 1} {names[n]}" for n in range(len(names))]
    return text_table(
        "Confusion matrix: true category by row, predicted by column",
        ("", *(names if named else map(str, range(1, len(names) + 1)))),
        [
            (row, *map(str, counts))
            for row, counts in zip(rows, scores["confusion_matrix"], strict=True)
        ],
    )


def coverage_table(title: str, scores: Mapping[str, Any]) -> Table:
    """List how many texts are accepted automatically for some precisions, and how right they are.

    Args:
        title: The title above it.
        scores: Scores, as `ecomcat.model.metrics` gives them.
    """
    error = scores["calibration_error"]
    caption = f"expected calibration error {error:.4f}; thresholds from validation"
    return text_table(title, COVERAGE_HEADINGS, coverage_rows(scores["coverage"]), caption)


def final_tables(metrics: Mapping[str, Any], width: int) -> Iterator[Table]:
    """Yield the tables of a final model, its scores last.

    Args:
        metrics: What `metrics.json` holds.
        width: Integer. Columns that there are.
    """
    test = metrics["test"]
    yield per_class_table("Test set, by category", test)
    confusion = confusion_table(test, width)
    if confusion is not None:
        yield confusion
    yield coverage_table("Test set, accepted automatically", test)
    parts = [(name, *(f"{score:.4f}" for score in scores)) for name, *scores in part_rows(metrics)]
    if parts:
        yield text_table("Each part of the model alone", PART_HEADINGS, parts)
    yield scores_table(f"Result on {metrics['data']['source']}", score_rows(metrics))


def describe_values(record: TrialRecord, names: Sequence[str]) -> str:
    """Return some of a trial's hyperparameters in a line."""
    return "  ".join(f"{name}={plain_value(record.values.get(name))}" for name in names)


def plain_value(value: object) -> str:
    """Return a hyperparameter's value, a real number in three digits.

    >>> plain_value(0.123456)
    '0.123'
    """
    return f"{value:.3g}" if isinstance(value, float) else str(value)
