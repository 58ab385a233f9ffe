"""What a terminal or a log shows of a run: tables at its end, and the plan of `search.dry_run`."""

from __future__ import annotations

import math
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import rich.table
from rich.console import Console, JustifyMethod
from rich.measure import measure_renderables
from rich.text import Text

from ecomcat.command_config import SearchCommand
from ecomcat.config import DataConfig, SearchConfig
from ecomcat.console import printable, standard_output
from ecomcat.model.intervals import f1_interval
from ecomcat.model.space import Domain, space_size
from ecomcat.tuning.algorithms import make_algorithm
from ecomcat.tuning.pruners import make_pruner
from ecomcat.tuning.records import COMPLETED, CUT_SHORT, FAILED, PRUNED, TrialRecord
from ecomcat.tuning.study import Study, read_study
from ecomcat.wording.level_tables import level_tables
from ecomcat.wording.summary import (
    Metrics,
    coverage_table,
    parts_table,
    planned_model,
    score_sets,
    scores_table,
    shown_scores,
)
from ecomcat.wording.table import Table

_LOG_WIDTH = 120  # columns, where standard output is no terminal
_BAR_WIDTH = 40
_MAX_MATRIX_CLASSES = 12
_SPLIT_LINES = {
    "group_column": "rows of one value stay on one side, by column",
    "split_column": "as given, by column",
    "validation_path": "validation is",
    "test_path": "test is",
}
SHOWN_FIRST = ("lstm_units", "embedding_dim", "dropout", "learning_rate")  # in little room
STATUS_STYLES = {COMPLETED: "green", PRUNED: "yellow", CUT_SHORT: "magenta", FAILED: "red"}


