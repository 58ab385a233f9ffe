"""The report as a file: what it holds at each stage of a study, and that it is whole."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest
from stored_study import (
    PLANTED,
    data_snapshot,
    final_snapshot,
    store,
    trial,
    trials,
    with_levels,
)

from ecomcat.reporting.study_report import write_report
from ecomcat.tuning.records import TrialRecord
from ecomcat.tuning.study import CLOCK, DATA, FINAL, Study

MODEL = ["The final model", "Most confident mistakes"]
SEARCH = ["How the search went", "What mattered"]
END = ["The data", "To reproduce it"]
LONG = [f"Home & Kitchen > Storage & Organisation > Box {number}" for number in range(20)]


def headings(page: str, level: int = 2) -> list[str]:
    return re.findall(rf"<h{level}>(.*?)</h{level}>", page)


def charts_of(page: str) -> list[str]:
    """Return what Plotly is given of each chart."""
    return re.findall(r'<script type="application/json">(.*?)</script>', page)


def report_of(tmp_path: Path, records: list[TrialRecord], *, final: bool = True) -> str:
    return write_report(store(tmp_path, records, final=final)).read_text(encoding="utf-8")


def report_with(study: Study, name: str, snapshot: dict[str, object]) -> str:
    study.write(name, snapshot)
    return write_report(study).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the page of a study with a trial that was cut short, and words like markup."""
    records = trials(24)
    records[2].status = "cut short"
    for number, record in enumerate(records):
        record.values["extra.<i>"] = ("a<b>", "%{y}")[number % 2]
    return report_of(tmp_path_factory.mktemp("finished"), records)


def test_a_finished_study_has_every_section_and_chart(finished):
    assert headings(finished) == ["Overview", *MODEL, *SEARCH, *END]
    assert [title for title in headings(finished, 3) if "planted" not in title] == [
        *("Confusion matrix", "Categories, the lowest F1 first", "Calibration"),
        *("Coverage against precision", "Best so far", "Learning curves"),
        *("Timeline of the trials", "Importance of each hyperparameter", "Parallel coordinates"),
        "Macro-F1 against each hyperparameter",
    ]


def test_what_is_accepted_stands_with_what_is_promised_and_with_intervals(finished):
    table = finished.partition("Test set, accepted automatically")[2].partition("</table>")[0]
    for heading in ("precision asked", "promised", "from confidence", "precision"):
        assert f">{heading}</button>" in table
    assert re.findall(r'<td data-value="(0\.9\d)" class="short">', table)[:1] == ["0.95"]
    assert re.search(r"\d% \([\d.]+% to [\d.]+%\)", table)


def test_a_trial_that_was_cut_short_stands_out_in_every_picture(finished, tmp_path):
    history, _, timeline, _, lines, slices = charts_of(finished)[4:]
    assert all("cut short" in chart for chart in (history, timeline, lines, slices))
    assert "<dt>cut short</dt><dd>1</dd>" in finished
    assert '<td data-value="cut short" class="short">cut short</td>' in finished
    without = charts_of(report_of(tmp_path, trials(24), final=False))
    assert not any("cut short" in chart for chart in without)


def test_the_model_is_shown_beside_the_baseline_and_by_its_parts(finished):
    assert "It has 0.80 times the errors of the linear baseline" in finished
    assert "texts could show (accuracy +0.0500 (-0.010 to 0.100), p = 0.065 by" in finished
    assert "has a weight of 20% in each answer" in finished
    assert ">the LSTM alone</td>" in finished and ">0.9100</td>" in finished
    assert "test (scored once)" in finished and "accepted automatically at 0.95" in finished
    assert "<dt>called novel and not accepted</dt><dd>4.0%</dd>" in finished
    assert "made after 9 trials; the study has continued" in finished


def test_no_name_or_word_is_markup(finished):
    assert PLANTED not in finished and "<img" not in finished
    planted = html.escape(PLANTED, quote=False).replace("'", "&#39;")
    assert f"texts of a category with too few or none in train: rare {planted}" in finished
    assert finished.count("<script") == finished.count("</script>")
    shown = json.dumps([json.loads(chart) for chart in charts_of(finished)[4:]])
    assert "extra.&lt;i&gt;" in shown and "a&lt;b&gt;" in shown
    assert "<i>" not in shown and "a<b>" not in shown


