"""The report as a file: what it holds at each stage of a study, and that it is whole."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from stored_study import PLANTED, data_facts, final_snapshot, store, trial, trials

from ecomcat.errors import UserError
from ecomcat.reporting.page_sections import data_parts
from ecomcat.reporting.study_page import write_report
from ecomcat.tuning.records import TrialRecord
from ecomcat.tuning.study import FINAL, write_facts

MEGABYTES = 1e6
ALL_SECTIONS = [
    *("Overview", "The final model", "Most confident mistakes", "How the search went"),
    *("What mattered", "The data", "To reproduce it"),
]
LONG = [f"Home & Kitchen > Storage & Organisation > Box {number}" for number in range(20)]


def headings(page: str, level: int = 2) -> list[str]:
    return re.findall(rf"<h{level}>(.*?)</h{level}>", page)


def report_of(tmp_path, records, **options):
    return write_report(store(tmp_path, records, **options)).read_text(encoding="utf-8")


def charts_of(page: str) -> list[str]:
    """Return what Plotly is given of each chart."""
    return re.findall(r'<script type="application/json">(.*?)</script>', page)


def test_a_finished_study_has_every_section_and_chart(tmp_path):
    page = report_of(tmp_path, trials(24))
    assert headings(page) == ALL_SECTIONS
    assert [title for title in headings(page, 3) if "planted" not in title] == [
        *("Confusion matrix", "Categories, the lowest F1 first", "Calibration"),
        *("Coverage against precision", "Best so far", "Learning curves"),
        *("Timeline of the trials", "Importance of each hyperparameter", "Parallel coordinates"),
        *("Macro-F1 against each hyperparameter", "Categories, the largest first", "Lengths"),
    ]


def test_a_trial_that_was_cut_short_stands_out_in_every_picture(tmp_path):
    records = trials(24)
    assert not any("cut short" in chart for chart in charts_of(report_of(tmp_path, records)))
    records[2].status = "cut short"
    page = report_of(tmp_path, records)
    history, _, timeline, _, lines, slices = charts_of(page)[4:10]
    assert all("cut short" in chart for chart in (history, timeline, lines, slices))
    assert "<dt>cut short</dt><dd>1</dd>" in page
    assert '<td data-value="cut short" class="short">cut short</td>' in page


def test_the_model_is_shown_beside_the_baseline_and_by_its_parts(tmp_path):
    page = report_of(tmp_path, trials(9))
    assert "It has 0.80 times the errors of the linear baseline" in page
    assert "texts could show (McNemar&#39;s exact test, p = 0.065)" in page
    assert "counts for 25% of each answer" in page
    assert ">the LSTM alone</td>" in page and ">0.9100</td>" in page
    assert "test (scored once)" in page and "accepted automatically at 0.95" in page


def test_a_category_without_a_text_in_the_test_set_is_named(tmp_path):
    study, final = store(tmp_path, trials(9)), final_snapshot()
    final["metrics"]["test"]["per_class"]["Books"] |= {"f1": 0.0, "rows": 0}
    write_facts(study, FINAL, final)
    page = write_report(study).read_text(encoding="utf-8")
    assert "Without a text in the test set, and so of F1 0: Books." in page


def test_names_that_begin_alike_can_be_told_apart_and_are_whole_under_the_pointer(tmp_path):
    study = store(tmp_path, trials(9))
    write_facts(study, FINAL, final_snapshot(LONG))
    matrix, bars = charts_of(write_report(study).read_text(encoding="utf-8"))[:2]
    for chart in (matrix, bars):
        (trace,), layout = (json.loads(chart)[key] for key in ("data", "layout"))
        assert len(set(trace["y"])) == 20
        assert layout["yaxis"]["type"] == "category"
    assert "Storage &amp; Organisation &gt; Box 7" in json.dumps(json.loads(bars))


def test_words_and_names_of_hyperparameters_are_no_html(tmp_path):
    records = trials(9)
    for number, record in enumerate(records):
        record.values["extra.<i>"] = ("a<b>", "%{y}")[number % 2]
    charts = [json.loads(chart) for chart in charts_of(report_of(tmp_path, records))]
    shown = json.dumps(charts[4:])
    assert "extra.&lt;i&gt;" in shown and "a&lt;b&gt;" in shown
    assert "<i>" not in shown and "a<b>" not in shown


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([trial(1, "failed", epochs=0)], "No trial has reached a score so far."),
        ([trial(0)], "The trials so far do not differ: there is nothing to compare."),
    ],
    ids=["none that ended well", "one"],
)
def test_where_there_is_nothing_to_compare_it_says_why(tmp_path, records, said):
    assert said in report_of(tmp_path, records, final=False)


def test_marks_of_a_file_are_shown_with_what_became_of_them():
    facts = data_facts()
    facts["data"]["excluded"] = {"source": "m.csv", "unknown": 1, "train": 5, "test": 2}
    (table,) = (part for part in data_parts(facts) if part.kind == "table")
    assert [count for _, count in table.rows[-3:]] == [5, 2, 1]


@pytest.mark.parametrize(
    ("records", "sections"),
    [
        ([], ["Overview", "The data", "To reproduce it"]),
        ([TrialRecord("0000", {})], ["Overview", "The data", "To reproduce it"]),
        (
            [trial(1, "failed", epochs=0)],
            ["Overview", "How the search went", "What mattered", "The data", "To reproduce it"],
        ),
        (
            [trial(0, "pruned")],
            ["Overview", "How the search went", "What mattered", "The data", "To reproduce it"],
        ),
    ],
    ids=["no trial", "one running", "one failed", "one pruned"],
)
def test_a_study_that_has_only_begun_shows_what_there_is(tmp_path, records, sections):
    assert headings(report_of(tmp_path, records, final=False)) == sections


def test_trials_without_a_time_leave_out_the_timeline(tmp_path):
    records = trials(6)
    for record in records:
        record.ended_at = None
    assert "Timeline" not in report_of(tmp_path, records)


def test_a_study_that_went_on_after_its_final_model_says_so(tmp_path):
    assert "made after 9 trials; the study has gone on" in report_of(tmp_path, trials(12))
    assert "has gone on" not in report_of(tmp_path, trials(9))


def test_the_page_of_a_running_search_loads_itself_anew(tmp_path):
    study = store(tmp_path, trials(3))
    running = write_report(study, running=True).read_text(encoding="utf-8")
    assert 'http-equiv="refresh"' in running
    assert 'http-equiv="refresh"' not in write_report(study).read_text(encoding="utf-8")


def test_planted_markup_stands_nowhere_as_markup(tmp_path):
    page = report_of(tmp_path, trials(24))
    assert PLANTED not in page
    assert page.count("<script") == page.count("</script>")
    assert "<img" not in page


def test_every_id_stands_once_and_every_table_has_a_caption(tmp_path):
    page = report_of(tmp_path, trials(24))
    ids = re.findall(r'\sid="([^"]*)"', page)
    assert len(ids) == len(set(ids)) > len(ALL_SECTIONS)
    assert page.count("<caption>") == page.count("<table ")


def test_five_hundred_trials_stay_below_five_megabytes(tmp_path):
    assert len(report_of(tmp_path, trials(500)).encode()) < 5 * MEGABYTES


def test_the_page_may_be_written_elsewhere(tmp_path):
    study = store(tmp_path, trials(3))
    assert write_report(study, tmp_path / "elsewhere.html") == tmp_path / "elsewhere.html"
    assert not (study.directory / "report.html").exists()


def test_its_commands_name_the_folder_unless_it_is_the_usual_one(tmp_path, monkeypatch):
    page = report_of(tmp_path / "my files" / "search", trials(9))
    assert re.search(r"search.from_trial=made-up/\d{4} &#39;outputs_dir=", page)
    assert "Again: python -m ecomcat.report search.name=made-up &#39;outputs_dir=" in page
    monkeypatch.chdir(tmp_path)
    page = report_of(Path("outputs/search"), trials(9))
    assert re.search(r"search.from_trial=made-up/\d{4}</pre>", page)
    assert "Again: python -m ecomcat.report search.name=made-up</footer>" in page


def test_a_name_from_right_to_left_does_not_turn_the_figures_behind_it(tmp_path):
    study = store(tmp_path, trials(9))
    final = final_snapshot()
    final["mistakes"][0] |= {"predicted": "ספרים", "true": "צעצועים"}
    write_facts(study, FINAL, final)
    page = write_report(study).read_text(encoding="utf-8")
    assert "\u2068ספרים\u2069 (90.0%), labelled \u2068צעצועים\u2069 (10.0%)" in page


def test_facts_that_are_no_json_are_named(tmp_path):
    study = store(tmp_path, trials(3))
    (study.directory / "final.json").write_text("{")
    with pytest.raises(UserError, match=r"Expected JSON in .*final\.json"):
        write_report(study)


def test_a_study_that_vanishes_while_it_is_read_is_named(tmp_path):
    study = store(tmp_path, trials(3))
    (study.directory / "study.json").unlink()
    with pytest.raises(UserError, match=r"Cannot read .*study\.json: No such file"):
        write_report(study)


def test_trials_that_have_only_a_folder_so_far_and_copies_are_passed_over(tmp_path):
    study = store(tmp_path, trials(3))
    study.trial_dir("0003").mkdir()
    shutil.copytree(study.trial_dir("0002"), study.trial_dir("0002 (copy)"))
    assert "<dt>trials</dt><dd>3</dd>" in write_report(study).read_text(encoding="utf-8")
