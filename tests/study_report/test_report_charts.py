"""What the report's charts are given: long names, names that look like dates, bars that fit."""

from __future__ import annotations

import json
import math
import re
from itertools import pairwise

import pytest
from stored_study import data_facts, final_facts, store, trial, trials

from ecomcat.reporting.charts import read_contents, score_parts, space_parts
from ecomcat.reporting.study_page import data_parts

LONG = [f"Home & Kitchen > Storage & Organisation > Box {number}" for number in range(20)]
DATES = [f"2024-01-{number:02d}" for number in range(1, 21)]


def charts(parts):
    """Return what Plotly is given of each chart, by its title."""
    found = {}
    for part in parts:
        if part.kind == "grid":
            found |= charts(part.parts)
        if part.kind == "chart":
            found[part.title] = json.loads(part.json)
    return found


def score_charts(names):
    final = final_facts()
    test = final["metrics"]["test"]
    of_one = next(iter(test["per_class"].values()))
    test["per_class"] = dict.fromkeys(names, of_one)
    test["confusion_matrix"] = [[int(row == column) for column in names] for row in names]
    return charts(score_parts(final))


def data_charts(names):
    facts = data_facts()
    facts["data"]["classes"] = dict.fromkeys(names, 5)
    return charts(data_parts(facts))


def all_charts(names):
    return {**score_charts(names), **data_charts(names)}


@pytest.mark.parametrize("title", ["Categories, the worst first", "Categories, the largest first"])
def test_names_that_begin_alike_can_be_told_apart_and_are_whole_under_the_pointer(title):
    (bars,) = all_charts(LONG)[title]["data"]
    assert len(set(bars["y"])) == 20
    assert all(label.endswith(f"Box {number}") for number, label in enumerate(sorted_by_box(bars)))
    assert "Storage &amp; Organisation &gt; Box 7" in json.dumps(bars["customdata"])


def sorted_by_box(bars):
    return sorted(bars["y"], key=lambda label: int(re.search(r"\d+$", label)[0]))


def test_every_axis_of_categories_says_that_it_is_one():
    found = all_charts(DATES)
    for title in ("Categories, the worst first", "Categories, the largest first"):
        assert found[title]["layout"]["yaxis"]["type"] == "category"
    matrix = found["Confusion matrix"]["layout"]
    assert (matrix["xaxis"]["type"], matrix["yaxis"]["type"]) == ("category", "category")


def test_the_bars_of_lengths_reach_from_edge_to_edge():
    (bars,) = data_charts(["a", "b"])["Lengths"]["data"]
    reach = [
        (middle - width / 2, middle + width / 2)
        for middle, width in zip(bars["x"], bars["width"], strict=True)
    ]
    assert reach == list(pairwise(data_facts()["lengths"]["characters"]["edges"]))


def test_marks_of_a_file_are_told_by_what_became_of_them():
    facts = data_facts()
    facts["data"]["excluded"] = {"source": "m.csv", "unknown": 1, "train": 5, "test": 2}
    (table,) = (part for part in data_parts(facts) if part.kind == "table")
    assert table.rows[-3:] == [
        ["texts that data.exclude keeps out of train", 5],
        ["texts that data.exclude marks in test, which keeps them", 2],
        ["marks of data.exclude for texts that are not there", 1],
    ]


def test_a_category_without_a_text_in_the_test_set_is_named():
    final = final_facts()
    absent = {"precision": 0.0, "recall": 0.0, "f1": 0.0, "rows": 0}
    final["metrics"]["test"]["per_class"]["Books"] = absent
    (chart,) = (part for part in score_parts(final) if part.kind == "chart")
    assert chart.caption == "Without a text in the test set, and so of F1 0: Books."


@pytest.mark.parametrize("different", [3, 9], ids=["few values", "many values"])
def test_a_logarithmic_axis_is_one_however_many_values_there_are(tmp_path, different):
    records = trials(36)
    for number, record in enumerate(records):
        record.values["learning_rate"] = 10.0 ** (-4 + number % different)
    contents = read_contents(store(tmp_path, records))
    (lines,) = charts(space_parts(contents))["Parallel coordinates"]["data"]
    (axis,) = (each for each in lines["dimensions"] if each["label"] == "learning rate")
    reached = {round(math.log10(record.values["learning_rate"])) for record in contents.ranked}
    assert {round(value, 9) for value in axis["values"]} == reached
    assert axis["ticktext"][0] == "0.0001"


@pytest.mark.parametrize(("status", "told"), [("pruned", True), ("completed", False)])
def test_pruned_trials_are_told_of_where_there_are_any(tmp_path, status, told):
    contents = read_contents(store(tmp_path, [*(trial(n) for n in range(3)), trial(3, status)]))
    notes = [part.text for part in space_parts(contents) if part.kind == "paragraph"]
    assert any("pruned trials, in orange" in note for note in notes) == told


def test_values_on_parallel_coordinates_are_no_html(tmp_path):
    records = trials(9)
    for number, record in enumerate(records):
        record.values["extra.word"] = ("a<b>", "%{y}")[number % 2]
    contents = read_contents(store(tmp_path, records))
    (lines,) = charts(space_parts(contents))["Parallel coordinates"]["data"]
    (ticks,) = (each["ticktext"] for each in lines["dimensions"] if each["label"] == "extra.word")
    assert ticks == ["%{y}", "a<b>"]


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([trial(1, "failed", epochs=0)], "No trial has reached a score so far."),
        ([trial(0)], "The trials so far do not differ: there is nothing to compare."),
    ],
    ids=["none that ended well", "one"],
)
def test_where_there_is_nothing_to_compare_it_says_why(tmp_path, records, said):
    first, *_ = space_parts(read_contents(store(tmp_path, records)))
    assert first.text == said
