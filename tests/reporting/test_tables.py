"""The tables at the end of a run: what they say, with every name shown as it is."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from ecomcat.model.metrics import score_predictions
from ecomcat.reporting.terminal import (
    best_trials_table,
    confusion_table,
    coverage_table,
    importance_table,
    output_console,
    per_class_table,
    scores_table,
)
from ecomcat.tuning.records import COMPLETED, FAILED, RUNNING, TrialRecord

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


def scores_of(labels: Any, predicted: Any, names: list[str], **options: bool) -> dict[str, Any]:
    scores = score_predictions(np.array(labels), np.array(predicted), names, **options)
    return scores.describe()


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
    scores = scores_of([0, 1], [0, 1], [name, "other"])
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
    scores = scores_of([0, 0], [0, 2], classes, present_only=True)
    text = joined(per_class_table("By category", scores))
    assert "Books" in text and "Shoes" in text
    assert "Lamps" not in text and "Toys" not in text
    assert "2 categories with neither texts nor predictions left out, of macro-F1 too" in text
    text = joined(scores_table("Scores", {"all": scores}))
    assert "macro-F1 over the categories that occur or were predicted" in text


def test_no_caption_where_nothing_is_left_out() -> None:
    scores = scores_of([0, 1], [0, 1], ["Books", "Lamps"], present_only=True)
    assert per_class_table("By category", scores).caption is None
    assert scores_table("Scores", {"all": scores}).caption is None


def test_the_caption_says_where_the_other_classes_are() -> None:
    classes = [f"class {number}" for number in range(5)]
    scores = scores_of(np.arange(5), [0, 1, 2, 3, 0], classes)
    table = per_class_table("By category", scores, most=3, where_all="in figures.json")
    assert "and 2 more in figures.json" in joined(table)
    assert "class 4" in printed(table) and "class 2" not in printed(table)


def test_a_confusion_matrix_too_wide_to_read_is_left_out() -> None:
    scores = scores_of(np.arange(5), np.arange(5), list("abcde"))
    assert confusion_table(scores, most=4) is None
    assert "│ e │ 0 │ 0 │ 0 │ 0 │ 1 │" in printed(confusion_table(scores, most=5))


# Where there is little room


def narrow(table: Table | None, width: int) -> list[str]:
    assert table is not None
    console = Console(file=io.StringIO(), width=width, markup=False, emoji=False)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


NARROW = (40, 60, 80)
LONG = ["Clothing & Accessories", "Extraordinarilylongcategory", "語" * 20, "Toys"]


def tables_of(width: int) -> dict[str, Table | None]:
    """Return each table of a made-up run, as it would be printed in a terminal so wide."""
    labels = np.array([0, 1, 2, 3] * 300)
    scores = scores_of(labels, np.roll(labels, 1) * (labels > 1), LONG)
    coverage = {
        "0.95": {"threshold": 0.7123, "coverage": 0.987, "precision": 0.9512},
        "0.99": {"threshold": None, "coverage": 0.0, "precision": None},
    }
    records = [completed(number) for number in range(5)]
    for record in records:
        record.seconds, record.accuracy = 12_345.0, 0.8765
        record.values["embedding_pooling"] = "max+mean" if record.id == "0001" else "max"
    return {
        "best": best_trials_table(records),
        "importance": importance_table({"learning_rate_schedule": 0.75, "lstm_units": 0.25}),
        "per class": per_class_table("By category", scores),
        "confusion": confusion_table(scores, width=width),
        "coverage": coverage_table("Coverage", {"coverage": coverage, "calibration_error": 0.0123}),
        "scores": scores_table("Scores", {"validation (before retraining)": scores}),
    }


@pytest.mark.parametrize("width", NARROW)
@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("best", ["0.4000", "2/3", "units=4"]),
        ("importance", ["75%", "25%"]),
        ("per class", ["0.0000", "300"]),
        ("confusion", ["300"]),
        ("coverage", ["0.95", "0.7123", "98.7%", "0.9512", "0.99", "0.0%"]),
        ("scores", ["1200", "0.2500"]),
    ],
)
def test_figures_stay_whole_in_a_narrow_terminal(name: str, figures: list[str], width: int) -> None:
    lines = narrow(tables_of(width)[name], width)
    assert max(map(cell_len, lines)) <= width
    assert "…" not in "".join(lines)
    words = {word for line in lines for word in line.split()}
    assert set(figures) <= words


@pytest.mark.parametrize("width", NARROW)
def test_words_of_headings_stay_whole_in_a_narrow_terminal(width: int) -> None:
    tables = tables_of(width)
    words = {word for line in narrow(tables["coverage"], width) for word in line.split()}
    assert {"precision", "asked", "confidence", "accepted", "reached"} <= words
    words = {word for line in narrow(tables["per class"], width) for word in line.split()}
    assert {"category", "precision", "recall", "F1", "texts"} <= words


@pytest.mark.parametrize("width", NARROW)
def test_all_letters_of_a_long_name_are_there(width: int) -> None:
    lines = narrow(tables_of(width)["per class"], width)
    shown = "".join(letter for line in lines for letter in line if letter not in " │┃")
    for name in ("Accessories", "語" * 20):
        assert all(shown.count(letter) >= name.count(letter) for letter in name)


def test_predicted_classes_are_numbered_where_their_names_have_no_room() -> None:
    lines = narrow(tables_of(40)["confusion"], 40)
    assert any(line.split() == ["1", "2", "3", "4"] for line in lines)
    assert any(line.startswith("4 Toys") for line in lines)
    wide = narrow(tables_of(200)["confusion"], 200)
    assert not any("4 Toys" in line for line in wide)


@pytest.mark.parametrize("name", ["best", "importance", "per class", "confusion", "coverage"])
def test_no_table_is_wider_than_the_terminal(name: str) -> None:
    for width in range(40, 131):
        assert max(map(cell_len, narrow(tables_of(width)[name], width))) <= width, width


def test_a_confusion_matrix_of_usual_names_fits_at_any_width() -> None:
    names = ["Car Accessories", "Garden & Outdoor", "Office Supplies", "Pet Supplies"]
    names += ["Sports & Fitness", "Toys, Games & Puzzles"]
    scores = scores_of(np.arange(6), np.arange(6), names)
    for width in range(40, 131):
        lines = narrow(confusion_table(scores, width=width), width)
        assert max(map(cell_len, lines)) <= width, width
        assert not any("…" in line for line in lines), width


def test_a_confusion_matrix_that_cannot_fit_is_left_out() -> None:
    names = [f"class {number}" for number in range(12)]
    labels = np.repeat(np.arange(12), 1000)
    scores = scores_of(labels, labels, names)
    assert confusion_table(scores, width=40) is None
    assert confusion_table(scores, width=80) is not None


def test_the_longest_bar_of_what_mattered_is_longest_at_any_width() -> None:
    for width in NARROW:
        lines = narrow(tables_of(width)["importance"], width)
        bars = [sum(letter in "█▉▊▋▌▍▎▏" for letter in line) for line in lines]
        assert max(bars) > 2 * sorted(bars)[-2] > 0


def test_the_weighted_f1_has_room_in_a_wide_terminal_alone() -> None:
    assert "weighted" in " ".join(narrow(tables_of(80)["scores"], 80))
    assert "weighted" not in " ".join(narrow(tables_of(40)["scores"], 40))


def test_what_has_room_is_not_broken() -> None:
    assert any("none is enough" in line for line in narrow(tables_of(60)["coverage"], 60))
