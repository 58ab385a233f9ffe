"""`evaluate` on small files, with a model that finds the label in the text."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ecomcat import evaluate as command
from ecomcat.command_config import EvaluateCommand
from ecomcat.config import DataConfig
from ecomcat.errors import UserError
from ecomcat.evaluate import evaluate
from ecomcat.export.contents import trained_fields
from ecomcat.text.fields import Fields
from tests.known_model import put_model

LABELS = ["Books", "Lamps", "Shoes", "Toys"]


def named_in(text: str) -> str | None:
    """Return the label whose name is in a text."""
    return next((label for label in LABELS if label in text), None)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Return a function that puts a model trained on some columns and texts in place."""
    monkeypatch.chdir(tmp_path)

    def put(columns: list[str | int], *trained_texts: str, **others: Any) -> None:
        options = {"columns": columns, "trained": trained_texts, **others}
        put_model(monkeypatch, tmp_path / "model", named_in, LABELS, **options)

    return put


def figures(table: str, name: str = "shop.csv", **data: Any) -> dict[str, Any]:
    """Evaluate on a file of some content and return what was written as JSON."""
    Path(name).write_text(table, encoding="utf-8")
    source = DataConfig(name="csv", path=name, **data)
    evaluate(EvaluateCommand(data=source, output="figures.json"))
    content: dict[str, Any] = json.loads(Path("figures.json").read_text(encoding="utf-8"))
    return content


# Columns

TITLED = "Category,Title,Text\nBooks,Books,of a kind\nToys,Toys,to play with\n"
CATEGORY = {"label_column": "Category"}
JSON_LINES = (
    '{"n": 1, "text": "of a kind", "title": "Books", "Category": "Books"}\n'
    '{"n": 2, "text": "to play with", "title": "Toys", "Category": "Toys"}\n'
)


@pytest.mark.parametrize(
    ("trained", "table", "asked", "trained_rows", "warns"),
    [
        (["title", "text"], TITLED, CATEGORY, 1, False),
        (["title", "text"], JSON_LINES, CATEGORY, 1, False),
        (["Title", "Text"], TITLED, {**CATEGORY, "text_column": ["title", "TEXT"]}, 1, False),
        (["Title", "Text"], TITLED, {**CATEGORY, "text_column": [1, 2]}, 1, False),
        (["Title", "Text"], TITLED, {**CATEGORY, "text_column": "Title"}, 0, True),
        (["Title", "Text"], TITLED, {**CATEGORY, "text_column": ["Text", "Title"]}, 1, False),
        (["Title", "Text"], "label,text\nBooks,Books of a kind\n", {}, 1, True),
        (["note"], "note,kind\nBooks of a kind,Books\nToys to play with,Toys\n", {}, 1, False),
        ([1], "label,text\nBooks,Books of a kind\n", {"text_column": 1}, 1, False),
        ([1], "label,text\nBooks,Books of a kind\n", {}, 1, False),
        (["description"], "label,text\nBooks,Books of a kind\n", {}, 1, False),
        (["text"], "Books,Books of a kind\nToys,text\n", {"header": "false"}, 1, False),
    ],
)
def test_the_columns_of_training_are_taken_and_others_warned_of(
    model, caplog, trained, table, asked, trained_rows, warns
) -> None:
    model(trained, "Books of a kind")
    found = figures(table, "shop.jsonl" if table == JSON_LINES else "shop.csv", **asked)
    assert found["trained_rows"] == trained_rows
    assert ("cannot be recognised" in caplog.text) == warns
    assert found["all"]["accuracy"] == 1 or asked.get("header") or warns


def test_the_column_of_labels_of_training_is_taken_and_logged(model, caplog) -> None:
    caplog.set_level("INFO")
    model(["Title", "Text"], label_columns=["category"])
    assert figures(TITLED)["all"]["accuracy"] == 1
    assert "text from column Title + Text, label from column Category" in caplog.text


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("label,text\n", r"shop\.csv: expected rows of text and label, found no rows"),
        ("label,text\nBooks,?\n,Books\n", "found 2 rows without text or label"),
        ("label,text\nCars,a car\n", r"found 1 rows of others \(Cars\)"),
    ],
)
def test_a_file_of_which_no_row_can_be_scored_is_refused_with_the_reason(
    model, table, message
) -> None:
    model(["text"])
    with pytest.raises(UserError, match=message):
        figures(table)


