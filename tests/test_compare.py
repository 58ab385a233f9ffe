"""`compare` on small files, with models whose answers are known."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ecomcat.cli import compose
from ecomcat.command_config import CompareCommand
from ecomcat.compare import compare, compare_models
from ecomcat.config import DataConfig
from ecomcat.errors import UserError
from tests.known_model import put_model

LABELS = ["Books", "Lamps", "Toys"]


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Return a function that puts a model that answers what it is told in a folder."""
    monkeypatch.chdir(tmp_path)

    def put(name: str, told: Mapping[str, str], labels: Any = LABELS, **options: Any) -> None:
        put_model(monkeypatch, tmp_path / name, told.get, labels, **options)

    return put


def rows_of(count: int) -> dict[str, str]:
    """Return texts with their labels."""
    return {f"thing {number}": LABELS[number % 3] for number in range(count)}


def wrong(rows: Mapping[str, str], *places: int) -> dict[str, str]:
    """Return what a model answers that is wrong at some places."""
    return {
        text: LABELS[(LABELS.index(label) + 1) % 3] if place in places else label
        for place, (text, label) in enumerate(rows.items())
    }


def asked(rows: Mapping[str, str], **options: Any) -> CompareCommand:
    """Write rows to a file, and ask to compare two models on it."""
    pd.DataFrame({"label": rows.values(), "text": rows.keys()}).to_csv("rows.csv", index=False)
    data = DataConfig(name="csv", path="rows.csv")
    return CompareCommand(data=data, old="old", new="new", **options)


@pytest.mark.parametrize(
    ("old_wrong", "new_wrong", "verdict", "code"),
    [
        (range(9), [], "better", None),
        ([], range(9), "worse", 3),
        (range(9), range(3, 12), "level", None),
        ([], [1], "level", None),
    ],
)
def test_a_new_model_that_is_worse_ends_with_3(
    put, capsys, caplog, old_wrong, new_wrong, verdict, code
):
    caplog.set_level("INFO")
    rows = rows_of(60)
    put("old", wrong(rows, *old_wrong))
    put("new", wrong(rows, *new_wrong))
    if code is None:
        compare(asked(rows, output="found.json"))
    else:
        with pytest.raises(SystemExit) as ended:
            compare(asked(rows, output="found.json"))
        assert ended.value.code == code
    found = json.loads(Path("found.json").read_text())
    assert found["comparison"]["verdict"] == verdict
    assert found["old"]["accuracy"] == pytest.approx(1 - len(old_wrong) / 60)
    printed = capsys.readouterr().out
    assert "new: new" in printed and "By category, the largest loss first" in printed
    words = "no difference that these 60 texts" if verdict == "level" else f"{verdict} (accuracy"
    assert f"The new model compared with the old one: {words}" in caplog.text


def test_rows_whose_answer_changed_are_written_the_lost_ones_first(put):
    rows = {**rows_of(6), "=1+1": "Toys"}
    put("old", wrong(rows, 0, 4))
    put("new", {**wrong(rows, 2, 4, 6), "thing 4": "Toys", "thing 0": "Books"})
    compare(asked(rows, changes="changed.csv"))
    with Path("changed.csv").open(encoding="utf-8-sig", newline="") as file:
        written = list(csv.DictReader(file))
    assert [(row["row"], row["change"]) for row in written] == [
        ("3", "lost"),
        ("7", "lost"),
        ("1", "gained"),
    ]
    assert written[0]["text"] == "thing 2" and written[0]["label"] == written[0]["old"] == "Toys"
    assert written[0]["new"] == "Books" and written[0]["new_confidence"] == "1.0000"
    assert written[1]["text"] == "'=1+1"


def test_rows_that_either_model_was_trained_on_and_those_without_a_label_are_left_out(put, caplog):
    rows = rows_of(12)
    caplog.set_level("INFO")
    put("old", rows, trained=["thing 0", "thing 1"])
    put("new", wrong(rows, *range(3)), trained=["THING  2"])
    found = compare_models(asked({**rows, "odd": "Boats", "?": "Toys"})).figures
    assert found["comparison"]["rows"] == 9
    assert found["new"]["accuracy"] == 1
    assert (found["trained_rows"], found["empty_rows"]) == (3, 1)
    assert found["unknown_labels"] == {"Boats": 1}
    assert caplog.text.count("Data: rows.csv") == 1, "both read the same columns"