class _Output(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # else Rich ends the program


def output_console() -> Console:
    """Return a console on standard output, wide enough for a table in a log.

    It interprets no markup: the output comes from files and their names.
    """
    width = None if sys.stdout.isatty() else max(_LOG_WIDTH, shutil.get_terminal_size().columns)
    return _Output(width=width, highlight=False, markup=False, emoji=False)


def print_tables(*tables: Table | None, console: Console | None = None) -> None:
    """Print tables to standard output; columns of numbers are aligned to the right.

    A reader such as `head` may stop early.
    """
    console = console or output_console()
    with suppress(BrokenPipeError), standard_output():
        for table in filter(None, tables):
            shown = rich.table.Table(title=_shown(table.caption, "table.title"))
            shown.caption = _shown(table.note, "table.caption") if table.note else None
            for heading, numeric in zip(table.headings, table.numeric, strict=True):
                justify: JustifyMethod = "right" if numeric else "left"
                shown.add_column(_shown(heading), justify=justify, overflow="fold")
            for row in table.texts:
                shown.add_row(*map(_shown, row))
            _narrow(shown, console)
            console.print(shown)


def _narrow(shown: rich.table.Table, console: Console) -> None:
    """Narrow the widest columns as the console asks, no column to less than its longest word."""
    ranges = [
        measure_renderables(console, console.options, [column.header, *column.cells])
        for column in shown.columns
    ]
    room = console.width - 3 * len(ranges) - 1  # without the frame

    def widths(widest: int) -> list[int]:
        return [min(each.maximum, max(each.minimum, widest)) for each in ranges]

    widest = max((each for each in range(room + 1) if sum(widths(each)) <= room), default=0)
    for column, width in zip(shown.columns, widths(widest), strict=True):
        column.max_width = width


def _shown(text: str, style: str = "") -> Text:
    return Text(printable(text), style)


def best_trials_table(records: Sequence[TrialRecord], max_trials: int = 10) -> Table:
    """List the best trials, with the hyperparameters in which trials differ."""
    scored = [record for record in records if record.status in {COMPLETED, CUT_SHORT}]
    ranked = sorted(scored, key=lambda record: -(record.objective or 0.0))
    names = differing_names(ranked)
    counts = Counter(record.status for record in records)
    notes = ", ".join(f"{counts[status]} {status}" for status in STATUS_STYLES if counts[status])
    return Table(
        ["trial", "status", "macro-F1", "accuracy", "epochs", "seconds", "what differs"],
        [
            [
                *(record.id, record.status, record.objective, record.accuracy),
                *(f"{record.best_epoch}/{record.epochs}", record.seconds),
                describe_values(record, names),
            ]
            for record in ranked[:max_trials]
        ],
        f"Best trials by validation macro-F1 ({notes or 'none has ended'})",
        formats={"macro-F1": ".4f", "accuracy": ".4f", "seconds": ".0f"},
    )


def differing_names(records: Sequence[TrialRecord]) -> list[str]:
    """Return the names of the hyperparameters in which trials differ."""
    values = [record.values for record in records]
    names = values[0] if values else ()
    return [name for name in names if len({repr(each.get(name)) for each in values}) > 1]


def importance_table(importances: Mapping[str, float]) -> Table:
    """List how much each hyperparameter mattered, by its fraction of the variance in macro-F1."""
    return Table(
        ["hyperparameter", "fraction", ""],
        [[name, share, "█" * round(share * _BAR_WIDTH)] for name, share in importances.items()],
        "What mattered: fraction of the variance in macro-F1",
        formats={"fraction": ".0%"},
    )


def per_class_table(
    caption: str,
    scores: Mapping[str, Any],
    max_classes: int = 40,
    where_all: str = "in metrics.json",
) -> Table:
    """List precision, recall and F1 of each category, those of the lowest F1 first.

    If there are more than are shown, a note below says where to find all.
    """
    ranked = sorted(scores["per_class"].items(), key=lambda item: item[1]["f1"])
    more, absent = len(ranked) - max_classes, len(scores.get("absent_classes", ()))
    notes = [f"and {more} more {where_all}"] if more > 0 else []
    if absent:
        categories = "category" if absent == 1 else "categories"
        notes.append(f"{absent} {categories} with neither texts nor predictions left out")
    return Table(
        ["category", "precision", "recall", "F1", "95 % interval", "texts"],
        [
            [
                *(name, score["precision"], score["recall"], score["f1"]),
                *("{:.3f} to {:.3f}".format(*f1_interval(score)), score["rows"]),
            ]
            for name, score in ranked[:max_classes]
        ],
        caption,
        "; ".join(notes),
        formats=dict.fromkeys(("precision", "recall", "F1"), ".4f"),
    )


def confusion_table(scores: Mapping[str, Any], width: int = _LOG_WIDTH) -> Table | None:
    """Count true against predicted categories; None where there are too many to read.

    If there are too many paths, the nodes of a level are counted. Columns have numbers instead of
    names where names do not fit.
    """
    of, names = "category", list(scores["per_class"])
    if len(names) > _MAX_MATRIX_CLASSES and (scores.get("taxonomy") or {}).get("readable"):
        scores = scores["taxonomy"]["readable"]
        of, names = f"node of level {scores['level']}", list(scores["per_class"])
    if len(names) > _MAX_MATRIX_CLASSES:
        return None
    longest = [max(map(len, name.split() or [""])) + 3 for name in names]
    named = 2 * max(longest) + sum(longest) <= width
    numbers = [str(number) for number in range(1, len(names) + 1)]
    heads = names if named else [f"{n} {name}" for n, name in enumerate(names, start=1)]
    return Table(
        ["", *(names if named else numbers)],
        [[head, *row] for head, row in zip(heads, scores["confusion_matrix"], strict=True)],
        f"Confusion matrix: true {of} by row, predicted by column",
    )


def final_tables(metrics: Metrics, width: int) -> Iterator[Table | None]:
    """Yield the tables of a final model, its scores last, for a terminal of so many columns."""
    on, shown = shown_scores(metrics)
    yield per_class_table(f"{on.capitalize()} set, by category", shown)
    yield confusion_table(shown, width)
    yield coverage_table(f"{on.capitalize()} set, accepted automatically", shown)
    yield from level_tables(f"{on.capitalize()} set", shown)
    yield parts_table(metrics)
    yield scores_table(f"Result on {metrics['data']['source']}", score_sets(metrics))


def describe_values(record: TrialRecord, names: Sequence[str]) -> str:
    """Return some of a trial's hyperparameters in a line."""
    return "  ".join(f"{name}={plain_value(record.values.get(name))}" for name in names)


def plain_value(value: object) -> str:
    """Return a hyperparameter's value, a real number in three digits.

    >>> plain_value(0.123456)
    '0.123'
    """
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def print_dry_run(
    config: SearchCommand,
    space: Mapping[str, Domain],
    study: Study,
    identity: Mapping[str, Any],
    training_texts: int,
) -> None:
    """Print the space, its size, and what a search of it would run on so many texts.

    The epochs and the batch size are already decided; `study` is the folder that it would have,
    and `identity` must agree with that of an existing study.
    """
    rows = [[name, str(domain), _count(domain.size)] for name, domain in space.items()]
    print_tables(Table(["hyperparameter", "domain", "values"], rows, "Search space"))
    size = space_size(space)
    lines = [
        f"Configurations: {_count(size)}",
        _planned_search(config.search, size, training_texts),
        *_planned_split(config.data),
        f"Study: {study.directory} ({_state(study, identity, config.search.overwrite)})",
        f"Model: {config.model_dir} ({planned_model(config.final)})",
    ]
    output_console().print(*map(printable, lines), sep="\n", soft_wrap=True)


def _planned_search(search: SearchConfig, size: float, training_texts: int) -> str:
    pruner = make_pruner(search).name
    pruning = "" if pruner == "none" else f", {pruner} pruning"
    workers = f"{search.workers} {'worker' if search.workers == 1 else 'workers'}"
    place = f"on the Ray cluster {search.cluster}" if search.cluster else "on this machine"
    part = f"{search.epoch_texts:,} of " if search.epoch_texts else ""
    return (
        f"Would run: {make_algorithm(search).name}{pruning}, at most "
        f"{_trials(int(min(search.max_trials, size)))} of at most {search.max_epochs} epochs over "
        f"{part}{training_texts:,} texts, within {search.max_minutes:g} minutes, {workers} {place}"
    )


def _planned_split(data: DataConfig) -> Iterator[str]:
    if data.group_near_duplicates:
        similarity = f"{data.near_duplicate_similarity:g}"
        yield f"Split: near-duplicates (similarity from {similarity}) stay on one side"
    for key, title in _SPLIT_LINES.items():
        if getattr(data, key) is not None:
            yield f"Split: {title} {getattr(data, key)}"
    if data.exclude:
        yield f"Left out of train and validation: rows marked in {data.exclude}"


def _count(size: float) -> str:
    return "continuous" if math.isinf(size) else f"{size:,.0f}"


def _trials(count: int) -> str:
    return f"{count} {'trial' if count == 1 else 'trials'}"


def _state(study: Study, identity: Mapping[str, Any], overwrite: bool) -> str:
    """Describe what a run would do with the study's folder."""
    trials = len(study.trials.records)
    if not trials:
        return "new"
    if overwrite:
        return f"begins again, without the {_trials(trials)} that are there"
    if read_study(study.directory)["identity"] != identity:
        return "would be refused: it was begun with other data or settings"
    return f"continues from {_trials(trials)}"