@pytest.mark.parametrize(
    ("table", "asked", "message"),
    [
        ("Category,Title,price\nBooks,Books,9\n", CATEGORY, "shop.csv: .* found no 'brand' among"),
        (TITLED, {"category_columns": ["Text"]}, "trained on. Leave it out; rename the column in"),
    ],
)
def test_a_model_of_fields_finds_them_by_name_alone(model, table, asked, message) -> None:
    fields = {"text_columns": ["Title"], "category_columns": ["brand"], "number_columns": ["price"]}
    model(["Title"])
    content = json.dumps({"trained_on": fields})
    Path("model/config.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        figures(table, **asked)
    assert trained_fields(Path("model")) == Fields(("Title",), ("brand",), ("price",))


# Figures

TWO_CLASSES = "label,text\nBooks,Books to read\nBooks,Books to sell\nToys,Toys or a ball\n"


def test_classes_that_the_file_has_nothing_of_do_not_count(model, capsys) -> None:
    model(["text"])
    found = figures(TWO_CLASSES)
    assert found["new"]["macro_f1"] == 1
    assert list(found["new"]["per_class"]) == ["Books", "Toys"]
    assert found["new"]["absent_classes"] == ["Lamps", "Shoes"]
    output = capsys.readouterr().out
    assert "Lamps" not in output
    assert "2 categories with neither texts nor predictions" in " ".join(output.split())


def test_rows_seen_in_training_are_scored_apart_and_what_is_left_out_is_said(model, caplog) -> None:
    model(["text"], "Books to read")
    unknown = "".join(f"Car {number},a car\n" for number in range(7))
    found = figures(f"{TWO_CLASSES}{unknown},nothing\n")
    assert (found["trained_on"]["rows"], found["new"]["rows"], found["all"]["rows"]) == (1, 2, 3)
    assert (found["rows"], found["empty_rows"]) == (11, 1)
    assert found["unknown_labels"] == {f"Car {number}": 1 for number in range(7)}
    assert "7 rows of categories that the model does not know: Car 0, Car 1" in caplog.text


# Output


def test_the_figures_go_to_standard_output_in_place_of_tables(model, capsys) -> None:
    model(["text"])
    written = figures(TWO_CLASSES, "größe.csv")
    assert "By category" in capsys.readouterr().out
    source = DataConfig(name="csv", path="größe.csv")
    evaluate(EvaluateCommand(data=source, output="-"))
    assert json.loads(capsys.readouterr().out) == written


def test_a_place_for_the_figures_is_refused_before_anything_is_read(run_main) -> None:
    # Neither the model nor the file is there, which is not looked at yet.
    ended = run_main(command.main, "output=absent/f.json", "data.path=absent.csv")
    assert (ended.code, ended.output) == (2, "")
    assert "found no folder absent" in ended.errors


def test_the_files_of_the_model_are_hashed_once(monkeypatch, tmp_path) -> None:
    """The command's early check hashes nothing: what was changed is found on loading."""
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as while_put:
        put_model(while_put, Path("model"), named_in, LABELS)
    Path("model/config.yaml").write_text("changed: 1", encoding="utf-8")
    missing = EvaluateCommand(data=DataConfig(name="csv", path="absent.csv"))
    with pytest.raises(UserError, match="no such file"):
        evaluate(missing)
    Path("shop.csv").write_text(TWO_CLASSES, encoding="utf-8")
    with pytest.raises(UserError, match=r"are not those exported: config\.yaml"):
        evaluate(replace(missing, data=replace(missing.data, path="shop.csv")))


# A taxonomy


def test_labels_are_read_as_the_model_writes_them_and_scored_by_level(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    labels = ["Home > Chairs", "Home > Lamps", "Toys"]
    answers = {label: label for label in labels}
    put_model(monkeypatch, tmp_path / "model", answers.get, labels, separator=" > ")
    rows = "Home>Chairs,Home > Lamps\nHome > Lamps > Desk,Home > Lamps\nToys,Toys\nHome,x\n"
    found = figures(f"label,text\n{rows}")
    assert (found["all"]["accuracy"], found["unknown_labels"]) == (2 / 3, {"Home": 1})
    levels = found["all"]["taxonomy"]["levels"]
    assert [level["accuracy"] for level in levels] == [1, 2 / 3]
    assert "1 rows of leaves that the model does not know" in caplog.text
    slashes = figures(f"label,text\n{rows.replace('>', '/')}", label_separator="/")
    more = "".join(f"Home|{name},x\n" for name in ("Rugs", "Beds", "Desks"))
    others = figures(f"label,text\n{rows.replace('>', '|')}{more}")
    assert others["all"]["per_class"].keys() == found["all"]["per_class"].keys()
    columns = "a,b,text\nHome,Chairs,Home > Lamps\nHome,Lamps,Home > Lamps\nToys,,Toys\n"
    levels = figures(columns, label_column=["a", "b"], text_column="text")
    assert slashes["all"]["per_class"].keys() == levels["all"]["per_class"].keys()
