"""`evaluate` on small files, with a model that finds the label in the text."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ecomcat.export.classifier
from ecomcat import evaluate as command
from ecomcat.commands import EvaluateCommand
from ecomcat.config import DataConfig
from ecomcat.data.cleaning import key_digest, normalized_key
from ecomcat.errors import UserError
from ecomcat.evaluate import evaluate
from ecomcat.export.bundle import write_manifest
from ecomcat.export.classifier import Classifier, trained_columns
from ecomcat.model.metrics import Acceptance
from tests.command_line import command_line

LABELS = ["Books", "Lamps", "Shoes", "Toys"]
Evaluate = Callable[..., str]


class FakeClassifier(Classifier):
    """Predict the first label whose name is in a text, the first of all if none is."""

    def probabilities(self, texts: Any) -> Any:
        found = [[label in text for label in self.labels] for text in texts]
        return np.array(found, np.float32)


def export(folder: Path, columns: list[str | int], trained_texts: list[str]) -> Classifier:
    """Write a folder that passes for an export, and return the model that it stands for."""
    folder.mkdir()
    config = {"trained_on": {"text_columns": columns}}
    (folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
    write_manifest(folder, ["config.yaml"])
    digests = b"".join(sorted(key_digest(normalized_key(text)) for text in trained_texts))
    rows = np.frombuffer(digests, dtype=">u8")
    acceptance = Acceptance(np.full(200, 0.9), np.ones(200, bool))
    return FakeClassifier(None, None, LABELS, tuple(columns), acceptance, rows)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Return a function that puts a model trained on some columns and texts in place."""
    monkeypatch.chdir(tmp_path)

    def put(columns: list[str | int], *trained_texts: str) -> None:
        classifier = export(tmp_path / "model", columns, list(trained_texts))
        monkeypatch.setattr(
            ecomcat.export.classifier, "load_classifier", lambda directory, runtime: classifier
        )

    return put


def figures(table: str, name: str = "shop.csv", **data: Any) -> dict[str, Any]:
    """Evaluate on a file of some content and return what was written as JSON."""
    Path(name).write_text(table, encoding="utf-8")
    source = DataConfig(name="csv", path=name, **data)
    evaluate(EvaluateCommand(data=source, output="figures.json"))
    content: dict[str, Any] = json.loads(Path("figures.json").read_text(encoding="utf-8"))
    return content


def warned(caplog: pytest.LogCaptureFixture) -> bool:
    """Tell whether it was said that texts seen in training cannot be told apart."""
    return any(
        record.levelno == logging.WARNING and "cannot be told apart" in record.getMessage()
        for record in caplog.records
    )


# Columns

TITLED = "Category,Title,Text\nBooks,Books,of a kind\nToys,Toys,to play with\n"
CATEGORY = {"label_column": "Category"}


def test_the_columns_of_training_are_taken(model, caplog) -> None:
    model(["title", "text"], "Books of a kind")
    found = figures(TITLED, **CATEGORY)
    assert (found["trained_rows"], found["all"]["rows"]) == (1, 2)
    assert found["all"]["accuracy"] == 1
    assert not warned(caplog)


def test_json_lines_are_scored_as_tables_are(model, caplog) -> None:
    model(["title", "text"], "Books of a kind")
    rows = [
        {"n": 1, "text": "of a kind", "title": "Books", "Category": "Books"},
        {"n": 2, "text": "to play with", "title": "Toys", "Category": "Toys"},
    ]
    found = figures("\n".join(map(json.dumps, rows)), "shop.jsonl", **CATEGORY)
    assert (found["trained_rows"], found["all"]["rows"]) == (1, 2)
    assert found["all"]["accuracy"] == 1
    assert not warned(caplog)


def test_of_two_columns_the_one_of_training_is_taken(model) -> None:
    model(["note"], "Books of a kind")
    found = figures("note,kind\nBooks of a kind,Books\nToys to play with,Toys\n")
    assert (found["trained_rows"], found["all"]["accuracy"]) == (1, 1)


@pytest.mark.parametrize(
    ("asked", "trained_rows", "warns"),
    [
        pytest.param(["Title", "Text"], 1, False, id="the same"),
        pytest.param(["title", "TEXT"], 1, False, id="the same in another case"),
        pytest.param([1, 2], 1, False, id="the same by position"),
        pytest.param("Title", 0, True, id="fewer"),
        pytest.param(["Text", "Title"], 0, True, id="in another order"),
    ],
)
def test_other_columns_than_in_training_are_warned_of(
    model, caplog, asked, trained_rows, warns
) -> None:
    model(["Title", "Text"], "Books of a kind")
    found = figures(TITLED, text_column=asked, **CATEGORY)
    assert (found["trained_rows"], warned(caplog)) == (trained_rows, warns)


def test_the_same_position_as_in_training_is_not_warned_of(model, caplog) -> None:
    model([1], "Books of a kind")
    found = figures("label,text\nBooks,Books of a kind\n", text_column=1)
    assert (found["trained_rows"], warned(caplog)) == (1, False)


@pytest.mark.parametrize(
    "columns", [[1], ["description"], ["label", 1]], ids=["positions", "absent", "mixed"]
)
def test_without_the_names_of_training_columns_are_found_as_usual(model, columns) -> None:
    model(columns)
    assert figures("label,text\nBooks,Books of a kind\n")["all"]["accuracy"] == 1


