"""Which answers to accept, the words that support them, and why a row has none."""

from __future__ import annotations

import logging
import re
from math import inf

import numpy as np
import pytest
from dog_classifier import DogOrCat, label_file, read_rows

from ecomcat import predict
from ecomcat.model.taxonomy import Taxonomy
from tests.command_line import command_line
from tests.data.table_material import write_table

TEXTS = ["a brown dog", "tom", "!?", ""]


@pytest.fixture
def labelled(tmp_path):
    """Return a function that labels `TEXTS` with options and returns some of the columns."""

    def run(*columns, output=".csv", classifier=None, **options):
        source = write_table(tmp_path / "rows.csv", [{"id": "1", "text": text} for text in TEXTS])
        written = tmp_path / f"labelled{output}"
        label_file(source, written, classifier=classifier, options=options)
        rows = read_rows(written)
        assert [row["text"] for row in rows] == TEXTS
        return [tuple(row[name] for name in columns) for row in rows]

    return run


ENDINGS = [".csv", ".jsonl", ".parquet"]


@pytest.mark.parametrize("output", ENDINGS)
def test_an_answer_of_enough_confidence_is_accepted(labelled, output):
    accepted = labelled("accept", output=output, min_precision=0.98)
    words = ("no", "yes") if output == ".csv" else (False, True)
    assert accepted == [(words[0],), (words[1],), (words[0],), (words[0],)]


@pytest.mark.parametrize(
    ("thresholds", "asked", "warning", "counted"),
    [
        ((inf, inf), 0.999, "No row will be accepted.*99.9 % .* at least 2302 answers", "0 of 4"),
        ((inf, inf), 1.0, "No number of texts can promise that all are right", "0 of 4"),
        ((0.8, inf), 0.98, "No row of dogs will be accepted", "of confidence 0.8000 or more"),
        ((0.8, 0.9), 0.98, None, "of confidence 0.8000 to 0.9000 by category or more, of which 98"),
    ],
)
def test_what_is_accepted_is_counted_and_what_cannot_be_promised_is_said(
    labelled, caplog, thresholds, asked, warning, counted
):
    caplog.set_level(logging.INFO)
    classifier = DogOrCat("text", thresholds=thresholds)
    accepted = labelled("accept", min_precision=asked, classifier=classifier)
    assert accepted.count(("yes",)) == int(min(thresholds) < inf)
    warnings = [line.message for line in caplog.records if line.levelno == logging.WARNING]
    assert len(warnings) == (warning is not None)
    assert not warnings or re.search(warning, warnings[0])
    assert counted in caplog.messages[-3]
    assert "0 of 4 rows (0.0 %) are novel" in caplog.messages[-2]


@pytest.mark.parametrize(
    ("output", "words"),
    [(".csv", ("a brown dog", "")), (".jsonl", (["a", "brown", "dog"], None))],
)
def test_the_words_that_support_an_answer(labelled, output, words):
    found = labelled("words", output=output, explain=True)
    assert (found[0], found[3]) == ((words[0],), (words[1],))


@pytest.mark.parametrize("output", ENDINGS)
def test_the_next_categories_come_with_their_probabilities(labelled, output):
    found = labelled("predicted_category", "category_2", "confidence_2", output=output, top_k=9)
    first, second, share = found[0]
    assert {first, second} == set(DogOrCat("text").labels)
    assert 0 < float(share) < 0.5
    nothing = {".csv": ("", "", "")}.get(output, (None, None, None))
    assert found[3] == nothing


class DogOrCatPaths(DogOrCat):
    """The same, whose categories are paths; the first level is sure enough, the second is not."""

    labels = ("Pets > Cats", "Pets > Dogs")
    taxonomy = Taxonomy(labels, " > ")

    def level_thresholds(self, promise):
        return np.array([[0.9, 0.9], [0.95, 0.95]])


@pytest.mark.parametrize("output", ENDINGS)
def test_paths_are_accepted_as_far_as_they_are_sure_enough(labelled, output, caplog):
    caplog.set_level(logging.INFO)
    classifier = DogOrCatPaths("text", thresholds=(0.95, 0.95))
    asked = {"output": output, "classifier": classifier, "min_precision": 0.98}
    found = labelled("accept", "accepted_path", "accepted_level", **asked)
    is_text = output == ".csv"
    assert found[0] == ("no" if is_text else False, "Pets", "1" if is_text else 1)
    assert found[3] == (("no", "", "") if is_text else (False, None, None))
    assert "0 of 4 rows (0.0%) accepted" in caplog.text
    assert "of 2 more rows (50.0%) a part of the path" in caplog.text