def test_every_id_stands_once_and_every_table_has_a_caption(finished):
    ids = re.findall(r'\sid="([^"]*)"', finished)
    assert len(ids) == len(set(ids)) >= 7
    assert finished.count("<caption>") == finished.count("<table ")


def test_every_box_that_may_scroll_is_reached_by_the_keyboard_and_has_a_name(finished):
    boxes = re.findall(r'<div class="scrolls"([^>]*)>', finished)
    named = [box for box in boxes if re.search(r' tabindex="0" role="region" aria-label=".+"', box)]
    # The others are charts that shrink with the screen.
    assert len(boxes) == len(named) + 7
    assert re.findall(r"<pre(?! tabindex)", finished) == []


def test_it_is_one_file_that_names_no_other_host_and_carries_plotly_for_charts_alone(
    finished, tmp_path
):
    words = re.sub(r'<script type="text/plain" id="plotly">.*?</script>', "", finished)
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', words) == []
    assert len(words) < 1e6 < len(finished) < 2.5e6
    assert len(report_of(tmp_path, [], final=False)) < 20_000


@pytest.mark.parametrize(
    ("pattern", "written"),
    [
        (r"\d+\.\d+", "NaN"),
        (r"\d+(?=[,\n])", "1" + "0" * 400),
        (r"(?<=: )\d+(?=,)", '"a word"'),
        (r'"seed": 1', '"sod": 1'),
        (r'"(accuracy|rows|train|path|dropout)"', '"other"'),
    ],
    ids=["no number", "huge", "a word", "no seed", "other names"],
)
def test_whatever_was_changed_in_the_files_of_a_study_the_report_is_written(
    tmp_path, pattern, written, caplog
):
    study = store(tmp_path, trials(9))
    for name in ("study.json", FINAL, CLOCK, "trials/0003/record.json"):
        path = study.directory / name
        path.write_text(re.sub(pattern, written, path.read_text("utf-8")), encoding="utf-8")
    page = write_report(Study(study.directory)).read_text(encoding="utf-8")
    assert [title for title in headings(page) if title not in MODEL] == ["Overview", *SEARCH, *END]
    assert "as it was written, found it changed" in caplog.text


def test_marking_loses_no_letter_and_what_utf8_lacks_is_replaced(tmp_path):
    final = final_snapshot()
    mistake = {**final["mistakes"][0], "text": "a<b\ud800"}
    marked = ([], [(0, 4, 1.0)], [(0, 1, 0.5), (1, 2, -0.5)], [(2, 2, 0.5), (3, 4, -1.0)])
    final["mistakes"] = [{**mistake, "spans": spans} for spans in marked]
    page = report_with(store(tmp_path, trials(3)), FINAL, final)
    shown = re.findall(r'<p dir="auto">(.*?)</p>', page)
    assert [html.unescape(re.sub("<.*?>", "", text)) for text in shown] == ["a<b?"] * 4


def test_a_mistake_has_a_note_only_where_there_is_something_to_note(tmp_path):
    final = final_snapshot()
    mistake = {**final["mistakes"][0], "text": "a ball", "characters": 6, "spans": []}
    final["mistakes"] = [mistake, {**mistake, "characters": 9}, {**mistake, "spans": None}]
    page = report_with(store(tmp_path, trials(3)), FINAL, final)
    notes = re.findall(r'<p class="note">(.*?)</p>', page)
    assert notes == ["3 more characters", "too long to weigh its words"]


@pytest.mark.parametrize(
    ("records", "sections", "said"),
    [
        ([], END, ""),
        ([TrialRecord("0000", {})], END, "<dt>running</dt>"),
        ([trial(1, "failed", epochs=0)], [*SEARCH, *END], "No trial has reached a score so far."),
        ([trial(0, "pruned")], [*SEARCH, *END], "No trial has reached a score so far."),
        ([trial(0)], [*SEARCH, *END], "do not differ: there is nothing to compare."),
    ],
    ids=["no trial", "one running", "one failed", "one pruned", "one"],
)
def test_a_study_that_has_only_begun_shows_what_there_is(tmp_path, records, sections, said):
    page = report_of(tmp_path, records, final=False)
    assert headings(page) == ["Overview", *sections]
    assert said in page


