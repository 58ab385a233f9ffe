"""What the Text tab says of the final model, as TensorBoard makes HTML of it."""

from __future__ import annotations

import html
import re

import pytest
from final_material import NAMES, as_html, metrics_of

from ecomcat.reporting.tensorboard import final_report


def cells(text: str) -> list[list[str]]:
    """Return the tables' rows as they are shown."""
    rows = re.findall(r"<tr>(.*?)</tr>", as_html(text), re.DOTALL)
    return [
        [html.unescape(cell) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL)]
        for row in rows
    ]


@pytest.mark.parametrize("name", [*NAMES, "1. one", "- two", "# three", "> four", "http://x.org"])
def test_names_are_shown_as_they_are(name):
    shown = cells(final_report(metrics_of([name, "other"]), [name, "other"]))
    written = " ".join(name.replace("\ud800", "?").split())
    assert [row[:2] for row in shown if row[0] == "1"] == [["1", written]]


def test_nothing_but_tables_and_text_comes_of_any_name():
    page = as_html(final_report(metrics_of(NAMES), NAMES))
    tags = set(re.findall(r"<\s*/?\s*([a-zA-Z0-9]+)", page))
    allowed = {"h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "code"}
    assert tags <= allowed


def test_the_figures_stand_beside_the_baseline_s():
    metrics = metrics_of(["a", "b"])
    rows = cells(final_report(metrics, ["a", "b"]))
    accuracy = f"{metrics['test']['accuracy']:.4f}"
    assert ["test (scored once)", "300", accuracy] == rows[1][:3]
    assert rows[3][:3] == ["TF-IDF + LinearSVC, on test", "300", "0.1000"]


def test_a_better_baseline_and_a_missing_one_are_said():
    metrics = metrics_of(["a", "b"])
    assert "fewer errors than the linear baseline" in final_report(metrics, ["a", "b"])
    metrics["baseline"]["test"]["accuracy"] = metrics["test"]["accuracy"]
    assert "The linear baseline is as good or better" in final_report(metrics, ["a", "b"])
    metrics["baseline"] = None
    assert "No linear baseline was computed" in final_report(metrics, ["a", "b"])


def test_what_was_exported_is_told():
    report = final_report(metrics_of(["a", "b"]), ["a", "b"])
    assert "trained on 1,234 texts: train and validation." in report
    (row,) = (row for row in cells(report) if row[0] == "0003")
    assert row[1:3] == ["100%", "4"]
    assert row[3] == "lstm_units 64, pooling max+mean, dropout 0.123"


def test_of_a_model_trained_on_all_rows_the_figures_are_said_to_be_older():
    report = final_report(metrics_of(["a"], use_all_rows=True), ["a"])
    assert "the figures are of the model before that" in report


def test_very_many_categories_are_cut_and_it_says_so():
    names = [f"class {number}" for number in range(1003)]
    report = final_report(metrics_of(names), names)
    assert "The first 1000 of 1003; all stand in metrics.json." in report
