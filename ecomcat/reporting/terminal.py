"""Show how far labelling has come: a bar in a terminal, a line now and then in a log."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.bar import Bar
from rich.box import HEAVY_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ecomcat.console import can_draw, drawing, error_console, format_seconds, print_plain
from ecomcat.model.metrics import OBJECTIVE
from ecomcat.reporting.fitting import FittingTable

if TYPE_CHECKING:
    from ecomcat.tuning.records import TrialRecord

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
    from ecomcat.tuning.records import COMPLETED, FAILED, PRUNED

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
        sets: their names, and scores as `ecomcat.model.metrics` gives them.
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
        scores: as `ecomcat.model.metrics` gives them.
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
        scores: as `ecomcat.model.metrics` gives them.
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
        coverage: as `ecomcat.model.metrics` gives it.
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
        scores: as `ecomcat.model.metrics` gives them.
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


_ENDED_SHOWN = 6  # trials, below those that run
TELLING = ("lstm_units", "embedding_dim", "dropout", "learning_rate")  # where there is little room
_STYLES = {"running": "", "completed": "green", "pruned": "yellow", "failed": "red"}


class SearchProgress:
    """Tell on standard error which trials run, how the others ended, and the time left.

    Args:
        max_trials: of the study.
        seconds_left: of its time.
        names: hyperparameters in which trials may differ.
        done: trials that an earlier run of the study ended.
        best: the best of them.
        console: where to write; by default standard error.
    """

    def __init__(
        self,
        max_trials: int,
        seconds_left: float,
        *,
        names: Sequence[str] = (),
        done: int = 0,
        best: TrialRecord | None = None,
        console: Console | None = None,
    ) -> None:
        self._console = console or error_console()
        self._max_trials = max_trials
        self._began = time.monotonic()
        self._deadline = self._began + seconds_left
        self._names = [name for name in TELLING if name in names]
        self._names += [name for name in names if name not in TELLING]
        self._done_before = self._done = done
        self._best = best
        self._running: dict[str, tuple[TrialRecord, int]] = {}
        self._ended: list[tuple[TrialRecord, int]] = []

    @contextmanager
    def live(self) -> Iterator[SearchProgress]:
        """Keep the table on the screen while the block runs; log lines go above it."""
        if not self._has_table:
            yield self
            return
        with (
            drawing(self._console) as screen,
            Live(
                get_renderable=self._table,
                console=screen,
                refresh_per_second=2,
                transient=True,
                redirect_stdout=False,
            ),
        ):
            yield self

    def trial_begins(self, record: TrialRecord, epochs: int) -> None:
        """Show a trial that begins."""
        self._running[record.id] = record, epochs

    def epoch_ends(self, record: TrialRecord, epoch: int, logs: Mapping[str, float]) -> None:
        """Show an epoch's validation score."""
        _, epochs = self._running[record.id]
        self._say(
            f"trial {record.id} epoch {epoch}/{epochs}: "
            f"loss {logs['loss']:.4f}, validation macro-F1 {logs[OBJECTIVE]:.4f}, "
            f"accuracy {logs['val_accuracy']:.4f}"
        )

    def trial_retries(self, record: TrialRecord, reason: str) -> None:
        """Say that a trial begins again."""
        self._running.pop(record.id, None)
        self._say(f"trial {record.id} begins again: {reason}")

    def trial_ends(self, record: TrialRecord) -> None:
        """Say how a trial ended."""
        self._ended.append(self._running.pop(record.id))
        self._done += 1
        if record.objective is None:
            self._say(f"trial {record.id} failed: {record.ended}")
            return
        score = (
            f"macro-F1 {record.objective:.4f} after epoch {record.best_epoch} of {record.epochs}, "
            f"{record.seconds:.0f} s"
        )
        if record.status == "pruned":
            self._say(f"trial {record.id} pruned: {score}, {self._time_left()}")
            return
        if self._best is None or record.objective > (self._best.objective or 0.0):
            self._best, note = record, "(best so far)"
            self._say(f"trial {record.id}: {score} {note}, {self._time_left()}")
        else:
            note = f"best so far {self._best.objective:.4f}"
            self._say(f"trial {record.id}: {score}, {note}, {self._time_left()}")

    def _say(self, line: str) -> None:
        """Write a line where there is no table."""
        if not self._has_table:
            print_plain(self._console, line)

    @property
    def _has_table(self) -> bool:
        return can_draw(self._console)

    def _table(self) -> Group:
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold", expand=True)
        for heading, width in (("trial", 5), ("status", 9)):
            table.add_column(heading, no_wrap=True, min_width=width)
        for heading in ("epoch", "macro-F1", "seconds"):
            table.add_column(heading, justify="right", no_wrap=True, min_width=len(heading))
        table.add_column("hyperparameters", no_wrap=True, overflow="ellipsis", ratio=1)
        summary = self._summary()
        shown = [*self._running.values(), *self._ended[: -_ENDED_SHOWN - 1 : -1]]
        # What the screen cannot hold would push the summary off it.
        for record, epochs in shown[: max(1, self._console.height - 2 - len(summary))]:
            score = "" if record.objective is None else f"{record.objective:.4f}"
            table.add_row(
                record.id,
                Text(record.status, style=_STYLES[record.status]),
                f"{record.epochs}/{epochs}",
                score,
                f"{record.seconds:.0f}",
                Text(describe_values(record, self._names)),
            )
        return Group(table, *(Text(line, style="bold") for line in summary))

    def _summary(self) -> list[str]:
        """Say how far the search is, in one line, or in several where that is too long."""
        parts = [f"{self._done} of {self._max_trials} trials"]
        if self._best is not None:
            parts.append(f"best macro-F1 {self._best.objective:.4f} (trial {self._best.id})")
        parts.append(self._time_left())
        line = ", ".join(parts)
        return [line] if len(line) <= self._console.width else parts

    def _time_left(self) -> str:
        """Estimate from the pace so far, bounded by the study's time."""
        now = time.monotonic()
        bound = max(0.0, self._deadline - now)
        ended = self._done - self._done_before
        if ended:
            pace = (now - self._began) / ended
            bound = min(bound, pace * max(0, self._max_trials - self._done))
        return f"about {format_seconds(bound)} left"


def describe_values(record: TrialRecord, names: Sequence[str]) -> str:
    """Write some of a trial's hyperparameters in a line."""
    return "  ".join(f"{name}={plain_value(record.values.get(name))}" for name in names)


def plain_value(value: object) -> str:
    """Write a hyperparameter's value, a real number in three digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
