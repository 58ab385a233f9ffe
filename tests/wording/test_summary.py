"""What is said of an exported model; its card shows every text as it is."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ecomcat.export.card import model_card
from ecomcat.reporting.printed_tables import final_tables
from ecomcat.text.encoding import Lexicon, encode_all, model_inputs
from ecomcat.text.fields import Fields
from ecomcat.text.tokenizer import deployed_tokenizer, fit_tokenizer
from ecomcat.wording.summary import model_sentences, result_line, verdict
from tests.reporting.stored_study import final_snapshot, with_levels


@pytest.mark.parametrize(
    ("ours", "theirs", "tested", "expected"),
    [
        (0.96, 0.95, "better", "0.80 times the errors of .*: better"),
        (0.94, 0.95, "worse", "1.20 times the errors of .*: worse"),
        (0.96, 0.95, "better and worse", "better by one of accuracy and macro-F1, worse by"),
        (0.90, 1.0, "worse", "more errors than .*: worse"),
        (0.96, 0.95, "level", "0.80 .*: no difference that these 1,234 texts could"),
        (0.95, 0.95, "level", "as many errors as .*: no difference"),
        (1.0, 1.0, "level", "as many errors as .*: no difference"),
    ],
)
def test_better_and_worse_are_said_only_of_what_is_no_chance(ours, theirs, tested, expected):
    test = {"accuracy": theirs, "macro_f1": 0.9}
    found = {"difference": 0.012, "interval": [-0.01, 0.034], "p_value": 0.031}
    comparison = {"rows": 1234, "verdict": tested, "accuracy": found, "macro_f1": found}
    baseline = {"name": "letters", "test": test, "comparison": comparison}
    text = verdict({"test": {"accuracy": ours, "macro_f1": 0.9}, "baseline": baseline})
    assert re.search(expected, text)
    assert "accuracy +0.0120 (-0.010 to 0.034), p = 0.031 by McNemar's exact test" in text
    assert f"letters: accuracy {theirs:.4f}, macro-F1 0.9000" in text


def test_without_a_baseline_there_is_no_comparison():
    assert "no linear baseline" in verdict({"test": {}, "baseline": None})


@pytest.mark.parametrize(
    ("tested", "p_values", "expected"),
    [
        ("better", (0.031, 0.2), "better (accuracy, p = 0.031)"),
        ("worse", (0.1, 0.004), "worse (macro-F1, p = 0.004)"),
        ("better", (0.0, 0.004), "better (accuracy, p below 1e-300)"),  # too small for a float
        (
            "better and worse",
            (0.01, 0.02),
            "better by one of accuracy and macro-F1, worse by the other (accuracy, p = 0.01)",
        ),
        ("level", (0.3, 0.5), "no difference shown (accuracy, p = 0.3)"),
    ],
)
def test_the_result_in_short_says_by_which_figure_it_differs(tested, p_values, expected):
    found = zip(("accuracy", "macro_f1"), ({"p_value": each} for each in p_values), strict=True)
    comparison = {"verdict": tested, **dict(found)}
    baseline = {"name": "LinearSVC", "test": {"accuracy": 0.95}, "comparison": comparison}
    metrics = {"test": {"accuracy": 0.96, "macro_f1": 0.9, "rows": 1234}, "baseline": baseline}
    figures = "test accuracy 0.9600, macro-F1 0.9000 (1,234 texts)"
    assert result_line(metrics) == f"{figures}; 0.80 times the errors of LinearSVC: {expected}."
    assert result_line({**metrics, "baseline": None}) == f"{figures}; no linear baseline."


@pytest.mark.parametrize(
    ("final", "expected"),
    [
        ({}, "The network is that of trial 0003 (4 epochs)."),
        ({"level_trials": ["1", "2"]}, "On validation 2 of the 8 other trials are level with the"),
        ({}, "Trained on 9 texts: train and validation."),
        ({"retrained": False}, "train alone: the weights of the search"),
        (
            {"epoch_texts": 3, "network_texts": 8},
            "(4 epochs of 3 texts, 8 in all). Trained on a part of 9 texts: train",
        ),
        ({"use_all_rows": True}, "the figures are of the model before the test rows"),
        ({"linear_weight": 0.2}, "of words and letters has a weight of 20%"),
        ({"linear_weight": 0.2, "linear_texts": 5}, "letters, fitted to 5 of these texts, has a"),
    ],
)
def test_it_is_said_what_the_model_is_made_of_and_was_trained_on(final, expected):
    usual = {"trial": "0003", "epochs": 4, "trials": 9, "level_trials": [], "trained_texts": 9}
    usual |= {"linear_weight": 0, "retrained": True, "use_all_rows": False}
    text = " ".join(model_sentences({**usual, **final}))
    assert expected in text


# The model card


def card(category: str = "Books", values: dict[str, Any] | None = None, **changed: Any) -> str:
    """Write a card in which parts of the metrics are changed; `None` leaves a part out."""
    names = [category, "the other"]
    metrics = final_snapshot(names)["metrics"]
    metrics["search"]["best_hyperparameters"] = values or {}
    for part, fields in changed.items():
        metrics[part] = fields and {**metrics.get(part, {}), **fields}
    return model_card(metrics, names)


def test_says_whose_the_data_is_and_which_rows_a_person_left_out() -> None:
    left = {"source": "marks<1>.csv", "train": 7, "validation": 3, "test": 2, "unknown": 0}
    without = {**final_snapshot()["metrics"]["test"], "rows": 1}
    said = card(data={"excluded": left, "licence": "CC BY 4.0"}, test_without_excluded=without)
    assert "- Licence: CC BY 4.0" in said
    assert "Left out by a person (marks&lt;1&gt;.csv): 7 texts of train, 3 of validation; 2" in said
    assert "| test without the rows marked in data.exclude | 1 |" in said
    assert "Licence: not stated" in card()
    assert "Left out" not in card() and "marked" not in card()


def test_shows_the_model_beside_the_baseline_and_by_its_parts() -> None:
    row = "| linear baseline on test: TF-IDF + LinearSVC | 30 | 0.7500 | 0.7400 | 0.7500 |"
    assert row in card()
    assert "| the LSTM alone | 0.9100 | 0.9000 | 0.9100 | 0.9000 | worse |" in card()
    alone = card(baseline=None, parts={})
    assert "There is no linear baseline to compare with." in alone
    assert "the LSTM alone" not in alone


def test_of_a_baseline_that_learned_a_part_of_the_texts_their_number_is_named() -> None:
    written = card(baseline={"texts": 200_000, "left_out": 0.8, "texts_of_train": 50_000})
    name = "TF-IDF + LinearSVC, fitted to 200,000 texts"
    assert f"| linear baseline on test: {name} | 30 |" in written
    assert f"the linear baseline ({name}: accuracy 0.7500" in written
    assert "| linear baseline on validation, fitted on 50,000 texts of train | 30 |" in written


def test_of_thousands_of_categories_those_of_the_lowest_f1_are_listed() -> None:
    names = [f"category {number}" for number in range(3000)]
    metrics = final_snapshot(names)["metrics"]
    metrics["search"]["best_hyperparameters"] = {}
    for part in ("test", "validation"):
        for number, name in enumerate(names):
            metrics[part]["per_class"][name] |= {"f1": number / 3000}
    written = model_card(metrics, names)
    assert "The 60 of the lowest F1; all 3000 are in metrics.json." in written
    assert "| 60 | category 59 | 0.9000 |" in written and "| category 60 |" not in written
    assert len(written) < 20_000


def test_accuracy_within_the_likeliest_categories_is_shown_where_there_are_more() -> None:
    within = card(test={"top_k_accuracy": {"3": 0.9, "5": 0.95}})
    assert "| weighted F1 | within top 3 | within top 5 |" in within
    assert "Of the test texts 4.0% are called novel, unlike all of training" in within
    figures = "0.8000 (0.700 to 0.900) | 0.7900 | 0.8000 | 0.9000 | 0.9500"
    assert f"| test (scored once) | 30 | {figures} |" in within
    assert (
        "| linear baseline on test: TF-IDF + LinearSVC | 30 | 0.7500 | 0.7400 | 0.7500 |  |  |"
        in within
    )
    assert "within top" not in card()


PATHS = ["Home > *Chairs*", "Home > Lamps > <Desk>", "Toys", "Toys > Cars"]


def test_of_a_taxonomy_each_level_is_shown_and_what_is_accepted_there() -> None:
    metrics = with_levels(final_snapshot()["metrics"], PATHS)
    metrics["search"]["best_hyperparameters"] = {}
    metrics["data"] |= {
        "rare_classes_merged": {"Toys > Odd": 3},
        "rare_classes_dropped": {"Books > Old": 2},
    }
    written = model_card(metrics, PATHS)
    assert "- Categories are paths: &gt; separates their levels" in written
    rare = "- Categories with too few texts or none in train, "
    assert f"{rare}merged into those above: 'Toys &gt; Odd' (3)" in written
    assert f"{rare}left out: 'Books &gt; Old' (2)" in written
    assert "| level | nodes | accuracy | macro-F1 |" in written
    assert "| 3 | 4 | 0.9750 (0.871 to 0.996) | 0.97" in written
    assert "hierarchical precision 0.9" in written
    assert "- At level 2: 1 of 10 test texts of Home &gt; &#42;Chairs&#42; were taken" in written
    assert "| whole path | at some level | precision | down to level 1 |" in written
    usual = card()
    assert not re.search(r"\| level \||are paths|At level", usual)


def test_without_a_test_set_figures_are_of_validation_and_this_is_said() -> None:
    metrics = {**final_snapshot()["metrics"], "test": None}
    del metrics["baseline"]["test"], metrics["baseline"]["comparison"]
    metrics["parts"] = {
        part: {"validation": each["validation"]} for part, each in metrics["parts"].items()
    }
    metrics["search"]["best_hyperparameters"] = {}
    written = model_card(metrics, list(metrics["validation"]["per_class"]))
    assert "## By category, on validation" in written
    assert "There is no test set (data.test_fraction=0): no figure says how good" in written
    assert "no test set checks it" in written
    assert "| linear baseline on validation, fitted on train: TF-IDF + LinearSVC | 30 |" in written
    assert "| the LSTM alone | 0.9100 | 0.9000 |" in written
    said = re.sub("no test", "", written.split("## Use")[0])
    assert not re.search(r"on test|test texts|scored once", said)
    result = "validation accuracy 0.8000, macro-F1 0.7900 (30 texts, that choices were made on)"
    assert result_line(metrics) == f"{result}; no test set."
    tables = list(final_tables(metrics, 120))
    assert tables[0] is not None and tables[0].caption == "Validation set, by category"


def shown(markdown: str) -> list[str]:
    """Return the paragraphs and cells that are plain text, as a reader sees them."""
    blocks = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    assert sum(block.type == "table_open" for block in blocks) == 4
    inline = [block.children or [] for block in blocks if block.type == "inline"]
    return [
        "".join(part.content for part in parts)
        for parts in inline
        if all(part.type in {"text", "text_special"} for part in parts)
    ]


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=20))
@example("a|b")
@example("a\\|b")
@example("a\nb")
@example("<script>alert(1)</script>")
@example("**bold** _it_ __a__ ~~no~~ `code` \\")
@example("[text](https://example.com) ![x](y) <https://example.com> &lt;")
def test_texts_are_shown_as_they_are(text: str) -> None:
    texts = shown(card(text, {"extra.rule": text}, data={"source": text}))
    expected = {" ".join(each.split()) for each in (f"Source: {text}", text, f"extra.rule: {text}")}
    assert expected <= {" ".join(each.split()) for each in texts}


def test_usual_names_are_not_cluttered() -> None:
    written = card("Clothing, Shoes", {"learning_rate": 0.001}, data={"source": "data/my_f-2.csv"})
    assert "- Source: data/my_f-2.csv\n" in written
    assert "| Clothing, Shoes | 0.9000 | 0.8000 | 0.8500 (0.611 to 0.951) | 10 |\n" in written
    assert "- learning_rate: 0.001\n" in written


OFFER = "\x1ebrand=acme\x1f \x1etitle\x1f red shoes"


LONG = "red shoes of zebras " * 40


@pytest.mark.parametrize("letter_groups", [0, 512, 2048])
@pytest.mark.parametrize(
    "text", ["red shoes", "zebra RED ﬁne ΟΔΟΣ size 42", "x", "…", "", OFFER, LONG]
)
def test_the_snippets_read_any_text_as_the_model_does(
    text: str,
    letter_groups: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fields = Fields(("title", "details"), ("brand",))
    tokenizer = deployed_tokenizer(fit_tokenizer([OFFER, OFFER], 10, fields), 10, 300)
    (tmp_path / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
    (tmp_path / "labels.json").write_text('["Bücher", "Shoes"]', encoding="utf-8")
    known = Lexicon(tokenizer, letter_groups)
    expected = model_inputs(encode_all(tokenizer, [text], 300, known=known), 2)
    read = []

    def answers(given: Any) -> np.ndarray:
        read.append([np.sort(each) for each in (given if letter_groups else [given])])
        return np.array([[0.9, 0.1]])

    models = SimpleNamespace(load_model=lambda name: SimpleNamespace(predict=answers))
    monkeypatch.setitem(sys.modules, "keras", SimpleNamespace(models=models))

    def run(_: None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        names = ["token_ids", "letter_groups"][: len(inputs)]
        given = [inputs[name] for name in names]
        return [answers(given if letter_groups else given[0])]

    opened = SimpleNamespace(InferenceSession=lambda name: SimpleNamespace(run=run))
    monkeypatch.setitem(sys.modules, "onnxruntime", opened)
    monkeypatch.chdir(tmp_path)
    written = card(final={"letter_groups": letter_groups})
    for code in re.findall(r"```python\n(.*?)```", written, re.DOTALL):
        exec(code.replace('"a text"', repr(text)), {})
    usual = [np.sort(each).tolist() for each in expected[: 1 + (letter_groups > 0)]]
    assert [[each.tolist() for each in inputs] for inputs in read] == [usual] * 2
    assert capsys.readouterr().out == "Bücher\n" * 2


def test_shows_how_far_to_trust_it_and_what_it_is_bad_at() -> None:
    weak, strong = {"rows": 4, "accuracy": 0.25}, {"rows": 9, "accuracy": 1.0}
    slices = {"length": {"under 10 words": weak, "10 to 49 words": strong}}
    confusions = [("A|B", "the other", 3), ("the other", "A|B", 1)]
    written = card("A|B", test={"confusions": confusions, "slices": slices})
    accepted = "50.0% (40.0% to 60.0%) | 0.9800 (0.950 to 0.990)"
    assert f"| 0.95 | 0.9510 | 0.9000 | {accepted} |" in written
    assert "| 0.99 |  | none is enough | 0.0% (0.0% to 10.0%) |  |" in written
    assert "expected calibration error is 0.0200" in written
    assert written.index("3 of 10 test texts of A&#124;B were taken for the other") < written.index(
        "1 of 10 test texts of the other were taken for A&#124;B"
    )
    assert "Of 4 test texts of under 10 words, 25.0% were right (80.0% of all)." in written
    assert "10 to 49 words" not in written
    assert "Of 10 test texts of the other, 80.0% were found." in written