def test_names_that_begin_alike_can_be_told_apart_and_are_whole_under_the_pointer(tmp_path):
    page = report_with(store(tmp_path, trials(9)), FINAL, final_snapshot(LONG))
    for chart in charts_of(page)[:2]:
        (trace,), layout = (json.loads(chart)[key] for key in ("data", "layout"))
        assert len(set(trace["y"])) == 20
        assert layout["yaxis"]["type"] == "category"
    assert "Storage &amp; Organisation &gt; Box 7" in json.dumps(json.loads(charts_of(page)[1]))
    assert "has continued" not in page


def test_a_category_without_a_test_text_is_named_and_what_turns_the_page_around_is_replaced(
    tmp_path,
):
    final = final_snapshot()
    test = final["metrics"]["test"]
    test["per_class"]["Books"] |= {"f1": 0.0, "rows": 0}
    test["confusions"] = [cell for cell in test["confusions"] if cell[0] != "Books"]
    final["mistakes"][0] |= {"predicted": "a\x1b[2J\u202eb\x9b", "true": "tab\tend\nשלום"}
    page = report_with(store(tmp_path, trials(3)), FINAL, final)
    assert "Without a text in the test set, so with an F1 of 0: Books." in page
    said = "<bdi>a\ufffd[2J\ufffdb\ufffd</bdi> (90.0%), labelled <bdi>tab\tend\nשלום</bdi> (10.0%)"
    assert said in page
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e]", page)


def test_without_a_test_set_the_page_shows_validation_and_no_mistakes(tmp_path):
    final = final_snapshot()
    final["metrics"] |= {"test": None, "parts": {}, "baseline": None}
    final["mistakes"] = []
    for curves in ("calibration", "coverage"):
        del final[curves]["test"]
    page = report_with(store(tmp_path, trials(3)), FINAL, final)
    assert "There is no test set (data.test_fraction=0)" in page
    assert "The figures below are of validation, which choices were made on." in page
    assert "Most confident mistakes" not in page and "test macro-F1" not in page
    assert "Number of validation texts" in page


def test_of_a_taxonomy_the_page_shows_each_level_and_the_matrix_of_one(tmp_path):
    final = final_snapshot()
    final["metrics"] = with_levels(final["metrics"], LONG)
    page = report_with(store(tmp_path, trials(3)), FINAL, final)
    assert "Test set, by level" in page
    assert "accepted at the deepest level that is sure enough" in page
    assert "Confusion matrix of level 2" in page
    assert "Confusion matrix of level" not in report_of(tmp_path / "other", trials(3))


def test_a_study_whose_figures_lack_what_is_counted_today_has_a_report_all_the_same(tmp_path):
    final = final_snapshot()
    for name in ("confusions", "absent_classes"):
        del final["metrics"]["test"][name]
    assert "Confusion matrix" in report_with(store(tmp_path, trials(3)), FINAL, final)


def test_marks_of_a_file_are_shown_with_what_became_of_them(tmp_path):
    snapshot = data_snapshot()
    snapshot["data"]["excluded"] = {"source": "m.csv", "unknown": 1, "train": 5, "test": 2}
    page = report_with(store(tmp_path, trials(3), final=False), DATA, snapshot)
    marks = re.findall(r'>([^<]*data\.exclude[^<]*)</td>\s*<td data-value="(\d)"', page)
    assert [count for _, count in marks] == ["5", "2", "1"]


def test_its_commands_name_the_folder_unless_it_is_the_usual_one(tmp_path, monkeypatch):
    page = report_of(tmp_path / "my files" / "search", trials(60), final=False)
    assert re.search(r"search.from_trial=made-up/\d{4} &#39;outputs_dir=", page)
    assert "again: python -m ecomcat.report search.name=made-up &#39;outputs_dir=" in page
    monkeypatch.chdir(tmp_path)
    page = report_of(Path("outputs/search"), trials(9), final=False)
    assert re.search(r"search.from_trial=made-up/\d{4}</pre>", page)
    assert "To write it again: python -m ecomcat.report search.name=made-up</footer>" in page
