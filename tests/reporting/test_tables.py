"""The tables at the end of a run: what they say, with every name shown as it is."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.table import Table

from ecomcat.model.scores import score_met_classes, score_predictions
from ecomcat.reporting.tables import (
    best_trials_table,
    confusion_table,
    output_console,
    per_class_table,
    scores_table,
)
from ecomcat.tuning.study.records import COMPLETED, FAILED, RUNNING, TrialRecord

NAMES = ["a[bold]b.csv", "x[/q].csv", "[/]", "[red]x[/red]", ":smile:", "c:\\[b]\\"]


def printed(table: Table | None) -> str:
    """Return what a table prints, with its rows on lines and runs of white space as one."""
    assert table is not None
    console = output_console()
    console.file = io.StringIO()
    console.print(table)
    return "\n".join(" ".join(line.split()) for line in console.file.getvalue().splitlines())


def joined(table: Table) -> str:
    """Return the same on one line, since titles and captions are wrapped."""
    return " ".join(printed(table).split())


def completed(number: int) -> TrialRecord:
    found = {"objective": number / 10, "accuracy": 0.5, "best_epoch": 2, "epochs": 3}
    return TrialRecord(f"{number:04}", {"units": number, "same": 1}, status=COMPLETED, **found)


def unscored(number: int, status: str) -> TrialRecord:
    return TrialRecord(f"{number:04}", {"units": number, "same": 1}, status=status)


@pytest.mark.parametrize(
    ("records", "title"),
    [
        pytest.param(
            [*map(completed, range(5)), unscored(5, FAILED), unscored(6, FAILED)],
            "Best of 5 completed trials (2 failed), by",
            id="some failed",
        ),
        pytest.param(
            [*map(completed, range(3)), unscored(3, RUNNING)],
            "Best of 3 completed trials, by",
            id="one is running",
        ),
        pytest.param([completed(1)], "Best of 1 completed trial, by", id="one"),
        pytest.param([], "Best of 0 completed trials, by", id="none"),
    ],
)
def test_the_best_trials_are_counted_among_the_completed(
    records: list[TrialRecord], title: str
) -> None:
    assert title in joined(best_trials_table(records))


def test_the_best_trials_come_first_with_what_differs() -> None:
    table = best_trials_table([*map(completed, range(5)), unscored(5, FAILED)], most=2)
    rows = [line for line in printed(table).splitlines() if "units=" in line]
    assert [row.split()[1] for row in rows] == ["0004", "0003"]
    assert "units=4" in rows[0] and "0.4000" in rows[0] and "same" not in rows[0]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_no_markup(name: str) -> None:
    scores = score_predictions(np.array([0, 1]), np.array([0, 1]), [name, "other"])
    assert name in joined(scores_table(name, {"all": scores}))
    assert f"│ {name} │" in printed(scores_table("Scores", {name: scores}))
    assert name in joined(per_class_table(name, scores))
    assert f"│ {name} │" in printed(per_class_table("By category", scores))
    assert f"│ {name} │" in printed(confusion_table(scores))
    assert name in joined(per_class_table("By category", scores, most=1, where_all=f"in {name}"))


@pytest.mark.parametrize("name", NAMES)
def test_the_console_prints_plain_strings_as_they_are(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output_console().print(name)
    assert capsys.readouterr().out == f"{name}\n"


def test_the_caption_says_which_classes_are_left_out() -> None:
    classes = ["Books", "Lamps", "Shoes", "Toys"]
    scores = score_met_classes(np.array([0, 0]), np.array([0, 2]), classes)
    text = joined(per_class_table("By category", scores))
    assert "Books" in text and "Shoes" in text
    assert "Lamps" not in text and "Toys" not in text
    assert "2 categories with neither texts nor predictions left out, of macro-F1 too" in text
    text = joined(scores_table("Scores", {"all": scores}))
    assert "macro-F1 over the categories that occur or were predicted" in text


def test_no_caption_where_nothing_is_left_out() -> None:
    scores = score_met_classes(np.array([0, 1]), np.array([0, 1]), ["Books", "Lamps"])
    assert per_class_table("By category", scores).caption is None
    assert scores_table("Scores", {"all": scores}).caption is None


def test_the_caption_says_where_the_other_classes_are() -> None:
    classes = [f"class {number}" for number in range(5)]
    scores = score_predictions(np.arange(5), np.array([0, 1, 2, 3, 0]), classes)
    table = per_class_table("By category", scores, most=3, where_all="in figures.json")
    assert "and 2 more in figures.json" in joined(table)
    assert "class 4" in printed(table) and "class 2" not in printed(table)


def test_a_confusion_matrix_too_wide_to_read_is_left_out() -> None:
    scores = score_predictions(np.arange(5), np.arange(5), list("abcde"))
    assert confusion_table(scores, most=4) is None
    assert "│ e │ 0 │ 0 │ 0 │ 0 │ 1 │" in printed(confusion_table(scores, most=5))