@pytest.mark.parametrize("output", ENDINGS)
def test_each_level_has_columns_where_that_is_asked_for(labelled, output):
    names = [f"{name}{level}" for level in (1, 2) for name in ("level_", "confidence_level_")]
    found = labelled(*names, output=output, classifier=DogOrCatPaths("text"), levels=True)
    shares = ("1.0000", "0.7500") if output == ".csv" else (1.0, 0.75)
    assert found[0] == ("Pets", shares[0], "Dogs", shares[1])
    assert set(found[3]) == {"" if output == ".csv" else None}


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_why_a_row_has_no_category(tmp_path, kind):
    texts = [None, " ", "?", "a dog", "17"]
    write_table(tmp_path / f"rows.{kind}", [{"text": text} for text in texts])
    label_file(tmp_path / f"rows.{kind}", tmp_path / f"labelled.{kind}")
    reasons = [row["reason"] for row in read_rows(tmp_path / f"labelled.{kind}")]
    assert reasons == ["empty text", "empty text", "no letter, mark or digit", None, None]


def test_a_file_without_a_single_text_asks_the_model_nothing(tmp_path):
    classifier = DogOrCat()
    write_table(tmp_path / "rows.jsonl", [{"text": ""}, {"text": None}])
    label_file(
        tmp_path / "rows.jsonl",
        tmp_path / "labelled.csv",
        classifier=classifier,
        options={"explain": True, "min_precision": 0.9},
    )
    assert classifier.asked == []
    assert [row["accept"] for row in read_rows(tmp_path / "labelled.csv")] == ["no", "no"]


# What is wrong is said before a model is opened


@pytest.mark.parametrize(
    ("argument", "fragments"),
    [
        ("predict.min_precision=0", ("predict.min_precision", "above 0 to 1", "found 0")),
        ("predict.confidence_level=0.4", ("predict.confidence_level", "from 0.5 and below 1")),
        ("predict.precision_by=category", ("predict.precision_by", "predict.min_precision=0.98")),
        ("predict.max_false_alarms=1", ("predict.max_false_alarms", "below 1", "found 1")),
        ("predict.max_false_alarms=0.1", ("predict.max_false_alarms", "predict.min_precision")),
        ("predict.top_k=0", ("predict.top_k", "from 1", "found 0")),
        ("predict.words=3", ("predict.words", "predict.explain=true", "no effect")),
        ("runtime=onxx", ("runtime", "auto, onnx, keras", "Did you mean 'onnx'?")),
        ("input_format=jsonlines", ("input_format", "Did you mean 'jsonl'?")),
        ("output_format=xlsx", ("output_format", "csv, tsv, jsonl, parquet")),
        ("output=labelled.json", ("output_format=jsonl",)),
        ("input=rows.json", ("input_format=jsonl", "jq -c '.[]'")),
        ("output=absent/labelled.csv", ("output=absent/labelled.csv", "found no folder absent.")),
        ("output=.", ("output=.", "found a folder")),
    ],
)
def test_a_wrong_setting(monkeypatch, capsys, tmp_path, argument, fragments):
    monkeypatch.chdir(tmp_path)
    with command_line(monkeypatch, capsys) as run:
        # There is no model: who looks for it first answers with something else.
        arguments = ["input=rows.csv", "output=labelled.csv", argument]
        ended = run(predict.main, *dict.fromkeys(arguments))
    assert (ended.code, ended.output) == (2, "")
    assert all(fragment in ended.errors for fragment in fragments), ended.errors
    assert list(tmp_path.iterdir()) == []


def test_parquet_is_not_written_to_a_terminal(monkeypatch, capsys, tmp_path):
    with command_line(monkeypatch, capsys) as run:
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        ended = run(predict.main, "input=rows.parquet", "output=-")
    assert ended.code == 2
    assert "output_format=jsonl" in ended.errors
