"""The tables at the end of a run: what they say, with every name shown as it is."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console
from stored_study import final_snapshot, with_levels

from ecomcat.reporting.printed_tables import (
    best_trials_table,
    confusion_table,
    final_tables,
    importance_table,
    output_console,
    per_class_table,
    print_tables,
)
from ecomcat.tuning.records import TrialRecord
from ecomcat.wording.summary import scores_table
from ecomcat.wording.table import Table

NAMES = ["a[bold]b.csv", "x[/q].csv", "[/]", "[red]x[/red]", ":smile:", "c:\\[b]\\"]


def lines(*tables: Table | None, width: int = 120) -> list[str]:
    console = Console(file=io.StringIO(), width=width, markup=False, emoji=False)
    print_tables(*tables, console=console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def printed(*tables: Table | None) -> str:
    """Return what tables print, runs of white space as one and rows without their frame."""
    return re.sub(r"[\s│┃]+", " ", " ".join(lines(*tables)))


def a_trial(number: int, status: str = "completed", score: float | None = None) -> TrialRecord:
    reached = number / 10 if score is None else score
    found = {"objective": reached, "accuracy": 0.5, "best_epoch": 2, "epochs": 3}
    values = {"units": number, "same": 1}
    return TrialRecord(f"{number:04}", values, status=status, **({} if score == 0 else found))


def scores_of(names: list[str], **others: Any) -> dict[str, Any]:
    per_class = {
        name: {"precision": 0.5, "recall": 0.5, "f1": number / 100, "rows": 10}
        for number, name in enumerate(names)
    }
    matrix = [[number * 10 for number in range(len(names))] for _ in names]
    figures = {"rows": 1200, "accuracy": 0.25, "macro_f1": 0.25, "weighted_f1": 0.25}
    return {**figures, "per_class": per_class, "confusion_matrix": matrix, **others}


def test_no_name_controls_the_terminal() -> None:
    evil = "a\x1b[2J\x1b]0;title\x07\r\x9b\u202e\u2066"
    shown = printed(Table([evil], [[evil]], evil, evil))
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    assert shown.count(r"a\x1b[2J\x1b]0;title\x07\r\x9b\u202e\u2066") == 4


def test_the_best_trials_come_first_with_what_differs_and_the_others_are_counted() -> None:
    records = [*map(a_trial, range(1, 5)), a_trial(5, "failed", 0), a_trial(6, "cut short", 0.35)]
    table = best_trials_table(records, max_trials=3)
    shown = [line.split() for line in lines(table) if "units=" in line]
    assert [row[1] for row in shown] == ["0004", "0006", "0003"]
    assert "cut short" in " ".join(shown[1])
    assert "same" not in printed(table)
    assert "(4 completed, 1 cut short, 1 failed)" in printed(table)
    assert "none has ended" in printed(best_trials_table([]))


@pytest.mark.parametrize("name", NAMES)
def test_names_are_no_markup(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    scores = scores_of([name, "other"])
    for table in (
        scores_table(name, {name: scores}),
        per_class_table(name, scores),
        confusion_table(scores),
        importance_table({name: 0.5}),
        Table([name], [[name]], name, name),
    ):
        assert name in printed(table)
    output_console().print(name)
    assert capsys.readouterr().out == f"{name}\n"


def test_captions_say_what_is_not_shown() -> None:
    scores = scores_of([f"class {number}" for number in range(5)], absent_classes=["a", "b"])
    table = per_class_table("By category", scores, max_classes=3, where_all="in figures.json")
    assert "and 2 more in figures.json" in printed(table)
    assert "2 categories with neither texts nor predictions left out" in printed(table)
    assert "class 2" in printed(table) and "class 3" not in printed(table)
    assert "over the categories that occur" in printed(scores_table("Scores", {"all": scores}))
    assert not per_class_table("By category", scores_of(["a", "b"])).note


def test_a_confusion_matrix_has_numbers_for_names_where_these_have_no_room() -> None:
    scores = scores_of(["Clothing & Accessories", "Household", "Toys"])
    assert "3 Toys 0 10 20" in printed(confusion_table(scores, width=40))
    assert "Household Toys" in printed(confusion_table(scores, width=120))
    assert confusion_table(scores_of([f"class {number}" for number in range(13)])) is None


def test_of_a_taxonomy_the_levels_are_shown_and_one_that_can_be_read_is_counted() -> None:
    paths = [f"Part {number % 3} > Leaf {number}" for number in range(20)]
    metrics = with_levels(final_snapshot()["metrics"], paths)
    text = printed(*final_tables(metrics, 120))
    assert "level nodes accuracy macro-F1" in text
    assert "1 3 0.9950" in text
    assert "whole path at some level precision down to level 1 down to level 2" in text
    assert "true node of level 1 by row" in text
    assert "by level" not in printed(*final_tables(final_snapshot()["metrics"], 120))


@pytest.mark.parametrize("width", [40, 120])
def test_no_table_of_a_final_model_is_wider_than_the_terminal(width: int) -> None:
    metrics = final_snapshot(["Clothing & Accessories", "語" * 20, "Toys"])["metrics"]
    shown = lines(*final_tables(metrics, width), width=width)
    assert max(map(cell_len, shown)) <= width


def test_cells_break_between_words_where_there_is_room_and_lose_nothing() -> None:
    metrics = with_levels(final_snapshot()["metrics"], ["Part > Leaf", "Part > " + "Leaves" * 20])
    for width in (40, 80, 120):
        shown = "\n".join(lines(*final_tables(metrics, width), width=width))
        assert "…" not in shown
        assert width < 80 or {"validation", "retraining)"} <= set(shown.split())


def test_a_final_model_is_shown_beside_the_baseline_and_by_its_parts() -> None:
    tables = list(final_tables(final_snapshot()["metrics"], 120))
    text = printed(*tables)
    assert "accepted automatically" in text
    assert "the LSTM alone 0.9100 0.9000 0.9100 0.9000 worse" in text
    assert "linear baseline on test" in text
    last = printed(tables[-1])
    assert last.index("test (scored once)") < last.index("validation (weights before retraining)")
