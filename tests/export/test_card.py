"""The model card shows every text as it is, and its snippet works on any text."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ecomcat.export.card import model_card
from ecomcat.model.metrics import Acceptance, score_answers
from ecomcat.text.tokenizer import deployed_tokenizer, fit_tokenizer

any_text = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=20)


MEMBERS = [
    {"trial": "0003", "share": 0.75, "epochs": 4},
    {"trial": "0001", "share": 0.25, "epochs": 2},
]


def card(
    source: str = "shop.csv",
    category: str = "Books",
    values: dict[str, Any] | None = None,
    final: dict[str, Any] | None = None,
    baseline: dict[str, Any] | None = None,
    figures: dict[str, Any] | None = None,
    licence: str | None = None,
    excluded: dict[str, Any] | None = None,
) -> str:
    judged = Acceptance(np.array([0.9, 0.8]), np.array([True, True]))
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8]], np.float32)
    names = [category, "the other"]
    scored = score_answers(probabilities, np.array([0, 1]), names, judged, texts=["a", "b"])
    scores = {**scored.describe(), **(figures or {})}
    metrics = {
        "test": scores,
        "validation": scores,
        "data": {
            "source": source,
            "licence": licence,
            "rows": 2,
            "distinct_texts": 2,
            "duplicates_removed": 0,
            "split": {"protocol": "2 texts"},
        },
        "search": {
            "trials": 3,
            "best_trial": "0003",
            "best_epoch": 2,
            "best_hyperparameters": values or {},
        },
        "baseline": baseline,
        "final": {
            "name": "single",
            "memory_share": 0.0,
            "linear_share": 0.0,
            "temperature": 0.75,
            "retrained": True,
            "trained_texts": 9,
            "use_all_rows": False,
            "members": MEMBERS[:1],
            **(final or {}),
        },
    }
    if excluded is not None:
        metrics["data"]["excluded"] = excluded
        metrics["test_without_excluded"] = {**scores, "rows": 1}
    return model_card(metrics, [category, "the other"])


def test_says_which_rows_a_person_left_out_and_scores_test_without_them() -> None:
    left = {"source": "marks<1>.csv", "train": 7, "validation": 3, "test": 2, "unknown": 0}
    said = card(excluded=left)
    assert "Left out by a person (marks&lt;1&gt;.csv): 7 texts of train, 3 of validation; 2" in said
    assert "| test without the rows marked in data.exclude | 1 |" in said
    assert "Left out" not in card() and "marked" not in card()


def test_shows_the_baseline_where_there_is_one() -> None:
    scores = {"rows": 2, "accuracy": 0.5, "macro_f1": 0.4, "weighted_f1": 0.3}
    shown_row = "| linear baseline on test: words | 2 | 0.5000 | 0.4000 | 0.3000 |"
    baseline = {"name": "words", "test": scores, "comparison": {"p_value": 0.5}}
    assert shown_row in card(baseline=baseline)
    assert "There is no linear baseline to compare with." in card()


def test_every_table_is_one_to_markdown() -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse(card())
    assert sum(token.type == "table_open" for token in tokens) == 3


def shown(markdown: str) -> list[str]:
    """Return the paragraphs and cells that are plain text, as a reader sees them."""
    blocks = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    inline = [block.children or [] for block in blocks if block.type == "inline"]
    return [
        "".join(part.content for part in parts)
        for parts in inline
        if all(part.type in {"text", "text_special"} for part in parts)
    ]


def in_one_line(text: str) -> str:
    return " ".join(text.split())


@given(any_text)
@example("a|b")
@example("a\\|b")
@example("\\")
@example("a\nb")
@example("<script>alert(1)</script>")
@example("**bold** _it_ __a__ ~~no~~ `code`")
@example("[text](https://example.com) ![x](y) <https://example.com>")
@example("&lt; &amp;")
@example("x[/q].csv")
def test_texts_are_shown_as_they_are(text: str) -> None:
    texts = shown(card(source=text, category=text, values={"extra.rule": text}))
    assert in_one_line(f"Source: {text}") in texts
    assert in_one_line(text) in texts
    assert in_one_line(f"extra.rule: {text}") in texts


def test_usual_names_are_not_cluttered() -> None:
    written = card("data/my_file-2.csv", "Clothing, Shoes", {"learning_rate": 0.001, "x": None})
    assert "- Source: data/my_file-2.csv\n" in written
    assert "| Clothing, Shoes | 1.0000 | 1.0000 | 1.0000 | 1 |\n" in written
    assert "- learning_rate: 0.001\n- x: None\n" in written
    assert "- Licence: CC BY 4.0" in card(licence="CC BY 4.0") and "not stated" in card()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("red shoes", 2, id="words"),
        pytest.param("zebra", 1, id="a word that is not known"),
        pytest.param("…", 1, id="no word"),
        pytest.param("", 1, id="nothing"),
    ],
)
def test_the_snippets_label_any_text(
    text: str,
    expected: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tokenizer = deployed_tokenizer(fit_tokenizer(["red shoes", "red shoes"], 10), 10, 8)
    (tmp_path / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8")
    (tmp_path / "labels.json").write_text('["Bücher", "Shoes"]', encoding="utf-8")
    shapes = []

    def answers(ids: np.ndarray) -> np.ndarray:
        shapes.append(ids.shape)
        return np.array([[0.9, 0.1]])

    models = SimpleNamespace(load_model=lambda name: SimpleNamespace(predict=answers))
    session = SimpleNamespace(run=lambda _, given: [answers(given["token_ids"])])
    monkeypatch.setitem(sys.modules, "keras", SimpleNamespace(models=models))
    opened = SimpleNamespace(InferenceSession=lambda name: session)
    monkeypatch.setitem(sys.modules, "onnxruntime", opened)
    monkeypatch.chdir(tmp_path)
    for code in re.findall(r"```python\n(.*?)```", card(), re.DOTALL):
        exec(code.replace('"a text"', repr(text)), {})
    assert shapes == [(1, expected)] * 2
    assert capsys.readouterr().out == "Bücher\n" * 2


def test_shows_what_may_be_accepted_automatically_and_at_which_precision() -> None:
    coverage = {
        "0.95": {"threshold": 0.6, "coverage": 0.5, "precision": 0.96},
        "0.99": {"threshold": None, "coverage": 0.0, "precision": None},
    }
    written = card(figures={"coverage": coverage, "calibration_error": 0.0123})
    assert "| 0.95 | 0.6000 | 50.0% | 0.9600 |" in written
    assert "| 0.99 | none is enough | 0.0% |  |" in written
    assert "expected calibration error is 0.0123" in written


def test_names_the_pairs_most_often_confused_and_the_weak_kinds_of_texts() -> None:
    weak, strong = {"rows": 4, "accuracy": 0.25}, {"rows": 9, "accuracy": 1.0}
    slices = {"length": {"under 10 words": weak, "10 to 49 words": strong}}
    written = card(category="A|B", figures={"confusion_matrix": [[5, 3], [1, 9]], "slices": slices})
    assert written.index("3 of 8 test texts of A&#124;B were taken for the other") < written.index(
        "1 of 10 test texts of the other were taken for A&#124;B"
    )
    assert "Of 4 test texts of under 10 words, 25.0% were right (100.0% of all)." in written
    assert "10 to 49 words" not in written
    assert "Of 1 test texts of the other, 100.0% were found." in written
