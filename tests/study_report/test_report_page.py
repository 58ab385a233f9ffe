"""The report as a file: what it holds at each stage of a study, and that it is whole."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from stored_study import PLANTED, final_facts, store, trial, trials

from ecomcat.errors import UserError
from ecomcat.reporting.study_page import write_report
from ecomcat.tuning.records import TrialRecord
from ecomcat.tuning.study import FINAL, write_facts

MEGABYTES = 1e6
ALL_SECTIONS = [
    *("Overview", "The final model", "Most confident mistakes", "How the search went"),
    *("What mattered", "The network", "The data", "To reproduce it"),
]


def headings(page: str, level: int = 2) -> list[str]:
    return re.findall(rf"<h{level}>(.*?)</h{level}>", page)


def report_of(tmp_path, records, **options):
    return write_report(store(tmp_path, records, **options)).read_text(encoding="utf-8")


def test_a_finished_study_has_every_section(tmp_path):
    page = report_of(tmp_path, trials(24))
    assert headings(page) == ALL_SECTIONS
    charts = [title for title in headings(page, 3) if "planted" not in title]
    assert charts == [
        *("Categories, the worst first", "Calibration", "Coverage against precision"),
        *("Best so far, by trials", "Best so far, by time", "Learning curves"),
        *("Time of the trials, by how they ended", "Importance of each hyperparameter"),
        *("Parallel coordinates", *headings(page, 3)[-8:-4]),
        *("The whole", "Categories, the largest first", "Lengths"),
    ]
    assert sorted(headings(page, 3)[-8:-4]) == ["dropout", "learning_rate", "lstm_units", "pooling"]


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


def test_a_study_older_than_its_facts_shows_its_trials_and_says_what_is_missing(tmp_path):
    page = report_of(tmp_path, trials(12), data=False, final=False)
    assert "No importances: the study is older" in page
    assert "The data" not in headings(page)


def test_trials_without_a_time_leave_out_the_chart_against_time(tmp_path):
    records = trials(6)
    for record in records:
        record.ended_at = None
    assert "Best so far, by time" not in report_of(tmp_path, records)


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
    final = final_facts()
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