def test_a_file_without_header_is_read_as_usual(model, caplog) -> None:
    model(["text"], "Books of a kind")
    found = figures("Books,Books of a kind\nToys,text\n", header="false")
    assert (found["rows"], found["trained_rows"], warned(caplog)) == (2, 1, False)


def test_fewer_columns_than_in_training_are_warned_of_unasked(model, caplog) -> None:
    model(["Title", "Text"], "Books of a kind")
    figures("label,text\nBooks,Books of a kind\n")
    assert warned(caplog)


def test_a_guessed_encoding_is_warned_of_once(model, caplog) -> None:
    model(["text"])
    Path("shop.csv").write_bytes("label,text\nBooks,Books très bien\n".encode("latin-1"))
    evaluate(EvaluateCommand(data=DataConfig(name="csv", path="shop.csv")))
    assert caplog.text.count("is not valid UTF-8") == 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("trained_on: {text_columns: [Title, '1', 2]}", ("Title", "1", 2), id="given"),
        pytest.param("trained_on: {}", (), id="not given"),
        pytest.param("seed: 1", (), id="another file"),
        pytest.param("[1, 2]", (), id="a list"),
        pytest.param("just words", (), id="words"),
        pytest.param("", (), id="empty"),
        pytest.param("a: [", (), id="no YAML"),
        pytest.param("trained_on: {text_columns: 3}", (), id="no list"),
        pytest.param(None, (), id="no file"),
    ],
)
def test_the_columns_are_read_from_the_configuration(tmp_path, content, expected) -> None:
    if content is not None:
        (tmp_path / "config.yaml").write_text(content, encoding="utf-8")
    assert trained_columns(tmp_path) == expected


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


def test_a_class_that_is_only_predicted_counts(model) -> None:
    model(["text"])
    found = figures("label,text\nBooks,Books to read\nBooks,Lamps to read by\n")
    assert found["all"]["macro_f1"] == pytest.approx((2 / 3 + 0) / 2)


def test_rows_seen_in_training_are_scored_apart(model) -> None:
    model(["text"], "Books to read")
    found = figures(TWO_CLASSES + "Cars,a car\n,nothing\n")
    assert (found["trained_on"]["rows"], found["new"]["rows"], found["all"]["rows"]) == (1, 2, 3)
    assert (found["rows"], found["empty_rows"], found["unknown_labels"]) == (5, 1, {"Cars": 1})


# Output


@pytest.mark.parametrize("name", ["a[bold]b.csv", "[q].csv", "x[/q].csv", ":smile:.csv"])
def test_the_files_name_is_printed_as_it_is(model, capsys, name) -> None:
    if "/" in name:
        Path(name).parent.mkdir()
    model(["text"])
    assert figures(TWO_CLASSES, name)["source"] == name
    assert name in "".join(capsys.readouterr().out.split())


def test_the_figures_go_to_standard_output_in_place_of_tables(model, capsys) -> None:
    model(["text"])
    written = figures(TWO_CLASSES, "größe.csv")
    assert "By category" in capsys.readouterr().out
    source = DataConfig(name="csv", path="größe.csv")
    evaluate(EvaluateCommand(data=source, output="-"))
    assert json.loads(capsys.readouterr().out) == written


def test_the_figures_are_written_before_tables_are_printed(model, monkeypatch) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        raise BrokenPipeError

    model(["text"])
    monkeypatch.setattr(command, "_print_tables", fail)
    with pytest.raises(BrokenPipeError):
        figures(TWO_CLASSES)
    assert json.loads(Path("figures.json").read_text(encoding="utf-8"))["rows"] == 3


@pytest.mark.parametrize(
    ("output", "fragments"),
    [
        pytest.param("figures", ["output=figures", "found a folder"], id="a folder"),
        pytest.param("absent/f.json", ["found no folder absent", "Make it"], id="no folder"),
        pytest.param("a.txt/f.json", ["found no folder a.txt"], id="under a file"),
    ],
)
def test_a_place_for_the_figures_is_refused_before_anything_is_read(
    monkeypatch, capsys, tmp_path, output, fragments
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("figures").mkdir()
    Path("a.txt").write_text("text", encoding="utf-8")
    with command_line(monkeypatch, capsys) as run:
        # Neither the model nor the file is there, which is not looked at yet.
        ended = run(command.main, f"output={output}", "data.path=absent.csv")
    assert (ended.code, ended.output) == (2, "")
    assert [fragment for fragment in fragments if fragment not in ended.errors] == []


def test_the_files_of_the_model_are_hashed_once(monkeypatch, tmp_path) -> None:
    """The command's early check hashes nothing: what was changed is found on loading."""
    monkeypatch.chdir(tmp_path)
    export(Path("model"), ["text"], [])
    Path("model/config.yaml").write_text("changed: 1", encoding="utf-8")
    missing = EvaluateCommand(data=DataConfig(name="csv", path="absent.csv"))
    with pytest.raises(UserError, match="no such file"):
        evaluate(missing)
    Path("shop.csv").write_text(TWO_CLASSES, encoding="utf-8")
    with pytest.raises(UserError, match=r"are not those exported: config\.yaml"):
        evaluate(replace(missing, data=replace(missing.data, path="shop.csv")))