def test_models_of_different_categories_and_columns_are_compared_and_the_difference_is_named(
    put, caplog
):
    rows = {**rows_of(30), "boat 1": "Boats", "boat 2": "Boats"}
    put("old", rows_of(30))
    put("new", rows, labels=[*LABELS, "Boats"])
    found = compare_models(asked(rows)).figures
    assert "Categories of the new model alone: Boats." in caplog.text
    assert (found["comparison"]["gained"], found["comparison"]["lost"]) == (2, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"old": None}, "folders of two models, found none"),
        ({"new": None}, "folders of two models, found one"),
        ({"new": "nowhere"}, "an exported model in nowhere"),
        ({"runtime": "onxx"}, "onnx"),
        ({"data": DataConfig(name="csv")}, "data.path"),
        ({"output": "rows.csv"}, "at output=rows.csv, found the file that is read"),
        ({"changes": "rows.csv"}, "at changes=rows.csv, found the file that is read"),
        ({"output": "a.csv", "changes": "a.csv"}, "changes: expected a separate file"),
        ({"changes": "-"}, "changes: expected a separate file"),
        ({"data": DataConfig(name="csv", path="rows.csv", test_path="b.csv")}, "test_path"),
    ],
)
def test_what_cannot_be_compared_is_said(put, options, message):
    config = asked(rows_of(3))
    put("old", {})
    put("new", {})
    for name, value in options.items():
        setattr(config, name, value)
    with pytest.raises(UserError, match=message):
        compare(config)


@pytest.mark.parametrize(
    ("label", "trained_on", "found"),
    [
        (None, True, "found 4 of their categories, all trained on by one or both"),
        ("Tents", False, "found 4 rows, none of them with a text and a category of theirs"),
    ],
)
def test_where_no_row_can_be_compared_nothing_is_claimed(put, label, trained_on, found):
    rows = rows_of(4)
    put("old", rows, trained=list(rows) if trained_on else [])
    put("new", rows)
    config = asked({text: label or own for text, own in rows.items()})
    with pytest.raises(UserError, match=f"neither model was trained on, {found}"):
        compare_models(config)


def test_other_columns_than_those_of_training_are_warned_of(put, caplog):
    rows = rows_of(9)
    for name in ("old", "new"):
        put(name, rows)
    config = asked(rows)
    pd.read_csv("rows.csv").assign(title="thing").to_csv("rows.csv", index=False)
    compare_models(replace(config, data=replace(config.data, label_column="label")))
    assert "The text is column" not in caplog.text
    other = replace(config.data, label_column="label", text_column="title")
    compare_models(replace(config, data=other))
    assert caplog.text.count("The text is column title, but the model was trained on text") == 1


def test_models_of_different_columns_of_labels_are_compared_on_the_one_that_is_named(put):
    rows = rows_of(9)
    put("old", rows, label_columns=["label"])
    put("new", rows, label_columns=["kind"])
    config = asked(rows)
    pd.read_csv("rows.csv").assign(kind="Toys").to_csv("rows.csv", index=False)
    with pytest.raises(UserError, match="the columns label for the old one and kind for the new"):
        compare_models(config)
    named = replace(config, data=replace(config.data, label_column="label"))
    assert compare_models(named).figures["new"]["accuracy"] == 1


def test_python_gives_rows_of_its_own(put):
    rows = rows_of(9)
    put("old", rows)
    put("new", wrong(rows, 1))
    config = asked(rows)
    frame = pd.DataFrame({"label": rows.values(), "text": rows.keys()})
    found = compare_models(config, {"train": frame})
    assert not found.is_worse
    assert found.changes["text"].tolist() == ["thing 1"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["my model", "b-2", "data.path=c"],
        ["data.path=c", "my model", "b-2"],
        ["old=my model", "new=b-2", "data.path=c"],
        ["old=my model", "data.path=c", "b-2"],
    ],
)
def test_the_folders_need_no_keys(arguments):
    config = compose("compare", arguments)
    assert (config.old, config.new, config.data.path) == ("my model", "b-2", "c")
    with pytest.raises(UserError, match="Cannot read the argument 'third'"):
        compose("compare", [*arguments, "third"])


# Labels that are paths


@pytest.mark.parametrize(
    ("old", "new", "in_file"),
    [
        (" > ", "/", " > "),
        (" > ", "/", "/"),
        ("/", " > ", "/"),
        (" > ", " > ", "/"),
        ("/", None, "/"),
        (None, " > ", " > "),
    ],
)
def test_paths_that_models_write_otherwise_are_the_same_categories(put, old, new, in_file):
    paths = ["Home > Lamps", "Home > Rugs", "Toys > Cars", "Toys"]
    rows = {f"thing {n}": path for n, path in enumerate(paths * 9)}
    for name, separator in (("old", old), ("new", new)):
        # What knows nothing of paths has names as they stand in the file.
        told = {text: path.replace(" > ", separator or in_file) for text, path in rows.items()}
        put(name, told, labels=sorted(set(told.values())), separator=separator)
    found = compare_models(
        asked({text: path.replace(" > ", in_file) for text, path in rows.items()})
    )
    assert (found.figures["comparison"]["verdict"], len(found.changes)) == ("level", 0)
    assert found.figures["old"]["accuracy"] == found.figures["new"]["accuracy"] == 1


def test_rows_of_which_a_model_knows_no_category_are_refused(put):
    rows = rows_of(9)
    put("old", {}, labels=["books", "lamps", "toys"])
    put("new", rows)
    with pytest.raises(
        UserError, match=r"none of the old model's \(books, lamps, toys\) among Books"
    ):
        compare_models(asked(rows))
